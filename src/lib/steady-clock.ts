/**
 * Milliseconds since some moment of this boot, the same moment for every process of the machine. It goes on at its own pace
 * when somebody sets the wall clock, so a deadline by it can be told to another process; to another machine, or across a
 * boot, it says nothing. (`performance.now()` is as steady, but each process begins it anew.)
 */
export function steadyMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n)
}
