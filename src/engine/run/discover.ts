import type { Finding } from "../../core/finding.ts"
import type { Base, Evaluated, Found, Green, Progress } from "../../core/ports.ts"
import { discover } from "../../discover/discover.ts"
import { sameWork } from "../../discover/same-work.ts"
import { readChanges } from "../../record/ledger.ts"
import { compileCondition } from "../../spec/condition.ts"
import { readConfig } from "../../spec/project-files.ts"
import { checkoutTree } from "../../spec/tree.ts"
import { shellOn } from "../../verify/shell.ts"
import type { Engine } from "../engine.ts"
import { evaluateBase, evaluatorOf } from "../goal/evaluate.ts"
import type { OpenContext } from "../open-context.ts"
import { staleInTree } from "../skills/check.ts"
import type { Heard } from "../state-file.ts"
import { explore, exploreBy } from "./explore.ts"
import { triage } from "./triage.ts"

/** `triageUsd`: what a triager would cost at most, where a rehearsal asks none; `evaluated`: what was said of the goal. */
export type Discovered = Found & { triageUsd: number; evaluated?: Evaluated }

type Discovering = {
  engine: Engine
  context: OpenContext
  base: Base
  heard: Heard
  signal: AbortSignal
  progress: Progress
  /** The run that pays for agents that look around; without one none is started. */
  run?: string
}

/**
 * Runs the loop's sources on the base. No agent is started but those that `agent(NAME)` and `skill(NAME)` ask for, and a triager for
 * what is new, so nothing found costs nothing.
 */
export async function discoverFor({
  engine,
  context,
  base,
  heard,
  signal,
  progress,
  run,
}: Discovering): Promise<Discovered> {
  const { session } = engine
  const { loop, prober, workspaces, sandbox } = context
  const text = loop.steps.discover.attemptIf
  const condition = text === undefined ? undefined : await compileCondition(text, "attempt_if")
  // What a source finds is not known yet; what a person closed long ago must not take the place of what is open.
  const closed = (_: Finding, outcome: string) => outcome === "closed"
  const changes = await readChanges(session.db, { repo: session.repo.key, loop: loop.name }, undefined, closed)
  const { trust } = await readConfig(checkoutTree(session.repo.root), [])
  const underWay = (finding: Finding) =>
    changes.some(
      (change) =>
        change.finished !== "merged" && change.finished !== "already_fixed" && sameWork(change.finding, finding),
    )
  // Merged, and nothing can show that it came back: it is not begun again.
  const settled = (finding: Finding) =>
    underWay(finding) ||
    (finding.reproduce === undefined && changes.some((change) => sameWork(change.finding, finding)))
  let explored = 0
  let triageUsd = 0
  let evaluated: Evaluated | undefined
  const found = await discover(
    {
      repo: session.repo,
      base,
      loop,
      prober,
      signal,
      progress,
      ...(trust === undefined ? {} : { trust }),
      ...(evaluatorOf(loop) === undefined
        ? {}
        : {
            evaluate: async (green: readonly Green[], until = signal) => {
              evaluated = await evaluateBase(context, { run, base, green }, until)
              return evaluated
            },
          }),
      ...(run === undefined
        ? {}
        : {
            explore: (name: string, until = signal) => {
              explored += 1
              return explore(context, { name, run, base, ordinal: explored }, until)
            },
            exploreBy: (skill: string, until = signal) => {
              explored += 1
              return exploreBy(context, skill, { run, base, ordinal: explored }, until)
            },
          }),
      staleSkills: (until = signal) => staleInTree(session.repo, { tree: base.sha, history: base.sha }, until),
      shell: (command, timeoutMs, until = signal) =>
        shellOn({ workspaces, sandbox, commit: base.sha, command, path: loop.path, timeoutMs, signal: until }),
    },
    {
      wordOn: heard.said.wordOn,
      added: heard.added,
      underWay,
      ...(loop.steps.discover.triage === undefined
        ? {}
        : {
            triage: async (findings: readonly Finding[], lines: readonly string[]) => {
              const sorted = await triage(context, findings, lines, { base, run, settled, signal })
              triageUsd = sorted.atMostUsd ?? 0
              return sorted
            },
          }),
      ...(condition === undefined ? {} : { attemptIf: (finding: Finding) => holds(condition.evaluate({ finding })) }),
    },
  )
  return { ...found, triageUsd, ...(evaluated === undefined ? {} : { evaluated }) }
}

/** A condition that can't be decided does not hold: what nobody knows is not attempted. */
function holds(outcome: { is: "known"; value: boolean } | { is: "unknown" }): boolean {
  return outcome.is === "known" && outcome.value
}
