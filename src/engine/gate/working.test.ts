import { expect, test } from "vitest"
import type { Measurement } from "../../core/evidence.ts"
import type { CheckSpec } from "../../core/loop.ts"
import { workingChecks } from "./working.ts"

const error = (code: "crashed" | "timeout" | "ran_nothing"): Measurement["result"] => ({ is: "error", code, why: "no" })
const check = (name: string, kind: CheckSpec["kind"], from = "pyproject.toml"): CheckSpec => ({
  name,
  kind,
  run: name,
  timeoutMs: 1,
  from,
})

/** What one measurement came to; the rest of it is not looked at. */
const measured = (result: Measurement["result"]): Measurement => ({
  check: "c",
  tree: "0".repeat(40),
  command: "c",
  result,
  exitCode: 1,
  ms: 1,
  sandboxed: true,
  definition: "base",
  cached: false,
})

test.each<[string, CheckSpec, Measurement["result"], boolean]>([
  ["a type checker that finds nothing to check", check("types", "types"), error("ran_nothing"), false],
  ["a linter that crashes", check("lint_clean", "lint"), error("crashed"), false],
  ["a linter that took too long", check("lint_clean", "lint"), error("timeout"), true],
  ["a linter that works", check("lint_clean", "lint"), { is: "report", report: { kind: "exit", exitCode: 1 } }, true],
  ["a linter that people declared", check("lint_clean", "lint", ".flyball/checks.yaml"), error("crashed"), true],
  ["tests, which nothing replaces", check("tests_pass", "tests"), error("crashed"), true],
])("of what is only guessed, %s", async (_, spec, result, stays) => {
  const { kept, left } = await workingChecks([spec], async () => measured(result))
  expect(kept).toEqual(stays ? [spec] : [])
  expect(left.map((each) => each.check)).toEqual(stays ? [] : [spec.name])
})
