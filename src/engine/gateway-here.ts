import { existsSync } from "node:fs"
import { join } from "node:path"
import { entry } from "../lib/entry.ts"
import type { GatewayPort } from "../make/access.ts"
import { type Gateway, openGateway } from "../make/gateway/gateway.ts"
import { outerProxies } from "../make/gateway/outer-proxy.ts"
import { loadProviders } from "../make/gateway/providers-file.ts"

/** The gateway of this process: opened when the first agent needs it, and closed with the engine. */
export function gatewayHere(
  home: string,
  env: Readonly<Record<string, string | undefined>>,
): GatewayPort & AsyncDisposable {
  let providers: ReturnType<typeof loadProviders> | undefined
  let gateway: Promise<Gateway> | undefined
  const load = () => {
    providers ??= loadProviders(home, env)
    return providers
  }
  return {
    upstreams: async () => (await load()).upstreams,
    open() {
      gateway ??= load().then((known) =>
        openGateway({ ...known, socketDir: join(home, "run"), proxies: outerProxies(env) }),
      )
      return gateway
    },
    get bridge() {
      return bridgeArgv()
    },
    async [Symbol.asyncDispose]() {
      // One that could not be opened has been reported by whoever needed it.
      await (await gateway?.catch(() => undefined))?.[Symbol.asyncDispose]()
    },
  }
}

/** What stands in a network namespace before a command: the door, where there is a Perl to keep it, and the bridge. */
export function bridgeArgv(): string[] {
  const bridge = [process.execPath, entry("bridge.js")]
  return existsSync(PERL) ? [PERL, entry("door.pl"), ...bridge] : bridge
}

/** The system's own, which a sandbox shows; there is one nearly wherever there is a git. */
const PERL = "/usr/bin/perl"
