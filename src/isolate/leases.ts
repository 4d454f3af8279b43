import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"
import type { Repo } from "../core/ports.ts"
import { identify, isAlive } from "../lib/process-tree.ts"

/** Ports of the first range. Below what systems hand out to outgoing connections (from 32768 on Linux). */
const FIRST_PORT = 20_000
const PORTS = 10
const RANGES = 500

/** The variables of one range, and how to give it back. */
export type Lease = { env: Record<string, string>; release(): void }

/**
 * Ranges of ports that no other folder on this machine has meanwhile, of the same FLYBALL_HOME: eight workspaces can start
 * the project's server at once. A range is a file that names its process; one whose process is gone is free. Those given
 * back stay with us for the next folder, so that most leases cost nothing.
 */
export function openPorts(repo: Repo): () => Lease {
  const folder = join(repo.dataDir, "..", "..", "ports")
  const free: number[] = []
  return () => {
    const range = free.pop() ?? claim(folder)
    let held = true
    return {
      env: range === undefined ? {} : variablesOf(range),
      release() {
        if (held && range !== undefined) free.push(range)
        held = false
      },
    }
  }
}

function variablesOf(range: number): Record<string, string> {
  const first = FIRST_PORT + range * PORTS
  return {
    FLYBALL_PORT: String(first),
    FLYBALL_PORTS: `${first}-${first + PORTS - 1}`,
    FLYBALL_DATABASE: `flyball_${first}`,
  }
}

/** The first range that is nobody's; undefined where all are taken. */
function claim(folder: string): number | undefined {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const own = identify(process.pid)
  const draft = join(folder, `.${process.pid}`)
  writeFileSync(draft, JSON.stringify(own ?? { pid: process.pid, startedAt: "" }))
  try {
    for (let range = 0; range < RANGES; range++) {
      const path = join(folder, String(range))
      if (link(draft, path) || takeOver(path, draft)) return range
    }
    return undefined
  } finally {
    rmSync(draft, { force: true })
  }
}

/** Whole from the first moment: two that claim the same can't both have it. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false
    throw error
  }
}

/** A lock beside it, so that of two that see the same dead owner one takes its place. */
function takeOver(path: string, draft: string): boolean {
  const owner = ownerOf(path)
  if (owner !== undefined && isAlive(owner)) return false
  const lock = `${path}.lock`
  if (!link(draft, lock)) {
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
    if (age > STALE_LOCK_MS) rmSync(lock, { force: true })
    return false
  }
  try {
    const still = ownerOf(path)
    if (still !== undefined && isAlive(still)) return false
    const next = join(dirname(path), `.${process.pid}.next`)
    rmSync(next, { force: true })
    linkSync(draft, next)
    renameSync(next, path)
    return true
  } finally {
    rmSync(lock, { force: true })
  }
}

/** The lock is held for a few system calls. */
const STALE_LOCK_MS = 10_000

function ownerOf(path: string): { pid: number; startedAt: string } | undefined {
  try {
    const owner: unknown = JSON.parse(readFileSync(path, "utf8"))
    if (typeof owner !== "object" || owner === null || !("pid" in owner && "startedAt" in owner)) return undefined
    return { pid: Number(owner.pid), startedAt: String(owner.startedAt) }
  } catch {
    return undefined
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined
}
