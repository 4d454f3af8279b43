import { access, mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Failure } from "../core/failure.ts"
import type { AgentKind, AgentSpec } from "../core/loop.ts"
import { run } from "../lib/process.ts"
import { adapterOf } from "./agents/index.ts"
import { keyVariableOf, wireOfModel } from "./agents/reach.ts"
import { agentEnvironment, type Outer } from "./environment.ts"
import { findProgram } from "./find-program.ts"
import { type Upstreams, upstreamFor } from "./gateway/upstreams.ts"
import type { WireName } from "./gateway/wires/wire.ts"

/** How an agent would show who pays for it: with a key, with a subscription's token, or not at all. */
export type AgentAuth =
  | { is: "key"; from: string; wire: WireName }
  | { is: "token"; from: string }
  /** It is logged in for its user, which Flyball does not use. */
  | { is: "login"; file: string; instead: string }
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
export type DetectOptions = { versions?: boolean; timeoutMs?: number; upstreams?: Upstreams | undefined }

/**
 * The agents on the PATH, best first, and how each would authenticate. Nothing of them is run but `--version`, all at
 * once, 5 s at most; and not even that where `versions` is false, which costs no more than a look at the PATH.
 */
export async function detectAgents(
  outer: Outer,
  { versions = true, timeoutMs = 5_000, upstreams }: DetectOptions = {},
): Promise<DetectedAgent[]> {
  const found = await Promise.all(
    known.map(async (kind) => ({ kind, path: await findProgram(probeOf(kind).program, outer.PATH ?? "", "/") })),
  )
  const installed = found.flatMap(({ kind, path }) => (path === undefined ? [] : [{ kind, program: path }]))
  const { asked, node } = versions ? await askVersions(installed, outer, timeoutMs) : { asked: [], node: undefined }
  return await Promise.all(
    installed.map(async (agent, at) => {
      const lacks = lackOf(agent.kind, node)
      return {
        ...agent,
        version: asked[at],
        usable: adapterOf(agent.kind) !== undefined && lacks === undefined,
        auth: await authOf(agent.kind, outer, upstreams),
        ...(lacks === undefined ? {} : { lacks }),
      }
    }),
  )
}

/** A key that the gateway or the environment has, else a subscription's token, else what is seen of a login. */
async function authOf(kind: AgentKind, outer: Outer, upstreams: Upstreams | undefined): Promise<AgentAuth> {
  const facts = adapterOf(kind)?.access
  if (facts === undefined) return { is: "nothing" }
  for (const wire of facts.wires) {
    const from = keyVariableOf(wire, outer) ?? (upstreams && upstreamFor(upstreams, wire)?.name)
    if (from !== undefined) return { is: "key", from, wire }
  }
  const { tokenVariable, login } = facts
  if (tokenVariable !== undefined && outer[tokenVariable]) return { is: "token", from: tokenVariable }
  if (login === undefined || !outer.HOME) return { is: "nothing" }
  const file = join(outer.HOME, login.file)
  return await access(file).then(
    () => ({ is: "login", file, instead: login.instead }),
    () => ({ is: "nothing" }),
  )
}

function lackOf(kind: AgentKind, node: string | undefined): string | undefined {
  const oldest = adapterOf(kind)?.access?.node
  if (oldest === undefined || node === undefined) return undefined
  const [major = 0, minor = 0] = node.split(".").map(Number)
  const [wantedMajor, wantedMinor] = oldest
  const old = major < wantedMajor || (major === wantedMajor && minor < wantedMinor)
  return old ? `Node ${oldest.join(".")} or newer on the PATH (there is ${node})` : undefined
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
export function resolveAuto(spec: AgentSpec, detected: readonly DetectedAgent[], maker?: AgentSpec): AgentSpec {
  const then = spec.then === undefined ? {} : { then: resolveAuto(spec.then, detected, maker) }
  if (spec.use !== "auto") return { ...spec, ...then }
  const usable = detected.filter((agent) => agent.usable)
  const paid = usable.filter(({ auth }) => auth === undefined || auth.is === "key" || auth.is === "token")
  const pool = paid.length > 0 ? paid : usable
  const made = maker === undefined ? undefined : wireOfMaker(maker, detected)
  const agent =
    pool.find((candidate) => candidate.kind !== maker?.use && wireOf(candidate) !== made) ??
    pool.find(({ kind }) => kind === maker?.use) ??
    pool[0]
  if (agent === undefined) throw noAgent(spec, detected)
  return { ...spec, ...then, use: agent.kind, ...modelFor(agent, spec, maker, made) }
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
  maker: AgentSpec | undefined,
  made: WireName | undefined,
): { model?: string } {
  const [making, checking] = modelsOf(agent.kind, wireOf(agent)) ?? []
  const taken = maker?.use === agent.kind ? maker.model : undefined
  const sameMaker = maker !== undefined && (maker.use === agent.kind || (made !== undefined && made === wireOf(agent)))
  const model = spec.model ?? (sameMaker && taken !== checking ? checking : making)
  return model === undefined ? {} : { model }
}

/** What an agent makes with here, for those that have to be told; undefined for one that knows by itself. */
export function usualModel(kind: AgentKind, detected: readonly DetectedAgent[]): string | undefined {
  const wires = adapterOf(kind)?.access?.wires ?? []
  if (wires.length < 2) return undefined
  const agent = detected.find((each) => each.kind === kind)
  return modelsOf(kind, agent === undefined ? wires[0] : wireOf(agent))?.[0]
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

/** In the order in which `auto` prefers them. */
const known: readonly AgentKind[] = ["claude", "codex", "opencode", "gemini", "pi"]

/** What each makes with, and the other one, with which it checks its own work. The price list knows them all. */
function modelsOf(
  kind: AgentKind,
  wire: WireName | undefined,
): readonly [making: string, checking: string] | undefined {
  if (kind === "claude") return ["sonnet", "opus"]
  switch (adapterOf(kind)?.access === undefined ? undefined : wire) {
    case "messages":
      return ["claude-sonnet-5", "claude-opus-5"]
    case "responses":
      return ["gpt-6-sol", "gpt-5.6-sol"]
    case "gemini":
      return ["gemini-3.1-pro-preview", "gemini-3.5-flash"]
    default:
      return undefined
  }
}
