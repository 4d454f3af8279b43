import { expect, test } from "vitest"
import { digestOfOutput } from "./digest.ts"

test.each([
  ["times", "at 2026-11-21T08:39:25.123Z", "at 2027-01-01T00:00:00Z"],
  ["clock times", "[08:39:25] start", "[23:01:02] start"],
  ["durations", "3 passed in 1.23s (456 ms)", "3 passed in 9.87s (12 ms)"],
  [
    "ids",
    "session 0650a746-4c6d-4b93-a96d-8de9c71ec4d1 toolu_01abc",
    "session 1750a746-4c6d-4b93-a96d-8de9c71ec4d2 toolu_99zz",
  ],
  ["commits", "HEAD is now at 57f89ed", "HEAD is now at eaaa2f8"],
  ["temporary paths", "open /tmp/agent-x1/a.txt", "open /tmp/agent-y2/b.txt"],
  ["colours and white space", "\u001B[31mred\u001B[0m  x\n", "red x"],
])("M4: output that differs only in %s is the same output", (_, a, b) => {
  expect(digestOfOutput(a)).toBe(digestOfOutput(b))
})

test.each([
  ["3 failed", "2 failed"],
  ["src/a.ts:12 is wrong", "src/a.ts:13 is wrong"],
  ["I fixed parse()", "I fixed render()"],
])("%s is not %s", (a, b) => {
  expect(digestOfOutput(a)).not.toBe(digestOfOutput(b))
})
