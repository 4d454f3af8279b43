import { posix } from "node:path"
import picomatch from "picomatch"
import type { Finding } from "../../core/finding.ts"
import type { Entry } from "../diff.ts"
import { guardedKind, shadowsRunner } from "../guarded.ts"
import { mayBeNamed } from "../harness.ts"
import { isInPackage, isPlainSettings, isToolSettings, newPackages } from "../new-packages.ts"
import { canonicalPath, isLockFile } from "../paths.ts"
import { asks, bullets, type ChangeCheck, type ChangeFacts, fails, passes } from "./check.ts"
import { protectedParts } from "./manifests.ts"
import { collisions, linkObjections, overtakers } from "./tree-shapes.ts"

type Violation = { path: string; why: string }

/**
 * Nothing that decides how the change is checked may change with it. Always on. A loop's `protect` adds globs; new test
 * files may still come. A glob that begins with `!` lifts a built-in protection, except Flyball's and git's own.
 */
export const protectedPaths: ChangeCheck = async (facts) => {
  const protects = readProtect(facts.guardrails.protect)
  const guides = namedGuides(facts.finding)
  const asked = facts.entries.filter((entry) => isPlainEdit(entry) && guides.has(entry.path)).map(({ path }) => path)
  const violations: Violation[] = []
  const doubtful: Violation[] = []
  const packages = await newPackages(
    facts,
    facts.entries.flatMap(({ path, status }) => (status === "added" ? [path] : [])),
  )
  for (const entry of facts.entries.filter(({ path }) => !asked.includes(path))) {
    const found = await violationOf(entry, facts, protects, packages)
    if (found !== undefined) (found.sure ? violations : doubtful).push({ path: entry.path, why: found.why })
  }
  const shapes = [...(await linkObjections(facts)), ...(await collisions(facts)), ...(await overtakers(facts))]
  for (const { path, text } of shapes) {
    if (!violations.some((known) => known.path === path)) violations.push({ path, why: text })
  }
  for (const path of facts.harnessChanged) {
    if (
      ![...violations, ...doubtful].some((known) => known.path === path) &&
      !protects.lifts(path) &&
      !asked.includes(path)
    ) {
      violations.push({ path, why: "the tests' own harness" })
    }
  }
  for (const entry of facts.entries) {
    const { path } = entry
    const found = facts.isTest(path) || protects.lifts(path) ? undefined : ownGate(entry, facts)
    if (found === undefined || [...violations, ...doubtful].some((known) => known.path === path)) continue
    ;(found.sure ? violations : doubtful).push({ path, why: found.why })
  }
  if (violations.length === 0 && doubtful.length > 0) {
    const listed = doubtful.map(({ path, why }) => `${path} ${why}`).concat(asked.map((path) => `${path} is a guide`))
    const question = doubtful.every(({ why }) => why.endsWith(OF_NEW))
      ? "Is it wanted? A package that is new brings what checks of the whole repository may run"
      : "Does it still check what it did? The change edits what judges it"
    return asks(
      `${question}: ${listed.slice(0, 3).join("; ")}`,
      doubtful.map(({ path }) => `protected: ${path}`),
      facts.entries.length,
    )
  }
  if (violations.length === 0 && asked.length > 0)
    return asks(
      `changes what agents are told, which only a person may: ${asked.slice(0, 3).join(", ")}`,
      asked.map((path) => `guide: ${path}`),
      facts.entries.length,
    )
  if (violations.length === 0) return passes("no protected path changes", facts.entries.length)
  const listed = violations.map(({ path, why }) => `${path} (${why})`)
  return fails(
    `protected: ${listed.slice(0, 3).join("; ")}${listed.length > 3 ? `; and ${listed.length - 3} more` : ""}`,
    `These may not change in this loop. Undo the changes to them, and make the fix elsewhere:\n${bullets(listed)}`,
    violations.map(({ path }) => `protected: ${path}`),
    facts.entries.length,
  )
}

const OF_NEW = "of a new package"

/** What is protected in a change of one file. What a package that is new says of its own files is none; what may be run is a person's to allow. */
async function violationOf(
  entry: Entry,
  facts: ChangeFacts,
  protects: Protect,
  packages: readonly string[],
): Promise<{ sure: boolean; why: string } | undefined> {
  const kind = pathViolation(entry, facts, protects)
  const isOwn = entry.newMode === "100644" && isInPackage(entry.path, packages)
  if (kind !== undefined) {
    // By its own name alone, and not by the folder that it lies in.
    const isSettings = isOwn && kind === guardedKind(canonicalPath(posix.basename(entry.path)))
    if (isSettings && isPlainSettings(entry.path)) return undefined
    const isDoubtful = isSettings && isToolSettings(entry.path)
    return isDoubtful ? { sure: false, why: `is ${kind} ${OF_NEW}` } : { sure: true, why: kind }
  }
  const parts = protects.lifts(entry.path) ? [] : await protectedParts(entry, facts)
  if (parts.length === 0) return undefined
  const why = `its ${parts.map((part) => `\`${part}\``).join(", ")}`
  const isTools = parts.every((part) =>
    /^(scripts|jest|mocha|ava|vitest|eslintConfig|prettier|tool|build-system|dependency-groups)(\.|$)/.test(part),
  )
  return isOwn && isTools ? { sure: false, why: `brings ${why.slice(4)} ${OF_NEW}` } : { sure: true, why }
}

/** A name that says: this checks something. */
const checking =
  /(^|\/)(tests?|specs?|ci|checks?|verify|scripts|tools|hack|e2e|qa)\/|(^|[/_.-])(tests?|checks?|verify|lint|specs?|ci|e2e|smoke|selftest|asserts?)([_.-]|$)/i
const expecting = /expect|golden|snapshot|fixture|baseline|reference|want|approved/i

/**
 * Whether a path is what one of the checks runs, is set up by, or compares with. `sure` where it can be nothing else; where
 * it may be the subject as well, or the finding is about it, only a person can tell.
 */
function ownGate(
  { path, status }: Entry,
  { gateFiles, finding }: ChangeFacts,
): { sure: boolean; why: string } | undefined {
  const found = gateFiles.filter((file) => file.is(path))
  const said = found.flatMap(({ check, kind, as, piped, shell, direct, guessed }): { sure: boolean; why: string }[] => {
    const why = (does: string) => `${does} the check \`${check}\``
    const isSubject = finding?.file === path
    if (as === "data") return []
    if (as === "settings") return [{ sure: !isSubject && !guessed, why: why("says how to run") }]
    if (as === "expectation") return expecting.test(path) ? [{ sure: false, why: why("is compared with in") }] : []
    // What goes to another program is judged there: `./greet.sh | grep hello`.
    if (piped && !checking.test(path)) return []
    // What lies with the source is what is tested: an exit of its own is looked for there (checks/source).
    if (!mayBeNamed(path) && !checking.test(posix.basename(path)) && status !== "added") return []
    // What a script of the gate runs, or reads as a library, is often the subject; a file that the base lacks never is.
    const judges = checking.test(path) || (shell && direct) || status === "added"
    return [{ sure: judges && kind !== "build" && !isSubject && !guessed, why: why("is run by") }]
  })
  return said.find(({ sure }) => sure) ?? said[0]
}

/**
 * The guides of agents that a finding is about by who found it, whatever it says: the files that lessons are for, and the skill
 * whose names went stale. A change to these is a person's question; to any other guide it is refused.
 */
function namedGuides(finding: Finding | undefined): ReadonlySet<string> {
  if (finding?.lessons !== undefined) return new Set(finding.lessons.map(({ file }) => file))
  const file = finding?.source === "stale_skills" ? finding.file : undefined
  return new Set(file !== undefined && /(?:^|\/)skills\/.+\/SKILL\.md$/.test(file) ? [file] : [])
}

/** A text that changes or is new: no link, no program, nothing that goes. */
function isPlainEdit({ status, oldMode, newMode }: Entry): boolean {
  return newMode === "100644" && (status === "added" || (status === "modified" && oldMode === newMode))
}

/** Whether a finding is about dependencies, by who found it: a title is outside text and lifts nothing. */
export function isAboutDependencies(finding: Finding | undefined): boolean {
  if (finding === undefined) return false
  return /depend|audit|outdated|advisor|vulnerab/i.test(finding.source)
}

type Protect = { adds: (path: string) => boolean; lifts: (path: string) => boolean }

function readProtect(globs: readonly string[]): Protect {
  const options = { dot: true, nocase: true }
  const spread = (glob: string) => (glob.includes("/") ? [glob] : [glob, `**/${glob}`])
  const added = globs.filter((glob) => !glob.startsWith("!")).flatMap(spread)
  const lifted = globs.filter((glob) => glob.startsWith("!")).flatMap((glob) => spread(glob.slice(1)))
  const adds = added.length === 0 ? () => false : picomatch(added, options)
  const lifts = lifted.length === 0 ? () => false : picomatch(lifted, options)
  return {
    adds,
    lifts: (path) => lifts(path) && !/(^|\/)\.(flyball|git|gitattributes|gitmodules)(\/|$)/.test(canonicalPath(path)),
  }
}

function pathViolation(entry: Entry, facts: ChangeFacts, protects: Protect): string | undefined {
  const path = canonicalPath(entry.path)
  if (protects.adds(entry.path) || protects.adds(path)) {
    const newTest = entry.status === "added" && facts.isTest(entry.path)
    if (!newTest)
      return facts.isTest(entry.path)
        ? "an existing test, protected by the loop; new test files may come"
        : "protected by the loop"
  }
  const outside = outsideOf(entry.path, path, facts)
  if (outside !== undefined) return outside
  if (protects.lifts(entry.path)) return undefined
  if (isLockFile(path))
    return isAboutDependencies(facts.finding) ? undefined : "a lock file, and the finding is not about dependencies"
  const kind = guardedKind(path) ?? strange(entry, path, facts)
  if (kind === undefined) return undefined
  return path === entry.path.toLowerCase() ? kind : `${kind}; its name looks like ${path}`
}

/**
 * A loop with a `path` changes nothing else. What a package manager writes for the folder may lie above it: the lock files
 * there may change where they may in any loop, for a finding about dependencies.
 */
function outsideOf(path: string, canonical: string, { within, finding }: ChangeFacts): string | undefined {
  if (within === undefined || path.startsWith(`${within}/`)) return undefined
  const above = posix.dirname(path)
  const governs = above === "." || within.startsWith(`${above}/`)
  if (governs && isLockFile(canonical) && isAboutDependencies(finding)) return undefined
  return `outside of ${within}, where this loop works`
}

/** Where dependencies stand beside what skips tests and ignores their failures. */
const buildsAndTests =
  /(^|\/)(pom\.xml|build\.gradle(\.kts)?|settings\.gradle(\.kts)?|gradle\.properties|build\.sbt|mix\.exs|project\.clj|[^/]+\.runsettings|directory\.build\.(props|targets))$/

/** What is new and would run, or be read, in the place of something else. */
function strange(entry: Entry, path: string, { finding, within }: ChangeFacts): string | undefined {
  if (entry.newMode === "160000" || entry.oldMode === "160000") return "a submodule: a commit of another repository"
  if (entry.status === "added" && shadowsRunner(path, within))
    return "a module in the place of the runner's or the language's own"
  if (entry.status !== "added" && buildsAndTests.test(path) && !isAboutDependencies(finding))
    return "how the project is built and tested, and the finding is not about dependencies"
  if (/(^|\/)vendor\/(.*\.go|modules\.txt)$/.test(path) && !isAboutDependencies(finding))
    return "a vendored dependency, and the finding is not about dependencies"
  return undefined
}
