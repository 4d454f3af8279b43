/** A stay: from the day of arrival to the day of departure, as `2024-05-31`. The last night is the one before `to`. */
export type Range = { from: string; to: string }

const DAY_MS = 24 * 60 * 60 * 1000

export function nights(range: Range): number {
  return Math.round((Date.parse(range.to) - Date.parse(range.from)) / DAY_MS)
}

/** Whether two stays share a night. */
export function overlaps(a: Range, b: Range): boolean {
  return a.from <= b.to && b.from <= a.to
}

/** Whether somebody with this stay sleeps here on that day. */
export function contains(range: Range, day: string): boolean {
  return range.from <= day && day < range.to
}

/** The same nights in as few ranges as possible, in order; ranges that touch become one. */
export function merge(ranges: readonly Range[]): Range[] {
  const merged: Range[] = []
  for (const range of [...ranges].sort((a, b) => a.from.localeCompare(b.from))) {
    const last = merged.at(-1)
    if (last !== undefined && overlaps(last, range)) last.to = last.to > range.to ? last.to : range.to
    else merged.push({ ...range })
  }
  return merged
}
