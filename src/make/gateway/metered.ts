import type { Spend } from "../../core/spend.ts"
import type { WireName } from "./wires/wire.ts"

/** What is written of each request to a model, and of each connection through the proxy: one line of the wire log. */
export type MeteredRequest = Stamp & Unstamped

type Stamp = { at: string; change: string; attempt: number; agent: string; role: string }

export type Unstamped = MeteredModelRequest | ProxiedConnection

export type MeteredModelRequest = {
  is: "request"
  wire: WireName
  path: string
  model?: string
  provider?: string
  /** What the agent was answered. */
  status: number
  ms: number
  /** Until the first byte of the answer. */
  firstMs?: number
  tokens: Spend["tokens"]
  reasoning?: number
  usd: number
  basis: Spend["basis"]
  /** What had been set aside. */
  reservedUsd?: number
  /** The output asked for, and to what it was lowered because no more fitted. */
  lowered?: { from: number; to: number }
  /** Who ended the answer before it was whole. */
  cut?: Cut
  /** Why the gateway itself refused it. */
  refused?: string
  /** What the provider said was wrong. */
  trouble?: string
  retryAfterMs?: number
}

/** Who ended an answer before it was whole. */
export type Cut = "client" | "upstream" | "revoked" | "idle"

export type ProxiedConnection = {
  is: "connection"
  host: string
  port: number
  ms: number
  sent: number
  received: number
  refused?: string
}

/** What a provider said of a limit of its own. */
export type Quota = { status: number; model?: string; resetsAt?: string; why?: string }

/** What the gateway saw of an attempt, for who decides how it goes on. */
export type Seen = {
  requests: number
  /** Why money, price or policy refused a request first. */
  refused?: string
  /** The last word of the provider on its limits, unless a later request succeeded. */
  quota?: Quota
  /** The last failure of the provider or of the way to it, unless a later request succeeded. */
  upstreamTrouble?: string
}
