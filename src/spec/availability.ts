import type { Call, Loop } from "../core/loop.ts"
import { type Known, knownActions, knownFollowUps, knownSources } from "./vocabulary.ts"

/**
 * Something a loop asks for that a later version delivers. `skipped`: the run goes on without it and says so;
 * `refused`: going on would be weaker than what the loop demands, so the run doesn't start.
 */
export type Unavailable = {
  feature: string
  where: string
  effect: "skipped" | "refused"
  needs: string
  instead?: string
}

type Rule = (loop: Loop) => Unavailable[]

/** One line for each thing not delivered yet: to deliver it is to remove its line. */
const rules: readonly Rule[] = [
  ({ trigger }) =>
    trigger.flatMap((t, i) =>
      t.on === "webhook"
        ? [
            later(
              `webhook(${t.connector})`,
              `trigger.${i}`,
              "skipped",
              "a webhook receiver",
              "the other triggers, and `flyball run`, still start it",
            ),
          ]
        : [],
    ),
  ({ trigger }) =>
    trigger.flatMap((t, i) =>
      t.on === "signal"
        ? [
            later(
              `on(${t.signal})`,
              `trigger.${i}`,
              "skipped",
              "a connector that sends this signal",
              "the other triggers, and `flyball run`, still start it",
            ),
          ]
        : [],
    ),
  ({ steps }) =>
    steps.verify.layers.flatMap((layer, i) =>
      layer.by === "approve"
        ? [
            later(
              `approve by ${layer.who}`,
              `steps.verify.layers.${i}`,
              "skipped",
              "knowing who is in a team",
              "every proposal waits for a person, whoever that is",
            ),
          ]
        : [],
    ),
  ({ steps }) => laterCalls(steps.discover.run, knownSources, "steps.discover.run", "nothing is looked for there"),
  ({ steps }) => laterCalls(steps.ship?.run ?? [], knownActions, "steps.ship.run"),
  ({ steps }) => laterCalls(steps.ship?.then ?? [], knownFollowUps, "steps.ship.then"),
  ({ autonomy }) =>
    autonomy === "merge"
      ? [later("autonomy: merge", "autonomy", "skipped", "earned autonomy", "every proposal waits for a person")]
      : [],
  ({ hooks }) =>
    hooks.onEscalate === undefined
      ? []
      : [
          later(
            "hooks.on_escalate",
            "hooks.on_escalate",
            "skipped",
            "escalation hooks",
            "the inbox has what needs a person",
          ),
        ],
  ({ guardrails }) =>
    guardrails.hours === undefined ? [] : [later("guardrails.hours", "guardrails.hours", "refused", "working hours")],
]

/** What this loop asks for that isn't available yet, with what happens instead. */
export function unavailable(loop: Loop): Unavailable[] {
  return rules.flatMap((rule) => rule(loop))
}

function later(
  feature: string,
  where: string,
  effect: Unavailable["effect"],
  needs: string,
  instead?: string,
): Unavailable {
  return { feature, where, effect, needs, ...(instead === undefined ? {} : { instead }) }
}

function laterCalls(calls: readonly Call[], known: readonly Known[], where: string, instead?: string): Unavailable[] {
  return calls.flatMap(({ name }) => {
    const needs = known.find((one) => one.name === name)?.needs
    return needs === undefined ? [] : [later(name, `${where}.${name}`, "skipped", needs, instead)]
  })
}
