import type { Booking } from "./calendar"
import { merge, nights } from "./range"

/** A month's bookings as text, one a line, and the nights sold. */
export function report(bookings: readonly Booking[]): string {
  const lines = bookings.map((booking) => `${booking.from} – ${booking.to}  ${booking.guest} (${nights(booking)})`)
  const sold = merge(bookings).reduce((sum, range) => sum + nights(range), 0)
  return [...lines, `${sold} nights in ${merge(bookings).length} blocks`].join("\n")
}
