import { z } from "zod"
import type { Progress } from "../../core/ports.ts"
import { tryGit } from "../../lib/git.ts"
import { agentsHere } from "../agents-here.ts"
import { commitNamed, refuseIncomplete, uncommitted } from "../gate/commits.ts"
import { filesIn } from "../gate/edit-tree.ts"
import { checkOf } from "../gate/given.ts"
import type { Definitions } from "../gate/offered.ts"
import { type OpenGate, openGate } from "../gate/open-gate.ts"
import { ProvedCheck, proveCheck } from "../gate/prove.ts"
import { Readiness, readinessOf } from "../gate/readiness.ts"
import { ciOf } from "./ci-here.ts"
import { lackingTools } from "./tools-here.ts"

/** What `flyball gate --prove` says; documented in docs/gate.md. */
export const ProveReport = z.object({
  repo: z.string(),
  commit: z.object({ name: z.string(), sha: z.string() }),
  checks: z.array(ProvedCheck),
  readiness: Readiness,
  sandboxed: z.boolean(),
  sandbox: z.string(),
  notes: z.array(z.string()),
  ms: z.number(),
})
export type ProveReport = z.infer<typeof ProveReport>

export type ProveOptions = {
  cwd: string
  commit: string
  loop?: string
  checks?: readonly string[]
  setup?: string
  signal: AbortSignal
  progress: Progress
}

/** Shows of each declared check that it can go red here, in scratch copies; nothing of the repository is written. */
export async function proveHere(options: ProveOptions): Promise<ProveReport> {
  const { cwd, signal, progress, loop, setup } = options
  const started = performance.now()
  await using gate = await openGate({ cwd, loop, setup, progress, signal })
  const { name, sha, note } = await commitNamed(gate.source, cwd, options.commit, signal)
  await refuseIncomplete(cwd, sha, sha, signal)
  const definitions = await definitionsFor(gate, sha, options.checks ?? [])
  const declared = Object.values(definitions.checks).filter(({ run }) => run !== undefined)
  const lacking = await lackingTools(gate.source, declared)
  const told = (text: string) => progress({ verb: "verify", text })
  const checks: ProvedCheck[] = []
  for (const check of declared) checks.push(await proveCheck(check, { gate, definitions, commit: sha, told, signal }))
  const { kind } = gate.sandbox
  const dirty = await uncommitted(cwd, signal)
  return {
    repo: gate.source.root,
    commit: { name, sha },
    checks,
    readiness: readinessOf({
      checks: declared.map((check, index) => {
        const proved = checks[index]
        return proved === undefined ? check : { ...check, state: proved.base, proof: proved.proof }
      }),
      lacking: lacking.filter(({ check }) => checks.find(({ name: known }) => known === check)?.base.is === "error"),
      sandboxed: kind.is === "bubblewrap",
      remote: (await tryGit(["remote"], { cwd, signal })).stdout.trim() !== "",
      ci: ciOf((await filesIn(gate.repo, sha, signal)).map(({ path }) => path)).length > 0,
      agent: (await agentsHere({ versions: false })).some(({ usable }) => usable),
    }),
    sandboxed: kind.is === "bubblewrap",
    sandbox: kind.is === "bubblewrap" ? `bubblewrap ${kind.version}` : kind.why,
    notes: [
      ...(note === undefined ? [] : [note]),
      ...(dirty === 0
        ? []
        : [`${dirty} uncommitted in your checkout: what was looked at is ${sha.slice(0, 10)} as committed.`]),
      ...(declared.length === 0 ? ["No check is declared, and none was found in the project."] : []),
    ],
    ms: Math.round(performance.now() - started),
  }
}

async function definitionsFor(gate: OpenGate, sha: string, commands: readonly string[]): Promise<Definitions> {
  const found = await gate.definitionsAt(sha)
  if (commands.length === 0) return found
  const given = await Promise.all(commands.map((command) => checkOf(command, gate.source, sha)))
  return { ...found, checks: Object.fromEntries(given.map((check) => [check.name, check])) }
}
