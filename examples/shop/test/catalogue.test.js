import assert from "node:assert/strict"
import { test } from "node:test"
import { readCatalogue } from "../src/catalogue.js"

test("a price list is read line by line, comments and empty lines passed over", () => {
  const catalogue = readCatalogue(
    "# lanterns\nstorm; Storm lantern; 39.90; 900; 19\n\nbook; The Lamp Book; 18.00; 600; 7\n",
  )
  assert.deepEqual([...catalogue.keys()], ["storm", "book"])
  assert.deepEqual(catalogue.get("storm"), {
    sku: "storm",
    name: "Storm lantern",
    cents: 3990,
    grams: 900,
    vatPercent: 19,
  })
})

test("a price without cents is refused with its line", () => {
  assert.throws(() => readCatalogue("storm;Storm lantern;39;900;19"), /line 1: a number is missing/)
})

test("a sku that is there twice is refused", () => {
  assert.throws(
    () => readCatalogue("oil;Lamp oil;7.50;1000;19\noil;Lamp oil;8.00;1000;19"),
    /line 2: oil is there twice/,
  )
})
