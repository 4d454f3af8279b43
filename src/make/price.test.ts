import { expect, test } from "vitest"
import { newSession, type Session } from "./adapter.ts"
import { parseAcp } from "./agents/acp.ts"
import { parseClaude } from "./agents/claude.ts"
import { largerAccount, spendOf, spendOfMost } from "./price.ts"

/** A session told line by line, with the largest account that it gave. */
function told(lines: readonly object[], parse = parseClaude): { session: Session; most: Session["usage"] } {
  let session = newSession
  let most: Session["usage"] = {}
  for (const line of lines) {
    session = parse(JSON.stringify(line), session)
    most = largerAccount(most, session.usage)
  }
  return { session, most }
}

const begins = { type: "system", subtype: "init", model: "claude-sonnet-5" }
const counted = (input: number, output: number) => ({
  input_tokens: input,
  output_tokens: output,
  cache_read_input_tokens: 0,
  cache_creation_input_tokens: 0,
})
const done = { type: "result", subtype: "success", is_error: false, result: "Done." }

test.each([
  ["nothing", done],
  ["no tokens and no dollars", { ...done, total_cost_usd: 0, usage: counted(0, 0) }],
  ["less than nothing", { ...done, total_cost_usd: -3, usage: counted(-9, -9) }],
])("M2: who says that it is done, and that it used %s, has given no account", async (_, last) => {
  const { session } = told([begins, last])
  expect(await spendOf(session)).toMatchObject({ basis: "unknown", more: true })
})

test("one that never got an answer may have used nothing", async () => {
  const { session } = told([begins, { ...done, is_error: true, result: "API Error: 400", usage: counted(0, 0) }])
  expect(await spendOf(session)).toMatchObject({ usd: 0, basis: "reported" })
})

test("an account that falls is not believed: what was told once stays spent", async () => {
  const claude = told([
    begins,
    { type: "assistant", message: { id: "m1", model: "claude-sonnet-5", usage: counted(90_000, 9_000), content: [] } },
    { ...done, total_cost_usd: 0.001, usage: counted(10, 1) },
  ])
  const spend = await spendOfMost(claude.session, claude.most)
  expect(spend).toMatchObject({ tokens: { in: 90_000, out: 9_000 } })
  expect(spend.usd).toBeGreaterThan(0.1)
  const cost = (amount: number) => ({
    type: "flyball.acp.update",
    update: { sessionUpdate: "usage_update", cost: { amount, currency: "USD" } },
  })
  const ends = { type: "flyball.acp.stopped", stopReason: "end_turn" }
  const acp = told([{ type: "flyball.acp.prompted" }, cost(2.5), cost(0.01), ends], parseAcp)
  expect(await spendOfMost(acp.session, acp.most)).toMatchObject({ usd: 2.5, basis: "reported" })
})
