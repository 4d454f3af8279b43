import { randomUUID } from "node:crypto"
import { identify, isAlive } from "../lib/process-tree.ts"

/** A folder's name that says which process it belongs to, so that after a death it is known to be nobody's. */
export function nameOf(purpose: string): string {
  const owner = identify(process.pid)
  const safe = purpose.replace(/[^A-Za-z0-9_-]+/g, "-").slice(0, 60)
  return `${safe}.${process.pid}.${encodeURIComponent(owner?.startedAt ?? "").replaceAll(".", "%2E")}.${randomUUID().slice(0, 8)}`
}

/** True where the process that such a name tells is gone. */
export function isOfTheDead(name: string): boolean {
  const [pid, startedAt] = name.split(".").slice(-3)
  return !isAlive({ pid: Number(pid), startedAt: decodeURIComponent(startedAt ?? "") })
}
