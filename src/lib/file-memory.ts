import { createHash } from "node:crypto"
import { readFile, rm, utimes } from "node:fs/promises"
import { join } from "node:path"
import type { z } from "zod"
import { keepNewest } from "./keep-newest.ts"
import { writeWhole } from "./write-whole.ts"

/** What is remembered over processes by keys of `memoryKey`; whatever is lost of it can be had again. */
export type FileMemory<T> = {
  get(key: string): Promise<T | undefined>
  put(key: string, value: T): Promise<void>
  forget(key: string): Promise<void>
}

export type MemoryLimits = {
  /** Those that nobody asked for in the longest time are removed beyond so many. */
  entries: number
  /** What is larger is not remembered. */
  bytes: number
}

/**
 * A memory in a folder of its own: one file for each key, written whole or not at all. One that does not read, or is not of
 * `schema`, is no entry. Nothing is read or made before it is used.
 */
export function openMemory<T>(folder: string, schema: z.ZodType<T>, { entries, bytes }: MemoryLimits): FileMemory<T> {
  const fileOf = (key: string) => join(folder, `${key}.json`)
  return {
    async get(key) {
      const text = await readFile(fileOf(key), "utf8").catch(() => undefined)
      const value = text === undefined ? undefined : read(text, schema)
      if (value === undefined) return undefined
      // Used lately is kept longest; one that can't be touched still answers.
      const now = new Date()
      await utimes(fileOf(key), now, now).catch(() => {})
      return value
    },
    async put(key, value) {
      const text = JSON.stringify(value)
      if (Buffer.byteLength(text) > bytes) return
      await writeWhole(fileOf(key), text)
      await keepNewest(folder, entries)
    },
    forget: (key) => rm(fileOf(key), { force: true }),
  }
}

/** One name for all that an answer depends on; a version among the parts has older answers forgotten. */
export function memoryKey(parts: readonly unknown[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex")
}

function read<T>(text: string, schema: z.ZodType<T>): T | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(text))
    return parsed.success ? parsed.data : undefined
  } catch {
    return undefined
  }
}
