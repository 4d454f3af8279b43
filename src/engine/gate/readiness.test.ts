import { expect, test } from "vitest"
import type { CheckState } from "./prove.ts"
import { type Readiness, type ReadinessFacts, readinessOf } from "./readiness.ts"

const green: CheckState = { is: "green", ran: 9, ids: [], says: "9 tests pass", ms: 900 }
const tests = { name: "tests_pass", kind: "tests", format: "vitest", state: green } as const
const lint = { name: "lint_clean", kind: "lint", format: "eslint", state: green } as const
const all: ReadinessFacts = { checks: [tests, lint], lacking: [], sandboxed: true, remote: true, ci: true, agent: true }

const cases: [string, Partial<ReadinessFacts>, Readiness["is"], string?][] = [
  ["all is there", {}, "ready"],
  ["nothing was measured", { checks: [{ ...tests, state: undefined }].map(({ state: _, ...rest }) => rest) }, "ready"],
  ["no checks", { checks: [] }, "not_yet", "Add tests"],
  ["no tests", { checks: [lint] }, "ready_with_care", "Add tests"],
  [
    "tests that can't be measured",
    { checks: [{ ...tests, state: { ...green, is: "error" } }] },
    "not_yet",
    "fresh checkout",
  ],
  ["flaky tests", { checks: [{ ...tests, state: { ...green, is: "flaky" } }] }, "ready_with_care", "same every time"],
  ["a red base", { checks: [{ ...tests, state: { ...green, is: "red" } }] }, "ready_with_care", "first loop"],
  ["a slow suite", { checks: [{ ...tests, state: { ...green, ms: 400_000 } }] }, "ready_with_care", "faster"],
  [
    "a lint that is not installed",
    { lacking: [{ check: "lint_clean", needs: "eslint" }] },
    "ready_with_care",
    "Install eslint",
  ],
  [
    "tests whose runner is not installed",
    { lacking: [{ check: "tests_pass", needs: "vitest" }] },
    "not_yet",
    "Install vitest",
  ],
  ["no sandbox", { sandboxed: false }, "ready_with_care", "bubblewrap"],
  ["no remote", { remote: false }, "ready", "Add a remote"],
  ["no CI", { ci: false }, "ready", "flyball gate"],
  [
    "tests that stay green whatever is broken",
    { checks: [{ ...tests, proof: { is: "stays_green", says: "", tried: [] } }] },
    "not_yet",
    "Mend `tests_pass`",
  ],
]

test.each([
  ["vitest", "its tests are judged one by one"],
  ["exit", "`tests_pass` as a whole by the exit code alone"],
])("what reads the tests says how they are seen: %s", (format, says) => {
  expect(readinessOf({ ...all, checks: [{ ...tests, format }, lint] }).says).toContain(says)
})

test.each(cases)("%s", (_, facts, is, raise) => {
  const ready = readinessOf({ ...all, ...facts })
  expect(ready.is).toBe(is)
  if (raise !== undefined) expect(ready.raise.join("\n")).toContain(raise)
  expect(ready.trust.length > 0).toBe(is !== "not_yet")
})
