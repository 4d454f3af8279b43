/*
 * The money of one attempt. A request sets aside the most that it may cost before it is forwarded, and gives back what it
 * did not use: so requests in parallel can't sum above the ceiling. Dollars are whole billionths of one inside, because
 * sums of fractions drift.
 */

const NANO = 1_000_000_000

/** What an answer of a given length would cost at most. */
export type Cost = { usd: number; tokens: number }

export type Need = {
  cost: (output: number) => Cost
  /** The output asked for, and the least that makes sense. */
  output: number
  floor: number
}

/** What was set aside. Settling it twice counts once. */
export type Hold = Cost & { isOpen(): boolean; settle(used: Cost): void }

/** `output` is what was asked for, or less where no more fits. */
export type Grant =
  | { is: "granted"; output: number; hold: Hold }
  /** `unanswered`: more was asked for, and nobody said yes or no in time. */
  | { is: "refused"; by: "usd" | "tokens"; needs: Cost; unanswered?: true }
  | { is: "gone" }

export type PurseOptions = {
  usd?: number | undefined
  tokens?: number | undefined
  /** Asked for more dollars when a request does not fit; says how many were added. */
  extend?: ((usd: number) => Promise<number>) | undefined
  /** How long a request may wait for others of the same attempt to give back what they did not use. */
  waitMs: number
  /** How long the answer to `extend` is waited for; one that comes later counts for the next request. */
  askMs: number
}

export type Purse = {
  /** Sets aside what a request needs: in the order of asking, each as a whole. */
  reserve(need: Need, signal: AbortSignal): Promise<Grant>
  state(): { ceiling: number | undefined; spent: Cost; held: Cost }
}

/** Answers up to this length are worth waiting and asking for; more is set aside only where it is there. */
const COMFORTABLE_OUTPUT = 32_000

/** Opens the purse of one attempt. */
export function openPurse({ usd, tokens, extend, waitMs, askMs }: PurseOptions): Purse {
  const account = {
    ceiling: usd === undefined ? Number.POSITIVE_INFINITY : Math.floor(usd * NANO),
    tokens: tokens ?? Number.POSITIVE_INFINITY,
    spent: { nano: 0, tokens: 0 },
    held: { nano: 0, tokens: 0 },
  }
  const waiting = new Set<() => void>()
  let queue: Promise<unknown> = Promise.resolve()

  const free = () => ({
    nano: account.ceiling - account.spent.nano - account.held.nano,
    tokens: account.tokens - account.spent.tokens - account.held.tokens,
  })

  const hold = (cost: Cost): Hold => {
    const nano = nanos(cost.usd)
    account.held.nano += nano
    account.held.tokens += cost.tokens
    let open = true
    return {
      ...cost,
      isOpen: () => open,
      settle(used) {
        if (!open) return
        open = false
        account.held.nano -= nano
        account.held.tokens -= cost.tokens
        account.spent.nano += nanos(used.usd)
        account.spent.tokens += used.tokens
        for (const wake of [...waiting]) wake()
      },
    }
  }

  // Requests are admitted one by one: a question that is still open is one that its own request has given up on.
  let open: Promise<void> | undefined
  const askForMore = async (lacking: number, signal: AbortSignal): Promise<"answered" | "unanswered"> => {
    if (extend === undefined) return "answered"
    if (open !== undefined) return "unanswered"
    const answer = added(extend, lacking).then((nano) => {
      account.ceiling += nano
      open = undefined
      for (const wake of [...waiting]) wake()
    })
    open = answer
    return await within(answer, askMs, signal)
  }

  const admit = async (need: Need, signal: AbortSignal): Promise<Grant> => {
    const deadline = performance.now() + waitMs
    let asked: "answered" | "unanswered" | undefined
    for (;;) {
      if (signal.aborted) return { is: "gone" }
      const output = fitting(need, free())
      const comfortable = Math.min(need.output, Math.max(COMFORTABLE_OUTPUT, need.floor))
      if (output >= comfortable) return { is: "granted", output, hold: hold(need.cost(output)) }
      const lacking = nanos(need.cost(comfortable).usd) - free().nano
      if (asked === undefined && lacking > 0 && extend !== undefined) {
        asked = await askForMore(lacking, signal)
        continue
      }
      const othersHold = account.held.nano > 0 || account.held.tokens > 0
      const leftMs = deadline - performance.now()
      if (othersHold && leftMs > 0) {
        await settledOr(waiting, leftMs, signal)
        continue
      }
      if (output >= Math.min(need.floor, need.output)) return { is: "granted", output, hold: hold(need.cost(output)) }
      const needs = need.cost(Math.min(need.floor, need.output))
      const by = nanos(needs.usd) > free().nano ? "usd" : "tokens"
      return { is: "refused", by, needs, ...(asked === "unanswered" ? { unanswered: true } : {}) }
    }
  }

  return {
    async reserve(need, signal) {
      const mine = queue.then(() => admit(need, signal))
      // The next in line waits for this one's answer, whatever it is.
      queue = mine.catch(() => undefined)
      return mine
    },
    state: () => ({
      ceiling: account.ceiling === Number.POSITIVE_INFINITY ? undefined : account.ceiling / NANO,
      spent: { usd: account.spent.nano / NANO, tokens: account.spent.tokens },
      held: { usd: account.held.nano / NANO, tokens: account.held.tokens },
    }),
  }
}

/** The longest answer, up to the one asked for, that what is free pays for; -1 where not even an empty one fits. */
function fitting({ cost, output }: Need, free: { nano: number; tokens: number }): number {
  const fits = (length: number) => {
    const { usd, tokens } = cost(length)
    return nanos(usd) <= free.nano && tokens <= free.tokens
  }
  if (fits(output)) return output
  let [low, high] = [-1, output]
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (fits(middle)) low = middle
    else high = middle
  }
  return low
}

/** Rounded up, but for what multiplying fractions adds. */
function nanos(usd: number): number {
  return Math.ceil(usd * NANO - 1e-4)
}

async function added(extend: (usd: number) => Promise<number>, nano: number): Promise<number> {
  try {
    const usd = await extend(nano / NANO)
    return Number.isFinite(usd) && usd > 0 ? Math.floor(usd * NANO) : 0
  } catch {
    // Who can't be asked has given nothing: the ceiling stands.
    return 0
  }
}

/** Whether an answer came in this time; who goes away waits for none. */
async function within(answer: Promise<void>, ms: number, signal: AbortSignal): Promise<"answered" | "unanswered"> {
  const over = new AbortController()
  const late = settledOr(new Set(), ms, AbortSignal.any([signal, over.signal])).then(() => "unanswered" as const)
  const first = await Promise.race([answer.then(() => "answered" as const), late])
  over.abort()
  return first
}

/** Until another request gives something back, or the time is over, or nobody waits any more. */
function settledOr(waiting: Set<() => void>, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer)
      waiting.delete(done)
      signal.removeEventListener("abort", done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    waiting.add(done)
    signal.addEventListener("abort", done, { once: true })
  })
}
