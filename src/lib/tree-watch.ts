import { execFile } from "node:child_process"
import { setImmediate } from "node:timers/promises"
import { promisify } from "node:util"
import { listPids, markerOf, readStat, type Stat } from "./process-tree.ts"
import { bytesInMemory, type InMemory, memoryOf, mountsInMemory, pageBytes, sharedBytesOfAll } from "./tree-memory.ts"

/** What a tree of processes may take of the machine, all its processes together. */
export type TreeLimits = { memoryBytes: number; processes: number }

/** The limit that a tree has reached, and that in words. */
export type OverLimit = { limit: "memory" | "processes"; why: string }

export type TreeWatch = {
  /** Tells, once, when the tree of a process takes more than it may; until disposed of. */
  track(pid: number, marker: string, limits: TreeLimits, over: (limit: OverLimit) => void): Disposable
}

/** A tree is looked at soon after it began, then this often; sooner where, at its pace, it would reach a limit before. */
const FIRST_MS = 250
const LOOK_MS = 1000
const SOONEST_MS = 100
/** Who was nobody's at one look is not read at the next ones; after so long all are. */
const UNREAD_MS = 10_000
/** So many processes are read at a time, before others have their turn. */
const READ_AT_ONCE = 100

/**
 * Watches trees of processes from outside: one look at the machine's processes for all of them, and none while nothing
 * runs. The trees are those that `run` started; with `contained` each has a PID namespace of its own, which nobody leaves.
 */
export function openTreeWatch({ contained }: { contained: boolean }): TreeWatch {
  const trees = new Set<Tree>()
  const world: World = { contained, foreign: new Set(), readAllAt: 0, pageBytes: pageBytes() }
  let timer: NodeJS.Timeout | undefined
  let looking = false

  const plan = () => {
    clearTimeout(timer)
    if (trees.size === 0 || looking) return
    const due = Math.min(...[...trees].map((tree) => tree.dueAt))
    timer = setTimeout(() => void look(), Math.max(0, due - performance.now())).unref()
  }
  const look = async () => {
    looking = true
    const began = performance.now()
    await measure([...trees], world).catch(() => undefined)
    const now = performance.now()
    for (const tree of trees) {
      const waitMs = untilNext(tree)
      // To look costs time too: where nothing is near, never more than a twentieth of it.
      tree.dueAt = now + (waitMs < LOOK_MS ? waitMs : Math.max(LOOK_MS, 20 * (now - began)))
    }
    for (const tree of [...trees]) {
      const over = overLimit(tree)
      if (over !== undefined && trees.delete(tree)) tree.over(over)
    }
    looking = false
    plan()
  }
  return {
    track(pid, marker, limits, over) {
      const dueAt = performance.now() + FIRST_MS
      const tree: Tree = { pid, marker, limits, over, dueAt, members: new Map(), taken: [] }
      trees.add(tree)
      plan()
      return {
        [Symbol.dispose]: () => {
          trees.delete(tree)
          if (trees.size === 0) clearTimeout(timer)
        },
      }
    },
  }
}

type Taken = { at: number; bytes: number; processes: number }
type Tree = {
  pid: number
  marker: string
  limits: TreeLimits
  over: (limit: OverLimit) => void
  dueAt: number
  /** Who was in it at the last look, by pid, with the time it started. */
  members: Map<number, string>
  /** The last look and the one before it. */
  taken: Taken[]
  mounts?: InMemory
}
type World = { contained: boolean; foreign: Set<number>; readAllAt: number; pageBytes: number }

function overLimit({ taken, limits }: Tree): OverLimit | undefined {
  const last = taken.at(-1)
  if (last === undefined) return undefined
  if (last.processes > limits.processes)
    return { limit: "processes", why: `it had more than ${limits.processes} processes at once (limits.processes)` }
  if (last.bytes > limits.memoryBytes)
    return { limit: "memory", why: `it used more than ${inWords(limits.memoryBytes)} of memory (limits.memory)` }
  return undefined
}

/** Bytes as the loop file writes them. */
function inWords(bytes: number): string {
  const gigabytes = Math.round(bytes / 1e8) / 10
  return gigabytes >= 1 ? `${gigabytes} GB` : `${Math.round(bytes / 1e6)} MB`
}

/** How long a tree may be left alone: until it would be at a limit if it goes on as it did between the last two looks. */
function untilNext({ taken, limits }: Tree): number {
  const [before, last] = [taken.at(-2), taken.at(-1)]
  if (last === undefined) return LOOK_MS
  const tookMs = before === undefined ? FIRST_MS : last.at - before.at
  const left = (of: "bytes" | "processes", limit: number) => {
    const grown = last[of] - (before?.[of] ?? 0)
    return grown <= 0 ? LOOK_MS : ((limit - last[of]) / grown) * tookMs
  }
  const soonest = Math.min(left("bytes", limits.memoryBytes), left("processes", limits.processes))
  return Math.min(LOOK_MS, Math.max(SOONEST_MS, soonest))
}

async function measure(trees: readonly Tree[], world: World): Promise<void> {
  const isLinux = process.platform === "linux"
  const seen = isLinux ? await lookAtProc(world) : await lookByPs()
  const at = performance.now()
  const found = divide(seen, trees, world)
  const shared = isLinux ? sharedBytesOfAll() : 0
  await Promise.all(
    trees.map(async (tree) => {
      const members = found.get(tree) ?? []
      tree.members = new Map(members.map(({ pid, startedAt }) => [pid, startedAt]))
      const bytes = isLinux ? await bytesOf(tree, members, world, shared) : residentBytes(members)
      tree.taken = [...tree.taken.slice(-1), { at, bytes, processes: members.length }]
    }),
  )
}

type Seen = Stat & { residentBytes: number }

async function lookAtProc(world: World): Promise<Seen[]> {
  const now = performance.now()
  if (now - world.readAllAt > UNREAD_MS) {
    world.foreign.clear()
    world.readAllAt = now
  }
  const pids = listPids()
  const there = new Set(pids)
  for (const pid of world.foreign) if (!there.has(pid)) world.foreign.delete(pid)
  const unread = pids.filter((pid) => !world.foreign.has(pid))
  const seen: Seen[] = []
  for (let at = 0; at < unread.length; at += READ_AT_ONCE) {
    if (at > 0) await setImmediate()
    for (const pid of unread.slice(at, at + READ_AT_ONCE)) {
      const stat = readStat(pid)
      if (stat !== undefined) seen.push({ ...stat, residentBytes: stat.residentPages * world.pageBytes })
    }
  }
  return seen
}

async function lookByPs(): Promise<Seen[]> {
  const { stdout } = await promisify(execFile)("ps", ["-axo", "pid=,ppid=,pgid=,rss="], { timeout: 5000 })
  return stdout.split("\n").flatMap((line) => {
    const [pid, parent, group, kilobytes] = line.trim().split(/\s+/).map(Number)
    if (pid === undefined || parent === undefined || group === undefined || kilobytes === undefined) return []
    return [{ pid, parent, group, startedAt: "", residentPages: 0, residentBytes: kilobytes * 1024 }]
  })
}

/** Whose process each is: by its parent, its group, where it was before, and, where that can be left, by its marker. */
function divide(seen: readonly Seen[], trees: readonly Tree[], world: World): Map<Tree, Seen[]> {
  const children = new Map<number, Seen[]>()
  for (const one of seen) children.set(one.parent, [...(children.get(one.parent) ?? []), one])
  const owner = new Map<number, Tree>()
  const found = new Map<Tree, Seen[]>(trees.map((tree) => [tree, []]))
  const take = (first: Seen, tree: Tree) => {
    for (const queue = [first]; queue.length > 0; ) {
      const one = queue.pop()
      if (one === undefined || owner.has(one.pid) || one.pid === process.pid) continue
      owner.set(one.pid, tree)
      found.get(tree)?.push(one)
      queue.push(...(children.get(one.pid) ?? []))
    }
  }
  const byPid = new Map(trees.map((tree) => [tree.pid, tree]))
  const before = new Map(trees.flatMap((tree) => [...tree.members.keys()].map((pid) => [pid, tree] as const)))
  const there = new Set([0, ...seen.map(({ pid }) => pid)])
  for (const one of seen) {
    const was = before.get(one.pid)
    const still = was?.members.get(one.pid) === one.startedAt ? was : undefined
    const tree = byPid.get(one.pid) ?? byPid.get(one.group) ?? still
    if (tree !== undefined) take(one, tree)
  }
  const byMarker = new Map(trees.map((tree) => [tree.marker, tree]))
  for (const one of seen) {
    if (owner.has(one.pid)) continue
    const tree = world.contained ? undefined : byMarker.get(markerOf(one.pid) ?? "")
    if (tree !== undefined) take(one, tree)
    // Whose parent has just gone may be anybody's: looked at again.
    else if (there.has(one.parent) || world.foreign.has(one.parent)) world.foreign.add(one.pid)
  }
  return found
}

/** What it takes at most, which costs little to know; and exactly, where that would be too much. */
async function bytesOf(tree: Tree, members: readonly Seen[], world: World, sharedOfAll: number): Promise<number> {
  const { memoryBytes } = tree.limits
  const resident = residentBytes(members)
  // Files in its memory are part of what the whole machine shares.
  if (resident + sharedOfAll <= memoryBytes) return resident
  const mounts = world.contained ? (tree.mounts ?? mountsInMemory(members.map(({ pid }) => pid))) : undefined
  if (mounts !== undefined) tree.mounts = mounts
  const inFiles = mounts === undefined ? 0 : await bytesInMemory(mounts)
  if (resident + inFiles <= memoryBytes) return resident + inFiles
  let own = 0
  let shared = 0
  for (const { pid, residentBytes } of members) {
    const exact = (await memoryOf(pid)) ?? { ownBytes: residentBytes, sharedBytes: 0 }
    own += exact.ownBytes
    shared += exact.sharedBytes
  }
  return own + Math.max(shared, inFiles)
}

function residentBytes(members: readonly Seen[]): number {
  return members.reduce((sum, one) => sum + one.residentBytes, 0)
}
