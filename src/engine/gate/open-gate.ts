import { mkdirSync } from "node:fs"
import { join } from "node:path"
import type { Measurement } from "../../core/evidence.ts"
import type { Finding } from "../../core/finding.ts"
import type { CheckSpec, Layer } from "../../core/loop.ts"
import type { Progress, Repo, Sandbox, Workspaces } from "../../core/ports.ts"
import { borrowRepo } from "../../isolate/borrow.ts"
import { sweepCheckouts } from "../../isolate/checkout.ts"
import { openRepo } from "../../isolate/repo.ts"
import { detectSandbox, withLimits } from "../../isolate/sandbox.ts"
import { openWorkspaces } from "../../isolate/workspaces.ts"
import { type GateInput, type GateResult, gate } from "../../verify/gate.ts"
import { openProber, type TreeProber } from "../../verify/measure.ts"
import { overlayTree } from "../../verify/overlay.ts"
import { flyballHome, openHome } from "../home.ts"
import { changedPaths } from "./commits.ts"
import { type Definitions, layersFor, loopAt, offeredAt } from "./offered.ts"

export type OpenGateOptions = {
  /** A folder of the repository, which may be bare. */
  cwd: string
  /** Judges by this loop's layers, as its file stands on the base; else by all that the project offers there. */
  loop?: string | undefined
  /** Take the place of what the project offers. */
  checks?: readonly CheckSpec[]
  /** Brings the dependencies into a checkout where the user's checkout has none to lend; a shell line. */
  setup?: string | undefined
  progress?: Progress
  signal: AbortSignal
  env?: Readonly<Record<string, string | undefined>>
}

/** What was judged, by what, and every measurement that was taken for it. */
export type Judged = GateResult & { layers: readonly Layer[]; definitions: Definitions; measurements: Measurement[] }

/** More of the one judgement: its own definitions, and whatever else the gate of `verify/` takes. */
export type JudgeOptions = { definitions?: Definitions } & Partial<
  Pick<GateInput, "change" | "attempt" | "earlier" | "lastWord" | "approval" | "progress">
>

export type GateTools = { workspaces: Workspaces; prober: TreeProber }

export type OpenGate = AsyncDisposable & {
  /** The user's repository: only read. */
  source: Repo
  /** One that borrows its objects; what is made here (merged trees, scratch commits) vanishes with the gate. */
  repo: Repo
  sandbox: Sandbox
  /** What measures and checks out by these definitions. */
  toolsFor(definitions: Definitions): GateTools
  /** What a base is judged by; read once for each. */
  definitionsAt(base: string): Promise<Definitions>
  /** The layers for one change, where no loop names them. */
  layersOf(definitions: Definitions, base: string, head: string, finding?: Finding): Promise<readonly Layer[]>
  /** Base and head are commit ids of `repo`. */
  gate(base: string, head: string, finding?: Finding, options?: JudgeOptions): Promise<Judged>
}

/** The gate of a repository without a run, a ledger, a database or an agent; nothing of the repository is written. */
export async function openGate(options: OpenGateOptions): Promise<OpenGate> {
  const { cwd, setup, signal, progress = () => {}, env = process.env } = options
  const home = flyballHome(env)
  openHome(home)
  const source = await openRepo(cwd, home, { bareToo: true })
  const sandbox = await detectSandbox({ home, hidden: [source.root] })
  // What a gate left that was killed: where nothing but gates runs, nobody else clears it away. It is no reason not to judge.
  const swept = sweepCheckouts(source).catch(() => [])
  const repo = borrowRepo(source, "gate")
  const known = new Map<string, Promise<Definitions>>()
  const definitionsAt = (base: string) => {
    const found = known.get(base) ?? readDefinitions(repo, base, options)
    known.set(base, found)
    return found
  }
  const tools = new Map<string, GateTools>()
  const toolsFor = ({ hook, loopPath, path, guardrails: { limits } }: Definitions) => {
    const key = JSON.stringify([hook, loopPath, path, limits])
    const limited = withLimits(sandbox, limits)
    const found =
      tools.get(key) ?? openTools({ source, repo, sandbox: limited, hook: setup ?? hook, loopPath, path, progress })
    tools.set(key, found)
    return found
  }
  const artifactDir = join(source.dataDir, "gate")
  mkdirSync(artifactDir, { recursive: true, mode: 0o700 })

  const layersOf: OpenGate["layersOf"] = async (definitions, base, head, finding) =>
    definitions.layers ??
    layersFor(definitions.checks, { finding, paths: await changedPaths(repo.gitDir, base, head, signal) })
  return {
    source,
    repo,
    sandbox,
    toolsFor,
    definitionsAt,
    layersOf,
    gate: async (base, head, finding, more = {}) => {
      const { definitions = await definitionsAt(base), ...rest } = more
      const layers = await layersOf(definitions, base, head, finding)
      const { workspaces, prober } = toolsFor(definitions)
      const measurements: Measurement[] = []
      const result = await gate({
        repo,
        workspaces,
        measureTree: async (check, given) => {
          const measured = await prober.measureTree(check, given)
          measurements.push(measured)
          return measured
        },
        overlayTree,
        loop: { ...definitions, layers },
        base,
        head,
        ...(finding === undefined ? {} : { finding }),
        change: "gate",
        attempt: 1,
        artifactDir,
        signal,
        progress,
        ...rest,
      })
      return { ...result, layers, definitions, measurements }
    },
    async [Symbol.asyncDispose]() {
      await swept
      await repo[Symbol.asyncDispose]()
    },
  }
}

type ToolOptions = {
  source: Repo
  repo: Repo
  sandbox: Sandbox
  hook: string | undefined
  loopPath: string | undefined
  /** The folder that the loop works in. */
  path: string | undefined
  progress: Progress
}

function openTools({ source, repo, sandbox, hook, loopPath, path, progress }: ToolOptions): GateTools {
  const inPath = path === undefined ? {} : { path }
  const afterIsolate = hook === undefined ? {} : { afterIsolate: hook }
  const workspaces = openWorkspaces({ repo, sandbox, progress, ...afterIsolate, ...inPath })
  const artifactDir = join(source.dataDir, "checks")
  const setup = hook === undefined || path === undefined ? hook : `${path}: ${hook}`
  const more = { setup, ...(loopPath === undefined ? {} : { loopPath }) }
  const prober = openProber({ workspaces, sandbox, repo, artifactDir, ...more })
  return { workspaces, prober }
}

async function readDefinitions(repo: Repo, base: string, { loop, checks }: OpenGateOptions): Promise<Definitions> {
  const found = loop === undefined ? await offeredAt(repo, base) : await loopAt(repo, base, loop)
  if (checks === undefined || checks.length === 0) return found
  return { ...found, checks: Object.fromEntries(checks.map((check) => [check.name, check])) }
}
