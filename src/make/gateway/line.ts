import type { Cut, MeteredModelRequest } from "./metered.ts"
import type { Usage, WireName } from "./wires/wire.ts"

/** The record of one request while it is being written. */
export type Line = {
  add(facts: Partial<MeteredModelRequest>): void
  cutBy(cut: Cut): void
  close(): MeteredModelRequest
}

/** Begins the record of a request. */
export function openLine(wire: WireName, path: string): Line {
  const begun = performance.now()
  let line: Omit<MeteredModelRequest, "ms"> = {
    is: "request",
    wire,
    path,
    status: 0,
    tokens: { in: 0, out: 0, cacheRead: 0, cacheWrite: 0 },
    usd: 0,
    basis: "metered",
  }
  return {
    add(facts) {
      line = { ...line, ...facts }
    },
    cutBy(cut) {
      line = { ...line, cut }
    },
    close: () => ({ ...line, ms: Math.round((performance.now() - begun) * 10) / 10 }),
  }
}

/** Tokens as the ledger counts them. */
export function tokensOf({ in: input, out, cacheRead, cacheWrite }: Usage): MeteredModelRequest["tokens"] {
  return { in: input, out, cacheRead, cacheWrite }
}
