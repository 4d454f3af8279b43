import { z } from "zod"

/** How a figure of money is known, most to least trusted. */
export const Basis = z.enum(["metered", "reported", "estimated", "unknown"])
export type Basis = z.infer<typeof Basis>

export const Spend = z.object({
  tokens: z.object({ in: z.number(), out: z.number(), cacheRead: z.number(), cacheWrite: z.number() }),
  usd: z.number(),
  basis: Basis,
  /** Its tokens are those that were seen; there may have been more. */
  more: z.literal(true).optional(),
})
export type Spend = z.infer<typeof Spend>

export const NOTHING_SPENT: Spend = {
  tokens: { in: 0, out: 0, cacheRead: 0, cacheWrite: 0 },
  usd: 0,
  basis: "reported",
}

const order: Basis[] = ["metered", "reported", "estimated", "unknown"]

/** Sums two spends; the basis of a sum is its least trusted part. What cost nothing at all says nothing of the rest. */
export function addSpend(a: Spend, b: Spend): Spend {
  if (isNothing(a)) return b
  if (isNothing(b)) return a
  return {
    tokens: {
      in: a.tokens.in + b.tokens.in,
      out: a.tokens.out + b.tokens.out,
      cacheRead: a.tokens.cacheRead + b.tokens.cacheRead,
      cacheWrite: a.tokens.cacheWrite + b.tokens.cacheWrite,
    },
    usd: a.usd + b.usd,
    basis: leastTrusted([a.basis, b.basis]),
    ...(a.more || b.more ? { more: true } : {}),
  }
}

/** Of several figures together, what their sum is worth. */
export function leastTrusted(of: readonly Basis[]): Basis {
  return of.reduce<Basis>((worst, each) => (order.indexOf(each) > order.indexOf(worst) ? each : worst), "metered")
}

function isNothing({ tokens, usd, basis }: Spend): boolean {
  return usd === 0 && basis !== "unknown" && Object.values(tokens).every((count) => count === 0)
}
