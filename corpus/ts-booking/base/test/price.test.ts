import { expect, test } from "vitest"
import { priceOf, quote } from "../src/price"

const rates = { night: 80, weekend: 100, cleaning: 40 }

test("weekend nights cost more", () => {
  expect(priceOf({ from: "2024-05-02", to: "2024-05-05" }, rates)).toBe(40 + 80 + 100 + 100)
})

test("a week is a tenth cheaper", async () => {
  expect(await quote({ from: "2024-05-06", to: "2024-05-13" }, async () => rates)).toBe(576)
})
