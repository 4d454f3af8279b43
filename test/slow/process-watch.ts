import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { loadavg } from "node:os"
import { setTimeout as wait } from "node:timers/promises"

/*
 * How long the processes of an attempt live on, measured from outside: by their parents, their PID namespaces and their
 * environment, without anything that Flyball itself finds them by.
 */

/** The processes of one tree, as far as they live. */
export type TreeWatch = {
  /** Whoever lives of it, by command line; whom it has seen once it knows again. */
  look(): string[]
  /** Resolves with the moment (`performance.now()`) when nobody was there any more. */
  gone(): Promise<number>
}

/** Follows all that descends from `root`, that shares a PID namespace of its own with it, or that has `mark` in its environment. */
export function watchTree(root: number, mark?: string): TreeWatch {
  const known = new Map<number, string>()
  const spaces = new Set<string>()
  const ours = spaceOf(process.pid)
  const look = () => {
    const all = listProcesses()
    const byPid = new Map(all.map((each) => [each.pid, each]))
    for (const [pid, startedAt] of known) if (byPid.get(pid)?.startedAt !== startedAt) known.delete(pid)
    const add = (each: Listed) => {
      known.set(each.pid, each.startedAt)
      const space = spaceOf(each.pid)
      if (space !== undefined && space !== ours) spaces.add(space)
    }
    for (let before = -1; before !== known.size; ) {
      before = known.size
      for (const each of all) {
        if (known.has(each.pid) || each.pid === process.pid) continue
        const space = spaceOf(each.pid)
        const belongs =
          each.pid === root ||
          known.has(each.parent) ||
          each.group === root ||
          (space !== undefined && spaces.has(space)) ||
          (mark !== undefined && read(each.pid, "environ").includes(mark))
        if (belongs) add(each)
      }
    }
    return [...known.keys()].map((pid) => read(pid, "cmdline").replaceAll("\0", " ").trim())
  }
  return {
    look,
    async gone() {
      for (;;) {
        if (look().length === 0) return performance.now()
        await wait(10)
      }
    },
  }
}

type Listed = { pid: number; parent: number; group: number; startedAt: string }

/** Zombies are dead: only their number waits for a parent. */
function listProcesses(): Listed[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    const text = read(Number(name), "stat")
    const [state = "Z", parent, group, ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ")
    if (text === "" || state === "Z" || state === "X") return []
    return [{ pid: Number(name), parent: Number(parent), group: Number(group), startedAt: rest[16] ?? "" }]
  })
}

function spaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined
  }
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8")
  } catch {
    return ""
  }
}

/** What is promised of every end. */
export const MOST_MS = 2_000

/** What a measurement found: how long, and who was there when it began. */
export type Measured = { ms: number; there: string[] }

/**
 * Measures how long an end takes. A machine on which much else runs may miss the mark: it is then measured once more, and both figures
 * are told, with the load.
 */
export async function measured(what: string, measure: () => Promise<Measured>): Promise<Measured & { said: string }> {
  const figures: string[] = []
  for (let n = 1; ; n++) {
    const { ms, there } = await measure()
    figures.push(`${Math.round(ms)} ms (load ${(loadavg()[0] ?? 0).toFixed(1)})`)
    const said = `${what}: ${figures.join(", then ")}; ${there.length} processes`
    if (ms <= MOST_MS || n === 2) return { ms, there, said }
  }
}
