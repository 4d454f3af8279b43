import { posix } from "node:path"
import { isDeepStrictEqual } from "node:util"
import { parse as parseToml } from "smol-toml"
import { tryGit } from "../../lib/git.ts"
import { type Entry, readFileAt } from "../diff.ts"
import { type ManifestParts, manifestOf } from "../manifest-parts.ts"
import { canonicalPath } from "../paths.ts"
import { readTexts } from "../texts.ts"
import type { ChangeFacts } from "./check.ts"

/** Which protected parts of a manifest differ; all of it where one side can't be parsed or the manifest comes or goes. */
export async function protectedParts(entry: Entry, facts: ChangeFacts): Promise<string[]> {
  const { repo, base, tree, signal } = facts
  const path = canonicalPath(entry.path)
  const manifest = manifestOf(path)
  const isGoModule = /(^|\/)go\.mod$/.test(path)
  if (manifest === undefined && !isGoModule) return []
  if (entry.status === "deleted") return ["whole file (deleted)"]
  if (entry.newMode === "120000") return ["whole file (a symbolic link)"]
  const before = await readFileAt(repo, base, entry.path, signal)
  const after = await readFileAt(repo, tree, entry.path, signal)
  if (manifest === undefined) return goParts(before ?? "", after ?? "")
  const old = parsed(manifest, before)
  const fresh = parsed(manifest, after)
  if (fresh === undefined || (before !== undefined && old === undefined)) return ["whole file (it can't be parsed)"]
  const taken = await takesName(path, at(old, ["name"]), at(fresh, ["name"]), facts)
  // What kind of modules they are, and what they call each other, is the business of files that all are new.
  const isOwn = before === undefined && (await isNewFolder(entry.path, facts))
  const guarded = isOwn ? manifest.guarded.filter(([part]) => part !== "type" && part !== "imports") : manifest.guarded
  return [
    ...taken,
    ...guarded.filter((part) => !isDeepStrictEqual(at(old, part), at(fresh, part))).map((part) => part.join(".")),
    ...manifest.grows.filter((part) => redirects(at(old, part), at(fresh, part))).map((part) => part.join(".")),
    ...foreign(old, fresh),
  ]
}

type Where = Pick<ChangeFacts, "repo" | "base" | "signal">

async function isNewFolder(path: string, where: Where): Promise<boolean> {
  const folder = posix.dirname(path)
  return folder !== "." && (await listed(["--name-only", where.base, `${folder}/`], where)).length === 0
}

/** A package that is called like one that others ask for would be linked in its place by the next install. */
async function takesName(path: string, before: unknown, after: unknown, where: Where): Promise<string[]> {
  if (posix.basename(path) !== "package.json" || typeof after !== "string" || after === before) return []
  const manifests = (await listed(["-r", "--full-tree", "--name-only", where.base], where)).filter(
    (each) => posix.basename(each) === "package.json" && !each.includes("node_modules/"),
  )
  const texts = await readTexts(
    where.repo,
    manifests.slice(0, MAX_MANIFESTS).map((each) => `${where.base}:${each}`),
    where.signal,
  )
  const isTaken = [...texts.values()].some((text) => {
    const other = parsed({ format: "json" }, text)
    return at(other, ["name"]) === after || groups.some((group) => Object.hasOwn(Object(at(other, [group])), after))
  })
  return isTaken ? [`name (${after.slice(0, 60)}, which is another package's)`] : []
}

const MAX_MANIFESTS = 500

async function listed(args: readonly string[], { repo, signal }: Where): Promise<string[]> {
  const given = { cwd: repo.gitDir, env: { GIT_DIR: repo.gitDir }, signal }
  return (await tryGit(["ls-tree", "-z", ...args], given)).stdout.split("\0").filter((path) => path !== "")
}

function parsed({ format }: Pick<ManifestParts, "format">, text: string | undefined): unknown {
  if (text === undefined) return undefined
  try {
    const bare = text.replace(/^\ufeff/, "")
    return format === "json" ? JSON.parse(bare) : parseToml(bare)
  } catch {
    return undefined
  }
}

function at(value: unknown, path: readonly string[]): unknown {
  let here = value
  for (const key of path) {
    if (typeof here !== "object" || here === null || !Object.hasOwn(here, key)) return undefined
    here = Reflect.get(here, key)
  }
  return here
}

/** Whether something that was there leads elsewhere now; what is new leads nobody astray. */
function redirects(before: unknown, after: unknown): boolean {
  if (before === undefined) return false
  if (typeof before !== "object" || before === null) return before !== after
  return Object.entries(before).some(([key, value]) => redirects(value, at(after, [key])))
}

const groups = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"]

/** Packages that come from somewhere else than the registry now: a folder of the tree would be run in a tool's place. */
function foreign(before: unknown, after: unknown): string[] {
  return groups.flatMap((group) => {
    const fresh = at(after, [group])
    if (typeof fresh !== "object" || fresh === null) return []
    return Object.entries(fresh)
      .filter(([name, from]) => typeof from === "string" && !isDeepStrictEqual(at(before, [group, name]), from))
      .filter(
        ([, from]) =>
          /^(file|link|portal|git|github|https?|npm|patch|exec|git\+\w+|[\w.-]+\/[\w.-]+(#|$))/.test(String(from)) &&
          /[:/]/.test(String(from)),
      )
      .map(([name, from]) => `${group}.${name} (from ${String(from).slice(0, 60)})`)
  })
}

/** Directives of `go.mod` that put other code in a module's place. */
function goParts(before: string, after: string): string[] {
  return ["replace", "toolchain", "exclude", "tool"].filter(
    (word) => directive(before, word) !== directive(after, word),
  )
}

function directive(text: string, word: string): string {
  const single = [...text.matchAll(new RegExp(`^\\s*${word}\\s+[^(\\n]+$`, "gm"))].map((match) => match[0])
  const blocks = [...text.matchAll(new RegExp(`^\\s*${word}\\s*\\(([\\s\\S]*?)\\)`, "gm"))].map(
    (match) => match[1] ?? "",
  )
  return [...single, ...blocks].join("\n").replace(/\s+/g, " ").trim()
}
