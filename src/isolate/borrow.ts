import { mkdirSync } from "node:fs"
import { join } from "node:path"
import type { Repo } from "../core/ports.ts"
import { checkoutsOf } from "./checkout.ts"
import { writeGitDir } from "./git-dir.ts"
import { nameOf } from "./owned.ts"
import { discard } from "./trash.ts"

/**
 * The repository as one that may be written: a git directory of ours that borrows its objects. Merged trees and scratch
 * commits go there and vanish with it; the repository itself is only read. After a death it is swept like a checkout.
 */
export function borrowRepo(repo: Repo, purpose: string): Repo & AsyncDisposable {
  const folder = join(checkoutsOf(repo), nameOf(purpose))
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const gitDir = join(folder, "repo.git")
  writeGitDir({ path: gitDir, repo, head: "refs/heads/none" })
  return { ...repo, gitDir, [Symbol.asyncDispose]: () => discard(repo, folder) }
}
