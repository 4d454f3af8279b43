import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import type { Base, Repo } from "../core/ports.ts"
import { tryGit } from "../lib/git.ts"

const Known = z.object({
  root: z.string(),
  gitDir: z.string(),
  /** Of the very git directory that it was; another one may lie at its path by now. */
  stamp: z.string().optional(),
  /** Commits of its history: the first one, and the base of the last run. */
  commits: z.array(z.string()).default([]),
  remote: z.string().optional(),
})
type Facts = z.infer<typeof Known>
/** A repository of this machine as its data remember it. */
export type KnownRepository = Facts & { dataDir: string }

/** Every repository that this home has data of, gone ones too. */
export function knownRepositories(home: string): KnownRepository[] {
  const folder = join(home, "repos")
  if (!existsSync(folder)) return []
  return readdirSync(folder).flatMap((name): KnownRepository[] => {
    const known = readKnown(join(folder, name))
    return known === undefined ? [] : [known]
  })
}

/** Whether it is gone for good: a disk that is not mounted takes the folder around it away too. */
export function isGone({ root, gitDir }: Pick<KnownRepository, "root" | "gitDir">): boolean {
  return !existsSync(gitDir) && existsSync(join(root, ".."))
}

/** Whether another history lies at its path by now, so that nothing there is its own. */
export async function isReplaced(known: KnownRepository): Promise<boolean> {
  if (!existsSync(known.gitDir) || known.stamp === stampOf(known.gitDir)) return false
  return !(await holdsHistory(known.gitDir, known))
}

/**
 * Whether a repository holds what is remembered of one. Only a history that is there as a whole can show that it does not: a
 * shallow clone is believed by its remote.
 */
export async function holdsHistory(gitDir: string, { commits, remote }: Pick<Facts, "commits" | "remote">) {
  if (commits.length === 0) return true
  const stdin = commits.map((commit) => `${commit}\n`).join("")
  // What is not here must not be asked of a partial clone's remote.
  const env = { GIT_NO_LAZY_FETCH: "1" }
  const asked = await tryGit(["cat-file", "--batch-check=%(objecttype)"], { cwd: gitDir, stdin, env })
  // A git that can't answer is no reason to take it for another one.
  if (asked.exitCode !== 0 || asked.stdout.split("\n").includes("commit")) return true
  if (!existsSync(join(gitDir, "shallow"))) return false
  const urls = await tryGit(["config", "--get-regexp", "^remote\\..*\\.url$"], { cwd: gitDir })
  return remote === undefined || urls.stdout.split("\n").some((line) => line.endsWith(` ${remote}`))
}

/** Changes when another git directory takes this one's place; a move on its disk leaves it as it is. */
export function stampOf(gitDir: string): string {
  const stats = statSync(gitDir, { bigint: true, throwIfNoEntry: false })
  return stats === undefined ? "" : `${stats.dev}:${stats.ino}:${stats.birthtimeNs}`
}

/** Writes down whose data these are, for whoever clears up or comes back, and the base as a mark of its history. */
export function rememberRepository({ root, gitDir, dataDir }: Omit<Repo, "key">, base?: Pick<Base, "sha" | "remote">) {
  const before = readKnown(dataDir)
  const [first, ...later] = before?.commits ?? []
  const last = base?.sha ?? later.at(-1)
  const remote = base === undefined ? before?.remote : base.remote?.url
  const facts: Facts = {
    root,
    gitDir,
    stamp: stampOf(gitDir),
    commits: [first, last].flatMap((commit, index, all) => (commit && all.indexOf(commit) === index ? [commit] : [])),
    ...(remote === undefined ? {} : { remote }),
  }
  write(dataDir, facts)
}

/** Writes down the first that is known of a repository. */
export function introduce({ root, gitDir, dataDir }: Omit<Repo, "key">, first: string | undefined): void {
  write(dataDir, { root, gitDir, stamp: stampOf(gitDir), commits: first === undefined ? [] : [first] })
}

/** Whole, or as it was before. */
function write(dataDir: string, facts: Facts): void {
  const file = join(dataDir, FILE)
  const text = JSON.stringify(facts)
  if (textOf(file) === text) return
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, text, { mode: 0o600 })
  renameSync(draft, file)
}

function readKnown(dataDir: string): KnownRepository | undefined {
  try {
    return { ...Known.parse(JSON.parse(readFileSync(join(dataDir, FILE), "utf8"))), dataDir }
  } catch {
    return undefined
  }
}

function textOf(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8")
  } catch {
    return undefined
  }
}

const FILE = "repo.json"
