import { randomUUID } from "node:crypto"
import { link, readFile, rename, rm, writeFile } from "node:fs/promises"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import { liveness, ownIdentity } from "../../lib/alive.ts"
import { codeOf, notWritable } from "./errors.ts"

const Owner = z.object({ host: z.string(), pid: z.number(), started: z.string() })

/**
 * Makes this process the only one that holds the file, until it is released; a holder that is dead holds nothing. Throws
 * Failure DATABASE_IN_USE when another one lives.
 */
export async function holdAlone(path: string): Promise<{ release(): Promise<void> }> {
  const mine = `${path}.${randomUUID().slice(0, 8)}`
  const text = JSON.stringify(await ownIdentity())
  await writeFile(mine, text, { mode: 0o600 }).catch((cause: unknown) => {
    throw notWritable(path, cause)
  })
  try {
    for (let tries = 0; tries < TRIES; tries++) {
      // A link is made once, and whole: nobody sees the lock half written.
      const made = await link(mine, path).then(
        () => true,
        (error: unknown) => {
          if (codeOf(error) === "EEXIST") return false
          throw notWritable(path, error)
        },
      )
      if (made) return { release: () => release(path, text) }
      const holder = await readOwner(path)
      if (holder !== undefined && (await liveness(holder)) !== "dead") throw inUse(holder)
      await takeAway(path, `${mine}.dead`)
    }
    throw inUse(await readOwner(path))
  } finally {
    await rm(mine, { force: true })
  }
}

const TRIES = 5

/** Removes a dead holder's lock; should a living one have taken its place meanwhile, that one gets it back. */
async function takeAway(path: string, aside: string): Promise<void> {
  await rename(path, aside).catch(() => {})
  const taken = await readOwner(aside)
  if (taken !== undefined && (await liveness(taken)) !== "dead") await link(aside, path).catch(() => {})
  await rm(aside, { force: true })
}

async function release(path: string, text: string): Promise<void> {
  if ((await readFile(path, "utf8").catch(() => "")) === text) await rm(path, { force: true })
}

async function readOwner(path: string): Promise<z.infer<typeof Owner> | undefined> {
  try {
    return Owner.parse(JSON.parse(await readFile(path, "utf8")))
  } catch {
    return undefined
  }
}

function inUse(holder: { pid: number } | undefined): Failure {
  const who = holder === undefined ? "Another Flyball process" : `Another Flyball process (${holder.pid})`
  return new Failure(
    "DATABASE_IN_USE",
    `${who} has the database open, and the one that Flyball falls back to here serves one process at a time.`,
    {
      hint: "Wait until it has ended, or set DATABASE_URL to a PostgreSQL 15 or newer: that serves any number.",
      retry: "later",
      facts: { exitCode: 3 },
    },
  )
}
