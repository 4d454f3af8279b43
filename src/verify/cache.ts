import { Measurement } from "../core/evidence.ts"
import { type FileMemory, memoryKey, openMemory } from "../lib/file-memory.ts"

/** Raised when a reader or a runner's plug-in changes what it says of the same output. */
const VERSION = 3
const LIMITS = { entries: 1_000, bytes: 32 * 1024 * 1024 }

/** Measurements remembered over processes. */
export type MeasurementCache = FileMemory<Measurement>

/** A cache in a folder of its own. */
export function openCache(folder: string): MeasurementCache {
  return openMemory(folder, Measurement, LIMITS)
}

/** One name for everything that a measurement depends on. */
export function cacheKey(parts: readonly unknown[]): string {
  return memoryKey([VERSION, ...parts])
}
