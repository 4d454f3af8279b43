import type { AgentSpec, Loop } from "../core/loop.ts"
import type { Draft } from "./draft.ts"
import type { Surroundings } from "./resolve.ts"
import { ladderIndependence } from "./same-agent.ts"
import type { RawLoop } from "./shape.ts"
import { complain, type SourceFile } from "./source-file.ts"
import { stepPath } from "./steps.ts"

type Given = {
  source: SourceFile
  raw: RawLoop
  loop: Omit<Loop, "hash" | "source">
  mentions: Draft["mentions"]
  choose: Surroundings["choose"]
}

/** What is well formed and yet not wise: maker = checker, a goal no machine can check, missing guard rails. */
export function lint(given: Given): void {
  lintReviewers(given)
  lintPanels(given)
  // What was written and couldn't be read is not what is missing.
  if (!told(given, ["BAD_CHECK", "WRONG_TYPE", "UNKNOWN_KEY", "EMPTY_VALUE", "STEP_SHAPE"])) {
    lintGoal(given)
    lintVerification(given)
  }
  if (!told(given, ["BAD_BUDGET", "WRONG_TYPE", "UNKNOWN_KEY", "EMPTY_VALUE"])) lintBudget(given)
  lintTriggers(given)
}

function told({ source }: Given, codes: readonly string[]): boolean {
  return source.diagnostics.some(({ code, severity }) => severity === "error" && codes.includes(code))
}

function lintReviewers({ source, loop, mentions, choose }: Given): void {
  const makerName = loop.steps.act?.agent
  if (makerName === undefined) return
  for (const mention of mentions.agents.filter(({ role }) => role === "reviewer" || role === "evaluator")) {
    const place = { ...(mention.at === undefined ? {} : { at: mention.at }) }
    if (mention.name === makerName) {
      complain(source, mention.path, {
        code: "MAKER_IS_CHECKER",
        message: `\`${makerName}\` would judge its own work.`,
        hint: "Name another agent: agent: reviewer",
        ...place,
      })
      continue
    }
    const pair = choosePair(loop.agents[makerName], loop.agents[mention.name], choose)
    if (pair === undefined) continue
    const alike = ladderIndependence(pair.maker, pair.checker)
    if (alike.is === "same")
      complain(source, mention.path, {
        code: "MAKER_IS_CHECKER",
        message: `\`${mention.name}\` is the same as \`${makerName}\`: ${alike.why}.`,
        hint: "Give one of them another agent or another model.",
        ...place,
      })
    else if (alike.is === "same_family")
      complain(source, mention.path, {
        code: "SAME_FAMILY",
        severity: loop.strict ? "error" : "warning",
        message: `Maker and checker are alike: ${alike.why}; models of one family share their blind spots.`,
        hint: "One of another maker sees more; the evidence will repeat this.",
        ...place,
      })
  }
}

/** Two copies of one opinion are no quorum (catalogue T5, among those who check). */
function lintPanels({ source, loop, mentions, choose }: Given): void {
  const maker = loop.agents[loop.steps.act?.agent ?? ""]
  for (const panel of loop.steps.verify.layers.flatMap((layer) => (layer.by === "panel" ? [layer] : []))) {
    const members: AgentSpec[] = []
    for (const name of panel.agents) {
      const spec = Object.hasOwn(loop.agents, name) ? loop.agents[name] : undefined
      const member = spec === undefined || choose === undefined ? spec : choose(spec, maker && choose(maker), members)
      if (member === undefined) continue
      const twin = members.find((other) => ladderIndependence(other, member).is === "same")
      members.push(member)
      const mention = mentions.agents.findLast((each) => each.role === "reviewer" && each.name === name)
      if (twin === undefined || mention === undefined) continue
      const alike = ladderIndependence(twin, member)
      complain(source, mention.path, {
        code: "SAME_OPINION",
        severity: loop.strict ? "error" : "warning",
        message: `\`${twin.name}\` and \`${name}\` are one opinion${alike.is === "same" ? `: ${alike.why}` : ""}; two copies of it are no quorum.`,
        hint: "Give one of them another agent or another model.",
        ...(mention.at === undefined ? {} : { at: mention.at }),
      })
    }
  }
}

/** What will really run: `use: auto` is chosen as a run chooses it, the maker first. */
function choosePair(
  maker: AgentSpec | undefined,
  checker: AgentSpec | undefined,
  choose: Surroundings["choose"],
): { maker: AgentSpec; checker: AgentSpec } | undefined {
  if (maker === undefined || checker === undefined) return undefined
  if (choose === undefined) return { maker, checker }
  const chosenMaker = choose(maker)
  const chosenChecker = chosenMaker && choose(checker, chosenMaker)
  return chosenMaker === undefined || chosenChecker === undefined
    ? undefined
    : { maker: chosenMaker, checker: chosenChecker }
}

function lintGoal({ source, loop }: Given): void {
  if (loop.goal === undefined || loop.goal.metrics.length > 0) return
  if (loop.steps.verify.layers.some(({ by }) => by === "check")) return
  complain(source, ["goal"], {
    code: "GOAL_NOT_MEASURABLE",
    part: "key",
    message: "No machine can tell when this goal is reached.",
    hint: "Add `metrics`, or checks to `verify`, or say it in names of checks: done_when: tests_pass AND lint_clean",
  })
}

function lintVerification({ source, raw, loop }: Given): void {
  if (loop.steps.act === undefined) return
  const { layers } = loop.steps.verify
  const path = stepPath(raw, "verify")
  if (layers.length === 0 && loop.goal?.metrics.length) return
  if (layers.length === 0) {
    complain(source, path.length > 1 ? path : stepPath(raw, "act"), {
      code: "NO_VERIFICATION",
      part: "key",
      message: "Nothing checks what the maker makes, so nothing could ever be accepted.",
      hint: "- verify: { check: tests_pass AND lint_clean, agent: reviewer }",
    })
  } else if (!layers.some(({ by }) => by === "check")) {
    complain(source, path, {
      code: "ONLY_OPINIONS",
      severity: "warning",
      part: "key",
      message: "No check that a machine runs: an agent's or a person's opinion alone decides.",
      hint: "Add one: check: tests_pass AND lint_clean",
    })
  }
}

function lintBudget({ source, raw, loop }: Given): void {
  if (Object.keys(loop.guardrails.budget).length > 0) return
  // Commands cost nothing unless they declare it.
  const free = Object.values(loop.agents).every(
    ({ use, usdPerAttempt }) => use === "replay" || (use === "command" && usdPerAttempt === undefined),
  )
  if (free) return
  complain(source, raw.guardrails === undefined ? [] : ["guardrails"], {
    code: "NO_BUDGET",
    severity: "warning",
    part: "key",
    message:
      loop.steps.act === undefined
        ? "The loop has no budget, and agents that are paid: only time stops what they spend."
        : "The loop has no budget: only iterations and time stop what it spends.",
    hint: "guardrails: { budget: $5/run }",
  })
}

function lintTriggers({ source, raw, loop }: Given): void {
  const seen = new Set<string>()
  for (const [index, trigger] of loop.trigger.entries()) {
    const path = Array.isArray(raw.trigger) ? ["trigger", index] : ["trigger"]
    const key = JSON.stringify(trigger)
    if (trigger.on === "after" && trigger.loop === loop.name)
      complain(source, path, {
        code: "TRIGGERS_ITSELF",
        message: "The loop would start itself, for ever.",
        hint: "every(15m) runs it again and again.",
      })
    if (seen.has(key))
      complain(source, path, { code: "TRIGGER_TWICE", severity: "warning", message: "This trigger stands here twice." })
    seen.add(key)
  }
}
