import { execFile } from "node:child_process"
import { readFile, readlink } from "node:fs/promises"
import { hostname } from "node:os"

/** A process as no other can be mistaken for it: which machine and boot, which pid, when it began. */
export type ProcessIdentity = { host: string; pid: number; started: string }

/** This process's identity. */
export async function ownIdentity(): Promise<ProcessIdentity> {
  const [host, started] = await Promise.all([thisHost(), startOf(process.pid)])
  return { host, pid: process.pid, started: started ?? "unknown" }
}

/** Whether that process still runs; `unknown` when it belongs to another machine, boot or container. */
export async function liveness(of: ProcessIdentity): Promise<"alive" | "dead" | "unknown"> {
  if (of.host !== (await thisHost())) return "unknown"
  if (!pidExists(of.pid)) return "dead"
  const started = await startOf(of.pid)
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
export async function pidRuns(pid: number): Promise<boolean> {
  return pidExists(pid) && ((await startOf(pid)) !== undefined || process.platform !== "linux")
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

/** When a process began, in whatever unit its system tells it; undefined when it is gone or hidden. */
async function startOf(pid: number): Promise<string | undefined> {
  if (process.platform !== "linux") {
    return new Promise((resolve) => {
      const env = { LC_ALL: "C", PATH: "/bin:/usr/bin" }
      execFile("ps", ["-o", "lstart=", "-p", String(pid)], { env, timeout: 5_000 }, (error, stdout) => {
        resolve(error === null ? stdout.trim() : undefined)
      })
    })
  }
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined)
  // The command's name, in brackets, may hold spaces: count fields from behind it. Z and X are dead already.
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ")
  if (fields === undefined || fields[0] === "Z" || fields[0] === "X") return undefined
  return fields[19]
}
