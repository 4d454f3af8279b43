import { mkdir, writeFile } from "node:fs/promises"
import { dirname } from "node:path"
import { uuidv7 } from "uuidv7"
import type { Change } from "../../core/change.ts"
import type { Outcome } from "../../core/decide.ts"
import { Failure } from "../../core/failure.ts"
import type { Finding } from "../../core/finding.ts"
import type { Loop } from "../../core/loop.ts"
import type { Base, Progress } from "../../core/ports.ts"
import { append, readChange, readChanges, spentUsd } from "../../record/ledger.ts"
import { admit, endRun, recordFindings, startRun } from "../../record/runs.ts"
import { type Engine, openEngine } from "../engine.ts"
import { type LoadedLoop, loadForRun } from "../load.ts"
import { contextFile } from "../open-context.ts"
import type { RunReport } from "../report.ts"
import { openSession, type Session } from "../session.ts"
import { hear, tell } from "../state-file.ts"
import { workOff } from "../work.ts"
import { type Discovered, discoverFor } from "./discover.ts"
import { holdNew } from "./hold.ts"
import { withChangeLock, withRunLock } from "./lock.ts"
import { endOvertaken } from "./overtaken.ts"
import { admitAll, planFor } from "./plan.ts"
import { refuseUnavailable, refuseUnconfined } from "./refuse.ts"
import { rehearse } from "./rehearse.ts"
import { reportOf } from "./report-of.ts"

export type RunOptions = {
  cwd: string
  /** Name or path of the loop. */
  loop: string
  trigger: string
  dryRun: boolean
  signal: AbortSignal
  progress: Progress
  /** Told once, before anything is started: what every name became. */
  announce?: (loaded: LoadedLoop, facts: { sandbox: string; base: Base; resumed: RunReport["resumed"] }) => void
  /** Told when discovery has ended and nothing has been begun. */
  onDiscovered?: () => Promise<void>
  onStep?: Parameters<typeof openEngine>[0]["onStep"]
}

/** One run of a loop: what an earlier process left is taken up, work is looked for, and each piece brought to an end. */
export async function runLoop(options: RunOptions): Promise<RunReport> {
  const started = performance.now()
  const { cwd, signal, progress } = options
  await using session = await openSession({ cwd, signal, progress: (text) => progress({ verb: "record", text }) })
  const loaded = await loadForRun(session.repo, options.loop, { rehearsal: options.dryRun })
  refuseUnavailable(loaded.loop)
  return await withRunLock(session, loaded.loop.name, options.dryRun, async () => {
    const { onStep } = options
    await using engine = await openEngine({ session, signal, progress, ...(onStep === undefined ? {} : { onStep }) })
    refuseUnconfined(loaded.loop, engine.sandbox)
    const report = options.dryRun ? await rehearse(engine, loaded, options) : await carryOut(engine, loaded, options)
    return { ...report, ms: Math.round(performance.now() - started) }
  })
}

async function carryOut(engine: Engine, loaded: LoadedLoop, options: RunOptions): Promise<RunReport> {
  const { session, durable } = engine
  const { signal, progress } = options
  const { loop } = loaded
  const run = { id: uuidv7(), repo: session.repo.key, loop }
  const [resumed, base] = await Promise.all([takeUp(engine, loop), engine.workspaces.base(signal)])
  options.announce?.(loaded, {
    sandbox: engine.sandbox.kind.is,
    base,
    resumed: { changes: resumed.changes, usd: resumed.usd },
  })
  await startRun(session.db, { ...run, trigger: options.trigger, executor: durable.executor })
  const heard = await hear(session, loop, { progress })
  const context = await engine.contextOf(run.id)
  const found = await discoverFor({ engine, context, base, heard, signal, progress })
  await recordFindings(session.db, run, found.findings)
  await keepContext(session, run.id, found)
  await options.onDiscovered?.()
  const overtaken = await endOvertaken(context, { base, findings: found.findings, signal })

  const plan = await planFor(session, loop, found.findings)
  const hopeless = plan.some((each) => each.plan === "attempt")
    ? await context.baseTrouble(base.sha, signal)
    : undefined
  const { results, held } = await workOff(
    [
      ...resumed.pieces,
      ...admitAll(plan, {
        admit: (finding, ordinal) => admitted(engine, run, finding, ordinal),
        goOn: (change) => goOn(engine, run, change),
      }),
    ],
    {
      maxParallel: loop.steps.act?.maxParallel ?? 1,
      hold: async (underWay) =>
        hopeless === undefined
          ? await holdNew(session, loop, run.id, underWay)
          : { reason: "infrastructure", detail: hopeless },
      signal,
    },
  )
  for (const each of held) progress({ verb: "record", text: `held for a later run (${each.reason}): ${each.title}` })
  await engine.workspaces.sweep(await unfinished(session), signal)
  const notes = [...heard.notes, ...found.notes, ...overtaken, ...(await tell(session, loop, run.id, heard, signal))]
  const report = await reportOf({ engine, loaded, options, run: run.id, base, plan, results, held, resumed, notes })
  await endRun(session.db, run.id, {
    exitCode: report.exitCode,
    usd: report.usd,
    changes: report.changes.map((view) => view.id),
  })
  return report
}

type Resumed = { changes: number; usd: number; pieces: { title: string; isNew: false; begin(): Promise<string> }[] }

/** The changes of this loop whose process died or was parked go on, within the run they belong to. */
async function takeUp({ session, recover }: Engine, loop: Loop): Promise<Resumed> {
  const changes = await readChanges(session.db, { repo: session.repo.key, loop: loop.name })
  const open = new Map(changes.map((change) => [change.id, change]))
  const taken = await recover(new Set(open.keys()))
  const ids = taken.map((each) => each.change)
  return {
    changes: ids.length,
    usd: await spentUsd(session.db, ids),
    pieces: taken.map(({ change, outcome }) => ({
      title: open.get(change)?.finding.title ?? change,
      isNew: false,
      begin: async () => {
        await outcome
        return change
      },
    })),
  }
}

type Run = { id: string; repo: string; loop: Loop }

async function admitted(engine: Engine, run: Run, finding: Finding, ordinal: number): Promise<string> {
  const id = await admit(engine.session.db, run, finding, ordinal)
  return drive(engine, run, id)
}

/** A change that waited goes on with this run's money, unless somebody else has taken it up since it was planned. */
async function goOn(engine: Engine, run: Run, planned: Change): Promise<string> {
  const { db, pool } = engine.session
  const driven = await withChangeLock(pool, planned.id, async () => {
    const change = await readChange(db, planned.id)
    if (change?.length !== planned.length) return undefined
    const { id, length } = change
    await append(db, id, `resumed/${length}`, { type: "resumed", run: run.id, loopHash: run.loop.hash })
    return start(engine, run, id)
  })
  await driven?.outcome
  return planned.id
}

async function drive(engine: Engine, run: Run, id: string): Promise<string> {
  await (await start(engine, run, id)).outcome
  return id
}

async function start(engine: Engine, run: Run, id: string): Promise<{ outcome: Promise<Outcome> }> {
  const change = await readChange(engine.session.db, id)
  if (change === undefined) throw new Failure("NO_SUCH_CHANGE", `There is no change ${id} in the ledger.`)
  return engine.drive(change, run.id)
}

async function keepContext(session: Session, run: string, found: Discovered): Promise<void> {
  const path = contextFile(session.repo.dataDir, run)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, JSON.stringify(found.context), { mode: 0o600 })
}

/** Changes of this repository that some process may be working on: their folders stay. */
async function unfinished(session: Session): Promise<Set<string>> {
  const changes = await readChanges(session.db, { repo: session.repo.key })
  return new Set(changes.filter((change) => change.finished === undefined).map((change) => change.id))
}
