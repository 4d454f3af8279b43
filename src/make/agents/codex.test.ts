import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import { newSession, type Session } from "../adapter.ts"
import { spendOf } from "../price.ts"
import { finishCodex, parseCodex } from "./codex.ts"

const exited = { exitCode: 0, signal: null, stderr: "" }
const begun = [{ type: "thread.started", thread_id: "t" }, { type: "turn.started" }]
const completed = (input: number, cached: number, output: number) => ({
  type: "turn.completed",
  usage: { input_tokens: input, cached_input_tokens: cached, output_tokens: output, reasoning_output_tokens: 5 },
})
const message = (text: string) => ({ type: "item.completed", item: { id: "item_0", type: "agent_message", text } })

function session(lines: (object | string)[], start: Session = { ...newSession, model: "gpt-6-sol" }): Session {
  return lines
    .map((line) => (typeof line === "string" ? line : JSON.stringify(line)))
    .reduce((now, line) => parseCodex(line, now), start)
}

test("the lines of a real session give its end, words and tokens", () => {
  const seen = session(readFileSync(new URL("../fixtures/codex/fixed.jsonl", import.meta.url), "utf8").split("\n"))
  expect(finishCodex(seen, exited)).toEqual({ is: "done" })
  expect(seen).toMatchObject({
    said: "Done.",
    unread: 0,
    usage: { "": { tokens: { in: 300, out: 40, cacheRead: 100, cacheWrite: 0 } } },
  })
  expect(seen.spoken).toContain("echo fixed > a.txt")
})

test("the lines of a real session that was turned away say so, and it cost nothing", async () => {
  const seen = session(
    readFileSync(new URL("../fixtures/codex/unauthorised.jsonl", import.meta.url), "utf8").split("\n"),
  )
  expect(finishCodex(seen, exited)).toMatchObject({ is: "failed", code: "missing_agent" })
  expect(await spendOf(seen)).toMatchObject({ usd: 0, basis: "reported" })
})

test("tokens without dollars are priced by list as estimated", async () => {
  const spend = await spendOf(session([...begun, completed(1_000_000, 400_000, 1_000)]))
  expect(spend).toMatchObject({ basis: "estimated", tokens: { in: 600_000, cacheRead: 400_000, out: 1_000 } })
  expect(spend.usd).toBeGreaterThan(0)
})

test("M2: an unknown model has an unknown price, unless the user names one", async () => {
  const seen = session([...begun, completed(1_000_000, 0, 1_000_000)], { ...newSession, model: "house-model" })
  expect(await spendOf(seen)).toMatchObject({ basis: "unknown", usd: 0 })
  expect(await spendOf(seen, { "house-model": { in: 1, out: 2 } })).toMatchObject({ basis: "estimated", usd: 3 })
  expect(await spendOf(session([...begun, completed(10, 0, 10)], newSession))).toMatchObject({ basis: "unknown" })
})

test("the figures are of the thread so far: the last turn counts, nothing is summed", () => {
  expect(session([...begun, completed(100, 0, 10), completed(250, 100, 30)]).usage[""]?.tokens).toMatchObject({
    in: 150,
    cacheRead: 100,
    out: 30,
  })
})

test.each([
  ["a completed turn", [...begun, message("ok"), completed(1, 0, 1)], exited, { is: "done" }],
  [
    "a completed turn, whatever the exit code",
    [...begun, completed(1, 0, 1)],
    { ...exited, exitCode: 1 },
    { is: "done" },
  ],
  [
    "a failed turn",
    [...begun, { type: "turn.failed", error: { message: "stream disconnected" } }],
    exited,
    { is: "failed", code: "crashed" },
  ],
  [
    "a wrong key",
    [...begun, { type: "turn.failed", error: { message: "unexpected status 401 Unauthorized" } }],
    exited,
    { is: "failed", code: "missing_agent" },
  ],
  [
    "a filtered answer",
    [...begun, { type: "turn.failed", error: { message: "content_filter" } }],
    exited,
    { is: "failed", code: "refused" },
  ],
  [
    "retries that went well",
    [...begun, { type: "error", message: "Reconnecting... 1/5" }, completed(1, 0, 1)],
    exited,
    { is: "done" },
  ],
  ["no end, though the exit code is 0", [...begun, message("All done!")], exited, { is: "failed", code: "crashed" }],
  [
    "a prompt that never came",
    [],
    { exitCode: 1, signal: null, stderr: "No prompt provided via stdin." },
    { is: "failed", code: "crashed" },
  ],
])("%s is judged by its lines, not by its exit", (_, lines, exit, expected) => {
  expect(finishCodex(session(lines), exit)).toMatchObject(expected)
})

test.each(["garbage", '{"type":"turn.completed"}', '{"type":"turn.comp', '{"type":"item.completed","item":{}}'])(
  "%s is stepped over",
  (line) => {
    expect(finishCodex(session([...begun, line, completed(1, 0, 1)]), exited)).toEqual({ is: "done" })
  },
)
