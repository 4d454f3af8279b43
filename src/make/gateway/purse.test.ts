import fc from "fast-check"
import { expect, test } from "vitest"
import { type Grant, openPurse, type Purse } from "./purse.ts"

/** A request: what its input costs, what each token of output costs, and what share of its reserve it uses in the end. */
type Request = { input: number; price: number; output: number; share: number; leaves: boolean }

const request: fc.Arbitrary<Request> = fc.record({
  input: fc.double({ min: 0, max: 0.3, noNaN: true }),
  price: fc.double({ min: 0, max: 0.0001, noNaN: true }),
  output: fc.integer({ min: 1, max: 60_000 }),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
  leaves: fc.boolean(),
})

test("M1: under any interleaving, spent and set aside never sum above the ceiling", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.array(request, { minLength: 1, maxLength: 12 }),
      fc.double({ min: 0, max: 2, noNaN: true }),
      fc.integer({ min: 1_000, max: 400_000 }),
      fc.array(fc.double({ min: 0, max: 0.5, noNaN: true }), { maxLength: 5 }),
      async (scheduler, requests, usd, tokens, gifts) => {
        let ceiling = usd
        const purse = openPurse({
          usd,
          tokens,
          waitMs: 5,
          askMs: 5,
          extend: async () => {
            const gift = gifts.pop() ?? 0
            ceiling += gift
            return gift
          },
        })
        const check = () => holds(purse, ceiling, tokens)
        const all = requests.map((one) => live(one, purse, scheduler, check))
        await scheduler.waitFor(Promise.all(all))
        const { held, spent } = purse.state()
        expect(held).toEqual({ usd: 0, tokens: 0 })
        check()
        return spent.usd <= ceiling
      },
    ),
    { numRuns: 150 },
  )
}, 60_000)

test("it waits for what others give back, in the order of asking", async () => {
  const purse = openPurse({ usd: 1, waitMs: 5_000, askMs: 0 })
  const first = await purse.reserve(need(0.9), never)
  const second = purse.reserve(need(0.8), never)
  const third = purse.reserve(need(0.1), never)
  settle(first, 0.1)
  expect((await second).is).toBe("granted")
  expect((await third).is).toBe("granted")
  expect((await purse.reserve(need(0.5), AbortSignal.timeout(20))).is).toBe("gone")
})

test("settling twice counts once", async () => {
  const purse = openPurse({ usd: 1, waitMs: 0, askMs: 0 })
  const grant = await purse.reserve(need(0.5), never)
  settle(grant, 0.25)
  settle(grant, 0.25)
  expect(purse.state()).toMatchObject({ spent: { usd: 0.25 }, held: { usd: 0 } })
})

test("D5: a ledger that hangs keeps no request for ever: it is refused, and told so; what is there at last, the next one has", async () => {
  let answer = (_usd: number) => {}
  let questions = 0
  const extend = () => {
    questions++
    return new Promise<number>((resolve) => {
      answer = resolve
    })
  }
  const purse = openPurse({ usd: 1, waitMs: 60_000, askMs: 20, extend })
  expect(await purse.reserve(need(1.5), never)).toMatchObject({ is: "refused", by: "usd", unanswered: true })
  // One question is open: a second would hang with it.
  expect(await purse.reserve(need(1.5), never)).toMatchObject({ is: "refused", unanswered: true })
  expect((await purse.reserve(need(0.4), never)).is).toBe("granted")
  expect(questions).toBe(1)
  answer(2)
  await expect.poll(() => purse.state().ceiling).toBe(3)
  expect((await purse.reserve(need(1.5), never)).is).toBe("granted")
})

test("who goes away while more is asked for is not waited with, and the next in line has its turn", async () => {
  const purse = openPurse({ usd: 1, waitMs: 0, askMs: 60_000, extend: () => new Promise(() => {}) })
  const gone = purse.reserve(need(1.5), AbortSignal.timeout(20))
  const next = purse.reserve(need(0.5), never)
  expect((await gone).is).toBe("gone")
  expect((await next).is).toBe("granted")
})

const never = new AbortController().signal

function need(usd: number) {
  return { cost: () => ({ usd, tokens: 1 }), output: 1, floor: 1 }
}

function settle(grant: Grant, usd: number): void {
  if (grant.is !== "granted") throw new Error(grant.is)
  grant.hold.settle({ usd, tokens: 1 })
}

async function live(
  { input, price, output, share, leaves }: Request,
  purse: Purse,
  scheduler: fc.Scheduler,
  check: () => void,
): Promise<void> {
  await scheduler.schedule(Promise.resolve(), "asks")
  const cost = (length: number) => ({ usd: input + length * price, tokens: length })
  const going = new AbortController()
  const granted = purse.reserve({ cost, output, floor: 2_048 }, going.signal)
  if (leaves) void scheduler.schedule(Promise.resolve(), "leaves").then(() => going.abort())
  const grant = await granted
  check()
  if (grant.is !== "granted") return
  expect(grant.output).toBeLessThanOrEqual(output)
  await scheduler.schedule(Promise.resolve(), "answers")
  grant.hold.settle({ usd: grant.hold.usd * share, tokens: Math.floor(grant.hold.tokens * share) })
  check()
}

function holds(purse: Purse, ceiling: number, tokens: number): void {
  const { spent, held } = purse.state()
  // A billionth of a dollar: the checking sum is of fractions, and drifts; the purse's own is not.
  expect(spent.usd + held.usd).toBeLessThanOrEqual(ceiling + 1e-9)
  expect(spent.tokens + held.tokens).toBeLessThanOrEqual(tokens)
}
