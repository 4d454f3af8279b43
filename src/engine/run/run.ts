import { randomUUID } from "node:crypto"
import { mkdir, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { uuidv7 } from "uuidv7"
import type { Change } from "../../core/change.ts"
import type { Outcome } from "../../core/decide.ts"
import { asFailure } from "../../core/failure.ts"
import type { Finding } from "../../core/finding.ts"
import type { Loop } from "../../core/loop.ts"
import type { Base, Progress } from "../../core/ports.ts"
import { haltOf, readHalts } from "../../isolate/halts.ts"
import { rememberRepository } from "../../isolate/known-repositories.ts"
import { clearStaleLocks } from "../../isolate/stale-locks.ts"
import { endOrphans } from "../../isolate/watchdog.ts"
import { sweepPrivateFolders } from "../../make/private-folder.ts"
import { append, readChange, readChanges } from "../../record/ledger.ts"
import { spentUsd } from "../../record/money.ts"
import { admit, endRun, recordFindings, startRun } from "../../record/runs.ts"
import { readConfig } from "../../spec/project-files.ts"
import { checkoutTree } from "../../spec/tree.ts"
import { ofTheDisk } from "../disk-failure.ts"
import { type Engine, openEngine } from "../engine.ts"
import { refuseFullDisk } from "../gc/disk.ts"
import { retain } from "../gc/retain.ts"
import { refuseHalted } from "../halting.ts"
import { learn } from "../lessons/learn.ts"
import { type LoadedLoop, type LoopText, loadForRun } from "../load.ts"
import { contextFile } from "../open-context.ts"
import type { RunReport } from "../report.ts"
import { openSession, type Session } from "../session.ts"
import { hear, tell } from "../state-file.ts"
import { workOff } from "../work.ts"
import { type Discovered, discoverFor } from "./discover.ts"
import { holdNew } from "./hold.ts"
import { withChangeLock, withRunLock } from "./lock.ts"
import { endOvertaken } from "./overtaken.ts"
import { admitAll, type Planned, planFor } from "./plan.ts"
import { refuseMissingPath, refuseUnavailable, refuseUnconfined } from "./refuse.ts"
import { rehearse } from "./rehearse.ts"
import { reportOf } from "./report-of.ts"

export type RunOptions = {
  cwd: string
  /** Name or path of the loop, or the text of one that stands in no file. */
  loop: string | LoopText
  trigger: string
  dryRun: boolean
  signal: AbortSignal
  progress: Progress
  /** A person asks for this very work, now: what one closed before is begun again, as a change of its own. */
  anew?: boolean
  /** Told once, before anything is started: what every name became. */
  announce?: (loaded: LoadedLoop, facts: Announced) => void
  /** Told when discovery has ended and nothing has been begun. */
  onDiscovered?: () => Promise<void>
  onStep?: Parameters<typeof openEngine>[0]["onStep"]
}

/** What holds for the whole run, whatever it finds. */
export type Announced = { sandbox: string; crashSafe: boolean; base: Base; resumed: RunReport["resumed"] }

/** One run of a loop: what an earlier process left is taken up, work is looked for, and each piece brought to an end. */
export async function runLoop(options: RunOptions): Promise<RunReport> {
  try {
    return await runOnce(options)
  } catch (thrown) {
    throw ofTheDisk(thrown)
  }
}

async function runOnce(options: RunOptions): Promise<RunReport> {
  const started = performance.now()
  const { cwd, signal, progress } = options
  await using session = await openSession({ cwd, signal, progress: (text) => progress({ verb: "record", text }) })
  const loaded = await loadForRun(session.repo, options.loop, { rehearsal: options.dryRun, cwd: options.cwd })
  refuseUnavailable(loaded.loop)
  if (!options.dryRun) refuseHalted(session.home, { repo: session.repo.key, loop: loaded.loop.name })
  const executor = randomUUID()
  return await withRunLock(session, loaded.loop.name, { executor, shared: options.dryRun }, async () => {
    const { onStep } = options
    if (!options.dryRun) {
      await prepare(session)
      const { retention } = await readConfig(checkoutTree(session.repo.root), [])
      for (const note of await retain(session, retention)) progress({ verb: "record", text: note })
    }
    await using engine = await openEngine({
      session,
      signal,
      progress,
      executor,
      ...(onStep === undefined ? {} : { onStep }),
    })
    refuseUnconfined(loaded.loop, engine.sandbox)
    const report = options.dryRun ? await rehearse(engine, loaded, options) : await carryOut(engine, loaded, options)
    return { ...report, ms: Math.round(performance.now() - started) }
  })
}

/** Before anything is begun: there is room for it, nothing dead stands in its way, and it is known whose data these are. */
async function prepare({ home, repo }: Session): Promise<void> {
  await refuseFullDisk(home)
  clearStaleLocks(repo)
  endOrphans(home)
  await sweepPrivateFolders(join(home, "sessions"))
  rememberRepository(repo)
}

async function carryOut(engine: Engine, loaded: LoadedLoop, asked: RunOptions): Promise<RunReport> {
  const { session, durable } = engine
  const { progress } = asked
  const { loop } = loaded
  const run = { id: uuidv7(), repo: session.repo.key, loop }
  const halted = engine.halting.signalOf({ repo: run.repo, loop: loop.name, run: run.id })
  const signal = AbortSignal.any([asked.signal, halted])
  const options = { ...asked, signal }
  const [resumed, base] = await Promise.all([takeUp(engine, loop), engine.workspaces.base(signal)])
  rememberRepository(session.repo, base)
  await refuseMissingPath(loop, base, session.repo)
  options.announce?.(loaded, {
    sandbox: engine.sandbox.kind.is,
    crashSafe: session.database.crashSafe,
    base,
    resumed: { changes: resumed.changes, usd: resumed.usd },
  })
  await startRun(session.db, { ...run, trigger: options.trigger, executor: durable.executor })
  const heard = await hear(session, loop, { progress })
  const context = await engine.contextOf(run.id)
  const found = await discoverFor({ engine, context, base, heard, signal, progress, run: run.id })
  await recordFindings(session.db, run, found.findings)
  await keepContext(session, run.id, found)
  await options.onDiscovered?.()
  const overtaken = await endOvertaken(context, {
    base,
    findings: found.findings,
    evaluated: found.evaluated,
    signal,
  })

  const plan = leaveHalted(await planFor(session, loop, found.findings, base.sha, options), session)
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
          ? await holdNew(session, { loop, fleet: engine.fleet }, run.id, underWay)
          : { reason: "infrastructure", detail: hopeless },
      signal,
    },
  )
  for (const each of held) progress({ verb: "record", text: `held for a later run (${each.reason}): ${each.title}` })
  const lessons =
    results.length === 0
      ? []
      : await learn(context, { run: run.id, base: base.sha, drive: (id) => drive(engine, run, id) }, signal)
  await engine.workspaces.sweep(await unfinished(session), signal)
  const notes = [
    ...heard.notes,
    ...found.notes,
    ...overtaken,
    ...lessons,
    ...(await tell(session, loop, run.id, heard, signal)),
  ]
  const report = await reportOf({
    engine,
    loaded,
    options,
    run: run.id,
    base,
    plan,
    results,
    held,
    resumed,
    notes,
    evaluated: found.evaluated,
  })
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
  const halts = readHalts(session.home)
  const goesOn = (change: Change) => haltOf(halts, { run: change.run, change: change.id }) === undefined
  const open = new Map(changes.filter(goesOn).map((change) => [change.id, change]))
  const taken = await recover(new Set(open.keys()))
  const ids = taken.map((each) => each.change)
  return {
    changes: ids.length,
    usd: await spentUsd(session.db, ids),
    pieces: taken.map(({ change, outcome }) => ({
      title: open.get(change)?.finding.title ?? change,
      isNew: false,
      begin: async () => {
        await unlessHalted(outcome)
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
    return engine.drive(id, run.id)
  })
  if (driven !== undefined) await unlessHalted(driven.outcome)
  return planned.id
}

async function drive(engine: Engine, run: Run, id: string): Promise<string> {
  await unlessHalted((await engine.drive(id, run.id)).outcome)
  return id
}

/** A change that was halted by itself is no reason for the others to end; where the run is halted, the signal says so. */
async function unlessHalted(outcome: Promise<Outcome>): Promise<void> {
  await outcome.catch((thrown: unknown) => {
    if (asFailure(thrown).code !== "HALTED") throw thrown
  })
}

/** What is halted by itself stays where it is, whatever the run does besides. */
function leaveHalted(plan: readonly Planned[], { home }: Session): Planned[] {
  const halts = readHalts(home)
  return plan.map((each) => {
    if (each.change === undefined || haltOf(halts, { run: each.change.run, change: each.change.id }) === undefined)
      return each
    return { ...each, plan: "under_way", why: `${each.change.id} is halted: \`flyball resume ${each.change.id}\`` }
  })
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
