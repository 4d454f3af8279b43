import type { Finding } from "../../core/finding.ts"
import type { Base, Found, Progress } from "../../core/ports.ts"
import { discover } from "../../discover/discover.ts"
import { sameWork } from "../../discover/same-work.ts"
import { readChanges } from "../../record/ledger.ts"
import { compileCondition } from "../../spec/condition.ts"
import { readConfig } from "../../spec/project-files.ts"
import { checkoutTree } from "../../spec/tree.ts"
import { shellOn } from "../../verify/shell.ts"
import type { Engine } from "../engine.ts"
import type { OpenContext } from "../open-context.ts"
import type { Heard } from "../state-file.ts"
import { explore } from "./explore.ts"

export type Discovered = Found

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

/** Runs the loop's sources on the base. No agent is started but those that `agent(NAME)` asks for, so nothing found costs nothing. */
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
  let explored = 0
  return discover(
    {
      repo: session.repo,
      base,
      loop,
      prober,
      signal,
      progress,
      ...(trust === undefined ? {} : { trust }),
      ...(run === undefined
        ? {}
        : {
            explore: (name: string, until = signal) => {
              explored += 1
              return explore(context, { name, run, base, ordinal: explored }, until)
            },
          }),
      shell: (command, timeoutMs, until = signal) =>
        shellOn({ workspaces, sandbox, commit: base.sha, command, path: loop.path, timeoutMs, signal: until }),
    },
    {
      wordOn: heard.said.wordOn,
      added: heard.added,
      underWay: (finding: Finding) =>
        changes.some(
          (change) =>
            change.finished !== "merged" && change.finished !== "already_fixed" && sameWork(change.finding, finding),
        ),
      ...(condition === undefined ? {} : { attemptIf: (finding: Finding) => holds(condition.evaluate({ finding })) }),
    },
  )
}

/** A condition that can't be decided does not hold: what nobody knows is not attempted. */
function holds(outcome: { is: "known"; value: boolean } | { is: "unknown" }): boolean {
  return outcome.is === "known" && outcome.value
}
