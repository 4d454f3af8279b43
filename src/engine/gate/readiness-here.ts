import type { CheckSpec } from "../../core/loop.ts"
import type { Repo } from "../../core/ports.ts"
import { detectSandbox } from "../../isolate/sandbox.ts"
import { tryGit } from "../../lib/git.ts"
import { ciOf } from "../commands/ci-here.ts"
import { type Lacking, lackingTools } from "../commands/tools-here.ts"
import { flyballHome } from "../home.ts"
import { trackedFiles } from "../load.ts"
import { commitNamed } from "./commits.ts"
import { openGate } from "./open-gate.ts"
import { type CheckState, stateOf } from "./prove.ts"
import { type Readiness, readinessOf } from "./readiness.ts"

export type HereOptions = {
  repo: Repo
  checks: readonly CheckSpec[]
  lacking?: readonly Lacking[]
  /** Whether somebody is here who could make changes. */
  agent: boolean
  /** For measuring the checks as they are, all together; what takes longer is not measured. 0: nothing is run. */
  measureMs: number
  /** Told of each check as it is measured. */
  seen?: (check: string, state: CheckState) => void
  signal: AbortSignal
}

/** How ready the checkout's repository is, by what is cheap to see; `proveHere` sees more. */
export async function readinessHere(options: HereOptions): Promise<Readiness> {
  const { repo, checks, agent, signal } = options
  const lacking = options.lacking ?? (await lackingTools(repo, checks))
  const [sandbox, remotes, paths, states] = await Promise.all([
    detectSandbox({ home: flyballHome(process.env) }),
    tryGit(["remote"], { cwd: repo.root, signal }),
    trackedFiles(repo),
    statesWithin(options, lacking),
  ])
  return readinessOf({
    checks: checks.map((check) => {
      const state = states.get(check.name)
      return state === undefined ? check : { ...check, state }
    }),
    lacking,
    sandboxed: sandbox.kind.is === "bubblewrap",
    remote: remotes.stdout.trim() !== "",
    ci: ciOf(paths).length > 0,
    agent,
  })
}

/** The checks of HEAD as they are, tests first; what a run measured lately is remembered and costs nothing. */
async function statesWithin(
  { repo, checks, measureMs, seen, signal }: HereOptions,
  lacking: readonly Lacking[],
): Promise<Map<string, CheckState>> {
  const states = new Map<string, CheckState>()
  const wanted = checks.filter(({ name, run }) => run !== undefined && !lacking.some(({ check }) => check === name))
  if (measureMs <= 0 || wanted.length === 0) return states
  const limit = AbortSignal.any([signal, AbortSignal.timeout(measureMs)])
  await using gate = await openGate({ cwd: repo.root, signal: limit })
  const { sha } = await commitNamed(gate.source, repo.root, "HEAD", signal)
  const { prober } = gate.toolsFor(await gate.definitionsAt(sha))
  const byKind = wanted.toSorted((a, b) => Number(b.kind === "tests") - Number(a.kind === "tests"))
  for (const check of byKind) {
    const measured = limit.aborted ? undefined : await prober.measure(check, sha, limit).catch(() => undefined)
    signal.throwIfAborted()
    if (measured === undefined || (measured.result.is === "error" && measured.result.code === "stopped")) break
    const state = stateOf(measured, measured)
    states.set(check.name, state)
    seen?.(check.name, state)
  }
  return states
}
