/** Names shorter than this are too close to everything. */
const LEAST_LENGTH = 4

/** The known name that a new one could be mistaken for; undefined where there is none. */
export function mistakenFor(name: string, known: Iterable<string>): string | undefined {
  for (const other of known) if (other !== name && looksLike(name, other)) return other
  return undefined
}

function looksLike(name: string, other: string): boolean {
  const [scope, bare] = split(name)
  const [otherScope, otherBare] = split(other)
  if (bare.length < LEAST_LENGTH || otherBare.length < LEAST_LENGTH) return false
  // `@acme/react` beside `react` is a fork or a wrapper with its owner's name on it; `react` beside `@acme/react` is not.
  if (scope !== otherScope) return scope === "" && bare === otherBare && otherScope !== ""
  if (squeezed(bare) === squeezed(otherBare)) return true
  return distanceAtMostOne(bare, otherBare)
}

function split(name: string): [scope: string, bare: string] {
  const match = /^(@[^/]+)\/(.+)$/.exec(name.toLowerCase())
  return match === null ? ["", name.toLowerCase()] : [match[1] ?? "", match[2] ?? ""]
}

/** Without separators, look-alike digits as letters, doubled letters once, and the words that squatters add. */
function squeezed(name: string): string {
  return name
    .replace(/[-_.]/g, "")
    .replace(/^(node|js|python|py)|(js|node|py|python)$/g, "")
    .replace(/0/g, "o")
    .replace(/[1|]/g, "l")
    .replace(/3/g, "e")
    .replace(/5/g, "s")
    .replace(/(.)\1+/g, "$1")
}

/** One letter added, left out, changed, or two neighbours swapped. */
function distanceAtMostOne(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a]
  if (long.length - short.length > 1) return false
  let at = 0
  while (at < short.length && short[at] === long[at]) at++
  if (long.length > short.length) return short.slice(at) === long.slice(at + 1)
  if (short.slice(at + 1) === long.slice(at + 1)) return true
  return short[at] === long[at + 1] && short[at + 1] === long[at] && short.slice(at + 2) === long.slice(at + 2)
}
