import type { Command, Outcome } from "../core/decide.ts"
import { Failure } from "../core/failure.ts"
import type { Loop } from "../core/loop.ts"
import type { Progress, Sandbox, Workspaces } from "../core/ports.ts"
import { detectSandbox } from "../isolate/sandbox.ts"
import { type Watch, watchOwner } from "../isolate/watchdog.ts"
import { openWorkspaces } from "../isolate/workspaces.ts"
import { entry } from "../lib/entry.ts"
import { findEvent, readEvents } from "../record/ledger.ts"
import { readRun } from "../record/runs.ts"
import { readConfig } from "../spec/project-files.ts"
import { checkoutTree } from "../spec/tree.ts"
import { reconcile } from "./change.ts"
import { type Driven, type Durable, openDurable } from "./durable.ts"
import { readFleet } from "./fleet.ts"
import { gatewayHere } from "./gateway-here.ts"
import type { Work } from "./guarded-agents.ts"
import { type Halting, watchHalts } from "./halting.ts"
import { isLessons, lessonsLoop, withEditor } from "./lessons/lessons-loop.ts"
import type { Fleet } from "./money.ts"
import { type OpenContext, openContext } from "./open-context.ts"
import { perform } from "./perform/index.ts"
import type { Session } from "./session.ts"

/** A session that can carry changes on: durable execution, workspaces and agents. One per process. */
export type Engine = AsyncDisposable & {
  session: Session
  durable: Durable<Outcome>
  sandbox: Sandbox
  workspaces: Workspaces
  halting: Halting
  fleet: Fleet
  /** The context of a run's frozen loop. */
  contextOf(run: string): Promise<OpenContext>
  /** A context for a loop that no run has frozen: for looking, not for working. */
  rehearsalOf(loop: Loop): OpenContext
  /**
   * Carries a change on until it is finished or waits; one that this process carries on already is no second time. When this
   * returns it is on record as driven, and `outcome` is how it ends. It rejects with a Failure HALTED when a halt ends it.
   */
  drive(change: string, run: string): Promise<{ outcome: Promise<Outcome> }>
  /** Takes over the changes of `mine` whose process died. */
  recover(mine: ReadonlySet<string>): Promise<{ change: string; outcome: Promise<Outcome> }[]>
}

export type EngineOptions = {
  session: Session
  signal: AbortSignal
  progress: Progress
  /** Unique to this process's life; default: made up. */
  executor?: string
  /** Told around every durable step: `begun` before it acts, `acted` when its events are in the ledger. */
  onStep?: (step: StepName, phase: "begun" | "acted", change: string) => void
}

/** Every durable step of a change; the kill tests take their points from this list. */
export const stepNames = [
  "load",
  "isolate",
  "plan",
  "make",
  "verify",
  "ship",
  "ask",
  "stop",
  "finish",
] as const satisfies readonly ("load" | Command["do"])[]
export type StepName = (typeof stepNames)[number]

/** Opens the engine on a session. Closing it parks what runs: it stays unfinished, and the next run goes on with it. */
export async function openEngine({
  session,
  signal,
  progress,
  executor,
  onStep = () => {},
}: EngineOptions): Promise<Engine> {
  const { repo, home, db } = session
  const sandboxing = detectSandbox({ home, hidden: [repo.root] })
  const gateway = gatewayHere(home, process.env)
  const contexts = new Map<string, Promise<OpenContext>>()
  const ended = new AbortController()
  const until = AbortSignal.any([signal, ended.signal])
  let durable: Durable<Outcome> | undefined
  const halting = watchHalts(home)
  const halts = openHalts()

  const body = async (change: string, run: string): Promise<Outcome> => {
    const context = await contextFor(change, run)
    const halt = halting.signalOf({ repo: repo.key, loop: context.loop.name, run, change })
    halts.follow(change, halt)
    const signal = AbortSignal.any([until, halt])
    const step = <T>(name: StepName, act: () => Promise<T>) =>
      open(durable).step(
        async () => {
          onStep(name, "begun", change)
          const result = await act()
          onStep(name, "acted", change)
          return result
        },
        () => halt.aborted,
      )
    return reconcile({
      load: async () => ({ events: await step("load", () => readEvents(db, change)), loop: context.loop }),
      perform: (command, now, begun) => step(command.do, () => perform(command, now, begun, context, signal)),
    })
  }

  const [sandbox, fleet, opened] = await Promise.all([
    sandboxing,
    readFleet(home),
    openDurable({ pool: session.pool, body, signal, ...(executor === undefined ? {} : { executor }) }),
  ])
  durable = opened
  // Another process may have taken over: what runs here must not go on spending.
  opened.lost.addEventListener("abort", () => ended.abort(opened.lost.reason), { once: true })
  const { pool } = await readConfig(checkoutTree(repo.root), [])
  const workspaces = openWorkspaces({ repo, sandbox, progress, announces: true, pool })
  // Started when the first agent is: a run that finds nothing needs nobody to watch it.
  const watching: { watch?: Watch } = {}
  const watch = (work: Work) => {
    watching.watch ??= watchOwner({ home, entry: entry("watchdog.js"), executor: opened.executor, work })
    return watching.watch
  }

  const { executor: own } = opened
  const surroundings = { session, executor: own, pool, sandbox, fleet, gateway, progress, watch, halting }
  const contextOf = (run: string): Promise<OpenContext> => {
    const known = contexts.get(run) ?? makeContext(run)
    contexts.set(run, known)
    return known
  }
  const makeContext = async (run: string): Promise<OpenContext> => {
    const row = await readRun(db, run)
    if (row === undefined) throw new Failure("NO_SUCH_RUN", `There is no run ${run} in the ledger.`)
    return openContext({ ...surroundings, loop: row.loop, run })
  }
  // A change keeps its way whichever run takes it up: lessons are never an agent's to make.
  const contextFor = async (change: string, run: string): Promise<OpenContext> => {
    const context = await contextOf(run)
    const found = (await findEvent(db, change, "found"))?.body
    if (found?.type !== "found" || !isLessons(found.finding)) return context
    return withEditor(openContext({ ...surroundings, loop: lessonsLoop(context.loop), run }))
  }

  const told = ({ change, outcome: ending }: Driven<Outcome>) => {
    const outcome = Promise.race([ending, halts.of(change)])
    // Nobody may come to ask: the run can be interrupted before it does.
    outcome.catch(() => {})
    return { change, outcome }
  }

  return {
    session,
    durable: opened,
    sandbox,
    workspaces,
    contextOf,
    halting,
    fleet,
    rehearsalOf: (loop) => openContext({ ...surroundings, loop }),
    drive: async (change, run) => told(await opened.drive(change, run)),
    recover: async (mine) => (await opened.recover((change) => mine.has(change))).map(told),
    async [Symbol.asyncDispose]() {
      ended.abort(new Error("the engine is closing"))
      await opened.shutdown()
      await gateway[Symbol.asyncDispose]()
      watching.watch?.[Symbol.dispose]()
      halting[Symbol.dispose]()
    },
  }
}

/** For those who wait for a change that a halt has ended: it goes no further here, and so never answers. */
function openHalts() {
  const known = new Map<string, { promise: Promise<never>; reject: (why: unknown) => void }>()
  const of = (change: string) => {
    const found = known.get(change)
    if (found !== undefined) return found
    let reject: (why: unknown) => void = () => {}
    const promise = new Promise<never>((_, refuse) => {
      reject = refuse
    })
    promise.catch(() => {})
    known.set(change, { promise, reject })
    return { promise, reject }
  }
  return {
    of: (change: string) => of(change).promise,
    follow(change: string, halt: AbortSignal) {
      const tell = () => of(change).reject(halt.reason)
      if (halt.aborted) tell()
      else halt.addEventListener("abort", tell, { once: true })
    },
  }
}

function open(durable: Durable<Outcome> | undefined): Durable<Outcome> {
  if (durable === undefined) throw new Error("a change began before the engine was open")
  return durable
}
