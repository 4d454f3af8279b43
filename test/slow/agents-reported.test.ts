import { mkdirSync } from "node:fs"
import { loadavg } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { tariffOf } from "../../src/make/price.ts"
import { type Script, startModelServer, type Turn } from "../model-server/index.ts"
import { type Agent, agentsHere, look, run, testFolder, told, usualLimits } from "./agents-harness.ts"

/*
 * What a session spends above its ceiling where no gateway can stand between agent and model: a subscription's login. What was spent
 * is the server's word, never the agent's: each answer that it was asked for counts whole. The sessions are drawn at random, from a seed that is printed; the server begins to answer
 * after 0.3 s, sooner than real models of this size do, and says all at once.
 */

const folder = testFolder()
const SESSIONS = 30
const AT_ONCE = 3
const figures: string[] = []
afterAll(() => {
  if (figures.length > 0) console.log(["spent above the ceiling, by the server's word:", ...figures].join("\n"))
})

const seed = Number(process.env.FLYBALL_SEED ?? 20_261_121)

/** A session that goes on and on, with a context that grows; and a ceiling that it reaches somewhere. */
type Drawn = { script: Script; ceilingTurn: number; part: number }

function draw(random: () => number): Drawn {
  const between = (low: number, high: number) => Math.round(low + (high - low) * random())
  let context = between(5_000, 40_000)
  const turn = (): Turn => {
    const fresh = between(200, 6_000)
    const cacheRead = context
    context += fresh
    // Most answers are short; some write a file.
    const out = random() < 0.85 ? between(60, 900) : between(900, 6_000)
    return { ...look, usage: { in: fresh, cacheRead, out }, firstMs: 300 }
  }
  const turns: Script["turns"] = [turn(), ...Array.from({ length: 29 }, turn)]
  return { script: { turns }, ceilingTurn: between(1, 7), part: random() }
}

/** What a ceiling counts in, and how much of it one answer is. */
type Unit = {
  name: "tokens" | "usd"
  of(turn: Turn): number
  text(amount: number): string
}

const tokens: Unit = {
  name: "tokens",
  of: ({ usage = {} }) => (usage.in ?? 0) + (usage.out ?? 0) + (usage.cacheRead ?? 0),
  text: (amount) => `${amount} tokens`,
}

const claude = agentsHere.find(({ agent }) => agent.kind === "claude")
describe.skipIf(claude?.there !== true)("claude with a subscription's login", { timeout: 300_000 }, () => {
  const agent = claude?.agent
  if (agent === undefined) throw new Error("no claude in the table")

  test.each(["tokens", "usd"] as const)(
    "a ceiling in %s is overshot by the answer under way and one request at most",
    async (name) => {
      const unit = name === "tokens" ? tokens : await dollars()
      const found = await overshoots(agent, unit)
      figures.push(`${agent.kind}, a ceiling in ${name}: ${spread(found, unit)}`)
      for (const each of found) expect(each.above, JSON.stringify(each)).toBeLessThanOrEqual(2 * each.largest)
    },
  )
})

/** By the list price of what `sonnet` is to this version of Claude. */
async function dollars(): Promise<Unit> {
  const tariff = await tariffOf("claude-sonnet-5-5")
  if (tariff === undefined) throw new Error("the model has no list price")
  const of = ({ usage = {} }: Turn) =>
    tariff({ in: usage.in ?? 0, out: usage.out ?? 0, cacheRead: usage.cacheRead ?? 0, cacheWrite: 0 })
  return { name: "usd", of, text: (amount) => `$${amount.toFixed(4)}` }
}

/** A ceiling somewhere within the answer of that turn. */
function ceilingIn({ script, ceilingTurn, part }: Drawn, { of }: Unit): number {
  const [before, at] = [script.turns.slice(0, ceilingTurn), script.turns[ceilingTurn]]
  return before.reduce((sum, turn) => sum + of(turn), 0) + part * (at === undefined ? 0 : of(at))
}

/** All that is in the unit of the ceiling: what was spent above it, and the dearest answer that was served. */
type Over = { above: number; largest: number; requests: number }

async function overshoots(agent: Agent, unit: Unit): Promise<Over[]> {
  const random = mulberry(seed)
  const all = Array.from({ length: SESSIONS }, () => draw(random)).entries()
  const found: Over[] = []
  const worker = async () => {
    for (const [n, drawn] of all)
      found.push(await overshoot(agent, unit, drawn, join(folder.path, `${unit.name}-${n}`)))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return found
}

async function overshoot(agent: Agent, unit: Unit, drawn: Drawn, folder: string): Promise<Over> {
  mkdirSync(folder, { mode: 0o755 })
  const ceiling = unit.name === "tokens" ? Math.round(ceilingIn(drawn, unit)) : ceilingIn(drawn, unit)
  await using server = await startModelServer(drawn.script)
  const limits = { ...usualLimits(), [unit.name]: ceiling }
  const result = await run(agent, server, folder, { way: "by its login", task: { limits } })
  expect(result.ended, told(server, folder)).toMatchObject({ is: "failed", code: "budget" })
  const served = server.asked().map(({ turn }) => unit.of(drawn.script.turns[turn ?? 0] ?? drawn.script.turns[0]))
  const above = Math.max(0, served.reduce((sum, each) => sum + each, 0) - ceiling)
  return { above, largest: Math.max(...served), requests: served.length }
}

function spread(found: Over[], { text }: Unit): string {
  const sorted = found.toSorted((a, b) => a.above / a.largest - b.above / b.largest)
  const at = (part: number) => {
    const { above, largest } = sorted[Math.ceil(part * sorted.length) - 1] ?? { above: 0, largest: 1 }
    return `${text(above)} (${(above / largest).toFixed(2)} of its largest answer)`
  }
  const none = found.filter(({ above }) => above === 0).length
  return `p50 ${at(0.5)}, p99 ${at(0.99)}, none in ${none} of ${found.length} sessions; seed ${seed}, load ${(loadavg()[0] ?? 0).toFixed(1)}`
}

/** Small, and the same everywhere. */
function mulberry(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
