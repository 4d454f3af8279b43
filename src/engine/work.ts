/** One piece of work for a run: a change to go on with, or a finding that may become one. */
export type Piece<T> = {
  title: string
  /** A person's word or an earlier run began it: it goes on whatever the limits on new work say. */
  isNew: boolean
  begin(): Promise<T>
}

export type Hold = { reason: "review_wip" | "budget" | "priority" | "infrastructure"; detail: string }
export type Held = { title: string } & Hold

/**
 * Works off the pieces in order, at most `maxParallel` at a time. Before each new one it asks whether more may be
 * begun; a "not now" waits for one that is under way, and once nothing is, the rest is held for a later run.
 */
export async function workOff<T>(
  pieces: readonly Piece<T>[],
  options: { maxParallel: number; hold(underWay: number): Promise<Hold | undefined>; signal: AbortSignal },
): Promise<{ results: T[]; held: Held[] }> {
  const results: T[] = []
  const held: Held[] = []
  const underWay = new Set<Promise<void>>()
  const failures: unknown[] = []
  const begin = (piece: Piece<T>) => {
    const work: Promise<void> = piece
      .begin()
      .then(
        (result) => void results.push(result),
        (thrown: unknown) => void failures.push(thrown),
      )
      .finally(() => underWay.delete(work))
    underWay.add(work)
  }
  for (const piece of pieces) {
    while (underWay.size >= options.maxParallel) await Promise.race(underWay)
    let hold = piece.isNew ? await options.hold(underWay.size) : undefined
    while (hold !== undefined && underWay.size > 0) {
      await Promise.race(underWay)
      hold = await options.hold(underWay.size)
    }
    if (options.signal.aborted || failures.length > 0) break
    if (hold === undefined) begin(piece)
    else held.push({ title: piece.title, ...hold })
  }
  await Promise.all(underWay)
  options.signal.throwIfAborted()
  if (failures.length > 0) throw failures[0]
  return { results, held }
}
