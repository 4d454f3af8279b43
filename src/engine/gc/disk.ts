import { lstat, readdir, statfs } from "node:fs/promises"
import { join } from "node:path"
import { Failure } from "../../core/failure.ts"

/** More entries than this are not counted: a size is said, never decided by. */
const MOST_ENTRIES = 500_000

/** What a file or folder takes on disk, bytes; what can't be read counts nothing. */
export async function sizeOf(path: string): Promise<number> {
  let left = MOST_ENTRIES
  const measure = async (at: string): Promise<number> => {
    if (left-- <= 0) return 0
    const stats = await lstat(at).catch(() => undefined)
    if (stats === undefined) return 0
    if (!stats.isDirectory()) return stats.blocks * 512
    let bytes = stats.blocks * 512
    for (const name of await readdir(at).catch(() => [])) bytes += await measure(join(at, name))
    return bytes
  }
  return measure(path)
}

/** Less room than this is no room for a workspace, its checkouts and a database. */
const LEAST_BYTES = 128 * 1024 * 1024

/**
 * Refuses to begin anything on a disk that is full: a run that dies of it in the middle costs money, and one that does not
 * begin costs none (catalogue D2).
 */
export async function refuseFullDisk(home: string): Promise<void> {
  const { bavail, bsize } = await statfs(home)
  const free = bavail * bsize
  if (free >= LEAST_BYTES) return
  throw new Failure(
    "DISK_FULL",
    `The disk that holds ${home} has ${megabytes(free)} left; a run needs ${megabytes(LEAST_BYTES)}.`,
    {
      hint: "`flyball gc` shows what it can free, and frees it; or set FLYBALL_HOME to a folder on another disk. Nothing was begun.",
      retry: "person",
      facts: { exitCode: 3 },
    },
  )
}

/** Bytes as people read them. */
export function megabytes(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`
}
