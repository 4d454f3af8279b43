const FREE_FROM = 5000

/** Cents for a parcel: free from 50.00 on, and for carts with nothing to send. */
export function shipping(worth, grams) {
  if (grams === 0 || worth >= FREE_FROM) return 0
  return 490 + Math.ceil(Math.max(0, grams - 1000) / 500) * 100
}
