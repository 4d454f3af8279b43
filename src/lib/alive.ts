import { readFile, readlink } from "node:fs/promises"
import { hostname } from "node:os"
import { identify } from "./process-tree.ts"

/** A process as no other can be mistaken for it: which machine and boot, which pid, when it began. */
export type ProcessIdentity = { host: string; pid: number; started: string }

/** This process's identity. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  return { host: await thisHost(), pid: process.pid, started: identify(process.pid)?.startedAt ?? "unknown" }
}

/** Whether that process still runs; `unknown` when it belongs to another machine, boot or container. */
export async function liveness(of: ProcessIdentity): Promise<"alive" | "dead" | "unknown"> {
  if (of.host !== (await thisHost())) return "unknown"
  if (!pidExists(of.pid)) return "dead"
  const started = identify(of.pid)?.startedAt
  if (started === undefined) return pidExists(of.pid) ? "unknown" : "dead"
  return started === of.started ? "alive" : "dead"
}

/** Whether any process has this pid, ours to signal or not. */
export function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM"
  }
}

/** Whether this pid still does something: a zombie, which only waits for its parent to look, does not. */
export function pidRuns(pid: number): boolean {
  return pidExists(pid) && (identify(pid) !== undefined || process.platform !== "linux")
}

// The namespace counts: two containers on one kernel have the same boot and unrelated pids.
async function thisHost(): Promise<string> {
  if (process.platform !== "linux") return hostname()
  const [boot, namespace] = await Promise.all([
    readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => ""),
    readlink("/proc/self/ns/pid").catch(() => ""),
  ])
  return [hostname(), boot.trim(), namespace].join(" ")
}
