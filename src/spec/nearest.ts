/** The known word closest to a mistyped one, or undefined when none is close. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  const plain = simplify(word)
  if (plain === "") return undefined
  let best: string | undefined
  // A third of the letters may be wrong, one at the least: `runn` is `run`, `foo` is not `for`.
  let bestDistance = Math.max(1, Math.floor(plain.length / 3)) + 0.5
  for (const candidate of known) {
    const distance = editDistance(plain, simplify(candidate))
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** `maxIterations`, `max-iterations` and `Max_Iterations` are one word here. */
function simplify(word: string): string {
  return word.slice(0, 64).toLowerCase().replace(/[-_ ]/g, "")
}

/** Edits (insert, delete, replace, swap of neighbours) between two short words. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)]
  const at = (i: number, j: number) => rows[i]?.[j] ?? 0
  for (let i = 1; i <= a.length; i++) {
    rows.push([i])
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1
      let cost = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + same)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, at(i - 2, j - 2) + 1)
      rows[i]?.push(cost)
    }
  }
  return at(a.length, b.length)
}
