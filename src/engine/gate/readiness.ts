import { z } from "zod"
import type { CheckSpec } from "../../core/loop.ts"
import type { CheckState, ProvedCheck } from "./prove.ts"

/** How ready a repository is for a loop. */
export const Readiness = z.object({
  is: z.enum(["ready", "ready_with_care", "not_yet"]),
  /** One line: why. */
  says: z.string(),
  /** What a loop can be trusted with here. */
  trust: z.array(z.string()),
  /** What would raise it, the most telling first. */
  raise: z.array(z.string()),
  /** Whether the checks were measured, and seen to go red. Without that it is what the files promise. */
  measured: z.enum(["no", "base", "proved"]),
})
export type Readiness = z.infer<typeof Readiness>

/** What is known of a repository; a check without a state was not measured. */
export type ReadinessFacts = {
  checks: readonly (Pick<CheckSpec, "name" | "kind" | "format"> & {
    state?: CheckState
    proof?: ProvedCheck["proof"]
  })[]
  /** Checks that the project has, and whose programs are not here. */
  lacking: readonly { check: string; needs: string }[]
  sandboxed: boolean
  remote: boolean
  ci: boolean
  agent: boolean
}

const SLOW_MS = 2 * 60_000

/** Judges the facts. Pure: `doctor`, `init` and `gate --prove` say the same of the same repository. */
export function readinessOf(facts: ReadinessFacts): Readiness {
  const usable = facts.checks.filter(({ name, state }) => state?.is !== "error" && !isLacking(facts, name))
  const tests = usable.filter(({ kind, proof }) => kind === "tests" && proof?.is !== "stays_green")
  const judging = usable.filter(({ proof }) => proof?.is !== "stays_green")
  const { blocks, cares } = troublesOf(facts, tests.length > 0, judging.length > 0)
  const is = blocks.length > 0 ? "not_yet" : cares.length > 0 ? "ready_with_care" : "ready"
  const [first] = [...blocks, ...cares]
  return {
    is,
    says: first?.why ?? `its checks are seen, ${howTestsAreSeen(tests)}, and what runs is sandboxed`,
    trust: trustOf(judging, is),
    raise: [...blocks, ...cares].map(({ mend }) => mend).concat(wishesOf(facts)),
    measured: facts.checks.some(({ proof }) => proof !== undefined)
      ? "proved"
      : facts.checks.some(({ state }) => state !== undefined)
        ? "base"
        : "no",
  }
}

function howTestsAreSeen(tests: ReadinessFacts["checks"]): string {
  const byExit = tests.filter(({ format }) => format === "exit").map(({ name }) => `\`${name}\``)
  if (byExit.length === 0) return "its tests are judged one by one"
  return `${byExit.join(" and ")} as a whole by the exit code alone`
}

type Trouble = { why: string; mend: string }

function troublesOf(facts: ReadinessFacts, tested: boolean, judged: boolean): { blocks: Trouble[]; cares: Trouble[] } {
  const blocks: Trouble[] = []
  const cares: Trouble[] = []
  const block = (why: string, mend: string) => void blocks.push({ why, mend })
  const care = (why: string, mend: string) => void cares.push({ why, mend })
  for (const { name, kind, state, proof } of facts.checks) {
    const lacks = facts.lacking.find(({ check }) => check === name)
    if (lacks !== undefined)
      (kind === "tests" ? block : care)(
        `\`${name}\` needs ${lacks.needs}, which is not here`,
        `Install ${lacks.needs}: with it \`${name}\` can be measured.`,
      )
    else if (state?.is === "error")
      (kind === "tests" ? block : care)(
        `\`${name}\` can't be measured: ${state.says}`,
        `Make \`${name}\` run in a fresh checkout (${state.says}).`,
      )
    if (proof?.is === "stays_green")
      (kind === "tests" ? block : care)(
        `\`${name}\` stays green whatever is broken`,
        `Mend \`${name}\`: it proves nothing as it is.`,
      )
    if (proof?.is === "goes_red" && proof.says.includes("No mistake in the source was noticed"))
      care(
        `\`${name}\` notices no mistake in the source`,
        `Cover the source by \`${name}\`: only a test that fails by itself turned it red.`,
      )
    if (state?.is === "flaky")
      care(
        `\`${name}\` is not the same twice on one tree`,
        `Make \`${name}\` the same every time (${state.says}): a fix can't be told from luck.`,
      )
    if (state?.is === "red")
      care(
        `\`${name}\` is red on the base (${state.says})`,
        `Let a first loop make \`${name}\` green: what is red already is reported, and blocks nothing.`,
      )
    if (state !== undefined && state.ms > SLOW_MS)
      care(
        `\`${name}\` takes ${Math.round(state.ms / 1000)} s`,
        `Make \`${name}\` faster, or name a faster part of it in .flyball/checks.yaml: every attempt waits for it.`,
      )
  }
  if (!judged && blocks.length === 0)
    block(
      "nothing in the project can judge a change",
      "Add tests, or name a command under `checks:` in .flyball/checks.yaml.",
    )
  else if (!tested && blocks.length === 0)
    care("no tests: nothing shows that what worked still works", "Add tests: with them fixes can be proved.")
  if (!facts.sandboxed)
    care("commands run without a sandbox", "Install bubblewrap: without it an agent can reach what you can reach.")
  return { blocks, cares }
}

/** Not in the way of a loop, and worth having. */
function wishesOf({ checks, remote, ci, agent }: ReadinessFacts): string[] {
  const has = (kind: CheckSpec["kind"]) => checks.some((check) => check.kind === kind)
  return [
    ...(has("lint") ? [] : ["Add a linter: it sees what no test looks at."]),
    ...(checks.some(({ kind, format }) => kind === "tests" && format === "exit")
      ? ["Name the tests' runner in .flyball/checks.yaml: by exit code alone no test is known by its name."]
      : []),
    ...(remote ? [] : ["Add a remote: proposals become branches that others can review."]),
    ...(ci ? [] : ["Let CI run `flyball gate` (docs/gate.md): then people's changes are judged alike."]),
    ...(agent ? [] : ["Install claude or codex, or let a command make the changes."]),
  ]
}

function trustOf(judging: ReadinessFacts["checks"], is: Readiness["is"]): string[] {
  if (is === "not_yet") return []
  const tests = judging.filter(({ kind }) => kind === "tests")
  const trust: string[] = []
  const steady = tests.filter(({ state }) => state?.is !== "flaky")
  if (steady.length > 0) trust.push("defects that a test shows, or that a new test can show")
  if (judging.some(({ kind }) => kind === "lint")) trust.push("lint findings")
  if (judging.some(({ kind }) => kind === "types")) trust.push("type errors")
  if (steady.length > 0)
    trust.push("changes that must not alter what the tests know, such as refactorings and new versions of dependencies")
  if (trust.length === 0) trust.push("drafts that a person reviews line by line")
  return trust
}

function isLacking({ lacking }: ReadinessFacts, name: string): boolean {
  return lacking.some(({ check }) => check === name)
}
