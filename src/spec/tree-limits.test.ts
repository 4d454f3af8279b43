import { expect, test } from "vitest"
import { treeLimitsOf } from "../core/limits.ts"
import { explain } from "./explain.ts"
import { load, loop } from "./testing.ts"

const limited = (limits: string) => loop({ guardrails: `guardrails: { budget: $5/run, limits: { ${limits} } }` })

test("limits of memory and of processes are read, and written again", async () => {
  const { loop: loaded, diagnostics } = await load(limited("memory: 2GB, processes: 300"))
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([])
  expect(loaded?.guardrails.limits).toEqual({ memoryBytes: 2e9, processes: 300 })
  if (loaded !== undefined) expect(explain(loaded)).toMatch(/limits:\n\s+memory: 2GB\n\s+processes: 300\n/)
})

test.each([
  ["processes: 2", "`processes` must be at least 16, not 2."],
  ["memory: 8MB", "`memory` must be at least 100MB, not 8MB."],
])("%s leaves no room for a sandbox", async (limits, says) => {
  const { diagnostics } = await load(limited(limits))
  expect(diagnostics).toContainEqual(expect.objectContaining({ code: "OUT_OF_RANGE", message: says }))
})

test.each([
  [{}, 64e9, { memoryBytes: 8e9, processes: 1000 }],
  [{}, 4e9, { memoryBytes: 3e9, processes: 1000 }],
  [{ memoryBytes: 6e9 }, 4e9, { memoryBytes: 6e9, processes: 1000 }],
])("%j on a machine of %d bytes comes to %j", (limits, machine, here) => {
  expect(treeLimitsOf({ limits }, machine)).toEqual(here)
})
