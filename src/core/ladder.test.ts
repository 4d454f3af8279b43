import { expect, test } from "vitest"
import { agentForRound, climbsAfter } from "./ladder.ts"
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
])("round %i climbs to %s", (round, model) => {
  expect(agentForRound(rung("haiku", rung("sonnet", rung("opus"))), round).model).toBe(model)
})

test.each([
  [1, true],
  [2, true],
  [3, false],
])("after round %i there is another rung: %s", (round, climbs) => {
  expect(climbsAfter(rung("haiku", rung("sonnet", rung("opus"))), round)).toBe(climbs)
})

test("without a ladder every round has the same agent", () => {
  expect(agentForRound(rung("sonnet"), 5).model).toBe("sonnet")
})
