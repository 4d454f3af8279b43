import { expect, test } from "vitest"
import { agentForAttempt, climbsAfter } from "./ladder.ts"
import type { AgentSpec } from "./loop.ts"

const rung = (model: string, then?: AgentSpec): AgentSpec => ({
  name: "implementer",
  use: "claude",
  model,
  skills: [],
  from: "loop",
  then,
})

test.each([
  [1, "haiku"],
  [2, "sonnet"],
  [3, "opus"],
  [7, "opus"],
])("attempt %i climbs to %s", (attempt, model) => {
  expect(agentForAttempt(rung("haiku", rung("sonnet", rung("opus"))), attempt).model).toBe(model)
})

test.each([
  [1, true],
  [2, true],
  [3, false],
])("after attempt %i there is another rung: %s", (attempt, climbs) => {
  expect(climbsAfter(rung("haiku", rung("sonnet", rung("opus"))), attempt)).toBe(climbs)
})

test("without a ladder every attempt has the same agent", () => {
  expect(agentForAttempt(rung("sonnet"), 5).model).toBe("sonnet")
})
