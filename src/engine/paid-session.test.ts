import { expect, test } from "vitest"
import { Failure } from "../core/failure.ts"
import { loop } from "../core/fixtures/story.ts"
import type { AgentSpec } from "../core/loop.ts"
import { NOTHING_SPENT, type Spend } from "../core/spend.ts"
import type { Settlement } from "../record/money.ts"
import { type Purse, paidSession } from "./paid-session.ts"

const payer = { loop: { ...loop, guardrails: { ...loop.guardrails, budget: { usdPerRun: 5 } } }, fleet: {} }
const claude: AgentSpec = { name: "implementer", use: "claude", skills: [], from: "loop" }
const codemod: AgentSpec = { ...claude, use: "command", usdPerAttempt: 0.3 }
const metered = (usd: number): Spend => ({ ...NOTHING_SPENT, usd, basis: "metered" })
const unknown: Spend = { ...NOTHING_SPENT, basis: "unknown" }

/** A purse that holds $1, and all that was written down of a session that did not come to its end. */
function purse(): Purse & { written: { spend: Spend; settlement: Settlement }[] } {
  const written: { spend: Spend; settlement: Settlement }[] = []
  return {
    key: "k",
    money: { is: "granted", usd: () => 1, tokens: 0, limitsAfter: () => ({}), keptBack: () => undefined },
    parked: async (spend, settlement) => written.push({ spend, settlement }),
    written,
  }
}

test.each([
  { of: "what it says it cost", agent: claude, spend: metered(0.2), usd: 0.2 },
  { of: "M2: its whole reserve, where nobody knows", agent: claude, spend: unknown, usd: 1 },
  { of: "its declared price, whatever it says", agent: codemod, spend: metered(9), usd: 0.3 },
])("a session that ends is charged $of", async ({ agent, spend, usd }) => {
  const money = purse()
  const paid = await paidSession(payer, agent, money, async (begins) => {
    begins()
    return { spend, more: "of it" }
  })
  expect(paid).toMatchObject({ result: { more: "of it" }, spend: { usd }, settlement: { key: "k", usd } })
  expect(money.written).toEqual([])
})

const ended = (spend: Spend) => new Failure("ABORTED", "it was interrupted", { facts: { spend } })
const halted = (spend: Spend) => new Failure("HALTED", "it was halted", { facts: { spend } })
const broke = new Error("the disk is full")

test.each([
  { what: "interrupted", begun: true, thrown: ended(metered(0.2)), charged: [0.2] },
  { what: "halted", begun: true, thrown: halted(metered(0.2)), charged: [0.2] },
  { what: "interrupted, and nobody knows what it cost", begun: true, thrown: ended(unknown), charged: [1] },
  { what: "interrupted before it began", begun: false, thrown: ended(metered(0.2)), charged: [0] },
  { what: "kept by the world from beginning", begun: false, thrown: broke, charged: [0] },
  { what: "broken while it ran: its reserve stands, and counts in full", begun: true, thrown: broke, charged: [] },
])("a session that is $what", async ({ begun, thrown, charged }) => {
  const money = purse()
  const session = paidSession(payer, claude, money, async (begins) => {
    if (begun) begins()
    throw thrown
  })
  await expect(session).rejects.toBe(thrown)
  expect(money.written.map(({ spend }) => spend.usd)).toEqual(charged)
  expect(money.written.map(({ settlement }) => settlement)).toEqual(
    charged.map((usd) => expect.objectContaining({ key: "k", usd })),
  )
})
