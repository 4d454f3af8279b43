import { beforeAll, expect, test } from "vitest"
import { newSession, type Session } from "./adapter.ts"
import { parseClaude } from "./agents/claude.ts"
import { tariffOf } from "./price.ts"
import { openReportedCeiling } from "./reported-ceiling.ts"

// The list is loaded when it is first asked.
beforeAll(async () => {
  await tariffOf("claude-sonnet-5")
})

const start = (id: string, read: number) => ({
  type: "stream_event",
  event: {
    type: "message_start",
    message: {
      id,
      model: "claude-sonnet-5",
      usage: { input_tokens: 100, cache_read_input_tokens: read, output_tokens: 1 },
    },
  },
})
const whole = (id: string, read: number) => ({
  type: "assistant",
  message: {
    id,
    model: "claude-sonnet-5",
    usage: { input_tokens: 100, cache_read_input_tokens: read, output_tokens: 1 },
    content: [{ type: "tool_use", name: "Read", input: {} }],
  },
})
const end = (out: number, stop: "tool_use" | "end_turn") => ({
  type: "stream_event",
  event: { type: "message_delta", delta: { stop_reason: stop }, usage: { output_tokens: out } },
})

/** After how many lines of a session its ceiling is reached, and in which words; undefined: never. */
async function reachedAfter(lines: object[], limits: { usd?: number; tokens?: number }) {
  const said: string[] = []
  const ceiling = openReportedCeiling(limits, undefined, (why) => said.push(why))
  let session: Session = newSession
  for (const [at, line] of lines.entries()) {
    session = parseClaude(JSON.stringify(line), session)
    expect(session.unread).toBe(0)
    ceiling.told(session)
    // Prices are looked up meanwhile.
    if (limits.usd !== undefined) await new Promise((resolve) => setTimeout(resolve, 50))
    if (said.length > 0) return { lines: at + 1, why: said[0] }
  }
  return undefined
}

const session = (last: "tool_use" | "end_turn") => [
  start("a", 1_000),
  whole("a", 1_000),
  end(900, "tool_use"),
  start("b", 3_000),
  whole("b", 3_000),
  end(900, last),
]

test.each<[what: string, lines: object[], limits: { usd?: number; tokens?: number }, lines: number | undefined]>([
  ["all of it fits", session("end_turn"), { tokens: 6_000 }, undefined],
  ["there is no ceiling", session("tool_use"), {}, undefined],
  ["what a message read is over it", session("end_turn"), { tokens: 4_000 }, 4],
  ["what a message put out is over it", session("end_turn"), { tokens: 5_500 }, 6],
  // 6,000 are used, and the next request reads 3,100 again at least.
  ["the next request does not fit", session("tool_use"), { tokens: 9_000 }, 6],
  ["the next request fits", session("tool_use"), { tokens: 9_200 }, undefined],
  ["it ends, and what is used fits", session("end_turn"), { tokens: 9_000 }, undefined],
  ["dollars do, too", session("end_turn"), { usd: 0.01 }, 4],
  ["dollars fit", session("end_turn"), { usd: 0.1 }, undefined],
])("%s: it is held to its ceiling by its own account", async (_, lines, limits, expected) => {
  expect((await reachedAfter(lines, limits))?.lines).toBe(expected)
})

test("it is said what was used, and that the next request did not fit", async () => {
  const { why } = (await reachedAfter(session("tool_use"), { tokens: 9_000 })) ?? {}
  expect(why).toBe(
    "the ceiling of 9000 tokens for this attempt is reached, by its own account: 6000 used, and the next request does not fit",
  )
})

test("M2: dollars that nobody can tell are not held against a ceiling here: they are charged as unknown", async () => {
  const lines = session("tool_use").map((line) =>
    JSON.parse(JSON.stringify(line).replaceAll("claude-sonnet-5", "my-own")),
  )
  expect(await reachedAfter(lines, { usd: 0.000_1 })).toBeUndefined()
})
