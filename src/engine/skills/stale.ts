import { stat } from "node:fs/promises"
import { join } from "node:path"
import type { Repo } from "../../core/ports.ts"
import { tryGit } from "../../lib/git.ts"
import { nearest } from "../../spec/nearest.ts"
import { checkoutTree } from "../../spec/tree.ts"
import { trackedFiles } from "../load.ts"
import type { Mention } from "./mentions.ts"

/** What a project has, that its skills may name: as its checkout stands, or in one tree of git. */
export type ProjectNames = {
  /** Where git is asked what there once was. */
  history: { cwd: string; commit: string }
  files: ReadonlySet<string>
  /** A file's text; undefined where there is none. */
  read(path: string): Promise<string | undefined>
  /** Whether a path is there, a file or a folder, tracked or not. */
  isThere(path: string): Promise<boolean>
  /** Of every package.json; undefined where there is none. */
  scripts?: ReadonlySet<string>
  /** Of every Makefile; undefined where there is none, or where they can't be known. */
  targets?: ReadonlySet<string>
}

/** A name that no longer stands for anything; `repair` is what it may be now. */
export type Stale = { mention: Mention; code: string; message: string; repair?: string }

/** Looks up what the project has in its checkout. */
export async function projectNames(repo: Repo): Promise<ProjectNames> {
  return namesIn({
    history: { cwd: repo.root, commit: "HEAD" },
    files: new Set(await trackedFiles(repo)),
    read: checkoutTree(repo.root).read,
    isThere: (path) =>
      stat(join(repo.root, path)).then(
        () => true,
        () => false,
      ),
  })
}

/** The same of whatever holds files: with the names that its manifests declare. */
export async function namesIn(place: Omit<ProjectNames, "scripts" | "targets">): Promise<ProjectNames> {
  const files = [...place.files]
  const { read } = place
  const texts = (name: RegExp) =>
    Promise.all(
      files
        .filter((path) => name.test(path))
        .slice(0, MAX_FILES)
        .map(async (path) => (await read(path)) ?? ""),
    )
  const packages = await texts(/(?:^|\/)package\.json$/)
  const makefiles = await texts(/(?:^|\/)(?:GNUm|[Mm])akefile$|\.mk$/)
  // A target made of a variable or a pattern may have any name.
  const known = makefiles.length > 0 && !makefiles.some((text) => /^[^\t#:=]*[%$][^:=]*:(?!=)/m.test(text))
  return {
    ...place,
    ...(packages.length === 0 ? {} : { scripts: new Set(packages.flatMap(scriptsOf)) }),
    ...(known ? { targets: new Set(makefiles.flatMap(targetsOf)) } : {}),
  }
}

/**
 * The names in a skill's text that no longer stand for anything. Said only of what is sure: a link that leads nowhere; a path
 * that the history knows and the checkout lacks; a script or target that no package.json or Makefile has; an option that a
 * script of the project once knew.
 */
export async function staleNames(
  mentions: readonly Mention[],
  folder: string,
  project: ProjectNames,
): Promise<Stale[]> {
  const missing: Mention[] = []
  for (const mention of mentions) if (await isMissing(mention, folder, project)) missing.push(mention)
  const removed = await removedPaths(missing, project.history)
  const found = await Promise.all(missing.map((mention) => judged(mention, removed, project)))
  return found.filter((each) => each !== undefined)
}

async function isMissing(
  mention: Mention,
  folder: string,
  { isThere, files, scripts, targets }: ProjectNames,
): Promise<boolean> {
  switch (mention.is) {
    case "script":
      return scripts !== undefined && !scripts.has(mention.name)
    case "target":
      return targets !== undefined && !targets.has(mention.name)
    case "flag":
      return files.has(mention.of)
    case "link":
    case "path": {
      const path = mention.path.replace(/\/+$/, "")
      const here = await Promise.all([join(folder, path), join(path)].map(isThere))
      // Part of a path, as somebody says it who stands in a package of a monorepo.
      const within =
        mention.is === "path" &&
        [...files].some((file) => `/${file}`.includes(`/${path}/`) || file.endsWith(`/${path}`))
      return !here.includes(true) && !within
    }
  }
}

async function judged(
  mention: Mention,
  removed: ReadonlyMap<string, string | undefined>,
  project: ProjectNames,
): Promise<Stale | undefined> {
  const { files, scripts, targets } = project
  switch (mention.is) {
    case "script":
      return told(
        mention,
        "SKILL_STALE_SCRIPT",
        `No package.json has a script \`${mention.name}\`.`,
        nearest(mention.name, scripts ?? []),
      )
    case "target":
      return told(
        mention,
        "SKILL_STALE_TARGET",
        `No Makefile has a target \`${mention.name}\`.`,
        nearest(mention.name, targets ?? []),
      )
    case "link":
      return told(
        mention,
        "SKILL_STALE_LINK",
        `The link leads to \`${mention.path}\`, which is not there.`,
        similar(mention.path, files, removed),
      )
    case "path": {
      const path = mention.path.replace(/\/+$/, "")
      if (!removed.has(path)) return undefined
      return told(
        mention,
        "SKILL_STALE_FILE",
        `\`${mention.path}\` is no longer in the repository.`,
        similar(path, files, removed),
      )
    }
    case "flag":
      return staleFlag(mention, project)
  }
}

async function staleFlag(
  mention: Extract<Mention, { is: "flag" }>,
  { read, history }: ProjectNames,
): Promise<Stale | undefined> {
  const name = mention.flag.slice(2)
  const text = await read(mention.of).catch(() => undefined)
  const spellings = [
    name,
    name.replaceAll("-", "_"),
    name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
  ]
  if (text === undefined || spellings.some((spelling) => text.includes(spelling))) return undefined
  const ran = await tryGit(
    ["--literal-pathspecs", "log", "-1", "--format=%h", `-S${name}`, history.commit, "--", mention.of],
    {
      cwd: history.cwd,
      timeoutMs: HISTORY_MS,
    },
  )
  if (ran.exitCode !== 0 || ran.stdout.trim() === "") return undefined
  const flags = new Set([...text.matchAll(/--[a-z][a-z0-9-]+/g)].map(([flag]) => flag))
  return told(
    mention,
    "SKILL_STALE_FLAG",
    `\`${mention.of}\` no longer knows \`${mention.flag}\`.`,
    nearest(mention.flag, flags),
  )
}

function told(mention: Mention, code: string, message: string, repair: string | undefined): Stale {
  return { mention, code, message, ...(repair === undefined ? {} : { repair }) }
}

/** Which of the paths the history once had, with the name that it was moved to, as far as a commit shows it. */
async function removedPaths(
  missing: readonly Mention[],
  { cwd, commit: head }: ProjectNames["history"],
): Promise<Map<string, string | undefined>> {
  const paths = missing.flatMap((each) =>
    each.is === "path" || each.is === "link" ? [each.path.replace(/\/+$/, "")] : [],
  )
  const asked = [...new Set(paths)].filter((path) => !path.startsWith("..")).slice(0, MAX_ASKED)
  const removed = new Map<string, string | undefined>()
  if (asked.length === 0) return removed
  const log = [
    "--literal-pathspecs",
    "log",
    "--no-renames",
    "--diff-filter=D",
    "--name-only",
    "-z",
    "--format=%x01%H%x01",
  ]
  const ran = await tryGit([...log, head, "--", ...asked], { cwd, timeoutMs: HISTORY_MS })
  if (ran.exitCode !== 0) return removed
  const commits = new Set<string>()
  const [, ...parts] = ran.stdout.split("\u0001")
  for (let at = 0; at + 1 < parts.length; at += 2) {
    for (const file of (parts[at + 1] ?? "").split(/[\0\n]/).filter((each) => each !== "")) {
      const path = asked.find((each) => file === each || file.startsWith(`${each}/`))
      if (path === undefined || removed.has(path)) continue
      removed.set(path, undefined)
      commits.add(parts[at] ?? "")
    }
  }
  for (const commit of [...commits].slice(0, MAX_COMMITS)) {
    const moved = await tryGit(
      ["diff-tree", "-r", "-M", "--no-commit-id", "--name-status", "-z", "--diff-filter=R", commit],
      {
        cwd,
        timeoutMs: HISTORY_MS,
      },
    )
    const words = moved.stdout.split("\0")
    for (let at = 0; at + 2 < words.length; at += 3) {
      const [from = "", to] = [words[at + 1], words[at + 2]]
      if (removed.has(from)) removed.set(from, to)
    }
  }
  return removed
}

/** What a path may be called now: where it was moved, the only file of that name, or one of nearly that name. */
function similar(
  path: string,
  files: ReadonlySet<string>,
  removed: ReadonlyMap<string, string | undefined>,
): string | undefined {
  const moved = removed.get(path)
  if (moved !== undefined && files.has(moved)) return moved
  const base = path.split("/").at(-1) ?? path
  const same = [...files].filter((file) => file.split("/").at(-1) === base)
  if (same.length === 1) return same[0]
  const folder = path.slice(0, path.length - base.length)
  const beside = [...files].filter((file) => file.startsWith(folder) && !file.slice(folder.length).includes("/"))
  const near = nearest(
    base,
    beside.map((file) => file.slice(folder.length)),
  )
  return near === undefined ? undefined : `${folder}${near}`
}

function scriptsOf(text: string): string[] {
  try {
    const value: unknown = JSON.parse(text)
    const scripts = typeof value === "object" && value !== null && "scripts" in value ? value.scripts : undefined
    return typeof scripts === "object" && scripts !== null ? Object.keys(scripts) : []
  } catch {
    return []
  }
}

function targetsOf(text: string): string[] {
  const joined = text.replace(/\\\n/g, " ")
  return [...joined.matchAll(/^([^\s#:=][^:=#]*?)\s*::?(?!=)/gm)].flatMap(([, names = ""]) => names.split(/\s+/))
}

const MAX_FILES = 200
const MAX_ASKED = 200
const MAX_COMMITS = 20
const HISTORY_MS = 20_000
