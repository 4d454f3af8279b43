import { mkdtemp, rm } from "node:fs/promises"
import { createServer, request, type Server } from "node:http"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { reach } from "./addresses.ts"
import { type Gateway, openGateway } from "./gateway.ts"
import type { MeteredRequest, ProxiedConnection } from "./metered.ts"

const label = { change: "c1", attempt: 1, agent: "implementer", role: "maker" }
let home = ""
let site: Server
let port = 0
let gateway: Gateway

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "flyball-proxy-"))
  site = createServer((asked, response) => {
    if (asked.url === "/endless") {
      const more = () => {
        while (response.write("x".repeat(64 * 1024)));
      }
      response.on("drain", more)
      return more()
    }
    response.end(JSON.stringify({ url: asked.url, headers: asked.headers }))
  })
  await new Promise<void>((resolve) => site.listen(0, "127.0.0.1", resolve))
  const address = site.address()
  port = typeof address === "object" && address !== null ? address.port : 0
  gateway = await openGateway({
    upstreams: [],
    socketDir: home,
    limits: { connectionBytes: 1024 * 1024, connections: 3 },
  })
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  site.close()
  site.closeAllConnections()
  await rm(home, { recursive: true, force: true })
})

test("a listed host is reached by CONNECT, and its bytes are noted", async () => {
  const { pass, lines } = opened([`127.0.0.1:${port}`])
  const tunnel = await connectTo(`127.0.0.1:${port}`, pass.token)
  expect(tunnel.status).toBe(200)
  const answer = await tunnel.say(`GET /tunnelled HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`)
  expect(answer).toContain('"/tunnelled"')
  await expect.poll(() => lines).toHaveLength(1)
  expect(lines[0]).toMatchObject({ is: "connection", host: "127.0.0.1", port, ...label })
  expect(lines[0]?.received).toBe(answer.length)
  expect(lines[0]?.refused).toBeUndefined()
})

test("a listed host is reached by a plain request, without the pass in it", async () => {
  const { pass } = opened([`127.0.0.1:${port}`])
  const { status, text } = await plainly(`http://127.0.0.1:${port}/plain?a=1`, pass.token)
  expect(status).toBe(200)
  expect(JSON.parse(text)).toMatchObject({ url: "/plain?a=1", headers: { host: `127.0.0.1:${port}` } })
  expect(text).not.toContain(pass.token)
})

test.each([
  ["a host that is not listed", "example.com:443", ["registry.example"]],
  ["another port of a listed host", "registry.example:22", ["registry.example"]],
  ["this machine, by a wildcard", "127.0.0.1:80", ["*"]],
  ["this machine by name", "localhost:80", ["*"]],
  ["the cloud's metadata", "169.254.169.254:80", ["*", "*.internal"]],
  ["the gateway itself", "127.0.0.1:1", []],
  ["no address at all", "nonsense", ["*"]],
])("%s is refused, and noted", async (_, target, allow) => {
  const { pass, lines } = opened(allow)
  const { status, said } = await connectTo(target, pass.token)
  expect(status).toBe(403)
  expect(said).toContain("Flyball:")
  await expect.poll(() => lines.length).toBe(1)
  expect(lines[0]?.refused).toBeTruthy()
})

test("without a pass it asks for one; with a wrong or a revoked one it refuses", async () => {
  const { pass } = opened([`127.0.0.1:${port}`])
  expect((await connectTo(`127.0.0.1:${port}`, undefined)).status).toBe(407)
  expect((await connectTo(`127.0.0.1:${port}`, "fb_guess")).status).toBe(403)
  expect((await plainly(`http://127.0.0.1:${port}/`, undefined)).status).toBe(407)
  await pass.revoke()
  expect((await connectTo(`127.0.0.1:${port}`, pass.token)).status).toBe(403)
})

test("revoking ends the connections under way", async () => {
  const { pass } = opened([`127.0.0.1:${port}`])
  const tunnel = await connectTo(`127.0.0.1:${port}`, pass.token)
  await pass.revoke()
  await tunnel.closed
})

test("bytes and connections have limits", async () => {
  const { pass, lines } = opened([`127.0.0.1:${port}`])
  const tunnels = await Promise.all([1, 2, 3].map(() => connectTo(`127.0.0.1:${port}`, pass.token)))
  const fourth = await connectTo(`127.0.0.1:${port}`, pass.token)
  expect(fourth).toMatchObject({ status: 403 })
  expect(fourth.said).toContain("more than 3 connections")
  await tunnels[0]?.say("GET /endless HTTP/1.1\r\nhost: a\r\n\r\n")
  await tunnels[0]?.closed
  await expect.poll(() => lines.some(({ refused }) => /more than 1 MB/.test(refused ?? ""))).toBe(true)
  await pass.revoke()
})

test("a client that sends its model requests through the proxy, too, is served all the same", async () => {
  const { pass } = opened([])
  const { status, text } = await plainly(`${gateway.url}/v1/messages`, pass.token)
  expect(status).toBe(404)
  expect(text).toContain("could not be metered")
})

const addresses: Readonly<Record<string, string[]>> = {
  "registry.example": ["93.184.215.14"],
  "cdn.registry.example": ["2606:2800:220:1::1"],
  "turned.example": ["93.184.215.14", "127.0.0.1"],
  "metadata.example": ["169.254.169.254"],
  "npm.corp.example": ["10.1.2.3"],
  "mapped.example": ["::ffff:7f00:1"],
  "nat.example": ["64:ff9b::7f00:1"],
  "nat.metadata.example": ["64:ff9b::a9fe:a9fe"],
  "nat.public.example": ["64:ff9b::5db8:d70e"],
  "compatible.example": ["::7f00:1"],
}

test.each([
  ["registry.example", 443, ["registry.example"], true],
  ["REGISTRY.example.", 443, ["registry.example"], true],
  ["registry.example", 8443, ["registry.example"], false],
  ["registry.example", 8443, ["registry.example:8443"], true],
  ["cdn.registry.example", 443, ["*.registry.example"], true],
  ["registry.example", 443, ["*.registry.example"], false],
  ["evilregistry.example", 443, ["*.registry.example"], false],
  ["registry.example", 443, ["*"], true],
  ["turned.example", 443, ["turned.example"], false],
  ["metadata.example", 80, ["metadata.example"], false],
  ["metadata.example", 80, ["private:metadata.example"], false],
  ["npm.corp.example", 443, ["npm.corp.example"], false],
  ["npm.corp.example", 443, ["private:npm.corp.example"], true],
  ["npm.corp.example", 443, ["private:*.corp.example"], false],
  ["mapped.example", 443, ["private:mapped.example"], false],
  ["nat.example", 443, ["nat.example"], false],
  ["nat.metadata.example", 443, ["private:nat.metadata.example"], false],
  ["nat.public.example", 443, ["nat.public.example"], true],
  ["compatible.example", 443, ["private:compatible.example"], false],
  ["nowhere.example", 443, ["nowhere.example"], false],
  ["10.0.0.1", 443, ["10.0.0.1"], true],
  ["10.0.0.1", 443, ["*"], false],
  ["::1", 3000, ["[::1]:3000"], true],
  ["::1", 3000, ["*:3000"], false],
  ["0x7f.1", 443, ["*"], false],
  ["2130706433", 443, ["*"], false],
  ["registry.example", 443, [], false],
])("%s:%d with the list %j", async (host, asked, allow, allowed) => {
  const look = async (name: string) => addresses[name] ?? []
  expect((await reach(host, asked, allow, look)).is).toBe(allowed ? "allowed" : "refused")
})

function opened(allow: string[]) {
  const lines: ProxiedConnection[] = []
  const onRequest = (line: MeteredRequest) => {
    if (line.is === "connection") lines.push(line)
  }
  return { pass: gateway.open({ label, allow, onRequest }), lines }
}

function passwordOf(token: string | undefined): Record<string, string> {
  return token === undefined ? {} : { "proxy-authorization": `Basic ${Buffer.from(`x:${token}`).toString("base64")}` }
}

async function connectTo(target: string, token: string | undefined) {
  const socket = connect(Number(new URL(gateway.url).port), "127.0.0.1")
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()))
  socket.on("error", () => {})
  const headers = Object.entries(passwordOf(token)).map(([name, value]) => `${name}: ${value}\r\n`)
  const said = await exchanged(`CONNECT ${target} HTTP/1.1\r\nhost: ${target}\r\n${headers.join("")}\r\n`)
  return { status: Number(said.split(" ")[1]), said, closed, say: exchanged }

  function exchanged(text: string): Promise<string> {
    return new Promise((resolve) => {
      socket.once("data", (chunk: Buffer) => resolve(chunk.toString()))
      socket.once("close", () => resolve(""))
      socket.write(text)
    })
  }
}

function plainly(url: string, token: string | undefined): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const target = new URL(url)
    const sent = request(gateway.url, { path: url, headers: { host: target.host, ...passwordOf(token) } })
    sent.once("error", reject)
    sent.once("response", (answer) => {
      let text = ""
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk
      })
      answer.once("end", () => resolve({ status: answer.statusCode ?? 0, text }))
    })
    sent.end()
  })
}
