import { nights, type Range } from "./range"

export type Rates = { night: number; weekend: number; cleaning: number }

/** Whole euros: each night by its day, and cleaning once. */
export function priceOf(range: Range, rates: Rates): number {
  let sum = rates.cleaning
  for (let night = 0; night < nights(range); night++) {
    const day = new Date(Date.parse(range.from) + night * 86_400_000).getUTCDay()
    sum += day === 5 || day === 6 ? rates.weekend : rates.night
  }
  return sum
}

/** A price with a discount for long stays, by rates that are looked up. */
export async function quote(range: Range, lookUp: (day: string) => Promise<Rates>): Promise<number> {
  const rates = await lookUp(range.from)
  const price = priceOf(range, rates)
  return nights(range) >= 7 ? Math.round(price * 0.9) : price
}
