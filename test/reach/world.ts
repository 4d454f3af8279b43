import { type ChildProcess, execFileSync, spawn } from "node:child_process"
import { randomBytes } from "node:crypto"
import { once } from "node:events"
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { createServer, type Server } from "node:net"
import { networkInterfaces, tmpdir } from "node:os"
import { dirname, join } from "node:path"

/** The machine of somebody with much to lose. Every secret on it begins with `mark`. */
export type World = AsyncDisposable & {
  folder: string
  home: string
  /** Their checkout. */
  root: string
  flyballHome: string
  mark: string
  /** The user's environment. */
  outer: Record<string, string>
  port: number
  /** An address of this machine that is not loopback. */
  address: string | undefined
  abstract: string
  /** A folder in /run, where that can be written. */
  run: string | undefined
  /** The id of a file that only another branch of the user's has. */
  otherBlob: string
}

const files = (secret: (name: string) => string): Record<string, string> => ({
  ".git-credentials": `https://ada:${secret("git-credentials")}@git.example\n`,
  ".gitconfig": "[credential]\n\thelper = store\n[user]\n\tname = Ada\n\temail = ada@example.org\n",
  ".ssh/id_rsa": `-----BEGIN OPENSSH PRIVATE KEY-----\n${secret("ssh-key")}\n`,
  ".aws/credentials": `[default]\naws_secret_access_key = ${secret("aws")}\n`,
  ".config/gcloud/application_default_credentials.json": JSON.stringify({ refresh_token: secret("gcloud") }),
  ".config/gh/hosts.yml": `github.com:\n  oauth_token: ${secret("gh")}\n`,
  ".azure/msal_token_cache.json": JSON.stringify({ secret: secret("azure") }),
  ".kube/config": `users: [{ user: { token: ${secret("kube")} } }]\n`,
  ".docker/config.json": JSON.stringify({ auths: { "registry.example": { auth: secret("docker") } } }),
  ".npmrc": `//registry.example/:_authToken=${secret("npm")}\n`,
  ".pypirc": `[pypi]\npassword = ${secret("pypi")}\n`,
  ".cargo/credentials.toml": `[registry]\ntoken = "${secret("cargo")}"\n`,
  ".netrc": `machine git.example login ada password ${secret("netrc")}\n`,
  ".gnupg/private-keys-v1.d/key": secret("gpg"),
  ".local/share/keyrings/login.keyring": secret("keyring"),
  ".claude/.credentials.json": JSON.stringify({ accessToken: secret("claude") }),
  ".codex/auth.json": JSON.stringify({ token: secret("codex") }),
  ".bash_history": `export TOKEN=${secret("history")}\n`,
  // Programs in a home are shown; what lies beside them is not.
  ".local/bin/tool": "#!/bin/sh\necho a tool\n",
})

/** Where secrets lie in the home, for the table of tests. */
export const homeFiles = Object.keys(files(() => "")).filter(
  (name) => ![".gitconfig", ".local/bin/tool"].includes(name),
)

/** What listens on a unix socket there, for the table of tests. */
export const homeSockets = {
  "the Docker socket": ".docker/run/docker.sock",
  "D-Bus": ".cache/bus",
  "systemd's socket of the user": ".cache/systemd/private",
  "GnuPG's agent": ".gnupg/S.gpg-agent",
}

/** Makes the machine. */
export async function openWorld(): Promise<World> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "fb-reach-")))
  const [home, root, flyballHome] = [join(folder, "ada"), join(folder, "checkout"), join(folder, "fb")]
  const mark = `canary${randomBytes(6).toString("hex")}`
  const secret = (name: string) => `${mark}-${name}`
  for (const [name, text] of Object.entries(files(secret))) write(join(home, name), text, 0o700)
  write(join(flyballHome, "providers.yaml"), "providers: {}\n")
  write(join(flyballHome, "secret"), secret("flyball-home"))
  write(join(flyballHome, "sessions", "agent-1-other", "home", "token"), secret("other-session"))
  const otherBlob = makeCheckout(root, secret)

  const servers = [
    ...Object.values(homeSockets).map((name) => join(home, name)),
    join(flyballHome, "pg", ".s.PGSQL.5432"),
  ]
  const run = writable("/run")
  if (run !== undefined) servers.push(join(run, "docker.sock"))
  const abstract = `flyball-test-${randomBytes(6).toString("hex")}`
  const listening = await Promise.all([
    ...servers.map((path) => telling(secret("socket"), { path })),
    telling(secret("abstract"), { path: `\0${abstract}` }),
  ])
  const tcp = await telling(secret("tcp"), { host: "::", port: 0 }).catch(() => telling(secret("tcp"), { port: 0 }))
  const bound = tcp.address()
  const agent = await sshAgent(home, secret("ssh-agent"))
  const cache = join(home, ".cache/git/credential/socket")
  mkdirSync(dirname(cache), { recursive: true, mode: 0o700 })
  const cached = `protocol=https\nhost=cache.example\nusername=ada\npassword=${secret("credential-cache")}\n\n`
  execFileSync("git", ["credential-cache", "--socket", cache, "store"], {
    input: cached,
    env: { PATH: process.env.PATH, HOME: home },
  })
  const other = spawn("sleep", ["600", secret("argument")], {
    env: { PATH: process.env.PATH, SECRET: secret("process") },
    stdio: "ignore",
  })

  return {
    folder,
    home,
    root,
    flyballHome,
    mark,
    abstract,
    run,
    otherBlob,
    port: typeof bound === "object" && bound !== null ? bound.port : 0,
    address: Object.values(networkInterfaces())
      .flat()
      .find((each) => each?.family === "IPv4" && !each.internal)?.address,
    outer: {
      HOME: home,
      PATH: `${join(home, ".local/bin")}:${process.env.PATH}`,
      AWS_SECRET_ACCESS_KEY: secret("env-aws"),
      GITHUB_TOKEN: secret("env-github"),
      ANTHROPIC_API_KEY: secret("env-anthropic"),
      NPM_TOKEN: secret("env-npm"),
      DATABASE_URL: `postgres://ada:${secret("env-database")}@127.0.0.1/prod`,
      SSH_AUTH_SOCK: join(home, ".ssh/agent.sock"),
      DOCKER_HOST: `unix://${join(home, homeSockets["the Docker socket"])}`,
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(home, homeSockets["D-Bus"])}`,
    },
    async [Symbol.asyncDispose]() {
      for (const server of [...listening, tcp]) server.close()
      for (const child of [agent, other]) await ended(child)
      execFileSync("git", ["credential-cache", "--socket", cache, "exit"], {
        env: { PATH: process.env.PATH, HOME: home },
      })
      for (const path of [folder, run]) if (path !== undefined) rmSync(path, { recursive: true, force: true })
    },
  }
}

/** A repository with an untracked .env, a tracked one, and a secret on another branch. */
function makeCheckout(root: string, secret: (name: string) => string): string {
  const env = { PATH: process.env.PATH, HOME: root, GIT_CONFIG_NOSYSTEM: "1" }
  const git = (...args: string[]) => {
    const who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    return execFileSync("git", [...who, ...args], { cwd: root, encoding: "utf8", env }).trim()
  }
  write(join(root, ".gitignore"), ".env\nnode_modules\n")
  write(join(root, ".env.example"), "TOKEN=put-yours-here\n")
  write(join(root, "package.json"), `${JSON.stringify({ name: "shop", version: "1.0.0" })}\n`)
  cpSync(join(import.meta.dirname, "dial.mjs"), join(root, "dial.mjs"))
  git("init", "--quiet", "--initial-branch=main")
  git("add", ".")
  git("commit", "--quiet", "-m", "first")
  git("checkout", "--quiet", "-b", "private")
  write(join(root, "keys.txt"), secret("other-branch"))
  git("add", "keys.txt")
  git("commit", "--quiet", "-m", "mine alone")
  const blob = git("rev-parse", "HEAD:keys.txt")
  git("checkout", "--quiet", "main")
  write(join(root, ".env"), `TOKEN=${secret("dotenv")}\n`)
  write(join(root, "notes.txt"), secret("untracked"))
  git("config", "http.https://git.example.extraheader", `AUTHORIZATION: basic ${secret("extraheader")}`)
  return blob
}

function write(path: string, text: string, mode = 0o600): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  writeFileSync(path, text, { mode })
}

/** A server that tells its secret to everyone. */
async function telling(text: string, where: { path: string } | { host?: string; port: number }): Promise<Server> {
  if ("path" in where && where.path.startsWith("/")) mkdirSync(dirname(where.path), { recursive: true, mode: 0o700 })
  const server = createServer((socket) => {
    socket.on("error", () => {})
    socket.end(text)
  })
  server.listen(where)
  await Promise.race([once(server, "listening"), once(server, "error").then(([error]) => Promise.reject(error))])
  return server
}

async function sshAgent(home: string, comment: string): Promise<ChildProcess> {
  const [socket, key] = [join(home, ".ssh/agent.sock"), join(home, ".ssh/id_ed25519")]
  execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", key])
  const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: ["ignore", "pipe", "ignore"] })
  await once(agent.stdout, "data")
  execFileSync("ssh-add", ["-q", key], { env: { PATH: process.env.PATH, SSH_AUTH_SOCK: socket }, stdio: "ignore" })
  return agent
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill("SIGKILL")
  await once(child, "exit")
}

function writable(parent: string): string | undefined {
  try {
    return mkdtempSync(join(parent, "flyball-test-"))
  } catch {
    return undefined
  }
}

/** All text under some folders, whatever its form; links are not followed. */
export function everythingIn(...folders: string[]): string {
  return folders
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1")),
    )
    .join("\n")
}
