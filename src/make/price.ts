import { addSpend, NOTHING_SPENT, type Spend } from "../core/spend.ts"
import type { Session, Usage } from "./adapter.ts"

/** What a user says a model costs, in dollars per million tokens; cache prices default to the input's. */
type Price = { in: number; out: number; cacheRead?: number | undefined; cacheWrite?: number | undefined }

/** By the model's exact name. They stand above the list prices. */
export type Prices = Readonly<Record<string, Price>>

/**
 * What a session cost: as reported, else by list price as `estimated`, else `unknown`. A session that was cut off before
 * its own account is `unknown` too, whatever was seen of it: its dollars are then only a lower bound.
 */
export async function spendOf(session: Session, prices: Prices = {}): Promise<Spend> {
  if (!session.begun) return NOTHING_SPENT
  const parts = await Promise.all(Object.values(session.usage).map((usage) => priced(usage, prices)))
  const sum = parts.reduce(addSpend, NOTHING_SPENT)
  return parts.length > 0 && session.complete ? sum : { ...sum, basis: "unknown" }
}

async function priced({ model, tokens, usd }: Usage, prices: Prices): Promise<Spend> {
  // An agent that reports zero dollars for tokens does not know its price: a dollar ceiling must not believe it.
  if (usd !== undefined && usd > 0) return { tokens, usd, basis: "reported" }
  if (tokens.in + tokens.out + tokens.cacheRead + tokens.cacheWrite === 0) return { ...NOTHING_SPENT, tokens }
  const own = model === undefined || !Object.hasOwn(prices, model) ? undefined : prices[model]
  if (own !== undefined) {
    const { cacheRead = own.in, cacheWrite = own.in } = own
    const millionths =
      tokens.in * own.in + tokens.out * own.out + tokens.cacheRead * cacheRead + tokens.cacheWrite * cacheWrite
    return { tokens, usd: millionths / 1_000_000, basis: "estimated" }
  }
  const list = model === undefined ? undefined : await listPrice(model, tokens)
  return list === undefined ? { tokens, usd: 0, basis: "unknown" } : { tokens, usd: list, basis: "estimated" }
}

/** The list price offline; undefined for a model it does not know. */
async function listPrice(model: string, tokens: Spend["tokens"]): Promise<number | undefined> {
  // Loaded when first needed: its tables are large, and many a run prices nothing.
  const { calcPrice } = await import("@pydantic/genai-prices")
  const usage = {
    // Its `input_tokens` include those of the cache.
    input_tokens: tokens.in + tokens.cacheRead + tokens.cacheWrite,
    cache_read_tokens: tokens.cacheRead,
    cache_write_tokens: tokens.cacheWrite,
    output_tokens: tokens.out,
  }
  return calcPrice(usage, model.replace(/\[[^\]]*\]$/, ""))?.total_price
}
