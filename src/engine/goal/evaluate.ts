import { existsSync } from "node:fs"
import { join } from "node:path"
import { Evaluation, parseEvaluation } from "../../core/evaluation.ts"
import { independence } from "../../core/independence.ts"
import { limitsOf } from "../../core/limits.ts"
import type { AgentSpec, Loop } from "../../core/loop.ts"
import type { Base, Evaluated, Green } from "../../core/ports.ts"
import { inert, inertLine } from "../../core/untrusted.ts"
import { git } from "../../lib/git.ts"
import { evaluatorPrompt } from "../../make/evaluator-prompt.ts"
import { consult, noFinding, workOfRun } from "../consult.ts"
import type { Context } from "../context.ts"
import { type Answer, type AnswerFor, rememberAnswer, rememberedAnswer } from "./answers.ts"

/** The agent that says whether the loop's goal is reached, where the loop names one. */
export function evaluatorOf({ steps, agents }: Pick<Loop, "steps" | "agents">): AgentSpec | undefined {
  const name = steps.verify.layers.flatMap((layer) => (layer.by === "evaluator" ? [layer.agent] : []))[0]
  return name !== undefined && Object.hasOwn(agents, name) ? agents[name] : undefined
}

/**
 * Has the loop's evaluator say of the base whether the goal is reached, once its checks are green there; the run pays. What
 * it said of the same tree is remembered. Without a run nobody is asked.
 */
export async function evaluateBase(
  context: Context,
  { run, base, green }: { run: string | undefined; base: Base; green: readonly Green[] },
  signal: AbortSignal,
): Promise<Evaluated> {
  const { loop, repo, progress } = context
  const evaluator = evaluatorOf(loop)
  const goal = loop.goal?.doneWhen
  if (evaluator === undefined || goal === undefined) return { is: "nothing", why: "the loop names no evaluator" }
  const maker = loop.agents[loop.steps.act?.agent ?? ""]
  const alike = maker === undefined ? undefined : independence({ spec: maker }, { spec: evaluator })
  if (alike?.is === "same" || (alike?.is === "same_family" && loop.strict))
    return { is: "nothing", why: `the evaluator is no other than the maker: ${alike.why}` }

  const tree = (await git(["rev-parse", "--verify", `${base.sha}^{tree}`], { cwd: repo.gitDir, signal })).trim()
  const checks = green.map(({ check, command }) => ({ name: check, run: command }))
  const question: AnswerFor = { tree, goal, evaluator, checks, path: loop.path }
  const before = await rememberedAnswer(repo, question)
  if (before !== undefined) return { is: "answer", ...asData(before), usd: 0, remembered: true }
  if (run === undefined) return { is: "not_asked", why: "a rehearsal starts no agent" }
  progress({
    verb: "discover",
    text: `the checks are green: ${evaluator.name} (${shown(evaluator)}) is asked about ${base.branch}`,
  })
  const asked = await askAbout(context, { run, base, green, evaluator, goal }, signal)
  if (asked.is === "nothing") return asked
  const { by, evaluation } = asked
  await rememberAnswer(repo, question, { evaluation, by })
  return { is: "answer", ...asData({ evaluation, by }), usd: asked.usd, remembered: false }
}

/** Outside text, for the ledger and for whoever reads it. */
function asData({ evaluation: { answer, reason }, by }: Answer): Evaluation & { by: string } {
  return { answer, reason: inert(reason, MAX_REASON_CHARS), by: inertLine(by, 200) }
}

const MAX_REASON_CHARS = 4_000

type About = { run: string; base: Base; green: readonly Green[]; evaluator: AgentSpec; goal: string }

async function askAbout(
  context: Context,
  { run, base, green, evaluator, goal }: About,
  signal: AbortSignal,
): Promise<{ is: "answer"; evaluation: Evaluation; by: string; usd: number } | { is: "nothing"; why: string }> {
  const { loop, repo } = context
  const work = workOfRun(run)
  const evidence = green.map(({ check, summary, artifact }) => ({
    check,
    outcome: "pass" as const,
    summary,
    caveats: [],
    ...(artifact === undefined ? {} : { artifact }),
  }))
  const said = await consult(
    context,
    {
      role: "evaluator",
      agent: evaluator,
      run,
      work,
      key: `evaluate/${evaluator.name}`,
      commit: base.sha,
      prompt: evaluatorPrompt({
        agent: evaluator,
        goal,
        path: loop.path,
        of: { is: "base" },
        evidence,
        maxBytes: limitsOf(loop.guardrails).promptBytes,
      }),
      answer: Evaluation,
      finding: noFinding({ source: "goal", title: goal.slice(0, 300), commit: base.sha }, goal),
      readable: evidence.flatMap(({ artifact }) => (artifact !== undefined && existsSync(artifact) ? [artifact] : [])),
      artifactDir: join(repo.dataDir, "explorations", work, "goal"),
    },
    signal,
  )
  if (said.is === "nothing") return said
  const maker = loop.agents[loop.steps.act?.agent ?? ""]
  const alike =
    maker === undefined ? undefined : independence({ spec: maker }, { spec: evaluator, ranModel: said.model })
  if (alike?.is === "same") return { is: "nothing", why: `the evaluator turned out to be the maker: ${alike.why}` }
  const parsed = parseEvaluation(said.said)
  if (parsed.is === "error") return { is: "nothing", why: parsed.why }
  const { answer, reason } = parsed
  const by = `${evaluator.name} (${said.model === undefined ? shown(evaluator) : `${evaluator.use} ${said.model}`})`
  return { is: "answer", evaluation: { answer, reason }, by, usd: said.usd }
}

function shown({ use, model }: AgentSpec): string {
  return model === undefined ? use : `${use} ${model}`
}
