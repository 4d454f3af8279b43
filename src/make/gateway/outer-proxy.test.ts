import { inspect } from "node:util"
import { expect, test } from "vitest"
import { outerProxies } from "./outer-proxy.ts"

const proxy = "http://proxy.corp.example:3128"

test.each<[env: Record<string, string>, url: string, way: string]>([
  [{}, "https://api.anthropic.com/v1", "none"],
  [{ HTTPS_PROXY: proxy }, "https://api.anthropic.com/v1", "proxy.corp.example:3128"],
  [{ HTTPS_PROXY: proxy }, "http://llm.corp.example/v1", "none"],
  [{ HTTP_PROXY: proxy }, "http://llm.corp.example/v1", "proxy.corp.example:3128"],
  [{ HTTP_PROXY: proxy }, "https://api.anthropic.com", "none"],
  [{ HTTPS_PROXY: proxy, https_proxy: "http://other.example" }, "https://a.example", "other.example:80"],
  [{ HTTPS_PROXY: "proxy.corp.example:3128" }, "https://a.example", "proxy.corp.example:3128"],
  [{ HTTPS_PROXY: "https://proxy.corp.example" }, "https://a.example", "proxy.corp.example:443 by TLS"],
  [{ HTTPS_PROXY: "socks5://proxy.corp.example" }, "https://a.example", "unusable"],
  [{ HTTPS_PROXY: "http://[fd00::1]:3128" }, "https://a.example", "fd00::1:3128"],
  [{ HTTPS_PROXY: "" }, "https://a.example", "none"],
  // What is on this machine.
  [{ HTTPS_PROXY: proxy, HTTP_PROXY: proxy }, "http://127.0.0.1:11434/v1", "none"],
  [{ HTTPS_PROXY: proxy, HTTP_PROXY: proxy }, "http://localhost:11434/v1", "none"],
  [{ HTTPS_PROXY: proxy, HTTP_PROXY: proxy }, "http://[::1]:11434/v1", "none"],
  // NO_PROXY.
  [{ HTTPS_PROXY: proxy, NO_PROXY: "*" }, "https://a.example", "none"],
  [{ HTTPS_PROXY: proxy, NO_PROXY: "corp.example, a.example" }, "https://a.example", "none"],
  [{ HTTPS_PROXY: proxy, NO_PROXY: "corp.example" }, "https://llm.corp.example.", "none"],
  [{ HTTPS_PROXY: proxy, NO_PROXY: ".corp.example" }, "https://llm.corp.example", "none"],
  [{ HTTPS_PROXY: proxy, no_proxy: "*.Corp.Example" }, "https://LLM.corp.example", "none"],
  [{ HTTPS_PROXY: proxy, NO_PROXY: "corp.example" }, "https://notcorp.example", "proxy.corp.example:3128"],
  [{ HTTPS_PROXY: proxy, NO_PROXY: "a.example:8443" }, "https://a.example", "proxy.corp.example:3128"],
  [{ HTTPS_PROXY: proxy, NO_PROXY: "a.example:8443" }, "https://a.example:8443", "none"],
  [{ HTTPS_PROXY: proxy, NO_PROXY: "10.0.0.0/8" }, "https://10.1.2.3", "none"],
  [{ HTTPS_PROXY: proxy, NO_PROXY: "10.0.0.0/8" }, "https://11.1.2.3", "proxy.corp.example:3128"],
  [{ HTTPS_PROXY: proxy, NO_PROXY: "10.0.0.0/99" }, "https://10.1.2.3", "proxy.corp.example:3128"],
  [{ HTTPS_PROXY: proxy, NO_PROXY: "fd00::/8,::1" }, "https://[fd00::2]", "none"],
  [{ HTTPS_PROXY: proxy, NO_PROXY: "[fd00::2]:8443" }, "https://[fd00::2]:8443", "none"],
  [{ HTTPS_PROXY: proxy, NO_PROXY: "1.2.3.4" }, "https://1.2.3.4", "none"],
])("with %o, %s goes by %s", (env, url, expected) => {
  const way = outerProxies(env)(new URL(url))
  const told = way.is === "proxy" ? `${way.proxy.host}:${way.proxy.port}${way.proxy.secure ? " by TLS" : ""}` : way.is
  expect(told).toBe(expected)
})

test("a proxy's password is sent as it wants it, and shown to nobody", () => {
  const way = outerProxies({ HTTPS_PROXY: "http://me:p%40ss%@proxy.example:3128" })(new URL("https://a.example"))
  expect(inspect(way, { depth: 9 }) + JSON.stringify(way)).not.toMatch(/p@ss|p%40ss|bWU6/)
  expect(way).toMatchObject({ is: "proxy", proxy: { host: "proxy.example", port: 3128 } })
  if (way.is === "proxy") expect(way.proxy.authorization?.reveal()).toMatch(/^Basic /)
})
