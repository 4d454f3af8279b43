import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { adapterOf } from "./agents/index.ts"
import { claudeLogin, codexLogin } from "./agents/logins.ts"
import { findLogins, forgetLogin, lend, useLogin } from "./logins.ts"

const HOUR_MS = 3_600_000
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flyball-logins-"))
  mkdirSync(join(folder, "flyball"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const home = () => join(folder, "flyball")
const outer = (more: Record<string, string> = {}) => ({ HOME: folder, ...more })
function put(path: string, content: unknown): string {
  const file = join(folder, path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content))
  return file
}

const ofClaude = (more: object = {}) => ({
  claudeAiOauth: {
    accessToken: "sk-ant-oat01-access",
    refreshToken: "sk-ant-ort01-refresh",
    expiresAt: Date.now() + 8 * HOUR_MS,
    scopes: ["user:inference"],
    subscriptionType: "max",
    ...more,
  },
  somethingElse: { token: "of-another-server" },
})
const jwt = (claims: object) => `h.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.s`
const ofCodex = (exp = Math.floor(Date.now() / 1000) + 9_000) => ({
  auth_mode: "chatgpt",
  OPENAI_API_KEY: null,
  tokens: {
    id_token: jwt({ email: "me@example.com", "https://api.openai.com/auth": { chatgpt_plan_type: "plus" } }),
    access_token: jwt({ exp }),
    refresh_token: "rt-refresh",
    account_id: "acc-1",
  },
  last_refresh: "2026-11-01T00:00:00Z",
})
const gh = "github.com:\n    user: octocat\n    oauth_token: gho_secret\n    git_protocol: https\n"

test("a login is shown with its account, and used by nobody before somebody said so", async () => {
  put(".claude/.credentials.json", ofClaude())
  put(".claude.json", { oauthAccount: { emailAddress: "me@example.com" }, projects: {} })
  put(".codex/auth.json", ofCodex())
  put(".gemini/oauth_creds.json", { access_token: "ya29", refresh_token: "r" })
  put(".config/gh/hosts.yml", gh)
  const found = await findLogins(outer(), home())
  expect(found).toMatchObject([
    { tool: "claude", account: "me@example.com", plan: "max", state: "offered" },
    { tool: "codex", account: "me@example.com", plan: "plus", state: "offered" },
    { tool: "gemini", state: "listed", why: expect.stringContaining("GEMINI_API_KEY") },
    { tool: "gh", account: "octocat at github.com", state: "listed" },
  ])
  expect(JSON.stringify(found)).not.toMatch(/sk-ant|rt-refresh|gho_|ya29/)
  for (const kind of ["claude", "codex"] as const)
    expect(await lend(kind, outer(), home())).toEqual({
      is: "withheld",
      why: expect.stringContaining(`flyball login ${kind} --use`),
    })
  expect(await lend("gemini", outer(), home())).toBeUndefined()
  expect(existsSync(join(home(), "logins.json"))).toBe(false)
})

test("after the yes a session gets what pays and nothing that renews, and the user's file stays as it is", async () => {
  const file = put(".claude/.credentials.json", ofClaude())
  const before = readFileSync(file, "utf8")
  await useLogin("claude", outer(), home())
  expect(statSync(join(home(), "logins.json")).mode & 0o777).toBe(0o600)
  expect(readFileSync(join(home(), "logins.json"), "utf8")).not.toContain("sk-ant")
  const lent = await lend("claude", outer(), home())
  expect(lent).toMatchObject({
    is: "lent",
    file: ".claude/.credentials.json",
    secrets: ["sk-ant-oat01-access"],
    hosts: ["api.anthropic.com:443"],
  })
  const text = lent?.is === "lent" ? lent.text : ""
  expect(JSON.parse(text).claudeAiOauth).toMatchObject({ accessToken: "sk-ant-oat01-access", subscriptionType: "max" })
  expect(text).not.toMatch(/refresh|of-another-server/)
  expect(readFileSync(file, "utf8")).toBe(before)
  expect(await lend("codex", outer(), home()), "the yes was claude's").toBeUndefined()
})

test("codex's likewise", async () => {
  put(".codex/auth.json", ofCodex())
  await useLogin("codex", outer(), home())
  const lent = await lend("codex", outer(), home())
  expect(lent).toMatchObject({ is: "lent", file: ".codex/auth.json", hosts: ["chatgpt.com:443"] })
  const text = lent?.is === "lent" ? JSON.parse(lent.text) : {}
  expect(text).toMatchObject({ OPENAI_API_KEY: null, tokens: { refresh_token: "", account_id: "acc-1" } })
  expect(codexLogin(JSON.stringify({ OPENAI_API_KEY: "sk-key" })), "a key has a better way").toBeUndefined()
})

describe("what is withheld, and why", () => {
  test.each<[string, () => void, RegExp]>([
    [
      "it has ended",
      () => put(".claude/.credentials.json", ofClaude({ expiresAt: Date.now() - HOUR_MS })),
      /ended at .*start claude once.*setup-token/,
    ],
    [
      "it ends in a minute",
      () => put(".claude/.credentials.json", ofClaude({ expiresAt: Date.now() + 60_000 })),
      /ends at/,
    ],
    [
      "it is somebody else's by now",
      () => put(".claude.json", { oauthAccount: { emailAddress: "other@example.com" } }),
      /another login than the one/,
    ],
    ["it is gone", () => rmSync(join(folder, ".claude"), { recursive: true }), /is gone: log in/],
    ["it can't be read any more", () => put(".claude/.credentials.json", "{"), /is gone: log in/],
    ["the word was taken back", () => rmSync(join(home(), "logins.json")), /nobody said that its login may be used/],
  ])("%s", async (_, change, why) => {
    put(".claude/.credentials.json", ofClaude())
    put(".claude.json", { oauthAccount: { emailAddress: "me@example.com" } })
    await useLogin("claude", outer(), home())
    expect(await lend("claude", outer(), home())).toMatchObject({ is: "lent" })
    change()
    expect(await lend("claude", outer(), home())).toEqual({ is: "withheld", why: expect.stringMatching(why) })
  })

  test("a word that is taken back is no word, and one that can't be read is an error", async () => {
    put(".claude/.credentials.json", ofClaude())
    await useLogin("claude", outer(), home())
    expect(await forgetLogin("claude", home())).toBe(true)
    expect(await forgetLogin("claude", home())).toBe(false)
    expect(await findLogins(outer(), home())).toMatchObject([{ state: "offered" }])
    writeFileSync(join(home(), "logins.json"), "yes to all")
    await expect(lend("claude", outer(), home())).rejects.toMatchObject({ code: "LOGINS_UNREADABLE" })
  })

  test.each(["gh", "gemini", "nobody"])("%s can't be used at all", async (tool) => {
    put(".config/gh/hosts.yml", gh)
    put(".gemini/oauth_creds.json", {})
    await expect(useLogin(tool, outer(), home())).rejects.toMatchObject({ code: "LOGIN_NOT_USABLE" })
  })

  test.runIf(process.getuid?.() === 0)("another user's file is nobody's login", async () => {
    const file = put(".claude/.credentials.json", ofClaude())
    chmodSync(file, 0o644)
    const { chownSync } = await import("node:fs")
    chownSync(file, 12_345, 12_345)
    expect(await findLogins(outer(), home())).toEqual([])
  })
})

test("folders that the user's variables name are looked at instead", async () => {
  put("elsewhere/.credentials.json", ofClaude())
  put("elsewhere/.claude.json", { oauthAccount: { emailAddress: "a@example.com" } })
  put("codex/auth.json", ofCodex())
  const found = await findLogins(
    outer({ CLAUDE_CONFIG_DIR: join(folder, "elsewhere"), CODEX_HOME: join(folder, "codex") }),
    home(),
  )
  expect(found).toMatchObject([
    { tool: "claude", file: join(folder, "elsewhere/.credentials.json"), account: "a@example.com" },
    { tool: "codex", file: join(folder, "codex/auth.json") },
  ])
})

test("with a login goes neither a key nor another address, and no other agent's adapter knows of one", () => {
  const agent = { name: "implementer", skills: [], from: "loop", model: "m" }
  const command = (use: "claude" | "codex") =>
    adapterOf(use)?.command(
      {
        role: "maker",
        agent: { ...agent, use },
        cwd: "/work",
        prompt: "p",
        attempt: 1,
        finding: { fingerprint: "f", source: "s", title: "t", body: "b", severity: "low", attemptable: true },
        limits: { timeoutMs: 1, silenceMs: 1, outputBytes: 1 },
        artifactDir: "/a",
        change: "c",
      },
      {
        home: "/home/agent",
        files: { finding: "/f", prompt: "/p" },
        sandboxed: true,
        outer: { ANTHROPIC_BASE_URL: "https://elsewhere.example", OPENAI_BASE_URL: "https://elsewhere.example" },
        replay: { argv: [], root: "/" },
        login: true,
      },
    )
  const [claude, codex] = [command("claude"), command("codex")]
  expect([claude?.unusable, codex?.unusable]).toEqual([undefined, undefined])
  expect(JSON.stringify([claude, codex])).not.toContain("elsewhere")
  const config = codex?.files?.[".codex/config.toml"] ?? ""
  expect(config).toContain('base_url = "https://chatgpt.com/backend-api/codex"')
  expect(config).toContain("requires_openai_auth = true")
  expect(config).not.toContain("env_key")
  const lends = (["opencode", "gemini", "pi", "acp", "command", "replay"] as const).filter(
    (use) => adapterOf(use)?.access?.login?.lend !== undefined,
  )
  expect(lends).toEqual([])
})

test.each(["", "null", "[]", '{"claudeAiOauth":{"accessToken":""}}', '{"tokens":{}}', "\u0000"])(
  "%j is no login",
  (text) => {
    expect([claudeLogin(text), codexLogin(text)]).toEqual([undefined, undefined])
  },
)
