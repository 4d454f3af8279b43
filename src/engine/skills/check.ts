import { dirname, posix } from "node:path"
import type { Issue, Measurement } from "../../core/evidence.ts"
import type { CheckSpec } from "../../core/loop.ts"
import type { Repo, StaleName } from "../../core/ports.ts"
import { fingerprint } from "../../discover/fingerprint.ts"
import { git, tryGit } from "../../lib/git.ts"
import { bodyInPlace } from "../../make/skill-file.ts"
import type { TreeProber } from "../../verify/measure.ts"
import { type Mention, mentionsOf } from "./mentions.ts"
import { namesIn, staleNames } from "./stale.ts"

/**
 * The check by which a finding of `stale_skills` is seen, and seen to be gone: it reads, and runs nothing. No loop can
 * declare one of this name, for it has spaces.
 */
const SKILLS_CHECK: CheckSpec = {
  name: "flyball skills lint",
  kind: "lint",
  run: ["flyball", "skills", "lint"],
  timeoutMs: 120_000,
  from: "builtin",
}

/** The checks that findings are reproduced by: the loop's, and this one. */
export function alsoSkills(checks: Record<string, CheckSpec>): Record<string, CheckSpec> {
  return { ...checks, [SKILLS_CHECK.name]: SKILLS_CHECK }
}

/** A prober that knows this check too. */
export function withSkillsCheck(repo: Repo, prober: TreeProber): TreeProber {
  return {
    ...prober,
    measure: (check, commit, signal) =>
      check.name === SKILLS_CHECK.name
        ? measured(repo, { tree: commit, history: commit }, signal)
        : prober.measure(check, commit, signal),
    measureTree: (check, options) =>
      check.name === SKILLS_CHECK.name
        ? measured(repo, { tree: options.tree, history: options.definitionsFrom }, options.signal)
        : prober.measureTree(check, options),
  }
}

/** A tree, and the commit whose history says what there once was. */
type Place = { tree: string; history: string }

async function measured(repo: Repo, place: Place, signal: AbortSignal): Promise<Measurement> {
  const started = performance.now()
  const issues = (await staleInTree(repo, place, signal)).map(
    ({ id, code, file, line, message }): Issue => ({
      fingerprint: id,
      rule: code,
      file,
      line,
      message,
      severity: "warning",
    }),
  )
  return {
    check: SKILLS_CHECK.name,
    tree: place.tree,
    command: "flyball skills lint",
    result: { is: "report", report: { kind: "issues", issues } },
    exitCode: issues.length === 0 ? 0 : 1,
    ms: Math.round(performance.now() - started),
    // Nothing of the project is run.
    sandboxed: true,
    definition: "builtin",
    cached: false,
  }
}

/** The names in the skills of a tree that stand for nothing there any more; each once for a file. */
export async function staleInTree(repo: Repo, { tree, history }: Place, signal: AbortSignal): Promise<StaleName[]> {
  const options = { cwd: repo.gitDir, signal }
  const listed = await git(["ls-tree", "-r", "-z", "--full-tree", "--name-only", tree], options)
  const files = new Set(listed.split("\0").filter((path) => path !== ""))
  const skills = [...files].filter((path) => isSkill(path)).slice(0, MAX_SKILLS)
  if (skills.length === 0) return []
  const folders = foldersOf(files)
  const read = async (path: string) => {
    if (!files.has(path)) return undefined
    const blob = await tryGit(["cat-file", "blob", `${tree}:${path}`], options)
    return blob.exitCode === 0 ? blob.stdout.slice(0, MAX_CHARS) : undefined
  }
  const project = await namesIn({
    history: { cwd: repo.gitDir, commit: history },
    files,
    read,
    isThere: async (path) => {
      const at = posix.normalize(path).replace(/\/+$/, "")
      // Outside of the repository nobody can tell.
      return at === "." || at.startsWith("..") || files.has(at) || folders.has(at)
    },
  })
  const found: StaleName[] = []
  for (const file of skills) {
    signal.throwIfAborted()
    const text = (await read(file)) ?? ""
    for (const { mention, code, message, repair } of await staleNames(
      mentionsOf(bodyInPlace(text)),
      dirname(file),
      project,
    )) {
      const name = nameOf(mention)
      const id = fingerprint({ kind: "skill", rule: code, file, wrong: name })
      const line = text.slice(0, mention.start).split("\n").length
      if (!found.some((each) => each.id === id))
        found.push({
          id,
          check: SKILLS_CHECK.name,
          code,
          file,
          line,
          name,
          message,
          ...(repair === undefined ? {} : { repair }),
        })
    }
  }
  return found
}

function isSkill(path: string): boolean {
  return /^\.(?:flyball|agents|claude)\/skills\/(?:[^/]+\/){1,6}SKILL\.md$/.test(path)
}

function foldersOf(files: ReadonlySet<string>): Set<string> {
  const folders = new Set<string>()
  for (const file of files)
    for (let at = posix.dirname(file); at !== "." && !folders.has(at); at = posix.dirname(at)) folders.add(at)
  return folders
}

function nameOf(mention: Mention): string {
  switch (mention.is) {
    case "link":
    case "path":
      return mention.path
    case "script":
    case "target":
      return mention.name
    case "flag":
      return `${mention.of} ${mention.flag}`
  }
}

const MAX_SKILLS = 200
const MAX_CHARS = 256 * 1024
