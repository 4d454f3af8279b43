import { execFile, spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { createServer, type Server } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { build } from "esbuild"
import { afterAll, beforeAll, describe, expect, test } from "vitest"

const here = import.meta.dirname
let folder = ""
let bridge = ""
let server: Server

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "flyball-bridge-"))
  bridge = join(folder, "bridge.mjs")
  await build({
    entryPoints: [join(here, "bridge-main.ts")],
    outfile: bridge,
    bundle: true,
    platform: "node",
    format: "esm",
  })
  server = createServer((request, response) => {
    request.pipe(response)
  })
  await new Promise<void>((resolve) => server.listen(join(folder, "s"), resolve))
})

afterAll(async () => {
  server.close()
  server.closeAllConnections()
  await rm(folder, { recursive: true, force: true })
})

const bubblewrapped = ["bwrap", "--unshare-net", "--unshare-pid", "--die-with-parent", "--dev-bind", "/", "/"]
const canIsolate = await promisify(execFile)("bwrap", [...bubblewrapped.slice(1), "true"]).then(
  () => true,
  () => false,
)

/** How each of the two ways in is started, before PORT SOCKET PROGRAM: the bridge by itself, and the door that becomes one when somebody knocks. */
const ways = [
  ["the bridge", () => [process.execPath, bridge]],
  ["the door", () => ["/usr/bin/perl", join(here, "door.pl"), process.execPath, bridge]],
] as const

describe.each(ways.filter(([name]) => name === "the bridge" || existsSync("/usr/bin/perl")))("%s", (_, way) => {
  test.skipIf(!canIsolate)("an agent without a network reaches the gateway, and nothing else", async () => {
    const agent = `
    const echoed = await fetch("http://127.0.0.1:4319/v1", { method: "POST", body: "hello" }).then((r) => r.text())
    const outside = await fetch("http://192.0.2.1/", { signal: AbortSignal.timeout(2000) }).then(() => "open", () => "closed")
    console.log(echoed, outside)`
    const argv = [...bubblewrapped.slice(1), ...way(), "4319", join(folder, "s"), process.execPath, "-e", agent]
    const { stdout } = await promisify(execFile)("bwrap", argv)
    expect(stdout.trim()).toBe("hello closed")
  })

  test.each([
    ["its own exit code", ["-c", "exit 7"], 7],
    ["128 and the signal that killed it", ["-c", "kill -KILL $$"], 137],
  ])("it leaves with %s", async (_, words, code) => {
    expect(await exitOf([...way(), "4321", join(folder, "s"), "sh", ...words])).toBe(code)
  })

  test("a program that is not there is told, with the code of shells", async () => {
    expect(await exitOf([...way(), "4321", join(folder, "s"), "/nowhere/agent"])).toBe(127)
    expect(await exitOf(way())).toBe(2)
  })

  test("signals go to the agent, which decides", async () => {
    const script = "trap 'echo asked; exit 3' TERM; echo ready; while :; do sleep 0.05; done"
    const [program = "", ...first] = way()
    const child = spawn(program, [...first, "4322", join(folder, "s"), "sh", "-c", script])
    let said = ""
    child.stdout.on("data", (chunk: Buffer) => {
      if (chunk.includes("ready")) child.kill("SIGTERM")
      said += chunk
    })
    const code = await new Promise((resolve) => child.once("exit", resolve))
    expect([said, code]).toEqual(["ready\nasked\n", 3])
  })

  test("a port that is taken ends it before the agent begins", async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve))
    const address = taken.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    expect(await exitOf([...way(), String(port), join(folder, "s"), "sh", "-c", "exit 0"])).toBe(71)
    taken.close()
  })

  test("a thousand bytes both ways, by ten at once, of whom the first knocked", async () => {
    const agent = `
    const say = (n) => fetch("http://127.0.0.1:4323/", { method: "POST", body: String(n).repeat(1000) }).then((r) => r.text())
    const all = await Promise.all(Array.from({ length: 10 }, (_, n) => say(n)))
    process.exit(all.every((each, n) => each === String(n).repeat(1000)) ? 0 : 1)`
    expect(await exitOf([...way(), "4323", join(folder, "s"), process.execPath, "-e", agent])).toBe(0)
  })

  test("what the agent leaves behind is no reason to stay", async () => {
    const started = performance.now()
    expect(await exitOf([...way(), "4324", join(folder, "s"), "sh", "-c", "sleep 30 & exit 5"])).toBe(5)
    expect(performance.now() - started).toBeLessThan(20_000)
  })
})

function exitOf(argv: string[]): Promise<unknown> {
  const [program = "", ...args] = argv
  const child = spawn(program, args, { stdio: "ignore" })
  return new Promise((resolve) => child.once("exit", resolve))
}
