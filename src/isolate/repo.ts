import { createHash } from "node:crypto"
import { mkdirSync, realpathSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { Failure } from "../core/failure.ts"
import type { Repo } from "../core/ports.ts"
import { tryGit } from "../lib/git.ts"

/**
 * Finds the repository that `cwd` lies in, and makes the folder of Flyball's data for it under `home` (FLYBALL_HOME). A bare
 * one is for those who only read commits: its root is then its git directory.
 */
export async function openRepo(cwd: string, home: string, { bareToo = false } = {}): Promise<Repo> {
  const asked = [
    "rev-parse",
    "--path-format=absolute",
    "--git-common-dir",
    "--is-bare-repository",
    "--show-toplevel",
    "HEAD",
  ]
  const ran = await tryGit(asked, { cwd })
  if (ran.ended === "missing") throw missing(cwd, ran.stderr)
  const [gitDir = "", bare = "", top = "", commit = ""] = ran.stdout.trimEnd().split("\n")
  if (gitDir === "") throw notARepository(cwd, ran.stderr)
  const isBare = bare === "true" || top === ""
  const root = isBare ? gitDir : top
  if (isBare && !bareToo) {
    throw new Failure("REPOSITORY_BARE", `${gitDir} is a bare repository: it has no files to work on.`, {
      hint: "Run Flyball in a clone of it.",
    })
  }
  if (!/^[0-9a-f]{40,64}$/.test(commit) && (await isUnborn(cwd))) {
    throw new Failure("REPOSITORY_EMPTY", `The repository in ${root} has no commit yet.`, {
      hint: "Commit something first: `git add -A && git commit -m 'First commit'`.",
    })
  }
  const common = realpathSync(gitDir)
  const key = `${basename(homeOf(common, root)).replace(/[^A-Za-z0-9._-]/g, "-")}-${createHash("sha256").update(common).digest("hex").slice(0, 8)}`
  const dataDir = join(home, "repos", key)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  return { root: realpathSync(root), gitDir: common, key, dataDir: realpathSync(dataDir) }
}

/** The same for every worktree of a repository, so that all of them share its runs: where its `.git` lies. */
function homeOf(common: string, root: string): string {
  return basename(common) === ".git" ? dirname(common) : root
}

/** No commit anywhere: an orphan branch checked out in a repository with others will do. */
async function isUnborn(cwd: string): Promise<boolean> {
  const any = await tryGit(["rev-list", "--all", "-n", "1"], { cwd })
  return any.stdout.trim() === ""
}

function missing(cwd: string, why: string): Failure {
  if (why.includes("folder")) return new Failure("FOLDER_MISSING", why)
  return new Failure("GIT_MISSING", "git is not installed, or not on the PATH.", {
    hint: "Install git 2.38 or newer.",
    retry: "person",
    facts: { cwd },
  })
}

function notARepository(cwd: string, why: string): Failure {
  const dubious = /dubious ownership/.test(why)
  if (dubious) {
    return new Failure("REPOSITORY_OWNER", `git refuses to read the repository in ${cwd}: another user owns it.`, {
      hint: `If you trust it: git config --global --add safe.directory ${cwd}`,
      facts: { git: why.trim() },
    })
  }
  if (why.trim() !== "" && !why.includes("not a git repository")) {
    const said = why.trim().split("\n").slice(0, 3).join(" ")
    return new Failure("REPOSITORY_UNREADABLE", `git can't read the repository in ${cwd}: ${said}`, {
      hint: "`git status` there says the same. A repository of a newer format needs a newer git on the PATH.",
      retry: "person",
      facts: { git: why.trim() },
    })
  }
  return new Failure("NOT_A_REPOSITORY", `${cwd} is not in a git repository.`, {
    hint: "Change into one, or make one: `git init && git add -A && git commit -m 'First commit'`.",
    facts: { git: why.trim() },
  })
}
