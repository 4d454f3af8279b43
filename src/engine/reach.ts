import { readdir, readFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { AgentSpec, Loop } from "../core/loop.ts"
import { isRegistry, type Registry, reachable } from "../core/network.ts"
import type { Repo } from "../core/ports.ts"
import { buildEnv } from "../lib/environment.ts"
import { run } from "../lib/process.ts"

/** What a command may reach, and what tells its programs that the user has registries of their own. */
export type Reach = { hosts: string[]; env: Record<string, string> }

type Outer = Readonly<Record<string, string | undefined>>

/**
 * What makers of a loop may reach besides their model. The hosts of a registry are those that its client asks in this
 * user's name, also on a private address: it is the user's word, and no agent's. Where a loop says nothing of the network, a
 * registry counts if the project uses it.
 */
export function openReach(
  { root }: Pick<Repo, "root">,
  loop: Pick<Loop, "network" | "path">,
  outer: Outer,
): (agent: Pick<AgentSpec, "use">) => Promise<Reach> {
  const folder = join(root, loop.path ?? "")
  // Each is asked once: what the user has set up does not change in a run.
  const known = new Map<Registry, Promise<Reach>>()
  const ask = (name: Registry) => {
    const found = known.get(name) ?? clients[name].ask(folder, outer)
    known.set(name, found)
    return found
  }
  return async (agent) => {
    const wanted = reachable(loop, agent)
    const named = wanted.filter(isRegistry)
    const used = loop.network === undefined ? await usedIn(folder, named) : named
    const told = await Promise.all(used.map(ask))
    const hosts = wanted.filter((each) => !isRegistry(each))
    return {
      hosts: [...new Set([...hosts, ...told.flatMap((each) => each.hosts)])],
      env: Object.assign({}, ...told.map((each) => each.env)),
    }
  }
}

type Client = { manifests: RegExp; ask(folder: string, outer: Outer): Promise<Reach> }

const clients: Record<Registry, Client> = {
  npm: { manifests: /^package\.json$/, ask: npmRegistry },
  pypi: { manifests: /^(pyproject\.toml|setup\.(py|cfg)|Pipfile|.*requirements.*\.(txt|in))$/, ask: pythonIndex },
  go: { manifests: /^go\.(mod|work)$/, ask: goProxy },
}

async function usedIn(folder: string, names: readonly Registry[]): Promise<Registry[]> {
  const files = await readdir(folder).catch((): string[] => [])
  return names.filter((name) => files.some((file) => clients[name].manifests.test(file)))
}

/** What a client of a registry prints about itself; nothing where it is not here. */
async function say(argv: readonly string[], folder: string, outer: Outer, extra: Record<string, string> = {}) {
  const env = buildEnv({ home: outer.HOME ?? tmpdir(), tmp: tmpdir(), extra: { ...NO_OTHER, ...extra } })
  const ran = await run(argv, { cwd: folder, env, timeoutMs: 20_000, limitBytes: 1024 * 1024 })
  return ran.exitCode === 0 ? ran.stdout : ""
}

/** A project may name another version of the client, which would be fetched and run for the question alone. */
const NO_OTHER = { GOTOOLCHAIN: "local", COREPACK_ENABLE_PROJECT_SPEC: "0" }

/** As npm itself reads it in the user's checkout: environment, the project's .npmrc, the user's. */
async function npmRegistry(folder: string, outer: Outer): Promise<Reach> {
  const said = Object.entries(outer).filter(([name]) => /^npm_config_(userconfig|globalconfig|registry)$/i.test(name))
  const extra = Object.fromEntries(said.map(([name, value]) => [name, value ?? ""]))
  const config = objectOf(await say(["npm", "config", "list", "--json"], folder, outer, extra))
  const scoped = Object.entries(config).flatMap(([name, value]) =>
    typeof value === "string" && /^@[^:]+:registry$/.test(name) ? [value] : [],
  )
  // npm tells nobody an address with a password in it.
  const told =
    typeof config.registry === "string" ? config.registry : await writtenRegistry([folder, outer.HOME ?? ""], outer)
  const hosts = [told, ...scoped].flatMap((url) => hostAt(url) ?? [])
  return { hosts, env: hostAt(told) === undefined ? {} : { npm_config_registry: withoutKey(told) } }
}

async function writtenRegistry(folders: readonly string[], outer: Outer): Promise<string> {
  if (outer.npm_config_registry) return outer.npm_config_registry
  for (const folder of folders) {
    const text = await readFile(join(folder, ".npmrc"), "utf8").catch(() => "")
    const found = /^\s*registry\s*=\s*["']?(https?:\/\/[^\s"']+)/m.exec(text)?.[1]
    if (found !== undefined) return found
  }
  return ""
}

/** pip's and uv's variables, else the user's own pip.conf, else what pip has built in. */
async function pythonIndex(folder: string, outer: Outer): Promise<Reach> {
  const names = ["PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"]
  const said = Object.fromEntries(names.flatMap((name) => (outer[name] ? [[name, outer[name] ?? ""]] : [])))
  if (said.PIP_INDEX_URL === undefined) {
    const index = await pipConf(outer)
    if (index !== undefined) said.PIP_INDEX_URL = index
  }
  const own = Object.values(said).flatMap((urls) => urls.split(/\s+/).flatMap((url) => hostAt(url) ?? []))
  const hosts = own.length > 0 ? own : await usualIndex(folder, outer)
  const env = Object.entries(said).map(([name, urls]) => [name, urls.split(/\s+/).map(withoutKey).join(" ")] as const)
  return { hosts, env: Object.fromEntries(env) }
}

/** The index and the store of its files, as pip has them built in. */
async function usualIndex(folder: string, outer: Outer): Promise<string[]> {
  const script =
    "from pip._internal.models.index import PyPI as p; print(p.simple_url, 'https://' + p.file_storage_domain + '/')"
  const printed = await say(["python3", "-I", "-c", script], folder, outer)
  return printed.split(/\s+/).flatMap((url) => hostAt(url) ?? [])
}

async function pipConf({ HOME: home }: Outer): Promise<string | undefined> {
  if (home === undefined) return undefined
  for (const path of [".config/pip/pip.conf", ".pip/pip.conf", "Library/Application Support/pip/pip.conf"]) {
    const text = await readFile(join(home, path), "utf8").catch(() => "")
    const found = /^\s*index[-_]url\s*=\s*(\S+)/m.exec(text)?.[1]
    if (found !== undefined) return found
  }
  return undefined
}

/** As the go command itself has it: proxies, and the database of checksums. */
async function goProxy(folder: string, outer: Outer): Promise<Reach> {
  const extra = outer.GOPROXY ? { GOPROXY: outer.GOPROXY } : {}
  const [proxies = "", sums = ""] = (await say(["go", "env", "GOPROXY", "GOSUMDB"], folder, outer, extra)).split("\n")
  const urls = [...(outer.GOPROXY ?? proxies).split(/[,|]/), `https://${/^[\w.-]+/.exec(sums)?.[0] ?? ""}`]
  const env = outer.GOPROXY ? { GOPROXY: outer.GOPROXY.replace(/[^,|]+/g, withoutKey) } : {}
  return { hosts: urls.flatMap((url) => hostAt(url) ?? []), env }
}

/** The host of a URL as an allow-list has it, wherever it lies; undefined for what is no URL. */
function hostAt(written: string): string | undefined {
  const url = webUrl(written)
  return url === undefined ? undefined : `private:${url.host}`
}

/** A URL without what logs in with it: credentials stay where they are. */
function withoutKey(written: string): string {
  const url = webUrl(written)
  if (url === undefined || (url.username === "" && url.password === "")) return written
  url.username = ""
  url.password = ""
  return url.href
}

function webUrl(written: string): URL | undefined {
  const url = URL.canParse(written) ? new URL(written) : undefined
  return url !== undefined && /^https?:$/.test(url.protocol) && url.hostname !== "" ? url : undefined
}

function objectOf(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}
