import { checksOf } from "../../core/check-expr.ts"
import type { Measurement } from "../../core/evidence.ts"
import { Failure } from "../../core/failure.ts"
import type { Finding } from "../../core/finding.ts"
import type { CheckSpec, Loop } from "../../core/loop.ts"
import type { Found, Green, Source, SourceContext } from "../../core/ports.ts"
import { standingOf } from "../../core/standing.ts"
import { fingerprint } from "../fingerprint.ts"
import { bodyOf, oneLine, titleOf } from "../text.ts"
import { namesIn } from "./measured.ts"

/** What is between the base and the loop's goal: one finding, as long as a check of the goal is not green as a whole. */
export const goal: Source = {
  name: "goal",
  doc: "One finding for as long as the loop's goal does not hold on the base: every check that it is called with (or that `verify` runs) must be green as a whole, and then the loop's evaluator, where it has one, must find it met.",
  async discover(context, args) {
    const { loop, base, prober, signal, progress } = context
    const checks = checksOfGoal(loop, namesIn(args))
    const red: { check: CheckSpec; why: string }[] = []
    const green: Green[] = []
    const draft = unreached(loop, checks)
    for (const check of checks) {
      progress({ verb: "discover", text: `measuring ${check.name} on ${base.branch}` })
      const measurement = await prober.measure(check, base.sha, signal)
      const standing = standingOf({ ...draft, reproduce: { check: check.name, ids: [] } }, measurement)
      // What can't be measured is neither reached nor to be worked on: nobody could tell when it is.
      if (standing.is === "unknown")
        throw new Failure("NOT_MEASURED", `The goal can't be measured: ${standing.why}.`, {
          hint: "Run the check by hand on a fresh clone; `flyball doctor` says what is missing here.",
          retry: "person",
        })
      if (standing.is === "stands") red.push({ check, why: standing.why })
      else green.push(seenGreen(check, standing.why, measurement))
    }
    const [first] = red
    if (first === undefined) return await beyondChecks(context, draft, green)
    const lines = checks.map(({ name, run }) => {
      const why = red.find(({ check }) => check.name === name)?.why
      return `- \`${name}\` (${oneLine([run ?? []].flat().join(" "), 200)}): ${why === undefined ? "green" : oneLine(why, 300)}`
    })
    const finding: Finding = {
      ...draft,
      body: bodyOf(`The goal: ${draft.title}\n\nIt is reached when all of these are green:\n${lines.join("\n")}`),
      commit: base.sha,
      reproduce: { check: first.check.name, ids: [] },
    }
    return { findings: [finding], context: [], notes: [] }
  },
}

function seenGreen({ name, run }: CheckSpec, summary: string, { artifact }: Measurement): Green {
  return {
    check: name,
    command: [run ?? []].flat().join(" "),
    summary,
    ...(artifact === undefined ? {} : { artifact }),
  }
}

/** All checks are green: it is reached, unless the loop has an evaluator and that one says otherwise. */
async function beyondChecks(
  { base, evaluate }: SourceContext,
  draft: Finding,
  green: readonly Green[],
): Promise<Found> {
  const where = `${base.branch} ${base.sha.slice(0, 10)}`
  const said = (...notes: string[]): Found => ({ findings: [], context: [], notes })
  if (evaluate === undefined) return said(`the goal holds on ${where}`)
  const evaluated = await evaluate(green)
  if (evaluated.is === "not_asked")
    return said(`the checks of the goal are green on ${where}; whether it is met was not asked: ${evaluated.why}`)
  // Nobody's silence is a yes, and there is nothing either that a maker could be told.
  if (evaluated.is === "nothing")
    throw new Failure(
      "NOT_EVALUATED",
      `The checks are green, and the evaluator did not say whether the goal is met: ${oneLine(evaluated.why, 300)}.`,
      {
        hint: "The next run asks again; without `goal.evaluator` (`flyball goal --no-evaluator`) the checks alone decide.",
        retry: "later",
        facts: { exitCode: 3 },
      },
    )
  const { answer, reason, remembered, usd } = evaluated
  const by = `${oneLine(evaluated.by, 120)}, ${remembered ? "as it said of the same tree before" : `$${usd.toFixed(2)}`}`
  const notes = [`the checks of the goal are green on ${where}; ${answer.replace("_", " ")}, says ${by}`]
  if (answer === "met") return { findings: [], context: [], notes }
  const finding = missedGoal({ ...draft, commit: base.sha }, green, { answer, reason })
  return { findings: [finding], context: [], notes }
}

/** What an evaluator misses although every check is green, as a finding. Its reason is outside text. */
export function missedGoal(
  draft: Finding,
  green: readonly Pick<Green, "check">[],
  { answer, reason }: { answer: "not_met" | "impossible"; reason: string },
): Finding {
  const lines = green.map(({ check }) => `- \`${check}\``).join("\n")
  const verdict = answer === "not_met" ? "not met" : "impossible"
  const body = `The goal: ${draft.title}\n\nThese checks are green, and must stay so:\n${lines}\n\nThe evaluator says that it is ${verdict}:\n${reason}`
  const finding: Finding = { ...draft, body: bodyOf(body), evaluated: answer }
  if (answer === "not_met") return finding
  return {
    ...finding,
    attemptable: false,
    reason: `the evaluator says that no change can reach it: ${oneLine(reason, 400)}`,
  }
}

/** The checks that say whether the goal is reached. Throws a Failure where nothing can. */
function checksOfGoal(loop: Loop, names: readonly string[]): CheckSpec[] {
  const named =
    names.length > 0
      ? names
      : loop.steps.verify.layers.flatMap((layer) => (layer.by === "check" ? checksOf(layer.expr) : []))
  const checks = [...new Set(named)].flatMap((name) =>
    Object.hasOwn(loop.checks, name) ? (loop.checks[name] ?? []) : [],
  )
  const unknown = names.filter((name) => !checks.some((check) => check.name === name))
  const runnable = checks.filter((check) => check.run !== undefined)
  if (unknown.length === 0 && runnable.length > 0) return runnable
  throw new Failure(
    "GOAL_NOT_MEASURABLE",
    unknown.length > 0
      ? `\`${unknown[0]}\` is no check of this loop.`
      : "No check of this loop can say whether its goal is reached.",
    { hint: "Name a check that runs a command: `discover: { run: goal(tests_pass) }`.", retry: "person" },
  )
}

function unreached(loop: Loop, checks: readonly CheckSpec[]): Finding {
  const said = loop.goal?.doneWhen ?? loop.description ?? loop.name
  return {
    fingerprint: fingerprint({ kind: "goal", rule: checks.map(({ name }) => name).join(" "), wrong: said }),
    source: "goal",
    title: titleOf(said),
    body: "",
    severity: "high",
    attemptable: true,
    demands: checks.map(({ name }) => name),
  }
}
