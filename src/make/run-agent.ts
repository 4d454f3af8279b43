import { mkdir, realpath, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Failure } from "../core/failure.ts"
import type { AgentKind } from "../core/loop.ts"
import type { AgentResult, Agents, AgentTask, Confinement, Sandbox, Wrapped } from "../core/ports.ts"
import { parseStop } from "../core/review.ts"
import { NOTHING_SPENT, type Spend } from "../core/spend.ts"
import { type Ran, run } from "../lib/process.ts"
import { type Access, type GatewayPort, isServed, openAccess } from "./access.ts"
import { type AgentAdapter, type AgentCommand, newSession, type Session, stderrTail } from "./adapter.ts"
import { adapterOf } from "./agents/index.ts"
import { keyVariableOf } from "./agents/reach.ts"
import { digestOfOutput } from "./digest.ts"
import { agentEnvironment, type Outer } from "./environment.ts"
import { findProgram, packageOf } from "./find-program.ts"
import { openVeil } from "./gateway/veil.ts"
import type { Lent } from "./logins.ts"
import { largerAccount, type Prices, spendOfMost } from "./price.ts"
import { openPrivateFolder, type PrivateFolder, sweepPrivateFolders } from "./private-folder.ts"
import { openReportedCeiling } from "./reported-ceiling.ts"
import { skillsRead } from "./skills-read.ts"

/** What the runner needs of the rest; `main.ts` passes it in. */
export type AgentsOptions = {
  sandbox: Sandbox
  /** The user's environment. Adapters take from it what they name (keys, base URLs), and nothing else passes. */
  outer: Outer
  /** A folder of Flyball's in which each session gets a private HOME, TMPDIR and input folder for as long as it runs. */
  home: string
  /** The repository, from which relative recordings are read. */
  root: string
  /** How to start the replay program: `[process.execPath, "…/dist/replay.js"]`, with `--pace MS` where people watch. */
  replayArgv: readonly string[]
  /** How to start the ACP client: `[process.execPath, "…/dist/acp.js"]`. */
  acpArgv?: readonly string[]
  prices?: Prices
  /** Without one, agents reach their models by themselves, and what they cost is what they say. */
  gateway?: GatewayPort
  /** What a session of an agent may have of its user's own login; unset: none is ever used. */
  logins?: (kind: AgentKind) => Promise<Lent | undefined>
  watch?: AgentWatch
}

/** Told while an agent runs; nothing is decided by it. `spawned` gives the watchdog the leader of the process group. */
type AgentWatch = {
  spawned?: (pid: number, task: AgentTask) => void
  ended?: (pid: number, task: AgentTask) => void
  said?: (text: string, task: AgentTask) => void
}

/** The one agent runner: every agent goes through it, under the same confinement, limits and record. */
export function openAgents(options: AgentsOptions): Agents {
  let swept: Promise<unknown> | undefined
  return {
    async run(task, signal) {
      // What killed processes left goes before the first session; what can't be removed is no reason not to work.
      swept ??= sweepPrivateFolders(options.home).catch(() => undefined)
      await swept
      return runAgent(task, options, signal)
    },
  }
}

/**
 * Runs one session to its end. Throws AGENT_NOT_AVAILABLE for a kind without an adapter, and ABORTED (with what was
 * spent in `facts.spend`) when `signal` ends it; every other end is a result.
 */
async function runAgent(task: AgentTask, options: AgentsOptions, signal: AbortSignal): Promise<AgentResult> {
  if (signal.aborted) throw aborted(task, NOTHING_SPENT, signal)
  const adapter = adapterOf(task.agent.use)
  if (adapter === undefined) throw notAvailable(task)
  await using folder = await openPrivateFolder(options.home, task)
  const log = await keepPrompt(task)
  const wireLog = join(task.artifactDir, `${task.role}.wire.jsonl`)
  const login = await loginFor(task, adapter, options)
  const lent = login?.is === "lent" ? login : undefined
  await using access = await openAccess(task, adapter, options.gateway, wireLog, lent?.hosts)
  const command = adapter.command(task, {
    home: folder.home,
    files: folder.files,
    sandboxed: options.sandbox.kind.is === "bubblewrap",
    outer: options.outer,
    replay: { argv: options.replayArgv, root: options.root },
    ...(options.acpArgv === undefined ? {} : { acp: { argv: options.acpArgv } }),
    ...(access.gateway === undefined ? {} : { gateway: access.gateway }),
    ...(lent === undefined ? {} : { login: true }),
  })
  const env = {
    ...agentEnvironment(options.outer, { ...folder, network: command.usesNetwork && access.network === "open" }),
    ...access.env,
    ...task.around?.env,
    ...command.env,
  }
  const cwd = await startOf(task, command)
  const program = await findProgram(command.argv[0] ?? "", env.PATH ?? "", cwd)
  const withheld = command.unusable !== undefined && login?.is === "withheld" ? login.why : undefined
  const missing =
    withheld ?? command.unusable ?? (program === undefined ? `${command.argv[0]} is not on the PATH here` : undefined)
  if (missing !== undefined || program === undefined) return notStarted(missing ?? "", log)

  await folder.write(command.files ?? {})
  if (lent !== undefined) await folder.write({ [lent.file]: lent.text }, 0o400)
  const started = command.starts === undefined ? undefined : await findProgram(command.starts, env.PATH ?? "", cwd)
  const programs = started === undefined ? [program] : [program, started]
  const confinement = await confine(task, command, { folder, programs, network: access.network })
  const wrapped = options.sandbox.wrap([program, ...command.argv.slice(1)], cwd, confinement)
  const watched = await watchedRun(wrapped, env, { task, adapter, command, access, log, cwd, lent }, options, signal)
  const { ran, session } = watched
  const spend = await spendOfTask(task, watched, access, options.prices)
  if (ran.ended === "aborted" && watched.stopped === undefined) throw aborted(task, spend, signal)

  const result: AgentResult = {
    ended: asSeen(endOf(task, adapter, watched), access),
    said: session.said,
    output: digestOfOutput(session.spoken),
    spend,
    log,
    sandboxed: wrapped.sandboxed,
    ms: Math.round(ran.ms),
    ...modelOf(session),
  }
  await keepSummary(task, command, { ran, session, result })
  return result
}

/** Its own agent's login, where nothing else pays for the session and the user said that it may have it. */
async function loginFor(
  task: AgentTask,
  adapter: AgentAdapter,
  { gateway, logins, outer }: AgentsOptions,
): Promise<Lent | undefined> {
  const { access } = adapter
  if (logins === undefined || access?.login?.lend === undefined) return undefined
  if (access.tokenVariable !== undefined && outer[access.tokenVariable]) return undefined
  const keys = gateway === undefined && access.wires.some((wire) => keyVariableOf(wire, outer) !== undefined)
  if (keys || (gateway !== undefined && (await isServed(task, adapter, gateway)))) return undefined
  return logins(task.agent.use)
}

/** The folder that the session starts in: the loop's, unless an earlier attempt took it away or put a link there. */
async function startOf({ cwd, path }: AgentTask, command: AgentCommand): Promise<string> {
  if (path === undefined || command.startsAtRoot === true) return cwd
  const root = await realpath(cwd)
  const real = await realpath(join(cwd, path)).catch(() => undefined)
  return real === join(root, path) ? join(cwd, path) : cwd
}

type Started = {
  task: AgentTask
  adapter: AgentAdapter
  command: AgentCommand
  access: Access
  log: string
  cwd: string
  lent: Extract<Lent, { is: "lent" }> | undefined
}
/** `stopped`: by a limit of ours that is not of time. */
type Watched = {
  ran: Ran
  session: Session
  /** The largest account that it gave of itself. */
  most: Session["usage"]
  stopped?: { by: "output" } | { by: "ceiling"; why: string }
}

async function watchedRun(
  { argv, within, unready }: Wrapped,
  env: Record<string, string>,
  { task, adapter, command, access: { ceiling, metered }, log, cwd, lent }: Started,
  { watch, outer, prices }: AgentsOptions,
  signal: AbortSignal,
): Promise<Watched> {
  /** Ends it for a limit of ours that is not of time: its reason says which. */
  const limit = new AbortController()
  // Where nobody meters it, its own word is all there is.
  const reported =
    metered() === undefined ? openReportedCeiling(task.limits, prices, (why) => limit.abort(why)) : undefined
  const shown = [...(lent?.secrets ?? []), outer[adapter.access?.tokenVariable ?? ""] ?? ""]
  let session: Session = command.model === undefined ? newSession : { ...newSession, model: command.model }
  let most: Session["usage"] = {}
  let bytes = 0
  let spawned: number | undefined
  const ran = await run(argv, {
    cwd,
    env,
    stdin: command.stdin ?? "",
    timeoutMs: task.limits.timeoutMs,
    silenceMs: task.limits.silenceMs,
    limitBytes: task.limits.outputBytes,
    logFile: log,
    veil: () => openVeil(shown),
    signal: AbortSignal.any([signal, limit.signal, ...(ceiling === undefined ? [] : [ceiling])]),
    within,
    unready,
    onSpawn: (pid) => {
      spawned = pid
      watch?.spawned?.(pid, task)
    },
    onLine: (line) => {
      bytes += Buffer.byteLength(line) + 1
      if (bytes > task.limits.outputBytes) return limit.abort(FLOOD)
      const before = session.spoken.length
      session = adapter.parse(line, session)
      most = largerAccount(most, session.usage)
      reported?.told(session)
      if (session.spoken.length > before) watch?.said?.(session.spoken.slice(before), task)
    },
  })
  if (spawned !== undefined) watch?.ended?.(spawned, task)
  const over = [ceiling, limit.signal].find((each) => each?.aborted === true && each.reason !== FLOOD)
  if (over !== undefined) return { ran, session, most, stopped: { by: "ceiling", why: String(over.reason) } }
  const flooded = !signal.aborted && (limit.signal.reason === FLOOD || ran.droppedBytes > 0)
  return { ran, session, most, ...(flooded ? { stopped: { by: "output" } } : {}) }
}

const FLOOD = "it printed too much"

/** Exit codes lie, and so do limits that strike after the work was done: an agent's own final account goes first. */
function endOf(task: AgentTask, adapter: AgentAdapter, { ran, session, stopped }: Watched): AgentResult["ended"] {
  const { timeoutMs, silenceMs, outputBytes } = task.limits
  if (stopped?.by === "ceiling") return { is: "failed", code: "budget", why: stopped.why }
  if (stopped?.by === "output")
    return { is: "failed", code: "too_much_output", why: `it printed more than ${outputBytes} bytes (limits.output)` }
  if (session.end === undefined) {
    if (ran.ended === "timeout")
      return { is: "failed", code: "timeout", why: `it ran longer than ${seconds(timeoutMs)}` }
    if (ran.ended === "silence")
      return { is: "failed", code: "silence", why: `it printed nothing for ${seconds(silenceMs)}` }
    if (ran.over !== undefined)
      return {
        is: "failed",
        code: ran.over.limit === "memory" ? "too_much_memory" : "too_many_processes",
        why: ran.over.why,
      }
    if (ran.ended === "unready")
      return {
        is: "failed",
        code: "missing_agent",
        why: `its sandbox could not be set up: ${stderrTail(ran.stderr)}`,
      }
    if (ran.ended === "missing") return { is: "failed", code: "missing_agent", why: stderrTail(ran.stderr) }
  }
  // Where a limit struck after the final account, the exit is our own doing.
  const exit = ran.ended === "exit" ? ran : { ...ran, exitCode: 0, signal: null }
  const end = adapter.finish(session, exit)
  const stop = end.is === "done" && task.role === "maker" ? parseStop(session.said) : undefined
  return stop === undefined ? end : { is: "stop", ...stop }
}

/** What the gateway saw of a failure says more than the agent: a refusal of ours, or a limit of the provider's, which is nobody's fault. */
function asSeen(ended: AgentResult["ended"], access: Access): AgentResult["ended"] {
  const { quota, refused } = access.metered()?.seen ?? {}
  if (ended.is !== "failed" || (ended.code !== "crashed" && ended.code !== "missing_agent")) return ended
  // What an agent says of a refusal is its guess: "failed to authenticate".
  if (refused !== undefined) return { ...ended, why: refused }
  if (quota === undefined || ended.code !== "crashed") return ended
  const { status, resetsAt, why = ended.why } = quota
  const until = resetsAt === undefined ? {} : { until: resetsAt }
  return { is: "failed", code: "quota", why: `the provider serves no more for now (${status}): ${why}`, ...until }
}

async function confine(
  task: AgentTask,
  command: AgentCommand,
  { folder, programs, network }: { folder: PrivateFolder; programs: string[]; network: Confinement["network"] },
): Promise<Confinement> {
  const { home, tmp, files } = folder
  const maker = task.role === "maker"
  const { readable = [], binds } = task.around ?? {}
  const needed = [
    ...readable,
    dirname(files.finding),
    ...(await Promise.all(programs.map((program) => packageOf(program, task.cwd)))).flat(),
    ...(command.readable ?? []),
  ]
  return {
    writable: maker ? [task.cwd] : [],
    readable: maker ? needed : [task.cwd, ...needed],
    network: command.usesNetwork ? network : "none",
    home,
    tmp,
    ...(binds === undefined ? {} : { binds }),
  }
}

async function spendOfTask(
  task: AgentTask,
  { session, most }: Pick<Watched, "session" | "most">,
  access: Access,
  prices: Prices | undefined,
): Promise<Spend> {
  // A command says what it costs, or costs nothing.
  if (task.agent.use === "command") return { ...NOTHING_SPENT, usd: task.agent.usdPerAttempt ?? 0 }
  const metered = access.metered()
  // One that spent and was not seen found another way: then its own word is all there is.
  const unseen = metered?.seen.requests === 0 && Object.keys(session.usage).length > 0
  return metered === undefined || unseen ? spendOfMost(session, most, prices) : metered.spend
}

function modelOf({ model, replayed }: Session): { model?: string } {
  if (replayed !== undefined) return { model: `${model ?? replayed.agent} (replayed)` }
  return model === undefined ? {} : { model }
}

/** Stores the prompt with the attempt, for its owner's eyes, and an empty log beside it. Returns the log's path. */
async function keepPrompt(task: AgentTask): Promise<string> {
  await mkdir(task.artifactDir, { recursive: true })
  const log = join(task.artifactDir, `${task.role}.log`)
  await writeFile(join(task.artifactDir, `${task.role}.prompt.md`), task.prompt, { mode: 0o600 })
  await writeFile(log, "", { mode: 0o600 })
  return log
}

async function keepSummary(
  task: AgentTask,
  { argv }: AgentCommand,
  { ran, session, result }: { ran: Ran; session: Session; result: AgentResult },
): Promise<void> {
  const { exitCode, signal, ended: process, droppedBytes } = ran
  const { notes, unread, usage, replayed } = session
  // A prompt that was over its limit may have left them out.
  const offered = (task.skills ?? []).filter(({ path }) => task.prompt.includes(path))
  const summary = {
    agent: task.agent.name,
    argv,
    ...result,
    process: { ended: process, exitCode, signal, droppedBytes },
    notes,
    unread,
    usage,
    replayed,
    skills: { offered: offered.map(({ name }) => name), read: skillsRead(session.spoken, offered) },
  }
  await writeFile(join(task.artifactDir, `${task.role}.session.json`), `${JSON.stringify(summary, null, 2)}\n`, {
    mode: 0o600,
  })
}

function notStarted(why: string, log: string): AgentResult {
  return {
    ended: { is: "failed", code: "missing_agent", why },
    said: "",
    output: digestOfOutput(""),
    spend: NOTHING_SPENT,
    log,
    sandboxed: false,
    ms: 0,
  }
}

function notAvailable({ agent }: AgentTask): Failure {
  const why = agent.use === "auto" ? "which no installed agent was found for" : "which is not available yet"
  return new Failure("AGENT_NOT_AVAILABLE", `The agent \`${agent.name}\` says \`use: ${agent.use}\`, ${why}.`, {
    hint: "Use claude, codex, or `use: command` with any program's command line.",
    retry: "person",
  })
}

function aborted(task: AgentTask, spend: Spend, { reason }: AbortSignal): Failure {
  return new Failure("ABORTED", `The ${task.role} of ${task.change} was stopped.`, {
    retry: "now",
    cause: reason,
    facts: { spend },
  })
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms / 100) / 10} s` : `${Math.round(ms / 1000)} s`
}
