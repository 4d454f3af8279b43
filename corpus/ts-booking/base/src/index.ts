export { type Booking, book, guestOn, Taken } from "./calendar"
export { priceOf, quote } from "./price"
export { merge, nights, overlaps, type Range } from "./range"
export { report } from "./report"
