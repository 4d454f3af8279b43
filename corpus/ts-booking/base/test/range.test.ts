import { describe, expect, test } from "vitest"
import { contains, merge, nights, overlaps } from "../src/range"

const may = (from: number, to: number) => ({
  from: `2024-05-${String(from).padStart(2, "0")}`,
  to: `2024-05-${String(to).padStart(2, "0")}`,
})

describe("nights", () => {
  test("counts nights, not days", () => {
    expect(nights(may(3, 5))).toBe(2)
  })

  test("counts over the change to summer time", () => {
    expect(nights({ from: "2024-03-30", to: "2024-04-01" })).toBe(2)
  })
})

describe("overlaps", () => {
  test("sees a shared night", () => {
    expect(overlaps(may(3, 6), may(5, 8))).toBe(true)
    expect(overlaps(may(5, 8), may(3, 6))).toBe(true)
  })

  test("sees a stay within another", () => {
    expect(overlaps(may(1, 20), may(5, 8))).toBe(true)
  })

  test("a stay may begin on the day another one ends", () => {
    expect(overlaps(may(3, 5), may(5, 8))).toBe(false)
    expect(overlaps(may(5, 8), may(3, 5))).toBe(false)
  })

  test("stays apart share nothing", () => {
    expect(overlaps(may(3, 5), may(6, 8))).toBe(false)
  })
})

describe("contains", () => {
  test("includes the day of arrival and not that of departure", () => {
    expect(contains(may(3, 5), "2024-05-03")).toBe(true)
    expect(contains(may(3, 5), "2024-05-05")).toBe(false)
  })
})

describe("merge", () => {
  test("joins what overlaps", () => {
    expect(merge([may(5, 8), may(3, 6)])).toEqual([may(3, 8)])
  })

  test("joins what touches", () => {
    expect(merge([may(3, 5), may(5, 8)])).toEqual([may(3, 8)])
  })

  test("keeps gaps, and the ranges it was given", () => {
    const given = [may(10, 12), may(3, 5)]
    expect(merge(given)).toEqual([may(3, 5), may(10, 12)])
    expect(given).toEqual([may(10, 12), may(3, 5)])
  })
})
