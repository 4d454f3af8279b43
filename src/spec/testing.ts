import { loadLoop } from "./load.ts"
import type { Surroundings } from "./resolve.ts"
import type { ReadTree } from "./tree.ts"

export const nothing: ReadTree = { read: async () => undefined, list: async () => [] }

const lines = {
  name: "name: x",
  trigger: "trigger: manual",
  steps: "steps:",
  discover: "  - discover: { run: failing_tests, write_to: state/t.md }",
  act: "  - act: { for_each: finding in state/t.md, spawn: implementer(finding) }",
  verify: "  - verify: { check: tests_pass, agent: reviewer }",
  ship: "  - ship: { run: open_pr }",
  guardrails: "guardrails: { budget: $5/run }",
  more: "",
}

/** A sound loop with some of its lines replaced: name 1, trigger 2, steps 3, discover 4, act 5, verify 6, ship 7, guardrails 8. */
export function loop(over: Partial<typeof lines>): string {
  return `${Object.values({ ...lines, ...over }).join("\n")}\n`
}

/** Loads a text as a loop file of a repository that holds nothing else. */
export async function load(text: string, surroundings: Surroundings = {}, strict = false) {
  return loadLoop({ file: "l.yaml", text }, { repo: "/repo", tree: nothing, surroundings, strict })
}
