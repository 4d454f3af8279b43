/*
 * What a model's requests turned out to hold, beside what was estimated: so that a provider whose tokenizer counts more, or
 * that adds words of its own, is underestimated once and not again.
 */

/** Of each model of each provider. */
export type Measures = {
  /** The estimate, raised by what those before turned out to be short of. */
  corrected(key: string, estimate: number): number
  learn(key: string, estimate: number, told: number): void
}

type Measure = { ratio: number; more: number }

/** No text holds more tokens than bytes; what goes beyond that was added to it. */
const MOST_RATIO = 2.5
/** An agent chooses the names, so there is an end to them. */
const MOST_MODELS = 200

/** Opens the measures of one gateway. */
export function openMeasures(): Measures {
  const known = new Map<string, Measure>()
  return {
    corrected(key, estimate) {
      const { ratio, more } = known.get(key) ?? { ratio: 1, more: 0 }
      return Math.ceil(estimate * ratio + more)
    },
    learn(key, estimate, told) {
      if (told <= estimate || (!known.has(key) && known.size >= MOST_MODELS)) return
      const before = known.get(key) ?? { ratio: 1, more: 0 }
      known.set(key, {
        ratio: Math.max(before.ratio, Math.min(MOST_RATIO, told / estimate)),
        more: Math.max(before.more, told - MOST_RATIO * estimate),
      })
    },
  }
}
