import { existsSync, realpathSync } from "node:fs"
import { join } from "node:path"
import { Failure } from "../core/failure.ts"
import type { Repo } from "../core/ports.ts"
import { tryGit } from "../lib/git.ts"
import { makeFolder } from "../lib/make-folder.ts"
import { identify } from "./identity.ts"
import { introduce, rememberRepository } from "./known-repositories.ts"

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
  if (ran.stdout.trimEnd().split("\n").length > 4) throw brokenPath(cwd)
  const isBare = bare === "true" || top === ""
  const root = isBare ? gitDir : top
  if (isBare && !bareToo) {
    if (bare !== "true")
      throw new Failure("REPOSITORY_BARE", `${cwd} is inside of a git directory: there are no files to work on.`, {
        hint: "Change into the checkout that it belongs to.",
      })
    throw new Failure("REPOSITORY_BARE", `${gitDir} is a bare repository: it has no files to work on.`, {
      hint: "Run Flyball in a clone of it.",
    })
  }
  if (!/^[0-9a-f]{40,64}$/.test(commit) && (await isUnborn(cwd))) {
    throw new Failure("REPOSITORY_EMPTY", `The repository in ${root} has no commit yet.`, {
      hint: "Commit something first: `git add -A && git commit -m 'First commit'`.",
    })
  }
  const place = { root: realpathSync(root), gitDir: realpathSync(gitDir) }
  const identity = await identify(place, home)
  const { key } = identity
  const dataDir = dataFolder(home, key)
  try {
    if (identity.is === "new") introduce({ ...place, dataDir }, identity.first)
    if (identity.is === "moved") rememberRepository({ ...place, dataDir })
  } catch {
    // Whoever can't write here is told so by what has to; until then it is found again in the same way.
  }
  return { ...place, key, dataDir }
}

function dataFolder(home: string, key: string): string {
  const folder = join(home, "repos", key)
  if (!existsSync(folder)) makeFolder(folder)
  return realpathSync(folder)
}

/** No commit anywhere: an orphan branch checked out in a repository with others will do. */
async function isUnborn(cwd: string): Promise<boolean> {
  const any = await tryGit(["rev-list", "--all", "-n", "1"], { cwd })
  return any.stdout.trim() === ""
}

/** Git writes paths a line each, and so does nearly everything that reads them. */
function brokenPath(cwd: string): Failure {
  return new Failure(
    "REPOSITORY_UNREADABLE",
    `The path of the repository in ${JSON.stringify(cwd)} has a line break in it.`,
    {
      hint: "Rename the folder, or clone it elsewhere.",
      retry: "person",
    },
  )
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
      // Git names the folder that it means: the repository's, wherever in it one stands.
      hint: `If you trust it: git config --global --add safe.directory ${/--add safe\.directory (.+)/.exec(why)?.[1] ?? cwd}`,
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
