import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { stringify } from "yaml"
import { z } from "zod"
import type { CheckKind, CheckSpec } from "../../core/loop.ts"
import type { Repo } from "../../core/ports.ts"
import type { Lacking } from "./tools-here.ts"

/** The name of the loop that `init` proposes. */
export const FIRST_LOOP = "daily-triage"

export type Surroundings = {
  repo: Repo
  /** The files that git knows. */
  paths: readonly string[]
  checks: readonly CheckSpec[]
  lacking: readonly Lacking[]
  /** Checks that were tried and could not be measured. */
  unmeasured?: readonly Unmeasured[]
  /** Agents that can be run here: `claude 2.1.0`. */
  agents: readonly string[]
  /** The command line, or the agent's name, that the user gave. */
  maker: string | undefined
}

/** A check that can't be measured here, and in a few words why. */
export type Unmeasured = { check: string; why: string }

/** A first loop for this repository: the one of the documentation, with the checks that exist here. */
export function firstLoop(here: Surroundings): string {
  const { lacking, agents, maker, repo, paths, unmeasured = [] } = here
  const left = leftUnmeasured(here.checks, unmeasured)
  const checks = here.checks.filter(({ name }) => !left.some(({ check }) => check === name))
  const setup = setupOf(repo, paths)
  const lines = [
    `# What Flyball does here. \`flyball validate\` checks this file; \`flyball run ${FIRST_LOOP} --dry-run\` shows what it would do.`,
    `name: ${FIRST_LOOP}`,
    'trigger: cron("0 9 * * MON-FRI")   # fired while `flyball up` runs',
    "isolation: worktree",
    ...(setup === undefined ? [] : [`setup: ${setup}   # where your checkout has no dependencies to lend`]),
    "",
    "steps:",
    "  - discover:",
    `      run: ${["scan_ci_failures", ...otherTests(checks), "open_issues", "recent_commits"].join(" + ")}`,
    "      write_to: state/triage.md",
    "  - act:",
    "      for_each: finding in state/triage.md",
    `      spawn: implementer(finding)   # ${makerNote(agents, maker)}`,
    "  - verify:",
    ...(agents.length > 0
      ? ["      agent: reviewer   # another model than the maker's"]
      : ["      # agent: reviewer   # with claude or codex installed: somebody other than the maker looks, too"]),
    ...leftOut(checks, lacking).map(
      ({ check, needs }) => `      # ${check} is left out: ${needs} is not installed here`,
    ),
    ...left.map(({ check, why }) => `      # ${check} is left out: it can't be measured here (${why})`),
    ...(judges(checks, lacking).length === 0 ? noJudge : []),
    `      check: ${[...judges(checks, lacking), "diff_reasonable"].join(" AND ")}`,
    "  - ship:",
    "      if: verified",
    "      run: open_pr   # a branch, and a proposal in `flyball inbox`; only your approval merges it",
    "",
    "guardrails:",
    "  max_iterations: 3",
    "  budget: $5/run",
    "  halt_on: no_progress(2)",
  ]
  return `${lines.join("\n")}\n`
}

/** `.flyball/agents/implementer.md` for the maker that the user named; `model` for an agent that has to be told one. */
export function makerFile(maker: string, isAgent: boolean, model?: string): string {
  const front = {
    name: "implementer",
    description: "Makes the change for one finding.",
    ...(isAgent ? { use: maker, ...(model === undefined ? {} : { model }) } : { use: "command", command: maker }),
  }
  const body = isAgent
    ? "Fix the one finding you are given. Keep the change small."
    : "A command reads what it is to do from the file $FLYBALL_PROMPT (also on stdin), or from $FLYBALL_FINDING (JSON)."
  return `---\n${stringify(front)}---\n\n${body}\n`
}

/** The state file is for the people of this checkout; who wants it in git takes the line out. */
export const IGNORED =
  "# What people read and edit here changes with every run. Take this out to keep it in git.\nstate/\n"

/** What can't be run here and is left out: lint and types. Tests stay, and fail closed. */
export function leftOut(checks: readonly CheckSpec[], lacking: readonly Lacking[]): Lacking[] {
  const named = judging(checks)
  return lacking.filter(({ check }) => named.some(({ name, kind }) => name === check && kind !== "tests"))
}

/** What was tried and can't be measured: like what is not installed, it is left out unless it is tests. */
export function leftUnmeasured(checks: readonly CheckSpec[], unmeasured: readonly Unmeasured[]): Unmeasured[] {
  const named = judging(checks)
  return unmeasured.filter(({ check }) => named.some(({ name, kind }) => name === check && kind !== "tests"))
}

/** Names of the checks that judge: the tests of every language, lint and types; without tests, that it builds. */
export function judges(checks: readonly CheckSpec[], lacking: readonly Lacking[]): string[] {
  const left = leftOut(checks, lacking)
  return judging(checks)
    .filter(({ name }) => !left.some(({ check }) => check === name))
    .map(({ name }) => name)
}

function judging(checks: readonly CheckSpec[]): CheckSpec[] {
  const tested = checks.some(({ kind }) => kind === "tests")
  const kinds: CheckKind[] = tested ? ["tests", "lint", "types"] : ["build", "lint", "types"]
  return kinds.flatMap((kind) => checks.filter((check) => check.kind === kind))
}

const noJudge = [
  "      # No tests, lint or types were found here, so nothing but a look at the diff stands before your review.",
  "      # A command of yours is a check as well: add `checks: { tests_pass: ./test.sh }` above, and name it here.",
]

/** `scan_ci_failures` reads `tests_pass`; the tests of a second language are asked for by name. */
function otherTests(checks: readonly CheckSpec[]): string[] {
  return checks
    .filter(({ kind, name }) => kind === "tests" && name !== "tests_pass")
    .map(({ name }) => `failing_tests(${name})`)
}

function makerNote(agents: readonly string[], maker: string | undefined): string {
  if (maker !== undefined) return "who that is: .flyball/agents/implementer.md"
  const [best] = agents
  return best === undefined
    ? 'nobody yet: install claude or codex, or: flyball init --agent "a command"'
    : `the best installed agent; here: ${best}`
}

const managers: readonly (readonly [string, string, string])[] = [
  ["pnpm", "pnpm-lock.yaml", "pnpm install --frozen-lockfile --prefer-offline"],
  ["yarn", "yarn.lock", "yarn install --frozen-lockfile --prefer-offline"],
  ["bun", "bun.lock", "bun install --frozen-lockfile"],
  ["bun", "bun.lockb", "bun install --frozen-lockfile"],
  ["npm", "package-lock.json", "npm ci --prefer-offline"],
  ["npm", "npm-shrinkwrap.json", "npm ci --prefer-offline"],
]

/** How dependencies come into a workspace, where the checkout has none to lend: as the project's own package manager does it. */
export function setupOf({ root }: Repo, paths: readonly string[]): string | undefined {
  if (existsSync(join(root, "node_modules"))) return undefined
  // A lock file that git does not know is in no workspace.
  const locked = managers.filter(([, file]) => paths.includes(file))
  const named = managerNamed(root)
  return (locked.find(([manager]) => manager === named) ?? locked[0])?.[2]
}

const Manifest = z.object({ packageManager: z.string().optional() })

/** `"packageManager": "pnpm@10.28.0"`. */
function managerNamed(root: string): string | undefined {
  try {
    const manifest = Manifest.parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")))
    return manifest.packageManager?.split("@")[0]
  } catch {
    return undefined
  }
}
