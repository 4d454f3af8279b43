import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"
import { findPlace } from "../src/engine/postgres/place.ts"

/** Milliseconds of one thing measured: by the clock, and of processors. */
export type Cost = { wallMs: number; cpuMs: number }

export type Command = { argv: readonly string[]; cwd: string; env: Record<string, string> }

/**
 * Runs a command to its end under bash's `time`, which counts the processors' time of every descendant that somebody
 * waited for; its own start (a fork of bash) is in the wall time of all of them alike.
 */
export async function costOf({ argv, cwd, env }: Command): Promise<Cost & { stdout: string }> {
  const script = 'TIMEFORMAT="%3R %3U %3S"; time "$@" 2>/dev/null'
  const running = promisify(execFile)("bash", ["-c", script, "bash", ...argv], {
    cwd,
    env,
    maxBuffer: 64 * 1024 * 1024,
  })
  const shells = watchShells(running.child.pid ?? 0)
  const ran = await running
  const [real = Number.NaN, user = Number.NaN, system = Number.NaN] = ran.stderr.trim().split(/\s+/).map(Number)
  return { wallMs: real * 1000, cpuMs: (user + system) * 1000 + shells.cpuMs(), stdout: ran.stdout }
}

/**
 * The shells that Flyball keeps end after it, and nobody who counts waits for them: what they and their programs use is
 * read while they live, every 50 ms; what the last moment used is not in it.
 */
function watchShells(root: number) {
  const ticks = new Map<number, number>()
  const look = () => {
    for (const flyball of childrenOf(root)) {
      for (const shell of childrenOf(flyball)) {
        const stat = statOf(shell)
        if (stat !== undefined && stat.name === "sh") ticks.set(shell, stat.ticks)
      }
    }
  }
  const timer = setInterval(look, 50)
  return {
    cpuMs() {
      clearInterval(timer)
      return [...ticks.values()].reduce((sum, each) => sum + each, 0) * 10
    },
  }
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number)
  } catch {
    return []
  }
}

function statOf(pid: number): { name: string; ticks: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8")
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0)
    return { name: text.slice(text.indexOf("(") + 1, text.lastIndexOf(")")), ticks }
  } catch {
    return undefined
  }
}

/** What the embedded PostgreSQL of `home` has used of processors so far, dead backends included; Linux only. */
export async function databaseCpuMs(home: string): Promise<number> {
  const { data } = await findPlace(home)
  const pid = Number((await readFile(join(data, "postmaster.pid"), "utf8")).split("\n")[0])
  let ticks = 0
  for (const name of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "")
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    const own = Number(fields[11]) + Number(fields[12])
    if (Number(name) === pid) ticks += own + Number(fields[13]) + Number(fields[14])
    else if (Number(fields[1]) === pid) ticks += own
  }
  // Linux tells them in hundredths of a second, whatever its own clock is.
  return ticks * 10
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const high = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? Number.NaN) + high) / 2
}

/** Median, and the quartiles that tell the noise: `12.3 (11.9–14.0)`. */
export function spread(values: readonly number[], digits = 1): string {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (part: number) => (sorted[Math.round((sorted.length - 1) * part)] ?? Number.NaN).toFixed(digits)
  return `${median(sorted).toFixed(digits)} (${at(0.25)}–${at(0.75)})`
}
