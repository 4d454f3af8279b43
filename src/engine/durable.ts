import { AsyncResource } from "node:async_hooks"
import { randomUUID } from "node:crypto"
import type { DBOSExecutor } from "@dbos-inc/dbos-sdk/internal/dbos-executor"
import type { Pool } from "pg"
import type { Retry } from "../core/failure.ts"
import { lostTo, mayNotSetUp, revive, toFailure } from "./durable-failure.ts"
import { enlist } from "./executors.ts"
import { never, openParking } from "./parking.ts"
import { claimWorkflows, openPool, type Pending, pendingWorkflows, prepareSchemas } from "./workflows.ts"

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** The body of a workflow: control flow only. Everything that touches the world is a `step`, so a replay finds it recorded. */
export type Workflow = (input: Json) => Promise<unknown>

/** A workflow that was started or found. `result` rejects with what the workflow threw. */
export type Running = { id: string; result(): Promise<unknown> }
/** How a child ended; plain data, because it is recorded. */
export type Settled = { id: string } & (
  | { is: "done"; value: unknown }
  | { is: "failed"; error: { code: string; message: string; hint?: string; retry: Retry } }
)

/** Durable execution. One per process at a time. */
export type Durable = {
  readonly executor: string
  /** The same connections, for whoever writes in this database too. */
  readonly pool: Pool
  /** Aborted when others may have taken this process's work: kill what runs, and exit. */
  readonly lost: AbortSignal
  /** Starts a workflow, or finds it by its id. Inside a workflow it becomes a child. */
  start(name: string, id: string, input: Json): Promise<Running>
  /** Inside a workflow: runs children, at most `limit` at once, each started in the order given as soon as there is room. */
  each(name: string, children: readonly { id: string; input: Json }[], limit: number): Promise<Settled[]>
  /**
   * Inside a workflow: one effect, recorded when it ends; what was recorded is not run again. Once `held` says so, this
   * workflow goes no further in this process, as all do in `shutdown`.
   */
  step<T>(name: string, act: () => Promise<T>, held?: () => boolean): Promise<T>
  /** Takes over, in this process, the unfinished workflows of executors that died, and runs them on. */
  recover(takes?: (workflow: Pending) => boolean): Promise<(Pending & Running)[]>
  /** All unfinished workflows, whoever runs them. */
  pending(): Promise<Pending[]>
  /** Cancels a workflow and its children; they end at their next step. What runs in a step is the caller's to abort. */
  cancel(id: string): Promise<void>
  /**
   * Ends durable execution in this process. Steps under way have `waitMs` to end, but are taken as interrupted and not
   * recorded, so their workflows stay unfinished, and another process may take them up at once.
   */
  shutdown(options?: { waitMs?: number }): Promise<void>
}

export type DurableOptions = {
  url: string
  /** Connections that are their opener's to end, instead of those to `url`. */
  pool?: Pool
  /** Whether nobody stands between us and the database, so that statements can be prepared. */
  prepares?: boolean
  workflows: Record<string, Workflow>
  /** Unique to this process's life; default: made up. */
  executor?: string
  /** From its abort on, a step that ends is taken as interrupted and not recorded, as in `shutdown`, which must follow. */
  signal?: AbortSignal
  log?: (level: "debug" | "info" | "warn" | "error", text: string) => void
}

/** Constant: DBOS strands the workflows of other versions. What changed between ours is handled by the events they fold. */
const VERSION = "flyball-1"
/** Only for a workflow that another process runs. */
const FOREIGN_POLL_MS = 250

/** Opens durable execution on a PostgreSQL. DBOS is loaded here, and nowhere before. */
export async function openDurable({
  url,
  pool: given,
  prepares = false,
  workflows,
  executor = randomUUID(),
  signal,
  log = () => {},
}: DurableOptions): Promise<Durable> {
  const pool = given ?? openPool(url, { log, prepares })
  const endPool = async () => (given === undefined ? await pool.end() : undefined)
  try {
    const [dbos] = await Promise.all([loadDbos(), pool.query("select 1")])
    await prepareSchemas(pool, dbos)
    const lost = new AbortController()
    const entry = await enlist(pool, executor, (why) => lost.abort(lostTo(why)))
    const runtime = await launch(dbos, { url, workflows, executor, log, pool })
    const until = signal === undefined ? lost.signal : AbortSignal.any([lost.signal, signal])
    return face({ dbos, runtime, pool, executor, lost: lost.signal, until, leave: entry.leave, endPool })
  } catch (error) {
    await endPool().catch(() => {})
    throw mayNotSetUp(error)
  }
}

type Dbos = Awaited<ReturnType<typeof loadDbos>>

async function loadDbos() {
  const dbos = await import("./dbos.ts")
  // After the database died it waits 1 s, 2 s, 4 s …; ours is back within half a second.
  dbos.dbRetryConfig.initialBackoffSec = 0.1
  dbos.dbRetryConfig.maxBackoffSec = 5
  return dbos
}

type Runtime = { executor: DBOSExecutor; functions: Map<string, (input: Json) => Promise<unknown>> }

async function launch(
  { DBOS, DBOSExecutor: Executor }: Dbos,
  { url, workflows, executor, log, pool }: Required<Omit<DurableOptions, "signal" | "prepares">>,
): Promise<Runtime> {
  if (DBOS.isInitialized()) throw new Error("durable execution is open already in this process")
  const functions = new Map(
    Object.entries(workflows).map(([name, body]) => [
      name,
      DBOS.registerWorkflow((input: Json) => body(input), { name }),
    ]),
  )
  const say = (level: "debug" | "info" | "warn" | "error") => (entry: unknown) =>
    log(level, entry instanceof Error ? entry.message : String(entry))
  DBOS.setConfig({
    name: "flyball",
    systemDatabaseUrl: url,
    systemDatabasePool: pool,
    applicationVersion: VERSION,
    enablePatching: true,
    executorID: executor,
    logger: { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") },
    enableOTLP: false,
    // We prepared them, under a lock; and nobody here waits for its messages, so it need not listen.
    runMigrations: false,
    useListenNotify: false,
    listenQueues: [],
  })
  await DBOS.launch()
  const runtime = Executor.globalInstance
  if (runtime === undefined) throw new Error("DBOS launched without an executor")
  // Its queues, schedules and deadlines poll the database every second; we use none of them.
  await runtime.deactivateEventReceivers()
  await runtime.stopWorkflowTimeoutSweep()
  // Its telemetry wakes ten times a second to send nothing, and would keep the process from ending.
  await runtime.logger.destroy()
  return { executor: runtime, functions }
}

type Status = Parameters<DBOSExecutor["executeDequeuedWorkflow"]>[0]
type Opened = {
  dbos: Dbos
  runtime: Runtime
  pool: Pool
  executor: string
  lost: AbortSignal
  until: AbortSignal
  leave: () => Promise<void>
  endPool: () => Promise<void>
}

function face({
  dbos: { DBOS, InvokedHandle },
  runtime,
  pool,
  executor,
  lost,
  until,
  leave,
  endPool,
}: Opened): Durable {
  // Workflows that run here are awaited by their promise; DBOS itself would ask the database every second.
  const here = new Map<string, Promise<unknown>>()
  const outside = new AsyncResource("flyball.durable")
  const parked = openParking(until)

  const watch = (id: string, outcome: Promise<unknown>) => {
    here.set(id, outcome)
    const done = () => {
      if (here.get(id) === outcome) here.delete(id)
    }
    outcome.then(done, done)
    return outcome
  }
  const adopt = (id: string, handle: object) => {
    if (handle instanceof InvokedHandle) void watch(id, handle.workflowPromise)
  }
  const outcome = (id: string): Promise<unknown> =>
    here.get(id) ??
    watch(
      id,
      outside.runInAsyncScope(() => DBOS.retrieveWorkflow(id).getResult({ pollingIntervalMs: FOREIGN_POLL_MS })),
    )
  const takeUp = async (id: string, status: Status | undefined, owner: string): Promise<unknown> => {
    if (status === undefined) throw new Error(`the workflow ${id} vanished`)
    const handle = await runtime.executor.executeDequeuedWorkflow(status, owner)
    return await (handle instanceof InvokedHandle
      ? handle.workflowPromise
      : handle.getResult({ pollingIntervalMs: FOREIGN_POLL_MS }))
  }
  const record = <T>(name: string, act: () => Promise<T>, kind: "act" | "wait", held?: () => boolean) =>
    parked.step(kind, act, (guarded) => DBOS.runStep(guarded, { name }), held).catch(revive)
  const wait = <T>(name: string, act: () => Promise<T>) => record(name, act, "wait")
  const running = (id: string): Running => ({
    id,
    result: () =>
      DBOS.isWithinWorkflow()
        ? wait(`result of ${id}`, () => outcome(id))
        : Promise.race([outcome(id), parked.begun]).catch(revive),
  })

  const durable: Durable = {
    executor,
    pool,
    lost,
    async start(name, id, input) {
      const workflow = runtime.functions.get(name)
      if (workflow === undefined) throw new Error(`no workflow is named ${name}`)
      if (parked.now()) return await never()
      adopt(id, await DBOS.startWorkflow(workflow, { workflowID: id })(input))
      return running(id)
    },
    async each(name, children, limit) {
      return await each(children, limit, {
        start: async (child) => void (await durable.start(name, child.id, child.input)),
        first: (ids) => wait("next to end", () => Promise.race(ids.map(async (id) => await settle(id, outcome(id))))),
      })
    },
    step: (name, act, held) => record(name, act, "act", held),
    async recover(takes = () => true) {
      const claimed = await claimWorkflows(
        pool,
        executor,
        (workflow) => runtime.functions.has(workflow.name) && takes(workflow),
      )
      const statuses = await runtime.executor.systemDatabase.getWorkflowStatuses(claimed.map((workflow) => workflow.id))
      // A parent may ask for its child before the child's turn comes.
      const turns = claimed.map(({ id, owner }) => {
        const turn = later()
        void watch(id, turn.outcome)
        return { id, owner, turn }
      })
      for (const { id, owner, turn } of turns) turn.follow(takeUp(id, statuses.get(id), owner))
      return claimed.map(({ owner: _, ...workflow }) => ({ ...workflow, ...running(workflow.id) }))
    },
    pending: () => pendingWorkflows(pool),
    cancel: (id) => DBOS.cancelWorkflow(id, { cancelChildren: true }),
    async shutdown({ waitMs = 5_000 } = {}) {
      await parked.begin(waitMs)
      await DBOS.shutdown({ deregister: true })
      await leave()
      await endPool()
    },
  }
  return durable
}

/** The workflow of a bounded fan-out. What ended first is a recorded step, so a replay starts the children in the same order. */
async function each(
  children: readonly { id: string; input: Json }[],
  limit: number,
  act: { start(child: { id: string; input: Json }): Promise<void>; first(ids: string[]): Promise<Settled> },
): Promise<Settled[]> {
  const ended = new Map<string, Settled>()
  const open = new Set<string>()
  for (const child of children) {
    if (open.size >= Math.max(1, limit)) await one()
    await act.start(child)
    open.add(child.id)
  }
  while (open.size > 0) await one()
  return children.flatMap(({ id }) => ended.get(id) ?? [])

  async function one() {
    const settled = await act.first([...open])
    open.delete(settled.id)
    ended.set(settled.id, settled)
  }
}

async function settle(id: string, outcome: Promise<unknown>): Promise<Settled> {
  try {
    return { id, is: "done", value: await outcome }
  } catch (error) {
    const { code, message, hint, retry } = toFailure(error)
    return { id, is: "failed", error: { code, message, retry, ...(hint === undefined ? {} : { hint }) } }
  }
}

/** An outcome that others may wait for before it has begun. */
function later(): { outcome: Promise<unknown>; follow(outcome: Promise<unknown>): void } {
  let follow: (outcome: Promise<unknown>) => void = () => {}
  const outcome = new Promise<unknown>((resolve) => {
    follow = resolve
  })
  return { outcome, follow }
}
