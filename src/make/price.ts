import { addSpend, NOTHING_SPENT, type Spend } from "../core/spend.ts"
import type { Session, Usage } from "./adapter.ts"

/** What a user says a model costs, in dollars per million tokens; cache prices default to the input's. */
export type Price = {
  in: number
  out: number
  cacheRead?: number | undefined
  cacheWrite?: number | undefined
  /** The most it can put out in one answer, where the gateway would otherwise have to assume more. */
  maxOutput?: number | undefined
}

/** By the model's exact name; `*` stands for every other one. They stand above the list prices. */
export type Prices = Readonly<Record<string, Price>>

/** Tokens of one request. `cacheWriteLong` is the part of `cacheWrite` that is kept for an hour, which costs more. */
export type PricedTokens = Spend["tokens"] & { cacheWriteLong?: number | undefined }

/** The dollars of one request of one model. Prices have tiers by size: never ask it for a sum of requests. */
export type Tariff = (tokens: PricedTokens) => number

/**
 * What a session cost: as reported, else by list price as `estimated`, else `unknown`. A session that was cut off before
 * its own account is `unknown` too, whatever was seen of it: its dollars are then only a lower bound.
 */
export async function spendOf(session: Session, prices: Prices = {}): Promise<Spend> {
  if (!session.begun) return NOTHING_SPENT
  const parts = await Promise.all(Object.values(session.usage).map((usage) => priced(usage, prices)))
  const sum = parts.reduce(addSpend, NOTHING_SPENT)
  // Who did what it was asked for has asked a model: an account of nothing is none (catalogue M2).
  const isAccount = parts.length > 0 && session.complete && !(isFree(sum) && session.end?.is === "done")
  return isAccount ? sum : { ...sum, basis: "unknown", more: true }
}

/**
 * What a session cost, where its account may have fallen since `most`: what was told once stays spent.
 */
export async function spendOfMost(session: Session, most: Session["usage"], prices: Prices = {}): Promise<Spend> {
  const [told, before] = await Promise.all([spendOf(session, prices), spendOf({ ...session, usage: most }, prices)])
  const tokens = allTokens(before.tokens) > allTokens(told.tokens) ? before.tokens : told.tokens
  return { ...told, tokens, usd: Math.max(told.usd, before.usd) }
}

/** The larger of two accounts of one session. */
export function largerAccount(one: Session["usage"], other: Session["usage"]): Session["usage"] {
  const [a, b] = [weighed(one), weighed(other)]
  return b.tokens > a.tokens || (b.tokens === a.tokens && b.usd > a.usd) ? other : one
}

function weighed(usage: Session["usage"]): { usd: number; tokens: number } {
  return Object.values(usage).reduce(
    (sum, { usd = 0, tokens }) => ({ usd: sum.usd + usd, tokens: sum.tokens + allTokens(tokens) }),
    { usd: 0, tokens: 0 },
  )
}

function isFree({ usd, tokens }: Spend): boolean {
  return usd === 0 && allTokens(tokens) === 0
}

function allTokens(tokens: Spend["tokens"]): number {
  return tokens.in + tokens.out + tokens.cacheRead + tokens.cacheWrite
}

async function priced({ model, tokens, usd }: Usage, prices: Prices): Promise<Spend> {
  // An agent that reports zero dollars for tokens does not know its price: a dollar ceiling must not believe it.
  if (usd !== undefined && usd > 0) return { tokens, usd, basis: "reported" }
  if (allTokens(tokens) === 0) return { ...NOTHING_SPENT, tokens }
  const tariff = model === undefined ? undefined : await tariffOf(model, prices)
  return tariff === undefined
    ? { tokens, usd: 0, basis: "unknown" }
    : { tokens, usd: tariff(tokens), basis: "estimated" }
}

/**
 * What a model costs, by the user's word, else by list price (offline); undefined for one that neither knows. `baseUrl`
 * tells whose price list counts where several sell it.
 */
export async function tariffOf(model: string, prices: Prices = {}, baseUrl?: string): Promise<Tariff | undefined> {
  const own = ownPrice(model, prices)
  return own === undefined ? listTariff(model, baseUrl) : (tokens) => costBy(own, tokens)
}

/** What the user says of a model, by its name or by `*`. */
export function ownPrice(model: string, prices: Prices): Price | undefined {
  return Object.hasOwn(prices, model) ? prices[model] : Object.hasOwn(prices, "*") ? prices["*"] : undefined
}

function costBy(price: Price, tokens: PricedTokens): number {
  const { cacheRead = price.in, cacheWrite = price.in } = price
  const millionths =
    tokens.in * price.in + tokens.out * price.out + tokens.cacheRead * cacheRead + tokens.cacheWrite * cacheWrite
  return millionths / 1_000_000
}

async function listTariff(model: string, baseUrl: string | undefined): Promise<Tariff | undefined> {
  // Loaded when first needed: its tables are large, and many a run prices nothing.
  const { calcPrice } = await import("@pydantic/genai-prices")
  const plain = model.replace(/\[[^\]]*\]$/, "")
  const nothing = { input_tokens: 0, output_tokens: 0 }
  const seller = baseUrl === undefined ? {} : { providerApiUrl: baseUrl }
  // A proxy that nobody knows sells by the maker's list.
  const known = [seller, {}].find((options) => calcPrice(nothing, plain, options) !== null)
  if (known === undefined) return undefined
  return (tokens) => {
    const usage = {
      // Its `input_tokens` include those of the cache.
      input_tokens: tokens.in + tokens.cacheRead + tokens.cacheWrite,
      cache_read_tokens: tokens.cacheRead,
      cache_write_tokens: tokens.cacheWrite,
      ...(tokens.cacheWriteLong ? { cache_write_1h_tokens: tokens.cacheWriteLong } : {}),
      output_tokens: tokens.out,
    }
    return calcPrice(usage, plain, known)?.total_price ?? 0
  }
}
