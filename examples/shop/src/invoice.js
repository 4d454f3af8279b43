import { formatCents } from "./money.js"

/**
 * The number after this one. Numbers have no gaps, count four digits, and start again with the year.
 *
 * @param {string} last as R-2026-0041
 * @param {number} year of the new invoice
 */
export function nextInvoiceNumber(last, year) {
  const match = /^R-(\d{4})-(\d{4})$/.exec(last)
  if (match === null) throw new Error(`"${last}" is not an invoice number`)
  if (Number(match[1]) !== year) return `R-${year}-0001`
  return `R-${year}-${match[2].slice(0, 3)}${Number(match[2].slice(3)) + 1}`
}

/**
 * The invoice as plain text, amounts in a column.
 *
 * @param {import("./order.js").Order} order
 * @param {string} number
 */
export function renderInvoice(order, number) {
  const rows = order.lines.map(({ product, quantity, cents }) => [`${quantity} x ${product.name}`, cents])
  rows.push(["Parcel", order.parcelCents])
  rows.push(["To pay", order.totalCents])
  for (const { percent, vatCents } of order.vat) rows.push([`  of which ${percent} % VAT`, vatCents])
  const page = rows.map(([label, cents]) => `${label.padEnd(32)}${formatCents(cents).padStart(14)}`)
  return [`Invoice ${number}`, "", ...page, "", `Arrives on ${order.arrives}.`, ""].join("\n")
}
