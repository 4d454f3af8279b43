import { access, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Failure } from "../core/failure.ts"
import type { AgentKind, AgentSpec } from "../core/loop.ts"
import { run } from "../lib/process.ts"
import { adapterOf, programKinds } from "./agents/index.ts"
import { keyVariableOf, wireOfModel } from "./agents/reach.ts"
import { agentEnvironment, type Outer } from "./environment.ts"
import { findProgram } from "./find-program.ts"
import { type Upstreams, upstreamFor } from "./gateway/upstreams.ts"
import type { WireName } from "./gateway/wires/wire.ts"
import type { FoundLogin } from "./logins.ts"

/** How an agent would show who pays for it: with a key, with a subscription's token, or not at all. */
export type AgentAuth =
  | { is: "key"; from: string; wire: WireName }
  | { is: "token"; from: string }
  /** It is logged in for its user; `used` where the user said that Flyball may. */
  | { is: "login"; file: string; instead: string; used?: true; account?: string }
  | { is: "nothing" }

/** An agent found on this machine. `usable` is false for one that Flyball knows and can't run here; `lacks` says why. */
export type DetectedAgent = {
  kind: AgentKind
  program: string
  version: string | undefined
  usable: boolean
  lacks?: string
  auth?: AgentAuth
}

/** What may be known besides the environment: whom the user buys models from, and whether programs may be run. */
export type DetectOptions = {
  versions?: boolean
  timeoutMs?: number
  upstreams?: Upstreams | undefined
  /** The logins that are here, and which may be used. */
  logins?: readonly FoundLogin[]
}

/**
 * The agents on the PATH, best first, and how each would authenticate. Nothing of them is run but `--version`, all at
 * once, 5 s at most; and not even that where `versions` is false, which costs no more than a look at the PATH.
 */
export async function detectAgents(
  outer: Outer,
  { versions = true, timeoutMs = 5_000, upstreams, logins = [] }: DetectOptions = {},
): Promise<DetectedAgent[]> {
  const found = await Promise.all(
    programKinds().map(async (kind) => ({
      kind,
      path: await findProgram(probeOf(kind).program, outer.PATH ?? "", "/"),
    })),
  )
  const installed = found.flatMap(({ kind, path }) => (path === undefined ? [] : [{ kind, program: path }]))
  const { asked, node } = versions ? await askVersions(installed, outer, timeoutMs) : { asked: [], node: undefined }
  return await Promise.all(
    installed.map(async (agent, at) => {
      const lacks = lackOf(agent.kind, node, asked[at])
      return {
        ...agent,
        version: asked[at],
        usable: adapterOf(agent.kind) !== undefined && lacks === undefined,
        auth: await authOf(agent.kind, outer, upstreams, logins),
        ...(lacks === undefined ? {} : { lacks }),
      }
    }),
  )
}

/** A key that the gateway or the environment has, else a subscription's token, else what is seen of a login. */
async function authOf(
  kind: AgentKind,
  outer: Outer,
  upstreams: Upstreams | undefined,
  logins: readonly FoundLogin[],
): Promise<AgentAuth> {
  const facts = adapterOf(kind)?.access
  if (facts === undefined) return { is: "nothing" }
  for (const wire of facts.wires) {
    const from = keyVariableOf(wire, outer) ?? (upstreams && upstreamFor(upstreams, wire)?.name)
    if (from !== undefined) return { is: "key", from, wire }
  }
  const { tokenVariable, login } = facts
  if (tokenVariable !== undefined && outer[tokenVariable]) return { is: "token", from: tokenVariable }
  const found = logins.find(({ tool }) => tool === kind)
  if (login !== undefined && found !== undefined) {
    const account = found.account === undefined ? {} : { account: found.account }
    return {
      is: "login",
      file: found.file,
      instead: login.instead,
      ...(found.state === "used" ? { used: true, ...account } : {}),
    }
  }
  if (login === undefined || !outer.HOME) return { is: "nothing" }
  const file = join(outer.HOME, login.file)
  return await access(file).then(
    () => ({ is: "login", file, instead: login.instead }),
    () => ({ is: "nothing" }),
  )
}

function lackOf(kind: AgentKind, node: string | undefined, version: string | undefined): string | undefined {
  const { node: oldest, nodeSince } = adapterOf(kind)?.access ?? {}
  if (oldest === undefined || node === undefined || !isOlder(node, oldest)) return undefined
  if (version !== undefined && nodeSince !== undefined && isOlder(version, nodeSince)) return undefined
  return `Node ${oldest.join(".")} or newer on the PATH (there is ${node})`
}

function isOlder(version: string, [wantedMajor, wantedMinor]: readonly [major: number, minor: number]): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number)
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor)
}

async function askVersions(
  installed: readonly { kind: AgentKind; program: string }[],
  outer: Outer,
  timeoutMs: number,
): Promise<{ asked: (string | undefined)[]; node: string | undefined }> {
  if (installed.length === 0) return { asked: [], node: undefined }
  // A HOME of its own: some write settings there as soon as they start.
  const home = await mkdtemp(join(tmpdir(), "flyball-detect-"))
  try {
    const ask = ({ kind, program }: { kind: AgentKind; program: string }) =>
      versionOf(program, probeOf(kind).args, home, outer, timeoutMs)
    const needsNode = installed.some(({ kind }) => adapterOf(kind)?.access?.node !== undefined)
    const [node, ...asked] = await Promise.all([
      needsNode ? versionOf("node", ["--version"], home, outer, timeoutMs) : undefined,
      ...installed.map(ask),
    ])
    return { asked, node }
  } finally {
    await rm(home, { recursive: true, force: true })
  }
}

function probeOf(kind: AgentKind): { program: string; args: string[] } {
  return adapterOf(kind)?.probe ?? { program: kind, args: ["--version"] }
}

async function versionOf(
  program: string,
  args: string[],
  home: string,
  outer: Outer,
  timeoutMs: number,
): Promise<string | undefined> {
  const env = agentEnvironment(outer, { home, tmp: home, network: false })
  const ran = await run([program, ...args], { cwd: home, env, timeoutMs, limitBytes: 64 * 1024 })
  return /\d+\.\d+(?:\.\d+)?(?:[-+][\w.]+)?/.exec(ran.stdout)?.[0]
}

/**
 * What `use: auto` becomes, down the whole ladder: the best usable agent that somebody pays for, and for a reviewer one
 * whose models another maker makes, else another model of the same. Throws NO_AGENT, which names the ways out, where none
 * is installed.
 */
export function resolveAuto(
  spec: AgentSpec,
  detected: readonly DetectedAgent[],
  maker?: AgentSpec,
  choice: Choice = {},
): AgentSpec {
  const then = spec.then === undefined ? {} : { then: resolveAuto(spec.then, detected, maker, choice) }
  if (spec.use !== "auto") return { ...spec, ...then }
  const usable = detected.filter((agent) => agent.usable)
  const paid = usable.filter(({ auth }) => auth === undefined || isPaid(auth))
  const pool = paid.length > 0 ? paid : usable
  const made = maker === undefined ? undefined : wireOfMaker(maker, detected)
  const { beside = [] } = choice
  const isFree = ({ kind }: DetectedAgent) => !beside.some(({ use }) => use === kind)
  const isOther = (candidate: DetectedAgent) => candidate.kind !== maker?.use && wireOf(candidate) !== made
  const agent =
    pool.find((candidate) => isFree(candidate) && isOther(candidate)) ??
    (beside.length === 0 ? undefined : pool.find(isFree)) ??
    pool.find(isOther) ??
    pool.find(({ kind }) => kind === maker?.use) ??
    pool[0]
  if (agent === undefined) throw noAgent(spec, detected)
  return { ...spec, ...then, use: agent.kind, ...modelFor(agent, spec, { maker, made, ...choice }) }
}

/** For whom an agent is chosen: beside which others of its panel, and whether a small model will do. */
export type Choice = { beside?: readonly AgentSpec[]; small?: boolean }

/** Whether sessions of an agent are paid for: by a key, a token, or a login that may be used. */
export function isPaid(auth: AgentAuth): boolean {
  return auth.is === "key" || auth.is === "token" || (auth.is === "login" && auth.used === true)
}

/** What it would speak to its model: of several wires the one that somebody pays for. */
function wireOf({ kind, auth }: DetectedAgent): WireName | undefined {
  return auth?.is === "key" ? auth.wire : adapterOf(kind)?.access?.wires[0]
}

function wireOfMaker({ use, model }: AgentSpec, detected: readonly DetectedAgent[]): WireName | undefined {
  const wires = adapterOf(use)?.access?.wires
  if (wires === undefined || wires.length === 1) return wires?.[0]
  const agent = detected.find(({ kind }) => kind === use)
  return model === undefined ? agent && wireOf(agent) : wireOfModel(model)
}

/**
 * The model is always named: a default that nobody knows has no price, and two sessions with the same default could not
 * be told apart from a maker that checks itself.
 */
function modelFor(
  agent: DetectedAgent,
  spec: AgentSpec,
  { maker, made, beside = [], small = false }: Choice & { maker: AgentSpec | undefined; made: WireName | undefined },
): { model?: string } {
  const models = modelsOf(agent.kind, wireOf(agent))
  if (spec.model !== undefined) return { model: spec.model }
  if (models === undefined) return {}
  const sameMaker = maker !== undefined && (maker.use === agent.kind || (made !== undefined && made === wireOf(agent)))
  const taken = new Set([maker, ...beside].flatMap((each) => (each?.use === agent.kind ? (each.model ?? []) : [])))
  // Through another tool the maker's own model may have another name: it comes last.
  const usual = sameMaker
    ? maker.use === agent.kind
      ? [models.checking, models.making, models.small]
      : [models.checking, models.small, models.making]
    : [models.making, models.checking, models.small]
  const order = small ? [models.small, ...usual] : usual
  return { model: order.find((model) => !taken.has(model)) ?? order[0] ?? models.making }
}

/** What an agent makes with here, for those that have to be told; undefined for one that knows by itself. */
export function usualModel(kind: AgentKind, detected: readonly DetectedAgent[]): string | undefined {
  const wires = adapterOf(kind)?.access?.wires ?? []
  if (wires.length < 2) return undefined
  const agent = detected.find((each) => each.kind === kind)
  return modelsOf(kind, agent === undefined ? wires[0] : wireOf(agent))?.making
}

function noAgent(spec: AgentSpec, detected: readonly DetectedAgent[]): Failure {
  const others = detected.map(({ kind }) => kind).join(", ")
  const why =
    others === "" ? "no coding agent is on the PATH" : `of the agents on the PATH (${others}) none can be run here`
  return new Failure("NO_AGENT", `The agent \`${spec.name}\` is \`use: auto\`, and ${why}.`, {
    hint: 'Install claude (npm i -g @anthropic-ai/claude-code), codex (npm i -g @openai/codex), opencode or gemini, or let any command make the changes: flyball init --agent "npx eslint --fix ."',
    retry: "person",
  })
}

/** What each makes with, the other one, with which it checks its own work, and a small one for short answers. The price list knows them all. */
type Models = { making: string; checking: string; small: string }

function modelsOf(kind: AgentKind, wire: WireName | undefined): Models | undefined {
  if (kind === "claude") return { making: "sonnet", checking: "opus", small: "haiku" }
  switch (adapterOf(kind)?.access === undefined ? undefined : wire) {
    case "messages":
      return { making: "claude-sonnet-5", checking: "claude-opus-5", small: "claude-haiku-4-5" }
    case "responses":
      return { making: "gpt-6-sol", checking: "gpt-5.6-sol", small: "gpt-5.4-mini" }
    case "gemini":
      return { making: "gemini-3.1-pro-preview", checking: "gemini-3.5-flash", small: "gemini-3.5-flash-lite" }
    default:
      return undefined
  }
}
