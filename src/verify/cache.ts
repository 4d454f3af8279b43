import { createHash, randomUUID } from "node:crypto"
import { mkdir, readFile, rename, rm, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { z } from "zod"
import { Measurement } from "../core/evidence.ts"
import { keepNewest } from "../lib/keep-newest.ts"

/** Raised when a reader or a runner's plug-in changes what it says of the same output. */
const VERSION = 3
/** The oldest entries beyond this many are removed. */
const MAX_ENTRIES = 1_000
const MAX_BYTES = 32 * 1024 * 1024

const Entry = z.object({ version: z.literal(VERSION), measurement: Measurement })

/** Measurements remembered over processes: one file each, written whole or not at all, and any that does not read is no entry. */
export type MeasurementCache = {
  get(key: string): Promise<Measurement | undefined>
  put(key: string, measurement: Measurement): Promise<void>
  forget(key: string): Promise<void>
}

/** A cache in a folder of its own; nothing is read or made before it is used. */
export function openCache(folder: string): MeasurementCache {
  const fileOf = (key: string) => join(folder, `${key}.json`)
  return {
    async get(key) {
      const text = await readFile(fileOf(key), "utf8").catch(() => undefined)
      const entry = text === undefined ? undefined : read(text)
      if (entry === undefined) return undefined
      // Used lately is kept longest; a cache that can't be touched still answers.
      const now = new Date()
      await utimes(fileOf(key), now, now).catch(() => {})
      return entry
    },
    async put(key, measurement) {
      const text = JSON.stringify({ version: VERSION, measurement })
      if (text.length > MAX_BYTES) return
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const temporary = join(folder, `.${key}.${randomUUID()}`)
      try {
        await writeFile(temporary, text, { mode: 0o600 })
        await rename(temporary, fileOf(key))
      } finally {
        await rm(temporary, { force: true })
      }
      await keepNewest(folder, MAX_ENTRIES)
    },
    forget: (key) => rm(fileOf(key), { force: true }),
  }
}

/** One name for everything that a measurement depends on. */
export function cacheKey(parts: readonly unknown[]): string {
  return createHash("sha256")
    .update(JSON.stringify([VERSION, ...parts]))
    .digest("hex")
}

function read(text: string): Measurement | undefined {
  try {
    const parsed = Entry.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data.measurement : undefined
  } catch {
    return undefined
  }
}
