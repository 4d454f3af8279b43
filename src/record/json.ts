/**
 * A value as PostgreSQL takes it: its JSON knows neither NUL nor half a surrogate, and the names of tests and the words of
 * programs may hold both. A ledger that could be kept from writing by a name would be no ledger.
 */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === "string" ? each.replaceAll("\0", "\uFFFD").toWellFormed() : each,
  )
}
