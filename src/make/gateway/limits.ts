/** What the gateway bears; each has a message of its own when it is reached. */
export type GatewayLimits = {
  /** Body of one request, and of all of one attempt at once. */
  requestBytes: number
  requestsBytes: number
  /** An answer that is not streamed: read whole, for its account. */
  answerBytes: number
  headerBytes: number
  /** Requests of one attempt at once; the next is refused with 429. */
  parallel: number
  /** Connections to the gateway at once, of all attempts. */
  sockets: number
  /** Until a request's body has come whole. */
  bodyMs: number
  /** No byte from the model, before or within its answer. */
  idleMs: number
  /** For other requests of the same attempt to give back what they set aside and did not use. */
  waitMs: number
  /** For the ledger to say whether there is more money. */
  askMs: number
  /** Connections through the proxy at once, per attempt, and all their bytes. */
  connections: number
  connectionBytes: number
  connectMs: number
  connectionIdleMs: number
}

export const defaultLimits: GatewayLimits = {
  requestBytes: 32 * 1024 * 1024,
  requestsBytes: 128 * 1024 * 1024,
  answerBytes: 16 * 1024 * 1024,
  headerBytes: 64 * 1024,
  parallel: 32,
  sockets: 2_000,
  bodyMs: 60_000,
  idleMs: 10 * 60_000,
  waitMs: 2 * 60_000,
  askMs: 10_000,
  connections: 128,
  connectionBytes: 4 * 1024 * 1024 * 1024,
  connectMs: 30_000,
  connectionIdleMs: 5 * 60_000,
}
