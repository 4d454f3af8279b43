import { randomBytes } from "node:crypto"
import { addSpend, NOTHING_SPENT, type Spend } from "../../core/spend.ts"
import type { GatewayLimits } from "./limits.ts"
import type { MeteredRequest, Quota, Seen, Unstamped } from "./metered.ts"
import { openPurse, type Purse } from "./purse.ts"

/** What one attempt may do through the gateway. */
export type PassOptions = {
  /** For the log. */
  label: { change: string; attempt: number; agent: string; role: string }
  /** The ceiling in dollars; none: it is still metered. */
  usd?: number | undefined
  /** The ceiling in tokens of every kind. */
  tokens?: number | undefined
  /** Asked for so many dollars more when the next request does not fit; says how many were added, 0 for none. */
  extend?: ((usd: number) => Promise<number>) | undefined
  /** A provider of `providers.yaml` by name; none: the one that serves the wire by default. */
  provider?: string | undefined
  /** Hosts that the proxy may reach: `registry.example`, `*.example.com:443`, `private:npm.example`. */
  allow?: readonly string[] | undefined
  /** Called once, at the first refusal for money or for an unknown price. */
  onCeiling?: ((why: string) => void) | undefined
  /** Told of every request and connection when it is over. */
  onRequest?: ((line: MeteredRequest) => void) | undefined
}

/** The right of one attempt to use models, until it is revoked. */
export type Pass = {
  /** What the agent is given for a key. */
  token: string
  /** `http://x:TOKEN@127.0.0.1:PORT`, for HTTP_PROXY and HTTPS_PROXY. */
  proxyUrl: string
  /** What was spent so far; `metered`, or `estimated` once an answer was cut or told no usage. */
  spend(): Spend
  seen(): Seen
  /** Ends what is under way, charges it, and lets nothing begin: at once. Resolves when all of it is noted, too. */
  revoke(): Promise<void>
}

/** A pass as the gateway's own parts use it. */
export type OpenPass = Pass & {
  options: PassOptions
  purse: Purse
  /** Why nothing may begin any more: the ceiling, or that it was revoked. */
  closed(): { is: "ceiling"; why: string } | { is: "revoked" } | undefined
  /** Takes no request any more; those under way go on within what they set aside. */
  reachCeiling(why: string): void
  /** What is under way, and how it is ended. */
  begin(end: () => void): void
  leave(end: () => void): void
  requests: { now: number; bytes: number }
  connections: { now: number; bytes: number }
  charge(spend: Spend): void
  note(line: Unstamped): void
  remember(what: { quota?: Quota; trouble?: string; refused?: string; healed?: string }): void
}

/** Opens a pass; `closed` is called when nobody can use it any more. */
export function openPass(
  options: PassOptions,
  { port, limits, onRevoked }: { port: number; limits: GatewayLimits; onRevoked: (token: string) => void },
): OpenPass {
  const token = `fb_${randomBytes(32).toString("base64url")}`
  const underWay = new Set<() => void>()
  const waiting: (() => void)[] = []
  let spent: Spend = { ...NOTHING_SPENT, basis: "metered" }
  let seen: Seen = { requests: 0 }
  let closed: ReturnType<OpenPass["closed"]>
  const purse = openPurse({ ...options, waitMs: limits.waitMs, askMs: limits.askMs })
  return {
    token,
    proxyUrl: `http://x:${token}@127.0.0.1:${port}`,
    options,
    purse,
    requests: { now: 0, bytes: 0 },
    connections: { now: 0, bytes: 0 },
    spend: () => ({ ...spent, usd: purse.state().spent.usd }),
    seen: () => seen,
    closed: () => closed,
    reachCeiling(why) {
      if (closed !== undefined) return
      closed = { is: "ceiling", why }
      seen = { ...seen, refused: why }
      options.onCeiling?.(why)
    },
    begin: (end) => void underWay.add(end),
    leave(end) {
      underWay.delete(end)
      if (underWay.size === 0) for (const wake of waiting.splice(0)) wake()
    },
    async revoke() {
      if (closed?.is !== "revoked") {
        closed = { is: "revoked" }
        onRevoked(token)
        for (const end of [...underWay]) end()
      }
      if (underWay.size > 0) await new Promise<void>((resolve) => waiting.push(resolve))
    },
    charge(spend) {
      spent = addSpend(spent, spend)
    },
    note(line) {
      if (line.is === "request") seen = { ...seen, requests: seen.requests + 1 }
      options.onRequest?.({ at: new Date().toISOString(), ...options.label, ...line })
    },
    remember({ quota, trouble, refused, healed }) {
      if (healed !== undefined) seen = withoutTrouble(seen, healed)
      if (quota !== undefined) seen = { ...seen, quota }
      if (trouble !== undefined) seen = { ...seen, upstreamTrouble: trouble }
      if (refused !== undefined && seen.refused === undefined) seen = { ...seen, refused }
    },
  }
}

/** A success of one model says nothing of another's limits. */
function withoutTrouble({ quota, upstreamTrouble: _, ...seen }: Seen, model: string): Seen {
  return quota === undefined || quota.model === model ? seen : { ...seen, quota }
}
