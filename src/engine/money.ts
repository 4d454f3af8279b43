import { asFailure } from "../core/failure.ts"
import type { AgentSpec, Loop } from "../core/loop.ts"
import { checkersOf } from "../core/loop-roles.ts"
import { Spend } from "../core/spend.ts"
import { ownTimeZone } from "../lib/day.ts"
import type { Ceiling, Ceilings, Settlement, Standing, Unit } from "../record/money.ts"
import { readHours } from "../spec/hours.ts"

/**
 * What a session sets aside. A declared cost is a price: it is had whole or not at all. `nobody`: no agent is asked, so there
 * is nothing to set aside and nothing to settle.
 */
export type Price = { usd: number; tokens: number; whole: boolean; nobody?: true }

/** Where nobody is asked, or the evidence stands already. */
export const NOTHING_TO_PAY: Price = { usd: 0, tokens: 0, whole: true, nobody: true }

/** What an attempt of this agent sets aside. */
export function priceOfAttempt(payer: Payer, agent: AgentSpec): Price {
  return freeOfCharge(agent)
    ? { usd: agent.usdPerAttempt ?? 0, tokens: 0, whole: true }
    : { usd: perAttemptUsd(payer), tokens: perAttemptTokens(payer), whole: false }
}

/**
 * What those who judge one attempt may cost: each its declared price, and the rest, however many they are, what the attempt
 * itself left. Those who were heard before are not asked again.
 */
export function priceOfReview(payer: Payer, spentUsd: number, heard: readonly string[] = []): Price {
  const { loop } = payer
  const names = checkersOf(loop.steps.verify.layers).filter((name) => !heard.includes(name))
  const reviewers = names.flatMap((name) => loop.agents[name] ?? [])
  if (reviewers.length === 0) return NOTHING_TO_PAY
  const declared = reviewers.filter(freeOfCharge).reduce((usd, agent) => usd + (agent.usdPerAttempt ?? 0), 0)
  const whole = reviewers.every(freeOfCharge)
  if (whole) return { usd: declared, tokens: 0, whole }
  return { usd: declared + Math.max(0, perAttemptUsd(payer) - spentUsd), tokens: perAttemptTokens(payer), whole }
}

/** What one attempt may cost: its own ceiling, or the run's shared out over all attempts that may happen at once. */
function perAttemptUsd({ loop, fleet }: Payer): number {
  const { usdPerAttempt, usdPerChange, usdPerRun, usdPerDay, usdPerMonth } = loop.guardrails.budget
  if (usdPerAttempt !== undefined) return usdPerAttempt
  // Without a ceiling for the run the day's is shared out alike, or its first attempt would set all of it aside.
  const share = (usdPerRun ?? usdPerDay ?? usdPerMonth ?? fleet.usdPerDay ?? 0) / attemptsAtOnce(loop)
  const ofChange = usdPerChange === undefined ? undefined : usdPerChange / attemptsOf(loop)
  return ofChange === undefined ? share : share === 0 ? ofChange : Math.min(share, ofChange)
}

function perAttemptTokens({ loop, fleet }: Payer): number {
  const { tokensPerAttempt, tokensPerRun, tokensPerDay } = loop.guardrails.budget
  return (
    tokensPerAttempt ?? Math.floor((tokensPerRun ?? tokensPerDay ?? fleet.tokensPerDay ?? 0) / attemptsAtOnce(loop))
  )
}

function attemptsAtOnce(loop: Loop): number {
  return (loop.steps.act?.maxParallel ?? 1) * attemptsOf(loop)
}

/** How many attempts one change may come to by itself. */
export function attemptsOf({ steps, guardrails }: Loop): number {
  return guardrails.maxIterations * (steps.act?.bestOf ?? 1)
}

/** A command calls no model that we would have to pay for; what it costs, its author declares. */
function freeOfCharge(agent: AgentSpec): boolean {
  return agent.use === "command"
}

/** What this user lets all loops of all repositories spend together. */
export type Fleet = { usdPerDay?: number | undefined; tokensPerDay?: number | undefined }

/** By whose ceilings something is paid. */
export type Payer = { loop: Loop; fleet: Fleet }

/** The ceilings that hold for a loop; what day it is, the ledger says. */
export function ceilingsOf({ loop, fleet }: Payer): Ceilings {
  return { limits: limitsIn({ loop, fleet }), timeZone: () => timeZoneOf(loop), priority: loop.guardrails.priority }
}

function limitsIn({ loop, fleet }: Payer): Ceilings["limits"] {
  const { usdPerChange, usdPerRun, usdPerDay, usdPerMonth, tokensPerRun, tokensPerDay } = loop.guardrails.budget
  const all = [
    ["change", "usd", usdPerChange],
    ["run", "usd", usdPerRun],
    ["run", "tokens", tokensPerRun],
    ["day", "usd", usdPerDay],
    ["day", "tokens", tokensPerDay],
    ["month", "usd", usdPerMonth],
    ["fleet", "usd", fleet.usdPerDay],
    ["fleet", "tokens", fleet.tokensPerDay],
  ] as const
  return all.flatMap(([ceiling, unit, limit]) => (limit === undefined ? [] : [{ ceiling, unit, limit }]))
}

/** What a ceiling is of, in a sentence. */
export const ceilingNames: Record<Ceiling, string> = {
  change: "this change",
  run: "this run",
  day: "this loop and day",
  month: "this repository and month",
  fleet: "all loops and this day",
}

/** An amount in a sentence, in the unit of its ceiling. */
export function amountOf(unit: Unit, amount: number): string {
  return unit === "usd" ? dollarsOf(amount) : `${Math.ceil(amount).toLocaleString("en-US")} tokens`
}

/** Where the loop's days begin and end: the time zone that its hours or its first schedule name, else the machine's. */
function timeZoneOf({ guardrails, trigger }: Loop): string {
  const named = guardrails.hours === undefined ? undefined : readHours(guardrails.hours).timeZone
  const scheduled = trigger.flatMap((each) => (each.on === "cron" ? (each.timeZone ?? []) : []))
  return named ?? scheduled[0] ?? ownTimeZone()
}

/** Why the day that the clock shows does not count yet, as the end of a sentence; nothing where it does. */
export function aheadWhy({ ahead }: Pick<Standing, "ahead">): string {
  if (ahead === undefined) return ""
  const [hours, minutes] = [Math.round(ahead.bySeconds / 3600), Math.ceil(ahead.believedInSeconds / 60)]
  return `; the clock went ahead by ${hours} h that did not pass, which is believed in ${minutes} min`
}

/** US dollars in a sentence. */
export function dollarsOf(usd: number): string {
  return `$${usd.toFixed(2)}`
}

/** What is charged for an attempt: a command's declared cost, whatever it says; else as `chargeable`. */
export function chargedFor(spend: Spend, agent: AgentSpec, reservedUsd: number, payer: Payer): Spend {
  if (freeOfCharge(agent)) return { ...spend, usd: agent.usdPerAttempt ?? 0, basis: "reported" }
  return chargeable(spend, reservedUsd, payer)
}

/** What a session that we ended ourselves had cost by then; undefined for every other error. */
export function spentUntil(thrown: unknown): Spend | undefined {
  const { code, facts } = asFailure(thrown)
  if (code !== "ABORTED" && code !== "HALTED") return undefined
  const spend = Spend.safeParse(facts.spend)
  return spend.success ? spend.data : undefined
}

/** How a reserve is settled by what was spent of it: what nobody saw of its tokens is all that was set aside, like its dollars. */
export function settlementOf(key: string, spend: Spend, reservedTokens: number): Settlement {
  const tokens = spend.more ? Math.max(tokensOf(spend), reservedTokens) : tokensOf(spend)
  return { key, usd: spend.usd, tokens, basis: spend.basis }
}

/** All tokens of a spend, whatever their kind. */
export function tokensOf({ tokens }: Spend): number {
  return tokens.in + tokens.out + tokens.cacheRead + tokens.cacheWrite
}

/** A cost nobody knows is the whole reserve where a dollar ceiling has to hold (catalogue M2). */
export function chargeable(spend: Spend, reservedUsd: number, payer: Payer): Spend {
  if (spend.basis !== "unknown") return spend
  return isCapped(payer) ? { ...spend, usd: Math.max(spend.usd, reservedUsd) } : spend
}

/** Whether any ceiling in dollars has to hold. */
export function isCapped(payer: Payer): boolean {
  const { usdPerAttempt } = payer.loop.guardrails.budget
  return usdPerAttempt !== undefined || limitsIn(payer).some(({ unit }) => unit === "usd")
}
