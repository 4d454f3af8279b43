import { contains, nights, overlaps, type Range } from "./range"

export type Booking = Range & { guest: string }

export class Taken extends Error {
  readonly by: Booking
  constructor(by: Booking) {
    super(`taken by ${by.guest} from ${by.from} to ${by.to}`)
    this.by = by
  }
}

/** The bookings with one more; throws `Taken` where a night is sold already, and a RangeError for a stay without nights. */
export function book(bookings: readonly Booking[], booking: Booking): Booking[] {
  if (nights(booking) < 1) throw new RangeError("a stay has at least one night")
  const taken = bookings.find((known) => overlaps(known, booking))
  if (taken !== undefined) throw new Taken(taken)
  return [...bookings, booking].sort((a, b) => a.from.localeCompare(b.from))
}

export function guestOn(bookings: readonly Booking[], day: string): string | undefined {
  return bookings.find((booking) => contains(booking, day))?.guest
}
