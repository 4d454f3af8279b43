/** Runs at most `most` pieces of work at a time, in the order in which they come. */
export function pool(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  let free = Math.max(1, most)
  const waiting: (() => void)[] = []
  return async (work) => {
    if (free > 0) free--
    else await new Promise<void>((go) => waiting.push(go))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
