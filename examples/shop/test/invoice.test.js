import assert from "node:assert/strict"
import { test } from "node:test"
import { nextInvoiceNumber, renderInvoice } from "../src/invoice.js"
import { placeOrder } from "../src/order.js"
import { priceList } from "../src/price-list.js"

test("invoice numbers count up", () => {
  assert.equal(nextInvoiceNumber("R-2026-0041", 2026), "R-2026-0042")
})

test("invoice numbers carry over to the next ten", () => {
  const number = nextInvoiceNumber("R-2026-0099", 2026)
  assert.equal(number, "R-2026-0100", `after 0099 came ${number}`)
})

test("a new year starts again at one", () => {
  assert.equal(nextInvoiceNumber("R-2026-0871", 2027), "R-2027-0001")
})

test("an invoice shows lines, parcel, total and the tax in it", () => {
  const order = placeOrder(priceList, [{ sku: "storm", quantity: 1 }], {
    zone: "home",
    now: new Date("2026-11-16T09:00:00Z"),
  })
  assert.equal(
    renderInvoice(order, "R-2026-0042"),
    [
      "Invoice R-2026-0042",
      "",
      "1 x Storm lantern                      39.90 €",
      "Parcel                                  4.90 €",
      "To pay                                 44.80 €",
      "  of which 19 % VAT                     6.37 €",
      "",
      "Arrives on 2026-11-18.",
      "",
    ].join("\n"),
  )
})
