import type { Way } from "../core/ports.ts"
import { type GatewayPort, proxyEnvironment } from "./access.ts"

type Reach = { hosts: readonly string[]; env: Readonly<Record<string, string>> }

/** Opens a way to these hosts alone, for a command that is no agent. */
export async function openWay(port: GatewayPort, purpose: string, { hosts, env }: Reach): Promise<Way> {
  const gateway = await port.open()
  const label = { change: purpose, attempt: 0, agent: purpose, role: purpose }
  const pass = gateway.open({ label, allow: hosts, usd: 0, tokens: 0 })
  return {
    network: { socket: gateway.socket, port: gateway.port, bridge: port.bridge },
    env: { ...env, ...proxyEnvironment(pass, hosts) },
    async [Symbol.asyncDispose]() {
      await pass.revoke()
    },
  }
}
