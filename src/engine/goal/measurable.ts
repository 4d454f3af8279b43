import type { CheckKind, CheckSpec } from "../../core/loop.ts"

/** What people say for what a check of each kind measures. */
const words: readonly (readonly [CheckKind, RegExp])[] = [
  ["tests", /\b(tests?|specs?|suite|testing|regressions?)\b/i],
  ["lint", /\b(lint\w*|eslint|biome|ruff|style|warnings?|formatt?\w*|clippy)\b/i],
  ["types", /\b(types?|typed|typing|typecheck\w*|tsc|mypy|pyright|any)\b/i],
  ["build", /\b(builds?|compil\w+|bundl\w+)\b/i],
]

/**
 * The project's checks that a goal in prose speaks of. None means that it is vague: nothing here could ever say that it is
 * reached, and no number of attempts would end it.
 */
export function measurable(goal: string, checks: readonly CheckSpec[]): CheckSpec[] {
  const kinds = words.filter(([, said]) => said.test(goal)).map(([kind]) => kind)
  return checks.filter((check) => check.run !== undefined && (kinds.includes(check.kind) || goal.includes(check.name)))
}

/** The command line that says in full what a goal in prose left open. */
export function inFull(goal: string, commands: readonly string[]): string {
  const quoted = (text: string) => `"${text.replace(/(["\\$`])/g, "\\$1")}"`
  return ["flyball goal", quoted(goal), ...commands.map((command) => `--check ${quoted(command)}`)].join(" ")
}
