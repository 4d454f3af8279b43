/** The waits between tries, in milliseconds: doubled each time, none above `max`. */
export function delays({ tries, first = 100, max = 2_000 }) {
  const waits = []
  for (let at = 0; at < tries - 1; at++) waits.push(first * 2 ** at)
  return waits
}
