/** The carrier's tariff: up to so many grams, so many cents. */
const tariff = {
  home: [
    { grams: 2_000, cents: 490 },
    { grams: 5_000, cents: 690 },
    { grams: 10_000, cents: 990 },
    { grams: 31_500, cents: 1_690 },
  ],
  europe: [
    { grams: 2_000, cents: 1_390 },
    { grams: 5_000, cents: 1_690 },
    { grams: 10_000, cents: 2_190 },
    { grams: 31_500, cents: 3_490 },
  ],
}

/** From this value of goods on, a parcel at home travels free. */
const freeFromCents = 9_900

/**
 * What the parcel costs.
 *
 * @param {"home" | "europe"} zone
 * @param {number} grams
 * @param {number} goodsCents value of the goods, after discounts
 */
export function parcelCents(zone, grams, goodsCents) {
  const bracket = tariff[zone].find((step) => grams < step.grams)
  if (bracket === undefined) throw new Error(`a parcel of ${grams} g is too heavy for ${zone}`)
  if (zone === "home" && goodsCents >= freeFromCents) return 0
  return bracket.cents
}
