import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { accessSync, chmodSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { createInterface } from "node:readline"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { fromKeychain } from "./keychain.ts"
import { loadProviders } from "./providers-file.ts"
import { credentialHeaders } from "./upstreams.ts"

const tools = { keep: "secret-tool", keyring: "gnome-keyring-daemon", bus: "dbus-run-session", send: "dbus-send" }
const lacking = Object.values(tools).filter((name) => !isHere(name))
const here = lacking.length === 0

/** A session bus with a keyring of its own behind it, open until its input ends. */
const session = `
printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
echo "$DBUS_SESSION_BUS_ADDRESS"
cat >/dev/null
`
const lock = "array:objpath:/org/freedesktop/secrets/collection/login"

describe(`a real keyring${here ? "" : ` (skipped: ${lacking.join(", ")} not here)`}`, () => {
  let folder: string
  let bus: ChildProcessWithoutNullStreams
  let env: Record<string, string>

  beforeAll(async () => {
    if (!here) return
    folder = mkdtempSync(join(tmpdir(), "fb-keys-"))
    for (const name of ["home", "run"]) mkdirSync(join(folder, name), { mode: 0o700 })
    const base = { PATH: process.env.PATH ?? "", HOME: join(folder, "home"), XDG_RUNTIME_DIR: join(folder, "run") }
    bus = spawn(tools.bus, ["--", "sh", "-c", session], { env: base })
    const [address] = await once(createInterface({ input: bus.stdout }), "line")
    env = { ...base, DBUS_SESSION_BUS_ADDRESS: String(address) }
    const store = ["store", "--label=Flyball openrouter", "service", "flyball", "account", "openrouter"]
    execFileSync(tools.keep, store, { env, input: "sk-from-the-keychain", timeout: 20_000 })
  }, 60_000)
  afterAll(async () => {
    if (!here) return
    bus.stdin.end()
    if (bus.exitCode === null) await once(bus, "exit")
    rmSync(folder, { recursive: true, force: true })
  })

  test.runIf(here)("gives the key, says what is not there, and what is locked", async () => {
    expect(await fromKeychain("openrouter", { env })).toEqual({ is: "key", key: "sk-from-the-keychain" })
    expect(await fromKeychain("nobody", { env })).toMatchObject({
      is: "none",
      why: expect.stringMatching(/holds no key for nobody: secret-tool store .* account nobody/),
    })
    const home = join(folder, "flyball")
    mkdirSync(home)
    const file = join(home, "providers.yaml")
    const providers = "providers:\n  router: { wire: chat, base_url: https://r.example, keychain: NAME }\n"
    writeFileSync(file, providers.replace("NAME", "openrouter"), { mode: 0o600 })
    const { upstreams } = await loadProviders(home, env)
    const [router] = upstreams
    expect(router && credentialHeaders(router)).toEqual({ authorization: "Bearer sk-from-the-keychain" })
    expect(JSON.stringify(upstreams)).not.toContain("sk-from")
    writeFileSync(file, providers.replace("NAME", "nobody"))
    await expect(loadProviders(home, env)).rejects.toMatchObject({
      code: "PROVIDERS_INVALID",
      message: expect.stringMatching(/providers\.yaml:2:\d+ {2}The keychain holds no key for nobody/),
    })
    expect(
      (await loadProviders(home, env, { keychain: false })).upstreams,
      "who only asks whom there is",
    ).toMatchObject([{ name: "router" }])

    execFileSync(
      tools.send,
      [
        "--session",
        "--dest=org.freedesktop.secrets",
        "--print-reply",
        "/org/freedesktop/secrets",
        "org.freedesktop.Secret.Service.Lock",
        lock,
      ],
      { env, timeout: 20_000 },
    )
    expect(await fromKeychain("openrouter", { env })).toMatchObject({
      is: "none",
      why: expect.stringContaining("is locked"),
    })
  })

  test.runIf(here)("where no session is, that is said", async () => {
    const { DBUS_SESSION_BUS_ADDRESS: _, ...without } = env
    const found = await fromKeychain("openrouter", { env: { ...without, XDG_RUNTIME_DIR: join(folder, "home") } })
    expect(found).toMatchObject({ is: "none", why: expect.stringContaining("no keychain answers here") })
  })
})

describe("the tool", () => {
  let bin: string
  beforeEach(() => {
    bin = mkdtempSync(join(tmpdir(), "fb-tool-"))
  })
  afterEach(() => rmSync(bin, { recursive: true, force: true }))
  function tool(name: string, script: string): void {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, name), 0o755)
  }
  const env = (more: Record<string, string> = {}) => ({ PATH: `${bin}:/usr/bin:/bin`, ...more })

  test("is not here", async () => {
    expect(await fromKeychain("a", { env: { PATH: bin }, platform: "linux" })).toEqual({
      is: "none",
      why: "secret-tool is not on the PATH: install libsecret-tools",
    })
  })

  test("hangs, as one that waits for a password at night", async () => {
    tool("secret-tool", "exec /bin/sleep 30")
    const found = await fromKeychain("a", { env: env(), platform: "linux", timeoutMs: 200 })
    expect(found).toMatchObject({ why: expect.stringContaining("did not answer within 0.2 s") })
  })

  test("sees nothing of the environment but what leads to the session", async () => {
    tool("secret-tool", "printenv OPENAI_API_KEY || echo none")
    expect(await fromKeychain("a", { env: env({ OPENAI_API_KEY: "sk" }), platform: "linux" })).toEqual({
      is: "key",
      key: "none",
    })
  })

  test.each([
    ['[ "$*" = "find-generic-password -s flyball -a router -w" ] && echo sk-mac', { is: "key", key: "sk-mac" }],
    ["exit 44", { is: "none", why: expect.stringContaining("security add-generic-password -s flyball -a router -w") }],
    ["exit 36", { is: "none", why: expect.stringContaining("locked") }],
    ["echo odd >&2; exit 1", { is: "none", why: expect.stringContaining("odd") }],
  ])("of macOS, by its manual: %s", async (script, expected) => {
    tool("security", script)
    expect(await fromKeychain("router", { env: env(), platform: "darwin" })).toEqual(expected)
  })
})

function isHere(name: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
