import { expect, test } from "vitest"
import { report } from "../src/report"

test("lists bookings and sums nights", () => {
  const bookings = [
    { guest: "Ada", from: "2024-05-03", to: "2024-05-05" },
    { guest: "Ben", from: "2024-05-05", to: "2024-05-08" },
    { guest: "Cy", from: "2024-05-20", to: "2024-05-21" },
  ]
  expect(report(bookings)).toMatchSnapshot()
})
