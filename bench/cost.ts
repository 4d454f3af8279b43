import { execFile } from "node:child_process"
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
  const ran = await promisify(execFile)("bash", ["-c", script, "bash", ...argv], {
    cwd,
    env,
    maxBuffer: 64 * 1024 * 1024,
  })
  const [real = Number.NaN, user = Number.NaN, system = Number.NaN] = ran.stderr.trim().split(/\s+/).map(Number)
  return { wallMs: real * 1000, cpuMs: (user + system) * 1000, stdout: ran.stdout }
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
