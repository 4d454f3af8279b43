import { Document, isMap, isNode } from "yaml"
import type { AgentSpec, CheckSpec, Layer, Loop } from "../core/loop.ts"
import { writeCall } from "./calls.ts"
import { writeWords } from "./check-words.ts"
import { ROOT } from "./folder-path.ts"
import { ceilingKeys, writeCeiling, writeDuration, writeSize } from "./quantity.ts"
import type { RawAgent, RawCheck, RawGuardrails, RawLayer, RawLoop } from "./shape.ts"
import { writeStatePath } from "./state-path.ts"
import { writeTrigger } from "./trigger-text.ts"

/** The canonical loop as a loop file with every default filled in; loading it gives the same loop and the same hash. */
export function explain(loop: Loop): string {
  const document = new Document(toFile(loop))
  document.commentBefore = ` ${loop.source.path}, every default filled in; hash ${loop.hash.slice(0, 12)}`
  for (const [section, members] of [
    ["agents", loop.agents],
    ["checks", loop.checks],
  ] as const)
    for (const [name, { from }] of Object.entries(members))
      note(
        document,
        [section, name],
        `from ${from === "loop" ? "the loop file" : from === "builtin" ? "Flyball" : from}`,
      )
  const builtin = Object.values(loop.checks).filter(({ kind }) => kind === "builtin")
  if (builtin.length > 0) note(document, ["steps"], `built-in checks: ${builtin.map(({ name }) => name).join(", ")}`)
  return document.toString({ lineWidth: 0, flowCollectionPadding: true })
}

function note(document: Document, path: string[], text: string): void {
  const holder = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true)
  if (!isMap(holder)) return
  const pair = holder.items.find((item) => isNode(item.key) && String(item.key) === path.at(-1))
  if (pair !== undefined && isNode(pair.key)) pair.key.commentBefore = ` ${text}`
}

/** A loop in the form in which files are written. */
function toFile(loop: Loop): RawLoop {
  const checks = Object.fromEntries(
    Object.values(loop.checks)
      .filter(({ kind }) => kind !== "builtin")
      .map((check) => [check.name, checkToFile(check, loop)]),
  )
  return defined({
    name: loop.name,
    description: loop.description,
    path: loop.path,
    strict: loop.strict,
    goal:
      loop.goal === undefined
        ? undefined
        : defined({
            done_when: loop.goal.doneWhen,
            evaluator: evaluatorOf(loop),
            metrics: loop.goal.metrics.length === 0 ? undefined : loop.goal.metrics,
          }),
    trigger: loop.trigger.map(writeTrigger),
    autonomy: loop.autonomy,
    isolation: loop.isolation,
    agents: Object.fromEntries(Object.entries(loop.agents).map(([name, agent]) => [name, agentToFile(agent)])),
    checks,
    skills: loop.skills.length === 0 ? undefined : loop.skills,
    steps: stepsToFile(loop),
    guardrails: guardrailsToFile(loop.guardrails),
    hooks:
      Object.keys(loop.hooks).length === 0
        ? undefined
        : defined({ after_isolate: loop.hooks.afterIsolate, on_escalate: loop.hooks.onEscalate }),
    network: loop.network,
    state: loop.state,
    learn: loop.learn,
  })
}

function stepsToFile({ steps }: Loop): RawLoop["steps"] {
  const { discover, plan, act, verify, ship } = steps
  const layers = verify.layers.flatMap(layerToFile)
  const empty = discover.run.length === 0 && discover.writeTo === undefined
  return [
    ...(empty
      ? []
      : [
          {
            discover: defined({
              run: discover.run.map(writeCall).join(" + "),
              write_to: discover.writeTo === undefined ? undefined : writeStatePath(discover.writeTo),
              triage: discover.triage,
              attempt_if: discover.attemptIf,
            }),
          },
        ]),
    ...(plan === undefined ? [] : [{ plan: { spawn: `${plan.agent}(finding)` } }]),
    ...(act === undefined
      ? []
      : [
          {
            act: {
              for_each: discover.writeTo === undefined ? "finding" : `finding in ${writeStatePath(discover.writeTo)}`,
              spawn: `${act.agent}(finding)`,
              max_parallel: act.maxParallel,
              ...(act.bestOf === undefined ? {} : { best_of: act.bestOf }),
            },
          },
        ]),
    ...(layers.length === 0 ? [] : [{ verify: { layers } }]),
    ...(ship === undefined
      ? []
      : [
          {
            ship: defined({
              if: ship.if,
              run: ship.run.map(writeCall).join(" + "),
              then: ship.then.length === 0 ? undefined : ship.then.map(writeCall).join(" + "),
            }),
          },
        ]),
  ]
}

/** The evaluator's layer is said by the goal. */
function layerToFile(layer: Layer): RawLayer[] {
  switch (layer.by) {
    case "check":
      return [{ check: writeWords(layer.expr) }]
    case "agent":
      return [{ agent: layer.agent }]
    case "panel":
      return [{ agent: layer.agents, quorum: layer.quorum }]
    case "evaluator":
      return []
    case "approve":
      return [{ approve: defined({ by: layer.who, when: layer.when }) }]
  }
}

function evaluatorOf({ steps }: Loop): string | undefined {
  return steps.verify.layers.flatMap((layer) => (layer.by === "evaluator" ? [layer.agent] : []))[0]
}

function agentToFile(agent: AgentSpec): RawAgent {
  const { use, description, model, effort, command, recording, instructions, skills, usdPerAttempt, then } = agent
  return defined({
    use,
    description,
    model,
    effort,
    command,
    recording,
    instructions,
    skills: skills.length === 0 ? undefined : skills,
    cost: usdPerAttempt === undefined ? undefined : writeCeiling("usdPerAttempt", usdPerAttempt),
    then: then === undefined ? undefined : agentToFile(then),
  })
}

function checkToFile({ kind, run, format, timeoutMs, path }: CheckSpec, loop: Pick<Loop, "path">): RawCheck {
  return defined({
    run,
    kind: kind === "builtin" ? undefined : kind,
    format,
    timeout: writeDuration(timeoutMs),
    path: path === loop.path ? undefined : (path ?? ROOT),
  })
}

function guardrailsToFile(guardrails: Loop["guardrails"]): RawGuardrails {
  const { budget, haltOn, maxDiff, hours, protect, licences, limits } = guardrails
  const ceilings = ceilingKeys.flatMap((key) => {
    const amount = budget[key]
    return amount === undefined ? [] : [writeCeiling(key, amount)]
  })
  return defined({
    max_iterations: guardrails.maxIterations,
    budget: ceilings.length === 0 ? undefined : ceilings,
    priority: guardrails.priority,
    halt_on: [
      `no_progress(${haltOn.noProgress})`,
      `same_error(${haltOn.sameError})`,
      ...(haltOn.repeatedOutput === undefined ? [] : [`repeated_output(${haltOn.repeatedOutput})`]),
    ],
    timeout: writeDuration(guardrails.timeoutMs),
    silence: writeDuration(guardrails.silenceMs),
    review_wip: guardrails.reviewWip,
    max_diff: maxDiff,
    max_findings: guardrails.maxFindings,
    protect: protect.length === 0 ? undefined : protect,
    licences,
    hours,
    limits: limits === undefined ? undefined : limitsToFile(limits),
  })
}

function limitsToFile(limits: NonNullable<Loop["guardrails"]["limits"]>) {
  const { outputBytes, promptBytes, stepMs, sourceMs, memoryBytes, processes } = limits
  return defined({
    output: outputBytes === undefined ? undefined : writeSize(outputBytes),
    prompt: promptBytes === undefined ? undefined : writeSize(promptBytes),
    step: stepMs === undefined ? undefined : writeDuration(stepMs),
    source: sourceMs === undefined ? undefined : writeDuration(sourceMs),
    memory: memoryBytes === undefined ? undefined : writeSize(memoryBytes),
    processes,
  })
}

/** Without what is undefined: YAML would write it as null. */
function defined<T extends object>(value: T): T {
  for (const key of Object.keys(value)) if (Reflect.get(value, key) === undefined) Reflect.deleteProperty(value, key)
  return value
}
