import { expect, test } from "vitest"
import { type Hold, workOff } from "./work.ts"

const signal = new AbortController().signal
const held: Hold = { reason: "review_wip", detail: "3 wait" }

function pieces(count: number, isNew = true) {
  let running = 0
  let most = 0
  const list = Array.from({ length: count }, (_, n) => ({
    title: String(n),
    isNew,
    begin: async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setImmediate(resolve))
      running--
      return n
    },
  }))
  return { list, most: () => most }
}

test("no more than maxParallel are under way, and all are done", async () => {
  const { list, most } = pieces(7)
  const { results } = await workOff(list, { maxParallel: 3, hold: async () => undefined, signal })
  expect(results.sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
  expect(most()).toBe(3)
})

test("P3: a hold lets what is under way end, then keeps the rest for a later run", async () => {
  let done = 0
  const { list } = pieces(5)
  const counted = list.map((piece) => ({ ...piece, begin: () => piece.begin().finally(() => done++) }))
  const { results, held: rest } = await workOff(counted, {
    maxParallel: 2,
    hold: async (underWay) => (done + underWay >= 3 ? held : undefined),
    signal,
  })
  expect(results).toHaveLength(3)
  expect(rest.map((each) => each.title)).toEqual(["3", "4"])
})

test("what a person or an earlier run began is not held", async () => {
  const { results } = await workOff(pieces(2, false).list, { maxParallel: 1, hold: async () => held, signal })
  expect(results).toEqual([0, 1])
})

test("one that throws lets the others end, begins no more, and is told", async () => {
  const { list } = pieces(3)
  const bad = { title: "bad", isNew: true, begin: () => Promise.reject(new Error("boom")) }
  await expect(workOff([bad, ...list], { maxParallel: 1, hold: async () => undefined, signal })).rejects.toThrow("boom")
})
