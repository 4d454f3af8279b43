import { createHash } from "node:crypto"

/**
 * The items in the seed's order, taken in turn from each stratum, so that any beginning of the list is a fair sample of
 * the whole.
 */
export function stratified<T>(
  items: readonly T[],
  seed: number,
  of: { stratum(item: T): string; id(item: T): string },
): T[] {
  const strata = new Map<string, { item: T; rank: string }[]>()
  for (const item of items) {
    const ranked = { item, rank: hash(`${seed} ${of.id(item)}`) }
    strata.set(of.stratum(item), [...(strata.get(of.stratum(item)) ?? []), ranked])
  }
  const placed = [...strata.entries()].flatMap(([stratum, members]) =>
    members
      .sort((a, b) => (a.rank < b.rank ? -1 : 1))
      // A stratum's items lie evenly over the list, each stratum's from a place of its own.
      .map(({ item }, index) => ({ item, at: (index + fraction(hash(`${seed} ${stratum}`))) / members.length })),
  )
  return placed.sort((a, b) => a.at - b.at).map(({ item }) => item)
}

/** A number from a text: the same for the same. */
export function seedOf(text: string): number {
  return Number.parseInt(hash(text).slice(0, 8), 16)
}

const hash = (text: string) => createHash("sha256").update(text).digest("hex")
const fraction = (hex: string) => Number.parseInt(hex.slice(0, 8), 16) / 0x1_0000_0000
