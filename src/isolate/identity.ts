import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { tryGit } from "../lib/git.ts"
import { holdsHistory, type KnownRepository, knownRepositories, stampOf } from "./known-repositories.ts"

/** What data a repository has here, or is to have: `first` is the beginning of its history, where it is new. */
export type Identity = { key: string; is: "known" | "moved" } | { key: string; is: "new"; first: string | undefined }

/**
 * Which of the repositories that this home knows it is. Its path alone does not say so: another history may lie there by now,
 * and the one that lay there may have moved. What is known under its path is its own unless its history shows otherwise; what
 * is known under a path where nothing lies any more, if Flyball's refs came along with that history.
 */
export async function identify({ gitDir, root }: Place, home: string): Promise<Identity> {
  const known = knownRepositories(home)
  const stamp = stampOf(gitDir)
  const here = known.filter((each) => each.gitDir === gitDir)
  const same = here.find((each) => each.stamp === stamp) ?? (await firstOf(here, gitDir))
  if (same !== undefined) return { key: basename(same.dataDir), is: "known" }
  const moved = await movedHere(
    known.filter((each) => each.commits.length > 0 && !existsSync(each.gitDir)),
    gitDir,
    stamp,
  )
  if (moved !== undefined) return { key: basename(moved.dataDir), is: "moved" }
  const first = await beginningOf(gitDir)
  return { key: keyOf({ gitDir, root }, first), is: "new", first }
}

type Place = { gitDir: string; root: string }

async function firstOf(known: readonly KnownRepository[], gitDir: string): Promise<KnownRepository | undefined> {
  for (const each of known) if (await holdsHistory(gitDir, each)) return each
  return undefined
}

/** The one that lay elsewhere and lies here now; a clone of it has none of Flyball's refs. */
async function movedHere(
  gone: readonly KnownRepository[],
  gitDir: string,
  stamp: string,
): Promise<KnownRepository | undefined> {
  if (gone.length === 0) return undefined
  const refs = await tryGit(["for-each-ref", "--count=1", "refs/flyball/"], { cwd: gitDir })
  if (refs.stdout.trim() === "") return undefined
  const alike: KnownRepository[] = []
  for (const each of gone) if (await holdsHistory(gitDir, each)) alike.push(each)
  // Of two clones of one project that are gone, either may be the one that moved: then only the folder itself tells.
  return alike.find((each) => each.stamp === stamp) ?? (alike.length === 1 ? alike[0] : undefined)
}

/** The commit in which its history began; undefined where a part of it is missing, or there is none yet. */
async function beginningOf(gitDir: string): Promise<string | undefined> {
  if (existsSync(join(gitDir, "shallow"))) return undefined
  const asked = await tryGit(["rev-list", "--first-parent", "--max-parents=0", "-n", "1", "HEAD"], { cwd: gitDir })
  const first = asked.stdout.trim()
  return /^[0-9a-f]{40,64}$/.test(first) ? first : undefined
}

/** The same for every worktree of a repository, so that all of them share its runs. */
function keyOf({ gitDir, root }: Place, first: string | undefined): string {
  const name = basename(basename(gitDir) === ".git" ? dirname(gitDir) : root).replace(/[^A-Za-z0-9._-]/g, "-")
  const told = first === undefined ? gitDir : `${gitDir}\n${first}`
  return `${name}-${createHash("sha256").update(told).digest("hex").slice(0, 8)}`
}
