import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import { Failure } from "../core/failure.ts"
import type { Base, Repo } from "../core/ports.ts"
import { gitScript } from "../lib/git.ts"
import { checkoutsOf } from "./checkout.ts"
import { submoduleFolder } from "./lent.ts"
import { fetchMissing, isPartial } from "./partial.ts"

/** What a person should know before anything is done in this repository; empty for most. */
export type Survey = { base: string; files: number; notes: string[] }
const Survey = z.object({ base: z.string(), files: z.number(), notes: z.array(z.string()) })

/**
 * Looks at a base before anything is begun on it: what can't work is a Failure with its reason, what works in a way of
 * its own is a note, and what a partial clone left with its remote is fetched. Once for each base: the answer is kept.
 */
export async function surveyBase(
  repo: Repo,
  base: Base,
  signal: AbortSignal,
  target = targetOf(repo),
): Promise<Survey> {
  const path = join(repo.dataDir, "survey.json")
  const known = read(path)
  if (known?.base === base.sha) return known
  if (isPartial(repo)) await fetchMissing(repo, base, signal)
  const output = await gitScript(LOOK, [base.sha], { cwd: repo.gitDir, signal })
  const [listed = "", config = "", lfs = ""] = output.split("\n\0\n")
  const entries = listed.split("\0").flatMap((entry) => {
    const [meta = "", file] = entry.split("\t")
    return file === undefined ? [] : [{ isModule: meta.startsWith("160000"), file }]
  })
  const files = entries.map((entry) => entry.file)
  refuseTwins(files, target)
  refuseLong(files, target)
  const modules = entries.filter((entry) => entry.isModule).map((entry) => entry.file)
  const notes = [
    ...aboutModules(repo, modules),
    ...(lfs.trim() === "" ? [] : [aboutLfs(repo)]),
    ...(config.trim() === "true" ? [UNSIGNED] : []),
  ]
  const survey = { base: base.sha, files: files.length, notes }
  writeFileSync(`${path}.${process.pid}`, JSON.stringify(survey))
  renameSync(`${path}.${process.pid}`, path)
  return survey
}

/** Base → its files, whether commits are to be signed, whether attributes name LFS. */
const LOOK = `
git ls-tree -r -z --full-tree "$1"
printf '\\n\\0\\n'
GIT_CONFIG_COUNT=0 git config --type=bool --get commit.gpgSign || :
printf '\\n\\0\\n'
git grep -l -F -e filter=lfs "$1" -- ':(top,glob)**/.gitattributes' || :
`

/** The file system that workspaces lie on. */
export type Target = { folder: string; caseInsensitive: boolean; longestPath: number }

function targetOf(repo: Repo): Target {
  const folder = checkoutsOf(repo)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const probe = join(repo.dataDir, `case-${process.pid}`)
  writeFileSync(probe, "")
  const caseInsensitive = existsSync(join(repo.dataDir, `CASE-${process.pid}`))
  rmSync(probe, { force: true })
  return { folder, caseInsensitive, longestPath: process.platform === "darwin" ? 1024 : 4096 }
}

function refuseTwins(files: readonly string[], target: Target): void {
  if (!target.caseInsensitive) return
  const seen = new Map<string, string>()
  for (const file of files) {
    // A name that is no UTF-8 can't be told from another such one here.
    if (file.includes("\uFFFD")) continue
    const folded = file.normalize("NFC").toLowerCase()
    const twin = seen.get(folded)
    if (twin !== undefined && twin !== file) {
      throw new Failure(
        "NAMES_CLASH",
        `${twin} and ${file} are one file on this disk, which takes no notice of case.`,
        {
          hint: "Rename one of them, or set FLYBALL_HOME to a folder on a file system that tells them apart.",
          retry: "person",
        },
      )
    }
    seen.set(folded, file)
  }
}

/** Room for the name of a workspace or checkout around the file. */
const AROUND_BYTES = 220

function refuseLong(files: readonly string[], { folder, longestPath }: Target): void {
  const room = longestPath - Buffer.byteLength(folder) - AROUND_BYTES
  const long = files.find((file) => file.length > room / 4 && Buffer.byteLength(file) > room)
  if (long === undefined) return
  throw new Failure(
    "PATH_TOO_LONG",
    `${long.slice(0, 80)}… (${long.length} characters) does not fit below ${folder}.`,
    {
      hint: "Set FLYBALL_HOME to a folder with a shorter path.",
      retry: "person",
    },
  )
}

function aboutModules(repo: Repo, modules: readonly string[]): string[] {
  const absent = modules.filter((path) => submoduleFolder(repo, path) === undefined)
  const there = modules.length - absent.length
  return [
    ...(there === 0
      ? []
      : [`${count(there, "submodule")} shown as the base names them; what is changed in one is not part of a change`]),
    ...(absent.length === 0
      ? []
      : [
          `${listOf(absent)} empty in every workspace and checkout: your own checkout has not got it either (git submodule update --init)`,
        ]),
  ]
}

function aboutLfs(repo: Repo): string {
  const cached = existsSync(join(repo.gitDir, "lfs", "objects"))
  return cached
    ? "Git LFS: files that your clone has fetched are shown read-only where the sandbox works; others are pointers, and a new file is recorded as it is, not as a pointer"
    : "Git LFS: its files are pointers here, since your clone has fetched none (git lfs pull); a new file is recorded as it is, not as a pointer"
}

const UNSIGNED =
  "your git signs commits (commit.gpgSign); Flyball's are not signed: a remote that demands signatures refuses its branches"

function count(n: number, what: string): string {
  return n === 1 ? `one ${what} is` : `${n} ${what}s are`
}

function listOf(paths: readonly string[]): string {
  const shown = paths.slice(0, 3).join(", ")
  if (paths.length === 1) return `the submodule ${shown} is`
  return `the submodules ${shown}${paths.length > 3 ? ` and ${paths.length - 3} more` : ""} are`
}

function read(path: string): Survey | undefined {
  try {
    return Survey.parse(JSON.parse(readFileSync(path, "utf8")))
  } catch {
    return undefined
  }
}
