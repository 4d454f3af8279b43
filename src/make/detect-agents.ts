import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Failure } from "../core/failure.ts"
import type { AgentKind, AgentSpec } from "../core/loop.ts"
import { run } from "../lib/process.ts"
import { adapterOf } from "./agents/index.ts"
import { agentEnvironment, type Outer } from "./environment.ts"
import { findProgram } from "./find-program.ts"

/** An agent found on this machine. `usable` is false for one that Flyball knows and can't run yet. */
export type DetectedAgent = { kind: AgentKind; program: string; version: string | undefined; usable: boolean }

/**
 * The agents on the PATH, best first. Nothing of them is run but `--version`, all at once, 5 s at most; and not even
 * that where `versions` is false, which costs no more than a look at the PATH.
 */
export async function detectAgents(
  outer: Outer,
  { versions = true, timeoutMs = 5_000 } = {},
): Promise<DetectedAgent[]> {
  const found = await Promise.all(
    known.map(async (kind) => ({ kind, path: await findProgram(probeOf(kind).program, outer.PATH ?? "", "/") })),
  )
  const installed = found.flatMap(({ kind, path }) => (path === undefined ? [] : [{ kind, program: path }]))
  const asked = versions ? await askVersions(installed, outer, timeoutMs) : []
  return installed.map((agent, at) => ({ ...agent, version: asked[at], usable: adapterOf(agent.kind) !== undefined }))
}

async function askVersions(
  installed: readonly { kind: AgentKind; program: string }[],
  outer: Outer,
  timeoutMs: number,
): Promise<(string | undefined)[]> {
  if (installed.length === 0) return []
  // A HOME of its own: some write settings there as soon as they start.
  const home = await mkdtemp(join(tmpdir(), "flyball-detect-"))
  try {
    const ask = ({ kind, program }: { kind: AgentKind; program: string }) =>
      versionOf(program, probeOf(kind).args, home, outer, timeoutMs)
    return await Promise.all(installed.map(ask))
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
 * What `use: auto` becomes, down the whole ladder: the best usable agent, and for a reviewer another one than the maker's
 * if there is one, else another model of it. Throws NO_AGENT, which names the ways out, where none is installed.
 */
export function resolveAuto(spec: AgentSpec, detected: readonly DetectedAgent[], maker?: AgentSpec): AgentSpec {
  const then = spec.then === undefined ? {} : { then: resolveAuto(spec.then, detected, maker) }
  if (spec.use !== "auto") return { ...spec, ...then }
  const usable = detected.filter((agent) => agent.usable).map(({ kind }) => kind)
  const kind = usable.find((candidate) => candidate !== maker?.use) ?? usable[0]
  if (kind === undefined) throw noAgent(spec, detected)
  return { ...spec, ...then, use: kind, ...modelFor(kind, spec, maker) }
}

/**
 * The model is always named: a default that nobody knows has no price, and two sessions with the same default could not
 * be told apart from a maker that checks itself.
 */
function modelFor(kind: AgentKind, spec: AgentSpec, maker: AgentSpec | undefined): { model?: string } {
  const [making, checking] = models.get(kind) ?? []
  const taken = maker?.use === kind ? maker.model : undefined
  const model = spec.model ?? (maker?.use === kind && taken !== checking ? checking : making)
  return model === undefined ? {} : { model }
}

function noAgent(spec: AgentSpec, detected: readonly DetectedAgent[]): Failure {
  const others = detected.map(({ kind }) => kind).join(", ")
  const why =
    others === ""
      ? "no coding agent is on the PATH"
      : `of the agents on the PATH (${others}) none can be run by this version`
  return new Failure("NO_AGENT", `The agent \`${spec.name}\` is \`use: auto\`, and ${why}.`, {
    hint: 'Install claude (npm i -g @anthropic-ai/claude-code) or codex (npm i -g @openai/codex), or let any command make the changes: flyball init --agent "npx eslint --fix ."',
    retry: "person",
  })
}

/** In the order in which `auto` prefers them. */
const known: readonly AgentKind[] = ["claude", "codex", "opencode", "gemini", "pi"]

/** What each makes with, and the other one, with which it checks its own work. The price list knows them all. */
const models: ReadonlyMap<AgentKind, readonly [string, string]> = new Map([
  ["claude", ["sonnet", "opus"] as const],
  ["codex", ["gpt-6-sol", "gpt-5.6-sol"] as const],
])
