import type { Base, Evaluated } from "../../core/ports.ts"
import { readChanges } from "../../record/ledger.ts"
import { spentUsd } from "../../record/money.ts"
import { workOfRun } from "../consult.ts"
import type { Engine } from "../engine.ts"
import { readLeases } from "../leases.ts"
import type { LoadedLoop } from "../load.ts"
import { exitCodeOf, type RunReport } from "../report.ts"
import { viewOf } from "../view.ts"
import type { Held } from "../work.ts"
import type { Planned } from "./plan.ts"
import type { RunOptions } from "./run.ts"

type Reporting = {
  engine: Engine
  loaded: LoadedLoop
  options: RunOptions
  run: string
  base: Base
  plan: readonly Planned[]
  results: readonly string[]
  held: readonly Held[]
  resumed: { changes: number; usd: number }
  notes: readonly string[]
  evaluated?: Evaluated | undefined
}

/** What a run came to, read from the ledger once all of it has ended. */
export async function reportOf({
  engine,
  loaded,
  options,
  run,
  base,
  plan,
  results,
  held,
  resumed,
  notes,
  evaluated,
}: Reporting): Promise<RunReport> {
  const { session } = engine
  const { loop } = loaded
  const driven = new Set((await readLeases(session.pool)).map((lease) => lease.change))
  const worked = new Set(results)
  const changes = (await readChanges(session.db, { repo: session.repo.key, loop: loop.name })).filter((change) =>
    worked.has(change.id),
  )
  const views = changes.map((change) => viewOf(change, driven.has(change.id)))
  const explored = await spentUsd(session.db, [workOfRun(run)])
  return {
    run,
    loop: loop.name,
    trigger: options.trigger,
    repo: session.repo.root,
    base: base.sha,
    dryRun: options.dryRun,
    database: { kind: session.database.kind, crashSafe: session.database.crashSafe },
    names: loaded.names.map(({ kind, name, became }) => ({ kind, name, became })),
    findings: plan.map(({ finding, plan: what, why }) => ({
      fingerprint: finding.fingerprint,
      title: finding.title,
      source: finding.source,
      severity: finding.severity,
      plan: what,
      ...(why === undefined ? {} : { why }),
    })),
    changes: views,
    held: [...held],
    resumed: { changes: resumed.changes, usd: resumed.usd },
    notes: [...notes],
    ...(evaluated?.is !== "answer" ? {} : { evaluation: shownAnswer(evaluated) }),
    usd: views.reduce((usd, view) => usd + view.usd, explored),
    ms: 0,
    exitCode: options.dryRun ? 0 : exitCodeOf(views, [...held]),
  }
}

function shownAnswer({ answer, reason, by, remembered }: Extract<Evaluated, { is: "answer" }>) {
  return { answer, reason, by, remembered }
}
