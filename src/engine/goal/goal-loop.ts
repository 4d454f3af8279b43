import { createHash } from "node:crypto"
import { stringify } from "yaml"
import type { LoopText } from "../load.ts"

export type GoalLoopParts = {
  goal: string
  /** Commands that say whether it is reached: by a name of their own, or as the project's check of that name. */
  commands: readonly string[]
  named: readonly string[]
  /** The project's own checks, by which nothing else may get worse. */
  guards: readonly string[]
  /** `use: claude`, or a command. */
  maker?: { use: string } | { command: string }
  /** Who says, once the checks are green, whether the goal is met: `auto` is Flyball's own, a small model. */
  evaluator?: "auto" | { use: string } | { command: string }
  budget?: string
  maxIterations?: number
  setup?: string
}

/**
 * The loop that pursues a goal, as a person would write it: the same goal by the same checks is the same loop, so what an
 * earlier call began goes on. It stands in no file; `--print` shows it to those who want to keep it.
 */
export function goalLoop(parts: GoalLoopParts): LoopText {
  const { goal, commands, named, guards, maker, evaluator, budget, maxIterations, setup } = parts
  const checks = Object.fromEntries(commands.map((run, index) => [`goal_${index + 1}`, run]))
  const measures = [...Object.keys(checks), ...named]
  const name = `goal-${slug(goal)}-${digest([goal, ...commands, ...named])}`
  const judges = [...new Set([...measures, ...guards, "diff_reasonable"])]
  const agents = {
    ...(maker === undefined ? {} : { implementer: agentOf(maker) }),
    ...(evaluator === undefined || evaluator === "auto" ? {} : { evaluator: agentOf(evaluator) }),
  }
  const loop = {
    name,
    description: goal,
    goal: { done_when: goal, ...(evaluator === undefined ? {} : { evaluator: "evaluator" }) },
    ...(setup === undefined ? {} : { setup }),
    ...(Object.keys(agents).length === 0 ? {} : { agents }),
    ...(commands.length === 0 ? {} : { checks }),
    steps: [
      { discover: { run: `goal(${measures.join(", ")})` } },
      // There is one finding: what the run may spend is its to share out over its attempts.
      { act: { for_each: "finding", spawn: "implementer(finding)", max_parallel: 1 } },
      { verify: { check: judges.join(" AND ") } },
      { ship: { run: "open_pr" } },
    ],
    guardrails: { max_iterations: maxIterations ?? 5, budget: budget ?? "$5/run", halt_on: "no_progress(2)" },
  }
  return { file: `.flyball/loops/${name}.yaml`, text: stringify(loop, { lineWidth: 120 }) }
}

function agentOf(agent: { use: string } | { command: string }): { use: string; command?: string } {
  return "use" in agent ? agent : { use: "command", command: agent.command }
}

const SLUG_CHARS = 28

function slug(text: string): string {
  const words = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, SLUG_CHARS)
  return words.replace(/^-+|-+$/g, "") || "unnamed"
}

function digest(parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 6)
}
