import { delimiter, isAbsolute } from "node:path"
import { buildEnv } from "../lib/environment.ts"

/** The user's environment, read name by name and never handed on whole. */
export type Outer = Readonly<Record<string, string | undefined>>

/** An agent's environment: built as every command's is, and with the way to the network where it has one. */
export function agentEnvironment(
  outer: Outer,
  { home, tmp, network }: { home: string; tmp: string; network: boolean },
): Record<string, string> {
  const extra: Record<string, string> = {}
  for (const name of network ? ["TZ", ...onTheNetwork] : ["TZ"]) {
    const value = outer[name]
    if (value) extra[name] = value
  }
  const path = (outer.PATH ?? "").split(delimiter).filter(isAbsolute)
  if (path.length > 0) extra.PATH = path.join(delimiter)
  return buildEnv({ home, tmp, extra })
}

const onTheNetwork = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
]
