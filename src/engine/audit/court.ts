import { join } from "node:path"
import type { Evidence, Measurement } from "../../core/evidence.ts"
import type { Finding } from "../../core/finding.ts"
import type { CheckSpec } from "../../core/loop.ts"
import type { Repo, Sandbox } from "../../core/ports.ts"
import { type Standing, standingOf } from "../../core/standing.ts"
import { openWorkspaces } from "../../isolate/workspaces.ts"
import { defaultGuardrails } from "../../spec/guardrails.ts"
import { type GateResult, gate } from "../../verify/gate.ts"
import { openProber } from "../../verify/measure.ts"
import { overlayTree } from "../../verify/overlay.ts"
import { layersFor } from "../gate/offered.ts"

/** What is put before the gate. */
export type Matter = {
  base: string
  head: string
  finding: Finding
  checks: Record<string, CheckSpec>
  /** Every check runs, even once one has refused the change. */
  exhaustive?: boolean
  /** As by hand: nobody makes another attempt. */
  lastWord?: boolean
  signal: AbortSignal
}

/** The gate of one repository, opened once: what it measures on a base is measured once. */
export type Court = {
  /** As a loop would have it judged. */
  judge(matter: Matter): Promise<GateResult>
  /** One check on one tree, by a base's definitions. */
  measure(check: CheckSpec, of: { tree: string; base: string }, signal: AbortSignal): Promise<Measurement>
  /** Whether the finding is there on the base. */
  standing(matter: Omit<Matter, "head">): Promise<Standing>
}

/** Opens the gate on a scratch repository. `home` is a FLYBALL_HOME of the audit's own. */
export function openCourt(repo: Repo, sandbox: Sandbox, setup?: string): Court {
  const workspaces = openWorkspaces({
    repo,
    sandbox,
    progress: () => {},
    ...(setup === undefined ? {} : { afterIsolate: setup }),
  })
  const prober = openProber({ workspaces, sandbox, repo, artifactDir: join(repo.dataDir, "artifacts") })
  return {
    judge: ({ checks, ...matter }) =>
      gate({
        ...matter,
        repo,
        workspaces,
        measureTree: prober.measureTree,
        overlayTree,
        loop: {
          agents: {},
          strict: false,
          checks,
          // Every case has a finding, so what is changed does not decide on the layers.
          layers: layersFor(checks, { finding: matter.finding, paths: [] }),
          guardrails: defaultGuardrails,
        },
        change: `audit-${matter.head.slice(0, 12)}`,
        attempt: 1,
        artifactDir: join(repo.dataDir, "review"),
      }),
    measure: (check, { tree, base }, signal) =>
      prober.measureTree(check, { tree, definitionsFrom: base, purpose: "audit", signal }),
    async standing({ base, finding, checks, signal }) {
      const check = checks[finding.reproduce?.check ?? ""]
      return standingOf(finding, check === undefined ? undefined : await prober.measure(check, base, signal))
    },
  }
}

/** The checks whose evidence stands in the way. */
export function blockers({ evidence, head, base }: Pick<GateResult, "evidence" | "head" | "base">): Evidence[] {
  const last = new Map(
    evidence.filter((each) => each.head === head && each.base === base).map((each) => [each.check, each]),
  )
  return [...last.values()].filter((each) => each.outcome !== "pass")
}
