import { readFileSync, readlinkSync } from "node:fs"
import { readFile, statfs } from "node:fs/promises"

/*
 * What a tree of processes takes of the machine's memory: pages of its own, and files that lie in memory. What processes
 * share (code, what a fork has not changed yet) is counted once, and cached files of a disk not at all: the kernel can let
 * go of those.
 */

/** Bytes in one page of `/proc/PID/stat`. */
export function pageBytes(): number {
  try {
    const auxv = readFileSync("/proc/self/auxv")
    for (let at = 0; at + 16 <= auxv.length; at += 16)
      if (auxv.readBigUInt64LE(at) === AT_PAGESZ) return Number(auxv.readBigUInt64LE(at + 8))
  } catch {
    // a system that does not tell
  }
  return 4096
}

const AT_PAGESZ = 6n

/** What all processes of the machine share, all files in memory among it: no sandbox holds more of those. */
export function sharedBytesOfAll(): number {
  try {
    const found = /^Shmem:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "latin1"))?.[1]
    return found === undefined ? Number.POSITIVE_INFINITY : Number(found) * 1024
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** What a process takes, its share of what it shares; undefined where it is gone, or may not be looked at. */
export async function memoryOf(pid: number): Promise<{ ownBytes: number; sharedBytes: number } | undefined> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "latin1").catch(() => "")
  const kilobytes = (name: string) => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1]
    return found === undefined ? undefined : Number(found) * 1024
  }
  const all = kilobytes("Pss")
  if (all === undefined) return undefined
  // A kernel before 5.9 does not divide it.
  const own = kilobytes("Pss_Anon") ?? all
  return { ownBytes: own + (kilobytes("SwapPss") ?? 0), sharedBytes: kilobytes("Pss_Shmem") ?? 0 }
}

/** The mount points of one sandbox that lie in memory, seen from a process in it. */
export type InMemory = { pid: number; files: readonly string[]; overlays: readonly string[] }

/** Looks for them by a process of another PID namespace than ours; undefined where none of these is one, or may be looked at. */
export function mountsInMemory(pids: Iterable<number>): InMemory | undefined {
  try {
    const ours = readlinkSync("/proc/self/ns/pid")
    for (const pid of pids) {
      if (namespaceOf(pid) === ours) continue
      const outside = new Set(readMounts("self").map(({ device }) => device))
      const mounts = readMounts(pid).filter(({ device }) => !outside.has(device))
      const once = new Map(mounts.flatMap((mount) => (mount.type === "tmpfs" ? [[mount.device, mount.at]] : [])))
      // Their upper layers lie together in one folder in memory, which can't be seen from inside.
      const overlays = mounts.filter(({ type, options }) => type === "overlay" && /\bupperdir=upper\b/.test(options))
      return { pid, files: [...once.values()], overlays: overlays.map(({ at }) => at) }
    }
  } catch {
    // gone, or not ours to look at
  }
  return undefined
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined
  }
}

function readMounts(pid: number | "self"): { device: string; at: string; type: string; options: string }[] {
  return readFileSync(`/proc/${pid}/mountinfo`, "utf8")
    .split("\n")
    .flatMap((line) => {
      const [left = "", right = ""] = line.split(" - ")
      const [, , device, , at] = left.split(" ")
      const [type = "", , options = ""] = right.split(" ")
      return device === undefined || at === undefined ? [] : [{ device, at: unescaped(at), type, options }]
    })
}

/** The kernel writes blanks and the like as `\040`. */
function unescaped(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)))
}

/** Bytes of files that lie in a sandbox's memory. */
export async function bytesInMemory({ pid, files, overlays }: InMemory): Promise<number> {
  const used = async (at: string) => {
    const found = await statfs(`/proc/${pid}/root${at}`).catch(() => undefined)
    return found === undefined ? 0 : (found.blocks - found.bfree) * found.bsize
  }
  const [own, upper] = await Promise.all([Promise.all(files.map(used)), Promise.all(overlays.map(used))])
  return own.reduce((sum, bytes) => sum + bytes, 0) + Math.max(0, ...upper)
}
