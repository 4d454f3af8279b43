import type { Loop } from "../../core/loop.ts"
import { NOT_TRIAGED } from "../../discover/triage.ts"
import type { Engine } from "../engine.ts"
import { evaluatorOf } from "../goal/evaluate.ts"
import type { LoadedLoop } from "../load.ts"
import { attemptsOf, type Payer, priceOfAttempt, priceOfReview } from "../money.ts"
import { makerSpec } from "../perform/make.ts"
import type { RunReport } from "../report.ts"
import { hear } from "../state-file.ts"
import { discoverFor } from "./discover.ts"
import { type Planned, planFor } from "./plan.ts"
import { refuseMissingPath } from "./refuse.ts"
import { reportOf } from "./report-of.ts"
import type { RunOptions } from "./run.ts"

/** What a run would attempt, skip and cost. Nothing is written to the repository or the ledger, and no agent is started. */
export async function rehearse(engine: Engine, loaded: LoadedLoop, options: RunOptions): Promise<RunReport> {
  const { session } = engine
  const { loop } = loaded
  const base = await engine.workspaces.base(options.signal)
  await refuseMissingPath(loop, base, session.repo)
  options.announce?.(loaded, {
    sandbox: engine.sandbox.kind.is,
    crashSafe: session.database.crashSafe,
    base,
    resumed: { changes: 0, usd: 0 },
  })
  const heard = await hear(session, loop, { lookOnly: true })
  const context = engine.rehearsalOf(loop)
  const found = await discoverFor({ engine, context, base, heard, signal: options.signal, progress: options.progress })
  const plan = await planFor(session, loop, found.findings, base.sha)
  const report = await reportOf({
    engine,
    loaded,
    options,
    run: "dry-run",
    base,
    plan,
    results: [],
    held: [],
    resumed: { changes: 0, usd: 0 },
    evaluated: found.evaluated,
    notes: [...heard.notes, ...found.notes, ...nobodyMakes(loop)],
  })
  const attempts = plan.filter((each) => each.plan === "attempt" || isPending(each)).length
  const payer = { loop, fleet: engine.fleet }
  const evaluator = found.evaluated?.is === "not_asked" ? evaluatorOf(loop) : undefined
  const evaluationUsd = evaluator === undefined ? 0 : priceOfAttempt(payer, evaluator).usd
  const atMost = dearest(payer, attempts, found.triageUsd + evaluationUsd)
  return { ...report, ...(atMost === undefined ? {} : { atMostUsd: atMost }) }
}

/** What waits for the triager may be attempted once that has sorted it. */
function isPending({ finding, plan }: Planned): boolean {
  return plan === "skip" && finding.reason?.startsWith(`${NOT_TRIAGED}:`) === true
}

/** What so many findings may cost at most: what is asked before them (triage, the goal's evaluator), every plan, attempt and review at its price, and no more than the run's ceiling. */
function dearest(payer: Payer, findings: number, beforeUsd: number): number | undefined {
  const { loop } = payer
  const each = loop.steps.act === undefined ? 0 : priceOfAttempt(payer, makerSpec(loop)).usd
  const planner = loop.steps.plan === undefined ? undefined : loop.agents[loop.steps.plan.agent]
  const plan = planner === undefined ? 0 : priceOfAttempt(payer, planner).usd
  // Who says what was learned is asked once a run, and only where something was tried.
  const scribe = loop.learn === undefined || findings === 0 ? undefined : loop.agents[loop.learn.agent]
  const learning = scribe === undefined ? 0 : priceOfAttempt(payer, scribe).usd
  const all = beforeUsd + learning + findings * (plan + attemptsOf(loop) * (each + priceOfReview(payer, each).usd))
  const { usdPerRun } = loop.guardrails.budget
  return usdPerRun === undefined ? (all === 0 ? 0 : undefined) : Math.min(all, usdPerRun)
}

/** A run would stop before it begins, and says then what the ways out are. */
function nobodyMakes({ steps, agents }: Loop): string[] {
  const name = steps.act?.agent
  if (name === undefined || agents[name]?.use !== "auto") return []
  return [
    `nobody can make these changes yet: \`${name}\` is the best installed agent, and none is installed (\`flyball doctor\`).`,
  ]
}
