import type { Judgement } from "../../core/judge-measured.ts"
import { git } from "../../lib/git.ts"
import { type Advisory, npmAdvisories } from "../dependencies/advisories.ts"
import { isAllowed, licencesFrom } from "../dependencies/licences.ts"
import { ecosystemOfLock, type Locked, readLock } from "../dependencies/lock.ts"
import { type Ecosystem, ecosystemOfManifest, foreignSource, readManifest } from "../dependencies/manifest.ts"
import {
  type Asking,
  askedFor,
  holds,
  hostOf,
  locksFor,
  type Pinned,
  pinnedBy,
  type Sides,
} from "../dependencies/moved.ts"
import { mistakenFor } from "../dependencies/near-names.ts"
import { toolAdvisories } from "../dependencies/tool-advisories.ts"
import { readFileAt } from "../diff.ts"
import { readTexts } from "../texts.ts"
import { bullets, type ChangeCheck, type ChangeFacts, fails, passes, plural } from "./check.ts"
import { isAboutDependencies } from "./protected-paths.ts"

/** What stands against a change of dependencies: `maker` can mend it, `person` has to decide it. */
type Objection = { id: string; text: string; by: "maker" | "person" }

/**
 * Dependencies that come or move are named, and looked at: pinned by the lock file, from the registry, under a licence that
 * is allowed, without install scripts, names that look like others, or known weaknesses. Nothing changed is a pass at once.
 */
export const dependenciesOk: ChangeCheck = async (facts) => {
  const files = facts.entries.filter(({ path }) => ecosystemOfManifest(path) ?? ecosystemOfLock(path))
  if (files.length === 0) return passes("no manifest or lock file changes", facts.entries.length)
  const licences = licencesFrom(facts.guardrails.licences)
  const seen: Seen = { licences, asking: [], pinned: [], objections: [], caveats: [] }
  for (const { path } of files) {
    const sides = await sidesOf(path, facts)
    if (ecosystemOfManifest(path) !== undefined) lookAtManifest(sides, seen)
    else lookAtLock(sides, seen)
  }
  seen.objections.push(...(await notLocked(seen, facts)))
  await askForAdvisories(seen, facts)
  return judgementOf(seen, files.length, facts)
}

type Seen = {
  /** Under these a dependency may come. */
  licences: readonly string[]
  asking: Asking[]
  pinned: { sides: Sides; ecosystem: Ecosystem; pinned: Pinned }[]
  objections: Objection[]
  caveats: string[]
}

async function sidesOf(path: string, { repo, base, tree, signal }: ChangeFacts): Promise<Sides> {
  const [before, after] = await Promise.all([
    readFileAt(repo, base, path, signal),
    readFileAt(repo, tree, path, signal),
  ])
  return { path, before, after }
}

function lookAtManifest(sides: Sides, { asking, objections }: Seen): void {
  const found = askedFor(sides)
  if (found === undefined) {
    objections.push({ by: "maker", id: `unreadable ${sides.path}`, text: `${sides.path} can't be read any more` })
    return
  }
  asking.push(...found)
  const known = askedFor({ ...sides, before: undefined, after: sides.before }) ?? []
  for (const { name, from, to } of found) {
    if (to === undefined) continue
    const foreign = foreignSource(to)
    if (foreign !== undefined)
      objections.push({ by: "person", id: `source ${name}`, text: `${name} comes from ${foreign}: ${to}` })
    const like =
      from === undefined
        ? mistakenFor(
            name,
            known.map((each) => each.name),
          )
        : undefined
    if (like !== undefined)
      objections.push({ by: "person", id: `name ${name}`, text: `${name} is new, and its name looks like ${like}` })
  }
}

function lookAtLock(sides: Sides, { licences, pinned: all, objections, caveats }: Seen): void {
  const { path, after } = sides
  const ecosystem = ecosystemOfLock(path)
  const pinned = pinnedBy(sides)
  if (pinned === undefined || ecosystem === undefined) {
    objections.push({ by: "maker", id: `unreadable ${path}`, text: `${path} can't be read any more` })
    return
  }
  if (after === undefined)
    objections.push({ by: "person", id: `deleted ${path}`, text: `${path} is deleted: nothing pins what is installed` })
  all.push({ sides, ecosystem, pinned })
  const { records } = pinned.lock
  const incoming = incomingOf(pinned)
  for (const locked of incoming) objections.push(...packageObjections(locked, pinned, licences))
  for (const { locked, what } of pinned.swapped)
    objections.push({ by: "person", id: `swapped ${locked.name}`, text: `${locked.name} ${locked.version} ${what}` })
  if (incoming.length > 0 && !records.licences) caveats.push(`${path} records no licences: those were not looked at.`)
  if (incoming.length > 0 && !records.installScripts && ecosystem === "npm")
    caveats.push(`${path} does not say which packages run scripts when they are installed.`)
}

function incomingOf({ fresh, moved }: Pinned): Locked[] {
  return [...fresh, ...moved.map(({ locked }) => locked)]
}

function packageObjections(
  locked: Locked,
  { lock, moved, knownHosts, knownNames, fresh }: Pinned,
  licences: readonly string[],
): Objection[] {
  const { name, version, licence, installScript, from } = locked
  const at = `${name} ${version}`
  const objections: Objection[] = []
  const person = (id: string, text: string) => objections.push({ by: "person", id: `${id} ${name}`, text })
  // What the base has accepted of an earlier version it has accepted.
  const was = moved.find((each) => each.locked === locked)?.was ?? []
  if (installScript && !was.some((each) => each.installScript))
    person("install script", `${at} runs a script when it is installed`)
  const sameLicence = was.some((each) => each.licence === licence)
  if (lock.records.licences && licence === undefined && !sameLicence) person("licence", `${at} names no licence`)
  if (licence !== undefined && !isAllowed(licence, licences) && !sameLicence)
    person("licence", `${at} comes under ${licence}, which is not allowed`)
  if (from !== undefined && /^(git|ssh|file)/.test(from)) person("source", `${at} is fetched from ${from}`)
  const host = hostOf(from)
  if (host !== undefined && knownHosts.size > 0 && !knownHosts.has(host))
    person("source", `${at} is fetched from ${host}, and nothing else is`)
  const like = fresh.includes(locked) ? mistakenFor(name, knownNames) : undefined
  if (like !== undefined) person("name", `${at} is new, and its name looks like ${like}`)
  return objections
}

/** What a manifest asks for and its lock file does not hold; what is new where no lock file would say what that brings. */
async function notLocked({ asking, caveats }: Seen, facts: ChangeFacts): Promise<Objection[]> {
  const wanted = asking.filter(({ to }) => to !== undefined)
  if (wanted.length === 0) return []
  const { repo, base, tree, signal } = facts
  const locks = (await pathsOf(tree, facts)).filter((path) => ecosystemOfLock(path) !== undefined)
  const about = isAboutDependencies(facts.finding)
  const objections: Objection[] = []
  const free: Asking[] = []
  for (const each of wanted) {
    const own = locksFor(
      each.path,
      locks.filter((lock) => ecosystemOfLock(lock) === each.ecosystem),
    )
    const read = await Promise.all(own.map(async (path) => readLock(path, await readFileAt(repo, tree, path, signal))))
    const [path] = own
    if (path === undefined) free.push(each)
    if (path === undefined || each.optional || read.some((lock) => lock === undefined || holds(lock, each))) continue
    const advice = about
      ? "bring the lock file up to date with the package manager"
      : "the finding is not about dependencies, so the lock file may not change: do without"
    const text = `${each.name} ${each.to} is asked for in ${each.path}, and ${path} does not hold it: ${advice}`
    objections.push({ by: "maker", id: `not locked: ${each.name}`, text })
  }
  if (free.length === 0) return objections
  const manifests = await readTexts(
    repo,
    (await pathsOf(base, facts))
      .filter((path) => ecosystemOfManifest(path) !== undefined)
      .slice(0, MAX_MANIFESTS)
      .map((path) => `${base}:${path}`),
    signal,
  )
  for (const each of free) {
    const { name, path, to, ecosystem } = each
    if (isKnown(each, manifests)) caveats.push(`No lock file pins ${name} ${to}, which ${path} asks for.`)
    else {
      const text = `${name} ${to === "" ? "(any version)" : to} is new in ${path}, and no lock file says what it brings: its licence, its install scripts and known weaknesses (${ecosystem}) were not looked at`
      objections.push({ by: "person", id: `unlocked ${name}`, text })
    }
  }
  return objections
}

const MAX_MANIFESTS = 200

/** Whether the base asks for a package somewhere, or has it itself. */
function isKnown({ name, from, ecosystem }: Asking, manifests: ReadonlyMap<string, string>): boolean {
  if (from !== undefined) return true
  return [...manifests].some(([at, text]) => {
    const path = at.slice(at.indexOf(":") + 1)
    if (ecosystemOfManifest(path) !== ecosystem) return false
    const isOwn =
      ecosystem === "npm" &&
      new RegExp(`"name"\\s*:\\s*${JSON.stringify(name).replace(/[.*+?^$()|[\]\\/]/g, "\\$&")}`).test(text)
    return isOwn || readManifest(path, text)?.has(name) === true
  })
}

async function pathsOf(tree: string, { repo, signal }: ChangeFacts): Promise<string[]> {
  const listed = await git(["ls-tree", "-r", "-z", "--full-tree", "--name-only", tree], {
    cwd: repo.gitDir,
    env: { GIT_DIR: repo.gitDir },
    signal,
  })
  return listed.split("\0")
}

async function askForAdvisories({ pinned, objections, caveats }: Seen, facts: ChangeFacts): Promise<void> {
  const { repo, base, tree, signal } = facts
  for (const { sides, ecosystem, pinned: found } of pinned) {
    const incoming = incomingOf(found)
    if (incoming.length === 0 || sides.after === undefined) continue
    const isNpms = /(^|\/)(package-lock|npm-shrinkwrap)\.json$/.test(sides.path)
    if (ecosystem === "npm" && !isNpms) {
      caveats.push(`Nothing here asks for advisories on what ${sides.path} pins.`)
      continue
    }
    const manifest = isNpms
      ? await readFileAt(repo, tree, sides.path.replace(/[^/]+$/, "package.json"), signal)
      : undefined
    const npmrc = isNpms ? await readFileAt(repo, base, ".npmrc", signal) : undefined
    const asked = isNpms
      ? await npmAdvisories({ manifest: manifest ?? "{}", lock: sides.after, npmrc }, incoming, signal)
      : await toolAdvisories(ecosystem, { lock: sides.after, packages: incoming }, signal)
    if (asked.is === "unknown") {
      caveats.push(`Advisories on what ${sides.path} pins were not looked up: ${asked.why}.`)
      continue
    }
    objections.push(...asked.advisories.map(advisoryObjection))
    const { unseen = [] } = asked
    if (unseen.length > 0) caveats.push(`${asked.by} could not look up ${cut(unseen)}.`)
  }
}

function advisoryObjection({ name, version, title, severity, fixed }: Advisory): Objection {
  const out = fixed === undefined ? "" : `; take a version ${fixed}`
  return {
    by: "maker",
    id: `advisory ${name}`,
    text: `${name} ${version} has a known weakness (${severity}): ${title}${out}`,
  }
}

function judgementOf({ asking, pinned, objections, caveats }: Seen, files: number, facts: ChangeFacts): Judgement {
  const named = nameAll(asking, pinned)
  const unique = [...new Map(objections.map((each) => [`${each.id} ${each.text}`, each])).values()]
  const summary = named === "" ? `${plural(files, "file")} of dependencies, nothing comes or moves` : named
  if (unique.length === 0) return passes(summary, facts.entries.length, caveats)
  const [first] = unique
  const maker = unique.filter(({ by }) => by === "maker")
  const told = `${first?.text}${unique.length > 1 ? ` (and ${unique.length - 1} more)` : ""}; ${summary}`
  const judged = fails(
    told,
    `The change's dependencies:\n${bullets((maker.length > 0 ? maker : unique).map(({ text }) => text))}`,
    [...new Set(unique.map(({ id }) => id))],
    facts.entries.length,
    caveats,
  )
  if (maker.length > 0) return judged
  return {
    ...judged,
    blame: "person",
    summary: `${unique
      .map(({ text }) => text)
      .slice(0, 10)
      .join("; ")}; ${summary}`,
  }
}

const MAX_NAMED = 12

/** What comes, moves and goes, in words. */
function nameAll(asking: readonly Asking[], pinned: Seen["pinned"]): string {
  const fresh = pinned.flatMap(({ pinned: { fresh: found } }) =>
    found.map(({ name, version, licence }) => `${name} ${version}${licence === undefined ? "" : ` (${licence})`}`),
  )
  const moved = pinned.flatMap(({ pinned: { moved: found } }) =>
    found.map(({ locked, from }) => `${locked.name} ${from} → ${locked.version}`),
  )
  const direct = asking.map(({ name, from, to }) => `${name} ${from ?? "(new)"} → ${to ?? "(gone)"}`)
  const parts = [
    direct.length === 0 ? "" : `declared: ${cut(direct)}`,
    fresh.length === 0 ? "" : `new: ${cut(fresh)}`,
    moved.length === 0 ? "" : `moved: ${cut(moved)}`,
  ]
  return parts.filter((part) => part !== "").join("; ")
}

function cut(items: readonly string[]): string {
  return `${items.slice(0, MAX_NAMED).join(", ")}${items.length > MAX_NAMED ? `, and ${items.length - MAX_NAMED} more` : ""}`
}
