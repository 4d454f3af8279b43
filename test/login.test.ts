import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import { examine } from "../src/engine/commands/doctor.ts"
import { planInit } from "../src/engine/commands/init.ts"
import { flyball } from "./flyball-cli.ts"
import { fixes, only, quickProject, type RunsWith, runFix, sharedHome } from "./quick-loop.ts"
import { type SmallRepo, smallRepo } from "./small-repo.ts"

/*
 * A user who is logged in to claude, and a program of that name that tells what it finds: the command line, the run, the
 * sandbox and the private HOME are the real ones.
 */

const home = sharedHome()
const ACCESS = "sk-ant-oat01-the-users-own-access-token"
const REFRESH = "sk-ant-ort01-the-users-own-refresh-token"
let user: string
let repo: SmallRepo | undefined

beforeEach(async () => {
  user = await mkdtemp(join(tmpdir(), "flyball-user-"))
  await chmod(user, 0o755)
  await mkdir(join(user, "bin"))
  await put(".claude/.credentials.json", {
    claudeAiOauth: { accessToken: ACCESS, refreshToken: REFRESH, expiresAt: Date.now() + 8 * 3_600_000 },
  })
  await put(".claude/settings.json", { hooks: {} })
  await put(".claude.json", { oauthAccount: { emailAddress: "me@example.com" } })
  await put(".config/gh/hosts.yml", "github.com:\n  user: octocat\n  oauth_token: gho_the-users-own-token\n")
  await put(".codex/auth.json", "{}")
  vi.stubEnv("HOME", user)
  vi.stubEnv("PATH", `${join(user, "bin")}:${process.env.PATH}`)
  for (const name of ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_BASE_URL"])
    vi.stubEnv(name, undefined)
  await rm(join(home.path, "logins.json"), { force: true })
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await repo?.[Symbol.asyncDispose]()
  repo = undefined
  await rm(user, { recursive: true, force: true })
})

async function put(path: string, content: unknown): Promise<void> {
  const file = join(user, path)
  await mkdir(join(file, ".."), { recursive: true })
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content))
}

test("a tool that nobody knows is no login that was not found", async () => {
  repo = await smallRepo(quickProject({ maker: fixes }))
  const { root } = repo
  const say = async (...args: string[]) => (await flyball(root, ["login", ...args]).ended).stderr
  expect(await say("cluade")).toMatch(/^NO_SUCH_TOOL .*`cluade`.*\n→ Did you mean `claude`\?/)
  expect(await say("frobnicate", "--use")).toMatch(/^NO_SUCH_TOOL [^\n]*\n→ It knows claude, codex, .*gh\./)
  expect(await say("frobnicate", "--forget")).toMatch(/^NO_SUCH_TOOL /)
  expect(await say("gemini")).toMatch(/^NO_LOGIN /)
})

/** Shows all it can find, then fixes the file; `usage` is what it says it used so far. */
async function claude({ usage = 100, then = "" } = {}): Promise<void> {
  const text = `
const fs = require("node:fs"), path = require("node:path")
const say = (line) => console.log(JSON.stringify(line))
if (process.argv.includes("--version")) { console.log("2.1.329 (Claude Code)"); process.exit(0) }
const walk = (dir) => fs.readdirSync(dir, { withFileTypes: true }).flatMap((entry) => entry.isDirectory() ? walk(path.join(dir, entry.name)) : [path.join(dir, entry.name)])
const home = process.env.HOME
const files = walk(home).map((file) => path.relative(home, file))
let login = ""
try { login = fs.readFileSync(path.join(home, ".claude/.credentials.json"), "utf8") } catch {}
let mode = 0
try { mode = fs.statSync(path.join(home, ".claude/.credentials.json")).mode & 0o777 } catch {}
const knock = (host) => new Promise((done) => {
  if (process.env.HTTPS_PROXY === undefined) return done(undefined)
  const proxy = new URL(process.env.HTTPS_PROXY)
  const headers = { "proxy-authorization": "Basic " + Buffer.from(decodeURIComponent(proxy.username) + ":" + decodeURIComponent(proxy.password)).toString("base64") }
  require("node:http").request({ host: proxy.hostname, port: proxy.port, method: "CONNECT", path: host, headers }).on("connect", (answer, socket) => { socket.destroy(); done(answer.statusCode) }).on("response", (answer) => { answer.resume(); done(answer.statusCode) }).on("error", () => done(0)).end()
})
const outside = []
for (const file of ${JSON.stringify([".claude/.credentials.json", ".config/gh/hosts.yml"])})
  try { outside.push(fs.readFileSync(path.join(${JSON.stringify(user)}, file), "utf8")) } catch {}
say({ type: "system", subtype: "init", model: "claude-sonnet-5" })
say({ type: "assistant", message: { id: "m1", model: "claude-sonnet-5", usage: { input_tokens: ${usage}, output_tokens: 1, cache_read_input_tokens: 0, cache_creation_input_tokens: 0 }, content: [{ type: "text", text: "I found " + login }] } })
${then}
const main = async () => {
const knocks = { own: await knock("api.anthropic.com:443"), other: await knock("chatgpt.com:443") }
fs.writeFileSync(process.cwd() + "/work/n1.txt", "fixed\\n")
const found = { knocks, files, mode, hasAccess: login.includes(${JSON.stringify(ACCESS)}), hasRefresh: login.includes("refresh"), outside: outside.length, argv: process.argv.slice(2).join(" "), env: Object.keys(process.env), proxy: process.env.HTTPS_PROXY !== undefined }
console.error("to stderr too: " + login)
say({ type: "result", subtype: "success", is_error: false, total_cost_usd: 0.02, result: JSON.stringify(found), modelUsage: { "claude-sonnet-5": { inputTokens: ${usage}, outputTokens: 1, cacheReadInputTokens: 0, cacheCreationInputTokens: 0, costUSD: 0.02 } } })
}
main()
`
  await writeFile(join(user, "bin/claude"), `#!${process.execPath}\n${text}`, { mode: 0o755 })
}

async function project(
  use = "use: claude\nmodel: claude-sonnet-5",
  guardrails = "max_iterations: 1, budget: $5/run",
): Promise<SmallRepo> {
  const files = quickProject({ maker: fixes, guardrails })
  const own = { ".flyball/agents/implementer.md": `---\nname: implementer\ndescription: tells\n${use}\n---\n` }
  repo = await smallRepo(use === "" ? files : { ...files, ...own })
  return repo
}

const login = (...args: string[]) => {
  const { HOME, PATH } = process.env
  return flyball(user, ["login", ...args], { HOME, PATH }).ended
}
/** A run, and what it said before it began anything. */
async function announced(at: SmallRepo) {
  const names: string[] = []
  let sandbox = ""
  const announce: RunsWith["announce"] = (loaded, facts) => {
    names.push(...loaded.names.map(({ name, became }) => `${name}: ${became}`))
    sandbox = facts.sandbox
  }
  return { ran: await runFix(at, { announce }), names, sandbox: () => sandbox }
}

test("what is there is listed, the yes is asked for once, and taken back", async () => {
  const listed = await login()
  expect(listed.stdout).toMatch(
    /claude +me@example\.com, until .*credentials\.json\n.*not used: `flyball login claude --use`/,
  )
  expect(listed.stdout).toMatch(/gh +octocat at github\.com .*\n.*connectors/)
  const asked = await login("claude", "--use")
  expect(asked).toMatchObject({ code: 2, stderr: expect.stringMatching(/LOGIN_NOT_ALLOWED|--yes/) })
  expect((await login()).stdout).toContain("not used")
  const yes = await login("claude", "--use", "--yes")
  expect(yes.code, yes.stderr).toBe(0)
  expect(yes.stderr).toMatch(/nothing is written back, you are not logged out/)
  const [used] = JSON.parse((await login("--json")).stdout).logins
  expect(used).toMatchObject({ tool: "claude", state: "used", account: "me@example.com" })
  expect((await login("claude", "--forget")).stdout).toContain("not used any more")
  expect(await login("gh", "--use", "--yes")).toMatchObject({ code: 2 })
  for (const { stdout, stderr } of [listed, asked, yes]) expect(stdout + stderr).not.toMatch(/sk-ant|gho_/)
})

test("without the yes a session has nothing, and the way is said: in the run, by doctor and by init, in the same words", async () => {
  await claude()
  const at = await project()
  const view = only(await runFix(at))
  expect(view).toMatchObject({ outcome: "asked", reason: "infrastructure" })
  expect(view.question).toMatch(/claude has no key here.*`flyball login claude --use`/)
  const words = "not used: `flyball login claude --use` lets sessions of claude have it"
  const doctor = (await examine(at.root, AbortSignal.timeout(60_000))).items.find(({ name }) => name === "agents")
  expect(doctor?.advice).toContain(words)
  expect((await planInit(at.root, undefined)).notes.join("\n")).toContain(words)
})

test("after it a session of claude has the one file, read-only, without what renews it, and no log or file of ours tells it", async () => {
  await claude()
  expect((await login("claude", "--use", "--yes")).code).toBe(0)
  const at = await project()
  const { ran, names, sandbox } = await announced(at)
  const view = only(ran)
  expect(view, ran.said.join("\n")).toMatchObject({ outcome: "proposed", basis: "reported", usd: 0.02 })
  expect(names.join("\n")).toContain(
    "implementer: claude claude-sonnet-5, with your login me@example.com: 10M tokens, 45 min at most",
  )
  const log = await artefact(view.id, "maker.log")
  const result = log.split("\n").find((line) => line.includes('"type":"result"')) ?? "{}"
  const found = JSON.parse(JSON.parse(result).result)
  expect(found).toMatchObject({ mode: 0o400, hasAccess: true, hasRefresh: false })
  expect(found.files).toEqual([".claude/.credentials.json"])
  expect(found.knocks.other, "no other provider").toBe(403)
  const wire = await artefact(view.id, "maker.wire.jsonl")
  expect(wire).toMatch(/"chatgpt\.com".*not on the list of hosts/)
  expect(wire).not.toMatch(/"api\.anthropic\.com".*not on the list/)
  expect(found.argv).not.toContain("sk-ant")
  expect(found.env).not.toContain("CLAUDE_CODE_OAUTH_TOKEN")
  // Without a sandbox it reaches what its user reaches (docs/security.md).
  if (sandbox() === "bubblewrap") expect(found.outside).toBe(0)
  expect(log, "it told its login, and that is not what the log says").toMatch(/I found .*\*{20}/)
  expect(await told(home.path, [ACCESS, REFRESH, "gho_"])).toEqual([])
  expect(await told(join(at.root, ".flyball"), [ACCESS, REFRESH])).toEqual([])
  expect(await readdir(join(home.path, "sessions"))).toEqual([])
  expect(JSON.parse(await readFile(join(user, ".claude/.credentials.json"), "utf8")).claudeAiOauth.refreshToken).toBe(
    REFRESH,
  )
})

test("a session that says it used more tokens than its ceiling is ended, whatever it goes on to do", async () => {
  await claude({ usage: 50_000, then: "setInterval(() => {}, 1000); if (true) return" })
  await login("claude", "--use", "--yes")
  const at = await project(
    "use: claude\nmodel: claude-sonnet-5",
    "max_iterations: 1, budget: [ $5/run, 20k tokens/attempt ]",
  )
  const view = only(await runFix(at))
  expect(view).toMatchObject({ outcome: "stopped", reason: "budget" })
  expect(view.question).toContain("the ceiling of 20000 tokens for this attempt is reached, by its own account")
})

test("a login that has ended waits for its user, and a command never sees one", async () => {
  await claude()
  await login("claude", "--use", "--yes")
  await put(".claude/.credentials.json", {
    claudeAiOauth: { accessToken: ACCESS, refreshToken: REFRESH, expiresAt: Date.now() - 60_000 },
  })
  const view = only(await runFix(await project()))
  expect(view).toMatchObject({ outcome: "asked", reason: "infrastructure", usd: 0 })
  expect(view.question).toMatch(/login of claude ended at .*start claude once, which renews it/)
  await repo?.[Symbol.asyncDispose]()
  const files = quickProject({ maker: "find $HOME -type f | tee seen.txt; echo fixed > work/$item.txt" })
  repo = await smallRepo(files)
  const ran = await runFix(repo)
  expect(only(ran), ran.said.join("\n")).toMatchObject({ outcome: "proposed" })
  expect(await artefact(only(ran).id, "maker.log")).not.toContain("credentials")
})

async function artefact(change: string, name: string): Promise<string> {
  for (const file of await readdir(join(home.path, "repos"), { recursive: true }))
    if (file.includes(change) && file.endsWith(name)) return readFile(join(home.path, "repos", file), "utf8")
  throw new Error(`no ${name} of ${change}`)
}

/** Files under a folder that hold any of these. */
async function told(folder: string, secrets: readonly string[]): Promise<string[]> {
  const found: string[] = []
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const file = join(entry.parentPath, entry.name)
    const text = await readFile(file, "latin1").catch(() => "")
    if (secrets.some((secret) => text.includes(secret))) found.push(file)
  }
  return found
}
