import { createHash } from "node:crypto"
import { existsSync, realpathSync } from "node:fs"
import { readdir, readFile, readlink, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { stopPostmaster } from "../postgres/cluster.ts"
import { homeFile } from "../postgres/place.ts"
import type { Dead, Kept, Looked } from "./item.ts"

const DAY_MS = 24 * 60 * 60_000

/**
 * Database clusters whose FLYBALL_HOME is gone: they lie outside of it where PostgreSQL runs as another account, and so
 * nobody who deletes a home deletes them. One that does not say whose it is (an older version's) goes only when it is asked
 * for and nobody used it for a day.
 */
export async function deadClusters(homes: readonly string[], options: { unowned: boolean }): Promise<Looked> {
  const dead: Dead[] = []
  const kept: Kept[] = []
  const known = new Set(homes.map(keyOf))
  for (const root of await rootsOfClusters()) {
    const key = root.replace(/^.*[/-]/, "")
    const home = (await readFile(homeFile(root), "utf8").catch(() => "")).trim()
    if (known.has(key) || (home !== "" && (await leadsTo(home, root)))) continue
    const why = home === "" ? "nobody used it for a day, and it does not say whose it is" : `${home} is gone`
    if (home === "" && !options.unowned) {
      kept.push({
        what: root,
        why: "it does not say whose it is: `--unowned` removes those that nobody used for a day",
      })
      continue
    }
    if (home === "" && (await usedSince(root, Date.now() - DAY_MS))) {
      kept.push({ what: root, why: "it does not say whose it is, and was used within the last day" })
      continue
    }
    dead.push({ kind: "cluster", what: root, why, path: root, remove: () => removeCluster(root) })
  }
  return { dead, kept }
}

async function rootsOfClusters(): Promise<string[]> {
  const of = async (folder: string, is: RegExp) =>
    (await readdir(folder).catch(() => [])).filter((name) => is.test(name)).map((name) => join(folder, name))
  const found = [...(await of("/var/lib/flyball", /^[0-9a-f]{12}$/)), ...(await of("/tmp", /^flyball-0-[0-9a-f]{12}$/))]
  return found.filter((root) => existsSync(join(root, "control")) || existsSync(join(root, "native")))
}

function keyOf(home: string): string {
  const real = existsSync(home) ? realpathSync(home) : home
  return createHash("sha256").update(real).digest("hex").slice(0, 12)
}

async function leadsTo(home: string, root: string): Promise<boolean> {
  const link = await readlink(join(home, "postgres")).catch(() => undefined)
  // A home that is there and has not got its link yet is being made.
  return link === root || (link === undefined && existsSync(home))
}

async function usedSince(root: string, since: number): Promise<boolean> {
  if ((await processesOn(root)).length > 0) return true
  const marks = ["postgres.log", "data-18/global", "data-18/pg_wal", "control"]
  const times = await Promise.all(
    marks.map((name) =>
      stat(join(root, name)).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      ),
    ),
  )
  return Math.max(...times) > since
}

/** The supervisor first, which would start PostgreSQL again; then PostgreSQL; then the folder. */
async function removeCluster(root: string): Promise<void> {
  for (const pid of await processesOn(root)) await stopPostmaster(pid)
  await rm(root, { recursive: true, force: true })
}

/** The postmaster on these data. Its children name the folder in no command line. */
async function processesOn(root: string): Promise<number[]> {
  const data = (await readdir(root).catch(() => [])).filter((name) => /^data-\d+$/.test(name))
  const pids = await Promise.all(
    data.map(async (name) => {
      const pid = Number.parseInt(await readFile(join(root, name, "postmaster.pid"), "utf8").catch(() => ""), 10)
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")
      return command.includes(join(root, name)) ? [pid] : []
    }),
  )
  return pids.flat()
}
