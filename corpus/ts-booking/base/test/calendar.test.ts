import { expect, test } from "vitest"
import { book, guestOn, Taken } from "../src/calendar"

const ada = { guest: "Ada", from: "2024-05-03", to: "2024-05-05" }
const ben = { guest: "Ben", from: "2024-05-05", to: "2024-05-08" }

test("books an empty calendar", () => {
  expect(book([], ada)).toEqual([ada])
})

test("books back to back", () => {
  expect(book([ada], ben)).toEqual([ada, ben])
})

test("refuses a night that is sold, and says to whom", () => {
  const attempt = () => book([ada], { guest: "Cy", from: "2024-05-04", to: "2024-05-06" })
  expect(attempt).toThrow(Taken)
  expect(attempt).toThrow(/Ada/)
})

test("refuses a stay without nights", () => {
  expect(() => book([], { ...ada, to: ada.from })).toThrow(RangeError)
})

test("knows who sleeps here", () => {
  expect(guestOn([ada, ben], "2024-05-05")).toBe("Ben")
  expect(guestOn([ada, ben], "2024-05-08")).toBeUndefined()
})
