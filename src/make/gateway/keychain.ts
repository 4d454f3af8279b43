import { run } from "../../lib/process.ts"
import { findProgram } from "../find-program.ts"

/** What the operating system's keychain says of a key: the key, or why there is none, as a sentence. */
export type FromKeychain = { is: "key"; key: string } | { is: "none"; why: string }

type Env = Readonly<Record<string, string | undefined>>
export type KeychainOptions = { env: Env; platform?: string; timeoutMs?: number }

/**
 * Reads a key that the user keeps under this name, by the system's own tool: `secret-tool` on Linux (any Secret Service:
 * GNOME Keyring, KWallet, KeePassXC), `security` on macOS. It is asked again for each load, and kept nowhere.
 */
export async function fromKeychain(
  name: string,
  { env, platform = process.platform, timeoutMs = 20_000 }: KeychainOptions,
): Promise<FromKeychain> {
  const tool = platform === "darwin" ? security : secretTool
  const program = await findProgram(tool.program, env.PATH ?? "", "/")
  if (program === undefined) return none(`${tool.program} is not on the PATH: ${tool.install}`)
  const ask = (args: readonly string[]) =>
    run([program, ...args], { cwd: "/", env: reached(env), timeoutMs, limitBytes: MOST_BYTES })
  const ran = await ask(tool.read(name))
  // Who has to type a password into a window has so long; at night nobody does.
  if (ran.ended === "timeout") return none(`the keychain did not answer within ${timeoutMs / 1000} s: is it locked?`)
  const key = ran.stdout.trim()
  if (ran.exitCode === 0 && key !== "") return { is: "key", key }
  return none(await tool.why(name, { ...ran, ask }))
}

type Answer = {
  exitCode: number | null
  stderr: string
  ask: (args: readonly string[]) => Promise<{ stdout: string; stderr: string }>
}
type Tool = {
  program: string
  install: string
  read(name: string): string[]
  why(name: string, answer: Answer): Promise<string> | string
}

const secretTool: Tool = {
  program: "secret-tool",
  install: "install libsecret-tools",
  read: (name) => ["lookup", "service", SERVICE, "account", name],
  async why(name, { stderr, ask }) {
    // It fails alike, and without a word, for what is not there and for what is locked.
    if (stderr.trim() === "" || /locked|prompt/i.test(stderr)) {
      const found = await ask(["search", "service", SERVICE, "account", name])
      if (/locked/i.test(found.stderr) || found.stdout.trim() !== "")
        return "the keychain is locked: unlock it, and try again"
      if (found.stderr.trim() === "" && stderr.trim() === "")
        return `the keychain holds no key for ${name}: secret-tool store --label="Flyball ${name}" service ${SERVICE} account ${name}`
    }
    return `no keychain answers here (a session bus with a Secret Service is needed): ${lastLine(stderr)}`
  },
}

/** By its manual page: exit codes are the last byte of the system's own error numbers. */
const security: Tool = {
  program: "security",
  install: "it is part of macOS",
  read: (name) => ["find-generic-password", "-s", SERVICE, "-a", name, "-w"],
  why(name, { exitCode, stderr }) {
    if (exitCode === 44)
      return `the keychain holds no key for ${name}: security add-generic-password -s ${SERVICE} -a ${name} -w`
    if (exitCode === 36) return "the keychain is locked: unlock it, and try again"
    return `the keychain did not give it: ${lastLine(stderr)}`
  },
}

const SERVICE = "flyball"
const MOST_BYTES = 64 * 1024

/** What leads to the user's session, and nothing else of their environment. */
function reached(env: Env): Record<string, string> {
  const names = ["PATH", "HOME", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"]
  return Object.fromEntries(names.flatMap((name) => (env[name] ? [[name, env[name]]] : [])))
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1)?.slice(0, 300) ?? ""
}

function none(why: string): FromKeychain {
  return { is: "none", why }
}
