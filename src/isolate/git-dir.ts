import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { isAbsolute, join, resolve } from "node:path"
import type { Repo } from "../core/ports.ts"

/** A commit is made by Flyball, whoever made what is in it. */
const FLYBALL = { name: "Flyball", email: "flyball@localhost" } as const

export type GitDir = {
  path: string
  repo: Repo
  /** A commit, or `refs/heads/…`, which may not exist yet. */
  head: string
  refs?: Record<string, string>
  /** More lines for `info/exclude`, below every `.gitignore`. */
  exclude?: string
  /** Object folders to borrow from; those of the repository unless given. */
  borrow?: readonly string[]
  /** `info/attributes`; those that make everything inert unless given. */
  attributes?: string
}

/**
 * Writes a git directory that borrows the objects of the user's repository and shares nothing else with it: no refs but
 * those given, no remote, no hooks, a config of its own. By hand, since `git init` costs a process and copies templates.
 */
export function writeGitDir(asked: GitDir): void {
  const {
    path,
    repo,
    head,
    refs = {},
    exclude = "",
    borrow = objectFolders(repo),
    attributes = INERT_ATTRIBUTES,
  } = asked
  for (const folder of ["objects/info", "objects/pack", "refs/heads", "hooks", "info"]) {
    mkdirSync(join(path, folder), { recursive: true })
  }
  for (const [ref, commit] of Object.entries(refs)) {
    mkdirSync(join(path, ref, ".."), { recursive: true })
    writeFileSync(join(path, ref), `${commit}\n`)
  }
  writeFileSync(join(path, "objects/info/alternates"), `${borrow.join("\n")}\n`)
  writeFileSync(join(path, "config"), configOf(repo))
  copyShallow(repo, path)
  writeFileSync(join(path, "info/attributes"), attributes)
  writeFileSync(join(path, "info/exclude"), exclude)
  // Last, since it is what makes the folder a git directory.
  writeFileSync(join(path, "HEAD"), head.startsWith("refs/") ? `ref: ${head}\n` : `${head}\n`)
}

/** Where a shallow clone's history ends is no error in what borrows from it; it moves with every fetch that deepens. */
export function copyShallow(repo: Repo, gitDir: string): void {
  const [theirs, ours] = [join(repo.gitDir, "shallow"), join(gitDir, "shallow")]
  if (!existsSync(theirs)) {
    rmSync(ours, { force: true })
    return
  }
  const text = readFileSync(theirs)
  if (existsSync(ours) && readFileSync(ours).equals(text)) return
  const draft = `${ours}.${process.pid}`
  writeFileSync(draft, text)
  renameSync(draft, ours)
}

/** The strongest attributes there are: no tree can have a filter run, a keyword expanded, a file left out or recoded. */
const INERT_ATTRIBUTES = "* -filter -ident -export-ignore -export-subst -working-tree-encoding\n"

function configOf(repo: Repo): string {
  const sha256 = usesSha256(repo)
  return [
    "[core]",
    `\trepositoryFormatVersion = ${sha256 ? 1 : 0}`,
    "\tbare = false",
    "\tfileMode = true",
    "\tlogAllRefUpdates = false",
    "[user]",
    `\tname = ${FLYBALL.name}`,
    `\temail = ${FLYBALL.email}`,
    "[commit]",
    "\tgpgSign = false",
    "[gc]",
    "\tauto = 0",
    "[maintenance]",
    "\tauto = false",
    "[checkout]",
    // Measured on 50,000 files: more than there are processors still saves a third, for they wait for the disk.
    `\tworkers = ${Math.max(4, availableParallelism())}`,
    "\tthresholdForParallelism = 1000",
    ...(sha256 ? ["[extensions]", "\tobjectFormat = sha256"] : []),
    "",
  ].join("\n")
}

/** True for a repository that names its objects by SHA-256. */
function usesSha256(repo: Repo): boolean {
  return /objectformat\s*=\s*sha256/i.test(readFileSync(join(repo.gitDir, "config"), "utf8"))
}

/** Where the repository's objects lie: its own folder, and those that it borrows from. */
export function objectFolders(repo: Repo): string[] {
  const found: string[] = []
  const visit = (folder: string, depth: number) => {
    if (found.includes(folder) || depth > 5) return
    found.push(folder)
    const alternates = join(folder, "info/alternates")
    if (!existsSync(alternates)) return
    for (const line of readFileSync(alternates, "utf8").split("\n")) {
      if (line !== "" && !line.startsWith("#")) visit(isAbsolute(line) ? line : resolve(folder, line), depth + 1)
    }
  }
  visit(join(repo.gitDir, "objects"), 0)
  return found
}

/** How our gits see a folder: through a git directory of ours, with no config but its own. */
export function gitSees(gitDir: string, workTree: string, index: string): Record<string, string> {
  return { ...NO_CONFIG, GIT_DIR: gitDir, GIT_WORK_TREE: workTree, GIT_INDEX_FILE: index }
}

/** Neither the user's nor the system's config and attributes: their filters and excludes would change what we record. */
const NO_CONFIG = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1", GIT_ATTR_NOSYSTEM: "1" } as const

/** Copies an index in one step, so that a reader sees the old one or the new. */
export function copyIndex(from: string, to: string): void {
  cpSync(from, `${to}.new`)
  renameSync(`${to}.new`, to)
}
