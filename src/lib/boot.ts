import { readFileSync } from "node:fs"
import { uptime } from "node:os"

/** Which boot of which machine this is, and for how long it has run, sleep counted; nobody can set that. */
export type Boot = { id: string; seconds: number }

/** Undefined where the system doesn't tell one boot from another. */
export function thisBoot(): Boot | undefined {
  if (process.platform !== "linux") return undefined
  try {
    return { id: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(), seconds: uptime() }
  } catch {
    return undefined
  }
}
