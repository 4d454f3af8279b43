import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync } from "node:fs"

/** The environment variable that every process started by `run` passes on to its descendants. */
export const TREE_MARKER = "FLYBALL_TREE"

/** One process, so that another one which got its number later is not taken for it. */
export type ProcessId = { pid: number; startedAt: string }

/** The identity of a running process; undefined when there is none (a zombie counts as none). */
export function identify(pid: number): ProcessId | undefined {
  const startedAt = process.platform === "linux" ? readStat(pid)?.startedAt : askPs(pid)
  return startedAt === undefined ? undefined : { pid, startedAt }
}

/** True while this very process runs. */
export function isAlive(process: ProcessId): boolean {
  return identify(process.pid)?.startedAt === process.startedAt
}

/**
 * SIGKILLs a process, its group, its descendants, and whoever carries its marker: also those that left group and session.
 * With pid 0 the marker alone tells who belongs to it.
 * What it cannot catch, outside of a PID namespace: a process that left the tree *and* dropped its environment, and on
 * systems without /proc whoever left both the group and its parent.
 */
export function killTree(pid: number, marker?: string): void {
  const seen = new Set<number>()
  const until = performance.now() + KILL_MS
  // Somebody may fork between the look and the kill: looked again until nobody new is there, and at most for so long.
  do {
    const found = treeOf(pid, marker).filter((one) => !seen.has(one))
    for (const target of [-pid, ...found]) kill(target)
    for (const one of found) seen.add(one)
    if (found.length === 0) return
  } while (performance.now() < until)
}

const KILL_MS = 1000

/** The descendants of a process, itself included where it runs, and all that carry the marker; never this process. */
function treeOf(pid: number, marker?: string): number[] {
  const processes = process.platform === "linux" ? listProc() : listPs()
  const tree = new Set(pid > 1 ? [pid] : [])
  for (let grew = true; grew; ) {
    grew = false
    for (const one of processes) {
      const belongs = tree.has(one.parent) || tree.has(one.group) || (marker !== undefined && carries(one.pid, marker))
      if (!belongs || tree.has(one.pid)) continue
      tree.add(one.pid)
      grew = true
    }
    // The marker needs to be looked for just once.
    marker = undefined
  }
  tree.delete(process.pid)
  const running = new Set(processes.map((one) => one.pid))
  return [...tree].filter((one) => running.has(one) && one > 1)
}

/**
 * The children of a process that `run` started for it, gits left out: one that is killed leaves its locks behind, and
 * is over in a moment.
 */
export function startedBy(pid: number): { pid: number; marker: string }[] {
  if (process.platform !== "linux") return []
  const own = markerOf(pid)
  return listProc().flatMap((one) => {
    if (one.parent !== pid || isGit(one.pid)) return []
    const marker = markerOf(one.pid)
    return marker === undefined || marker === own ? [] : [{ pid: one.pid, marker }]
  })
}

function isGit(pid: number): boolean {
  try {
    const [program = "", ...args] = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")
    return /(^|\/)git$/.test(program) || args.includes("git-script")
  } catch {
    return false
  }
}

type Listed = { pid: number; parent: number; group: number }

/** One process as the kernel lists it. */
export type Stat = Listed & { startedAt: string; residentPages: number }

/** The numbers of all processes of this machine; Linux alone. */
export function listPids(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger)
}

function listProc(): Listed[] {
  return listPids().flatMap((pid) => readStat(pid) ?? [])
}

/** Undefined for one that is gone, a zombie among them. */
export function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "latin1")
    // The program's name stands in brackets and may hold anything, brackets and spaces too.
    const [state, parent, group, ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ")
    if (state === "Z" || state === "X") return undefined
    const [startedAt = "", , residentPages = ""] = rest.slice(16)
    return { pid, parent: Number(parent), group: Number(group), startedAt, residentPages: Number(residentPages) }
  } catch {
    return undefined
  }
}

function carries(pid: number, marker: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").includes(`${TREE_MARKER}=${marker}`)
  } catch {
    // gone, or another user's
    return false
  }
}

/** The marker that `run` gave a process; undefined where it has none, or can't be seen. */
export function markerOf(pid: number): string | undefined {
  try {
    const entries = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0")
    return entries.find((entry) => entry.startsWith(`${TREE_MARKER}=`))?.slice(TREE_MARKER.length + 1)
  } catch {
    return undefined
  }
}

function listPs(): Listed[] {
  try {
    const text = execFileSync("ps", ["-axo", "pid=,ppid=,pgid=,stat="], { encoding: "utf8", timeout: 5000 })
    return text
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields.length === 4 && fields[3]?.startsWith("Z") === false)
      .map(([pid, parent, group]) => ({ pid: Number(pid), parent: Number(parent), group: Number(group) }))
  } catch {
    return []
  }
}

function askPs(pid: number): string | undefined {
  try {
    const [state = "", ...started] = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      timeout: 5000,
    })
      .trim()
      .split(/\s+/)
    return state === "" || state.startsWith("Z") ? undefined : started.join(" ")
  } catch {
    return undefined
  }
}

function kill(target: number): void {
  if (Math.abs(target) <= 1) return
  try {
    process.kill(target, "SIGKILL")
  } catch {
    // already gone
  }
}
