import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { afterEach, expect, test } from "vitest"
import type { Workspace } from "../core/ports.ts"
import { buildEnv } from "../lib/environment.ts"
import { run } from "../lib/process.ts"
import { type Scratch, scratchRepo, workspacesFor } from "./fixtures/scratch-repo.ts"
import { openPorts } from "./leases.ts"
import { detectSandbox } from "./sandbox.ts"

const signal = new AbortController().signal
let scratch: Scratch
afterEach(() => scratch[Symbol.dispose]())

/** A project's server tests: eight of them listen at once until the last has come; who shares a port fails. */
const SERVER_TEST = `
import { test } from "node:test"
import { createServer, get } from "node:http"
import { mkdtempSync, readdirSync, writeFileSync, watch } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
const { FLYBALL_PORT, FLYBALL_PORTS, FLYBALL_DATABASE, MEET, ALL } = process.env
test("serves", async () => {
  const [first, last] = FLYBALL_PORTS.split("-").map(Number)
  if (String(first) !== FLYBALL_PORT || last - first !== 9) throw new Error(FLYBALL_PORTS)
  mkdtempSync(join(tmpdir(), "own-"))
  const listening = (port) => new Promise((done, fail) => {
    const server = createServer((_, answer) => answer.end(FLYBALL_DATABASE)).once("error", fail)
    server.listen(port, "127.0.0.1", () => done(server))
  })
  const servers = [await listening(first), await listening(last)]
  await new Promise((done) => {
    const watching = watch(MEET, () => look())
    const look = () => { if (readdirSync(MEET).length >= Number(ALL)) { watching.close(); done() } }
    writeFileSync(join(MEET, FLYBALL_DATABASE), "")
    look()
  })
  const said = await new Promise((done, fail) =>
    get({ port: first, host: "127.0.0.1" }, (answer) => answer.on("data", (text) => done(String(text)))).on("error", fail))
  if (said !== FLYBALL_DATABASE) throw new Error(said)
  for (const server of servers) { server.closeAllConnections(); server.close() }
})
`

test("eight workspaces run the project's server tests at once, each on ports and a database of its own", async () => {
  scratch = scratchRepo({ files: { "package.json": '{ "type": "module" }', "server.test.js": SERVER_TEST } })
  const { workspaces } = await workspacesFor(scratch)
  const base = await workspaces.base(signal)
  const sandbox = await detectSandbox({ home: scratch.home })
  const meet = join(scratch.folder, "meet")
  await run(["mkdir", meet], { cwd: "/", env: { PATH: "/usr/bin:/bin" } })
  const count = 8
  const opened = await Promise.all(
    Array.from({ length: count }, (_, n) => workspaces.open(`c${n}`, base.sha, undefined, {}, signal)),
  )
  // With the network open: they share the machine's ports, as makers do.
  const ran = await Promise.all(opened.map((workspace) => serverTest(workspace)))
  for (const each of ran) expect(each, each.stdout).toMatchObject({ exitCode: 0 })
  expect(new Set(opened.map((each) => each.env?.FLYBALL_DATABASE)).size).toBe(count)

  async function serverTest({ path, env = {} }: Workspace) {
    const { argv } = sandbox.wrap(["node", "--test", "server.test.js"], path, {
      writable: [path, meet],
      readable: [],
      network: "open",
    })
    const extra = { ...env, MEET: meet, ALL: String(count) }
    return run(argv, { cwd: path, env: buildEnv({ home: "/tmp", tmp: "/tmp", extra }), timeoutMs: 60_000 })
  }
}, 120_000)

test("a checkout has ports of its own, and the next one gets them when it is gone", async () => {
  scratch = scratchRepo()
  const { workspaces } = await workspacesFor(scratch)
  const first = await workspaces.checkout("main", "verify", signal)
  const beside = await workspaces.checkout("main", "verify", signal)
  expect(beside.env).not.toEqual(first.env)
  await first[Symbol.asyncDispose]()
  await using next = await workspaces.checkout("main", "verify", signal)
  expect(next.env).toEqual(first.env)
  await beside[Symbol.asyncDispose]()
})

test("D4: ports of a process that is gone are free again; those of one that lives are not", async () => {
  scratch = scratchRepo()
  const { repo } = await workspacesFor(scratch)
  const first = openPorts(repo)()
  expect(first.env).toEqual({ FLYBALL_PORT: "20000", FLYBALL_PORTS: "20000-20009", FLYBALL_DATABASE: "flyball_20000" })
  expect(openPorts(repo)().env.FLYBALL_PORT).toBe("20010")
  writeFileSync(join(scratch.home, "ports/0"), JSON.stringify({ pid: 999_999, startedAt: "1" }))
  expect(openPorts(repo)().env.FLYBALL_PORT).toBe("20000")
  expect(openPorts(repo)().env.FLYBALL_PORT).toBe("20020")
})
