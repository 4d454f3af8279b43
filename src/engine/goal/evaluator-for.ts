import { Failure } from "../../core/failure.ts"
import { independence } from "../../core/independence.ts"
import { AgentKind, type AgentSpec, type Loop } from "../../core/loop.ts"
import type { Repo } from "../../core/ports.ts"
import { type DetectedAgent, isPaid, resolveAuto } from "../../make/detect-agents.ts"
import { findProgram } from "../../make/find-program.ts"
import type { Resolved } from "../../spec/resolve.ts"
import { agentsHere } from "../agents-here.ts"
import { dollarsOf, priceOfAttempt } from "../money.ts"

/** An agent as a command line names it. */
export type Named = { use: string } | { command: string }

/** Who says whether a goal is met once its checks are green; or that nobody does, and why. */
export type EvaluatorChoice = { is: "agent"; evaluator: "auto" | Named } | { is: "none"; why: string }

/** The agent that `--agent` or `--evaluator` names: a kind, or a command line. Throws Failure NO_AGENT. */
export async function namedAgent(option: string, agent: string, { root }: Pick<Repo, "root">): Promise<Named> {
  if (agent !== "command" && AgentKind.safeParse(agent).success) return { use: agent }
  const [program = "", ...rest] = agent.trim().split(/\s+/)
  // One word that is no agent may be a slip of the pen; a command line is the shell's to understand.
  if (program !== "" && (rest.length > 0 || (await findProgram(program, process.env.PATH ?? "", root)) !== undefined))
    return { command: agent }
  const example = option === "--agent" ? "npx eslint --fix ." : "./is-it-met.sh"
  throw new Failure("NO_AGENT", `\`${option}\`: "${agent.slice(0, 100)}" is no coding agent and no program here.`, {
    hint: `${option} claude, ${option} codex, or a command in quotes: ${option} "${example}"`,
  })
}

/**
 * Where nobody named one: an evaluator for a maker that is a model, if another model than the maker's is installed here and
 * somebody pays for it. A maker that is a command costs nothing, and gets none unasked.
 */
export function usualEvaluator(maker: Named | undefined, detected: readonly DetectedAgent[]): EvaluatorChoice {
  if (maker !== undefined && ("command" in maker || maker.use === "replay" || maker.use === "command"))
    return { is: "none", why: "the maker is no model, and --evaluator names none" }
  const paid = detected.filter(({ usable, auth }) => usable && auth !== undefined && isPaid(auth))
  if (paid.length === 0) {
    const some = detected.some(({ usable }) => usable)
    return {
      is: "none",
      why: some ? "no agent here has a key, or a login that may be used" : "no coding agent is installed here",
    }
  }
  const making: AgentSpec = resolveAuto(specOf("implementer", maker), detected)
  const evaluator = resolveAuto(specOf("evaluator", undefined), paid, making, { small: true })
  const alike = independence({ spec: making }, { spec: evaluator })
  if (alike.is === "same") return { is: "none", why: `the only one here is the maker itself: ${alike.why}` }
  return { is: "agent", evaluator: "auto" }
}

/** The names table with whoever says whether the goal is met, and at what price; or that nobody does, and why. */
export function withEvaluator(names: readonly Resolved[], choice: EvaluatorChoice, loop: Loop): Resolved[] {
  const evaluator = loop.agents.evaluator
  if (choice.is === "none" || evaluator === undefined) return [...names, ...nobody(choice)]
  const { usd } = priceOfAttempt({ loop, fleet: {} }, evaluator)
  const price = usd === 0 ? "at no cost" : `at most ${dollarsOf(usd)} an answer`
  return names.map((each) =>
    each.kind === "agent" && each.name === evaluator.name
      ? { ...each, became: `${each.became}; asked once the checks are green, ${price}` }
      : each,
  )
}

/** The row of the names table where the checks alone decide. */
export function nobody(choice: EvaluatorChoice): Resolved[] {
  if (choice.is === "agent") return []
  return [{ kind: "agent", name: "evaluator", became: `no evaluator: ${choice.why}`, from: "flyball goal" }]
}

/** Who is to say whether the goal is met: whom the options name, nobody, or what is usual. Throws a Failure for the maker itself. */
export async function evaluatorFor(
  { evaluator }: { evaluator?: string | false },
  maker: Named | undefined,
  repo: Pick<Repo, "root">,
): Promise<EvaluatorChoice> {
  if (evaluator === false) return { is: "none", why: "left out by --no-evaluator" }
  const detected = await agentsHere({ versions: false })
  if (evaluator === undefined) return usualEvaluator(maker, detected)
  const named = await namedAgent("--evaluator", evaluator, repo)
  const usable = detected.some((each) => each.usable)
  const [making, judging] = [specOf("implementer", maker), specOf("evaluator", named)]
  if ((making.use === "auto" || judging.use === "auto") && !usable) return { is: "agent", evaluator: named }
  const made = resolveAuto(making, detected)
  const alike = independence({ spec: made }, { spec: resolveAuto(judging, detected, made, { small: true }) })
  if (alike.is === "same")
    throw new Failure("EVALUATOR_IS_MAKER", `\`--evaluator\` would judge its own work: ${alike.why}.`, {
      hint: "Name another agent, or leave --evaluator out: another model of the same agent is chosen by itself.",
    })
  return { is: "agent", evaluator: named }
}

function specOf(name: string, named: Named | undefined): AgentSpec {
  const own = { name, skills: [], from: "builtin" }
  if (named !== undefined && "command" in named) return { ...own, use: "command", command: named.command }
  const kind = AgentKind.safeParse(named?.use)
  return { ...own, use: kind.success ? kind.data : "auto" }
}
