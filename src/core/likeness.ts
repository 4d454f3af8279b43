const WORDS_AT_A_TIME = 3

/**
 * How alike two texts are, from 0 to 1: the share of their three-word runs that both have (Dice). Numbers count as alike,
 * since a count or a time is what differs in the same answer given again.
 */
export function likeness(a: string, b: string): number {
  const one = runsOf(a)
  const other = runsOf(b)
  const total = sizeOf(one) + sizeOf(other)
  if (total === 0) return a.trim() === b.trim() ? 1 : 0
  let shared = 0
  for (const [run, times] of one) shared += Math.min(times, other.get(run) ?? 0)
  return (2 * shared) / total
}

function runsOf(text: string): Map<string, number> {
  const words =
    text
      .toLowerCase()
      .replace(/\d+/g, "0")
      .match(/[\p{L}\p{N}_]+/gu) ?? []
  const runs = new Map<string, number>()
  const last = Math.max(words.length - WORDS_AT_A_TIME, words.length === 0 ? -1 : 0)
  for (let at = 0; at <= last; at++) {
    const run = words.slice(at, at + WORDS_AT_A_TIME).join(" ")
    runs.set(run, (runs.get(run) ?? 0) + 1)
  }
  return runs
}

function sizeOf(runs: ReadonlyMap<string, number>): number {
  return [...runs.values()].reduce((sum, times) => sum + times, 0)
}
