import { randomUUID } from "node:crypto"
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statfsSync,
  statSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import { defaultPool, type PoolSize } from "../core/limits.ts"
import type { Repo, Sandbox } from "../core/ports.ts"
import { gitScript } from "../lib/git.ts"
import { copyIndex, gitSees, writeGitDir } from "./git-dir.ts"
import { isOfTheDead, nameOf } from "./owned.ts"
import { WARM } from "./scripts.ts"
import { discard } from "./trash.ts"

/*
 * Folders that were checked out ahead, in the background. Each is pristine: nothing ever ran in it, no sandbox can see it,
 * and it is used once. What is taken is therefore what a fresh checkout would be, brought to another commit by git from
 * object ids alone. Nothing that was used comes back.
 */

/** How many folders are ready at a time, and how much all of them together may take. */
export type PoolLimits = PoolSize & {
  /** Files of a repository from which on it pays. */
  fromFiles: number
}

export const POOL_LIMITS: PoolLimits = { ...defaultPool, fromFiles: 5_000 }

const Entry = z.object({ commit: z.string(), tree: z.string(), staged: z.string(), bytes: z.number() })
/** What a folder of the pool holds; `staged` is what of the files that isolate reads is in it, as `ls-files --stage -z`. */
export type Entry = z.infer<typeof Entry>

export type Pool = {
  /** Renames a ready folder to `folder`; undefined where there is none. Its parts: `tree`, `index`, and `index.copy`. */
  take(folder: string): Entry | undefined
  /** Says which commit the next folders are to hold. */
  aim(commit: string, files: number): void
  /** Fills the pool up in the background, one folder after the other, until the signal ends it. */
  refill(signal: AbortSignal): void
  /** Resolves when nothing is being made. */
  idle(): Promise<void>
}

/** The pool of a repository. Without a sandbox there is none: whoever runs then could write to what lies ready. */
export function openPool(repo: Repo, sandbox: Sandbox, patterns: readonly string[], limits = POOL_LIMITS): Pool {
  const isUsed = sandbox.kind.is === "bubblewrap" && limits.entries > 0
  let aim: string | undefined
  let isFilling = false
  let filled = Promise.resolve()
  const fill = async (signal: AbortSignal) => {
    isFilling = true
    try {
      while (aim !== undefined && !signal.aborted && hasRoom(repo, limits)) await warm(repo, aim, patterns, signal)
    } catch {
      // What can't be made ahead is made when it is needed, and its error told then.
    } finally {
      // In the moment of the last look: whoever takes a folder after it begins anew.
      isFilling = false
    }
  }
  return {
    take(folder) {
      if (!isUsed) return undefined
      const ready = entriesOf(repo)
      // The one that needs no change first.
      for (const name of [...ready.filter((each) => each.includes(aim ?? " ")), ...ready]) {
        const entry = takeOne(repo, name, folder)
        if (entry !== undefined) return entry
      }
      return undefined
    },
    aim(commit, files) {
      aim = isUsed && files >= limits.fromFiles ? commit : undefined
    },
    refill(signal) {
      if (aim !== undefined && !isFilling) filled = fill(signal)
    },
    async idle() {
      await filled
    },
  }
}

function takeOne(repo: Repo, name: string, folder: string): Entry | undefined {
  try {
    renameSync(join(poolOf(repo), name), folder)
  } catch {
    // Another process was faster.
    return undefined
  }
  try {
    return Entry.parse(JSON.parse(readFileSync(join(folder, "entry.json"), "utf8")))
  } catch {
    void discard(repo, folder)
    return undefined
  }
}

async function warm(repo: Repo, commit: string, patterns: readonly string[], signal: AbortSignal): Promise<void> {
  const folder = join(poolOf(repo), nameOf("making"))
  const tree = join(folder, "tree")
  mkdirSync(tree, { recursive: true, mode: 0o700 })
  try {
    const gitDir = join(folder, "git")
    writeGitDir({ path: gitDir, repo, head: commit })
    const index = join(folder, "index")
    const env = gitSees(gitDir, tree, index)
    const output = await gitScript(WARM, [commit, ...patterns], { cwd: tree, env, signal, timeoutMs: 30 * 60_000 })
    const [treeId = "", kilobytes = ""] = output.split("\n", 2)
    const staged = output.slice(treeId.length + kilobytes.length + 2)
    copyIndex(index, `${index}.copy`)
    void discard(repo, gitDir)
    const entry: Entry = { commit, tree: treeId, staged, bytes: Number.parseInt(kilobytes, 10) * 1024 }
    writeFileSync(join(folder, "entry.json"), JSON.stringify(entry))
    renameSync(folder, join(poolOf(repo), `ready-${commit}-${randomUUID().slice(0, 8)}`))
  } catch (error) {
    void discard(repo, folder)
    throw error
  }
}

function hasRoom(repo: Repo, limits: PoolLimits): boolean {
  const names = entriesOf(repo)
  if (names.length >= limits.entries) return false
  const bytes = names.map((name) => bytesOf(join(poolOf(repo), name)))
  const next = Math.max(0, ...bytes)
  const { bavail, bsize } = statfsSync(repo.dataDir)
  const isRoomy = bavail * bsize > 4 * next + LEAVE_BYTES
  return isRoomy && bytes.reduce((sum, each) => sum + each, 0) + next <= limits.bytes
}

/** Of the disk that is nobody's to fill ahead. */
const LEAVE_BYTES = 1024 ** 3

function bytesOf(entry: string): number {
  try {
    return Entry.parse(JSON.parse(readFileSync(join(entry, "entry.json"), "utf8"))).bytes
  } catch {
    return 0
  }
}

/** Nobody asked for it in this time. */
const UNUSED_MS = 3 * 24 * 60 * 60_000

/** Removes what dead processes left half-made, and what lay ready for days. */
export async function sweepPool(repo: Repo): Promise<void> {
  const old = (name: string) => {
    const stats = statSync(join(poolOf(repo), name), { throwIfNoEntry: false })
    return stats !== undefined && stats.mtimeMs < Date.now() - UNUSED_MS
  }
  const dead = list(repo).filter((name) => (name.startsWith("ready-") ? old(name) : isOfTheDead(name)))
  await Promise.all(dead.map((name) => discard(repo, join(poolOf(repo), name))))
}

/**
 * Folders that nobody is using: those that lie ready, and those that a dead process left half-made. They go by `discard`
 * alone, which renames first: another process may be about to take one.
 */
export function unusedInPool(repo: Repo): string[] {
  return list(repo)
    .filter((name) => name.startsWith("ready-") || isOfTheDead(name))
    .map((name) => join(poolOf(repo), name))
}

/** Where the pool of a repository lies. */
export function poolOf(repo: Repo): string {
  return join(repo.dataDir, "pool")
}

function entriesOf(repo: Repo): string[] {
  return list(repo).filter((name) => name.startsWith("ready-"))
}

function list(repo: Repo): string[] {
  return existsSync(poolOf(repo)) ? readdirSync(poolOf(repo)) : []
}
