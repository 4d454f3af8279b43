import { type Prices, type Tariff, tariffOf } from "../price.ts"
import type { Upstream } from "./upstreams.ts"

/** What a model costs at a provider; no tariff where nobody knows. */
type Priced = { tariff: Tariff | undefined; prices: Prices }

/** Price lists, looked through once for each model. */
export type Tariffs = { of(model: string, upstream: Upstream): Promise<Priced> }

/** An agent chooses the names, so there is an end to them. */
const MOST_MODELS = 200

/** Opens the price lists; a provider's own prices stand above the user's for all. */
export function openTariffs(common: Prices): Tariffs {
  const known = new Map<string, Priced>()
  return {
    async of(model, upstream) {
      const key = `${upstream.name} ${model}`
      const found = known.get(key)
      if (found !== undefined) return found
      const prices = { ...common, ...upstream.prices }
      const priced = { tariff: await tariffOf(model, prices, upstream.baseUrl.href), prices }
      if (known.size < MOST_MODELS) known.set(key, priced)
      return priced
    },
  }
}
