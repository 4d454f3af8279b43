import type { AgentTask, Confinement } from "../core/ports.ts"
import type { Spend } from "../core/spend.ts"
import type { AdapterContext, AgentAdapter } from "./adapter.ts"
import type { Gateway } from "./gateway/gateway.ts"
import type { Seen } from "./gateway/metered.ts"
import type { Pass } from "./gateway/pass.ts"
import { type Upstreams, upstreamFor } from "./gateway/upstreams.ts"
import { openWireLog } from "./gateway/wire-log.ts"
import type { WireName } from "./gateway/wires/wire.ts"

/** The gateway of this process, as the runner uses it. */
export type GatewayPort = {
  /** Whose models the user has keys for. */
  upstreams(): Promise<Upstreams>
  /** Opened when the first agent needs it. */
  open(): Promise<Gateway>
  /** How to start the program that leads out of a network namespace. */
  bridge: readonly string[]
}

/** How one session reaches its model and the rest of the world, and what it has cost so far. */
export type Access = AsyncDisposable & {
  /** Where the model is and with which key; unset: the gateway can't stand between them. */
  gateway?: NonNullable<AdapterContext["gateway"]>
  env: Record<string, string>
  network: Confinement["network"]
  /** Aborted with the reason when a request was refused for its price; unset: nobody would refuse one. */
  ceiling?: AbortSignal
  /** What the gateway saw; undefined where it saw nothing of what the agent says to its model. */
  metered(): { spend: Spend; seen: Seen } | undefined
}

/**
 * Opens a session's way out. Where a provider is known whose wire the agent speaks, it leads through the gateway with a
 * token of its own; else, with a subscription's token or login, to that provider's hosts through the filtering proxy.
 */
export async function openAccess(
  task: AgentTask,
  adapter: AgentAdapter,
  port: GatewayPort | undefined,
  logFile: string,
  loginHosts?: readonly string[],
): Promise<Access> {
  if (port === undefined || !goesOut(task, adapter)) return directly(port === undefined)
  const { access } = adapter
  const [served, gateway] = await Promise.all([isServed(task, adapter, port), port.open()])
  const log = openWireLog(logFile)
  const ceiling = new AbortController()
  const allow = [...(task.hosts ?? []), ...(served ? [] : (loginHosts ?? access?.hosts ?? []))]
  const pass = gateway.open({
    label: { change: task.change, attempt: task.attempt, agent: task.agent.name, role: task.role },
    // Who has no model there has a key to its door all the same, and no money.
    ...(served
      ? { usd: task.limits.usd, tokens: task.limits.tokens, extend: task.limits.extend }
      : { usd: 0, tokens: 0 }),
    allow,
    onCeiling: (why) => ceiling.abort(why),
    onRequest: log.write,
  })
  return {
    ...(served ? { gateway: { url: gateway.url, token: pass.token } } : {}),
    env: proxyEnvironment(pass, allow),
    network: { socket: gateway.socket, port: gateway.port, bridge: port.bridge },
    ceiling: ceiling.signal,
    metered: () => (served ? { spend: pass.spend(), seen: pass.seen() } : undefined),
    async [Symbol.asyncDispose]() {
      await pass.revoke()
      await log[Symbol.asyncDispose]()
    },
  }
}

/** Whether somebody is known who sells what the agent asks for: then the gateway stands between them. */
export async function isServed(task: AgentTask, adapter: AgentAdapter, port: GatewayPort): Promise<boolean> {
  const upstreams = await port.upstreams()
  return wiresOf(task, adapter).some((wire) => upstreamFor(upstreams, wire) !== undefined)
}

/** What an agent behind ACP speaks nobody knows: it is told of every wire, and served those that somebody pays for. */
function wiresOf({ agent }: AgentTask, { access }: AgentAdapter): readonly WireName[] {
  return access?.wires ?? (agent.use === "acp" ? ["messages", "responses", "chat", "gemini"] : [])
}

/** Of commands only a maker's may need the network, and then only where there is something that it may reach. */
function goesOut({ agent, role, hosts = [] }: AgentTask, { access }: AgentAdapter): boolean {
  return (
    access !== undefined || agent.use === "acp" || (agent.use === "command" && role === "maker" && hosts.length > 0)
  )
}

/** For what needs no way out, and for where there is no gateway to lead it. */
function directly(open: boolean): Access {
  return {
    env: {},
    network: open ? "open" : "none",
    metered: () => undefined,
    async [Symbol.asyncDispose]() {},
  }
}

/**
 * All that programs look at to find their proxy. What is on loopback is inside the sandbox, or the gateway, unless the list
 * names a port of this machine there.
 */
export function proxyEnvironment({ proxyUrl }: Pass, allow: readonly string[]): Record<string, string> {
  const isNamed = (host: string) => allow.some((each) => each.replace(/^private:|[[\]]/g, "").startsWith(`${host}:`))
  const local = ["127.0.0.1", "localhost", "::1"].filter((host) => !isNamed(host)).join(",")
  return {
    HTTP_PROXY: proxyUrl,
    HTTPS_PROXY: proxyUrl,
    http_proxy: proxyUrl,
    https_proxy: proxyUrl,
    NO_PROXY: local,
    no_proxy: local,
    // From version 24 on, `fetch` and `http` of Node heed the variables above when this one is set.
    NODE_USE_ENV_PROXY: "1",
  }
}
