import jstat from "jstat"
import { z } from "zod"

/** A share with its exact 95 % confidence interval (Clopper and Pearson's); of nothing, anything may be true. */
export const Rate = z.object({
  n: z.number().int(),
  of: z.number().int(),
  /** None where nothing was looked at. */
  share: z.number().optional(),
  low: z.number(),
  high: z.number(),
})
export type Rate = z.infer<typeof Rate>

const ALPHA = 0.05

/** `n` of `of`, and between which bounds the true share lies with 95 % confidence. */
export function rate(n: number, of: number): Rate {
  if (of === 0) return { n, of, low: 0, high: 1 }
  const { beta } = jstat.jStat
  return {
    n,
    of,
    share: n / of,
    low: n === 0 ? 0 : beta.inv(ALPHA / 2, n, of - n + 1),
    high: n === of ? 1 : beta.inv(1 - ALPHA / 2, n + 1, of - n),
  }
}
