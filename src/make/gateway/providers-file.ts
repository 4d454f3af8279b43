import { open, readFile } from "node:fs/promises"
import { join, resolve } from "node:path"
import { isMap, isPair, isScalar, LineCounter, type Node, type Pair, parseDocument } from "yaml"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import type { Prices } from "../price.ts"
import { fromKeychain } from "./keychain.ts"
import { Secret } from "./secret.ts"
import { type Auth, httpUrl, joined, type Upstream, type Upstreams, upstreamsOf, usualAuth } from "./upstreams.ts"
import { wireNames } from "./wires/wire.ts"

/*
 * `providers.yaml` in FLYBALL_HOME: whom this user buys models from. It is the user's, never the repository's: who could
 * write it could send the key anywhere. `docs/gateway.md` describes it.
 */

/** Where models are, and what the user says they cost. */
export type Providers = { upstreams: Upstreams; prices: Prices }

type Env = Readonly<Record<string, string | undefined>>

/**
 * Reads `providers.yaml` in `home`, if there is one, and joins what the environment knows. Throws PROVIDERS_INVALID. Who only asks
 * whom there is leaves the keychain alone, which may want a password typed.
 */
export async function loadProviders(home: string, env: Env, { keychain = true } = {}): Promise<Providers> {
  const file = join(home, FILE)
  const text = await readPrivate(file)
  const ambient = upstreamsOf(env)
  if (text === undefined) return { upstreams: ambient, prices: {} }
  const { named, prices } = await parseProviders(file, text, { env, home, keychain })
  return { upstreams: joined(named, ambient), prices }
}

const FILE = "providers.yaml"
const MOST_BYTES = 256 * 1024

/** Reads the text of a providers file. Keys come from the file itself, a file it names, a variable, or the system's keychain. */
export async function parseProviders(
  file: string,
  text: string,
  { env, home, keychain = true }: { env: Env; home: string; keychain?: boolean },
): Promise<{ named: Upstream[]; prices: Prices }> {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: "silent" })
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset)
    return `${file}:${line}:${col}`
  }
  const [broken] = document.errors
  if (broken !== undefined) throw invalid(at(broken.pos[0]), broken.message)
  if (document.contents === null) return { named: [], prices: {} }
  const data: unknown = document.toJS({ maxAliasCount: 100 })
  const parsed = ProvidersFile.safeParse(data)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw invalid(at(offsetOf(document.contents, issue?.path ?? [])), explainIssue(issue))
  }
  const named: Upstream[] = []
  for (const [name, provider] of Object.entries(parsed.data.providers ?? {})) {
    const complain = (field: string, why: string) =>
      invalid(at(offsetOf(document.contents, ["providers", name, field])), why)
    named.push(await upstreamOf(name, provider, { env, home, keychain, complain }))
  }
  return { named, prices: parsed.data.prices ?? {} }
}

const Amount = z.number().nonnegative().finite()
const PriceText = z
  .strictObject({
    in: Amount,
    out: Amount,
    cache_read: Amount.optional(),
    cache_write: Amount.optional(),
    max_output: z.number().int().positive().optional(),
  })
  .transform(({ cache_read, cache_write, max_output, ...price }) => ({
    ...price,
    cacheRead: cache_read,
    cacheWrite: cache_write,
    maxOutput: max_output,
  }))
const PricesText = z.record(z.string(), PriceText)

const WireText = z.enum(wireNames)
const Provider = z.strictObject({
  wire: z.union([WireText, z.array(WireText).min(1)]),
  base_url: z.string(),
  key: z.string().min(1).optional(),
  key_file: z.string().min(1).optional(),
  key_env: z.string().min(1).optional(),
  keychain: z
    .string()
    .regex(/^[A-Za-z0-9][\w.@-]{0,99}$/, "is no name: use letters, digits, `-`")
    .optional(),
  auth: z.string().optional(),
  headers: z
    .record(z.string().regex(/^[\w-]+$/, "is no name of a header"), z.string().regex(/^[\t\x20-\x7e]*$/))
    .optional(),
  prices: PricesText.optional(),
  default: z.boolean().optional(),
})
type Provider = z.infer<typeof Provider>

const ProvidersFile = z.strictObject({
  providers: z
    .record(z.string().regex(/^[a-z0-9][a-z0-9._-]*$/i, "is no name: use letters, digits, `-`"), Provider)
    .optional(),
  prices: PricesText.optional(),
})

type Reading = { env: Env; home: string; keychain: boolean; complain: (field: string, why: string) => Failure }

async function upstreamOf(name: string, provider: Provider, reading: Reading): Promise<Upstream> {
  const { complain } = reading
  const baseUrl = httpUrl(provider.base_url)
  if (baseUrl === undefined)
    throw complain("base_url", "This is no address: http:// or https://, without a user in it.")
  const wires = Array.isArray(provider.wire) ? provider.wire : [provider.wire]
  const key = await keyOf(provider, reading)
  // A key must not go over the wire for all to read, unless it stays on this machine.
  if (key !== undefined && baseUrl.protocol === "http:" && !isLoopback(baseUrl))
    throw complain("base_url", "The key would be sent in the clear: use https://.")
  const auth = authOf(provider.auth, usualAuth(wires[0] ?? "chat"))
  if (auth === undefined)
    throw complain(
      "auth",
      "`auth` is `bearer`, `none`, or the name of the header that holds the key, such as `x-api-key`.",
    )
  const headers = Object.entries(provider.headers ?? {}).map(([header, value]) => [header, new Secret(value)] as const)
  return {
    name,
    wires,
    baseUrl,
    ...(key === undefined || provider.auth === "none" ? {} : { key: new Secret(key) }),
    auth,
    headers: Object.fromEntries(headers),
    prices: provider.prices ?? {},
    isDefault: provider.default ?? false,
  }
}

async function keyOf(provider: Provider, reading: Reading): Promise<string | undefined> {
  const [way, ...more] = (["key", "key_file", "key_env", "keychain"] as const).filter(
    (each) => provider[each] !== undefined,
  )
  if (more.length > 0)
    throw reading.complain("key", "Say where the key is once: `key`, `key_file`, `key_env` or `keychain`.")
  const key = await keyFrom(provider, reading)
  if (key !== undefined && !/^[\x21-\x7e]+$/.test(key))
    throw reading.complain(way ?? "key", "A key is one word, without spaces or lines.")
  return key
}

async function keyFrom(
  { key, key_file, key_env, keychain: kept }: Provider,
  { env, home, keychain, complain }: Reading,
): Promise<string | undefined> {
  if (kept !== undefined) {
    if (!keychain) return undefined
    const found = await fromKeychain(kept, { env })
    if (found.is === "none") throw complain("keychain", `${found.why[0]?.toUpperCase()}${found.why.slice(1)}.`)
    return found.key
  }
  if (key_env !== undefined) {
    const value = env[key_env]
    if (!value) throw complain("key_env", `The variable ${key_env} is not set.`)
    return value
  }
  if (key_file === undefined) return key
  const path = key_file.startsWith("~/") ? join(env.HOME ?? "", key_file.slice(2)) : resolve(home, key_file)
  const text = await readPrivate(path)
  if (text === undefined) throw complain("key_file", `There is no file ${path}.`)
  return text.trim()
}

function authOf(written: string | undefined, usual: Auth): Auth | undefined {
  if (written === undefined || written === "none") return usual
  if (written.toLowerCase() === "bearer") return { header: "authorization", scheme: "Bearer" }
  return /^[a-z][a-z0-9-]*$/i.test(written) ? { header: written.toLowerCase() } : undefined
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || hostname.startsWith("127.")
}

/** A file that nobody else may read; undefined where there is none. Throws PROVIDERS_READABLE. */
async function readPrivate(path: string): Promise<string | undefined> {
  const file = await open(path, "r").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined
    throw new Failure("PROVIDERS_INVALID", `${path} can't be read: ${error.code ?? error.message}.`, {
      retry: "person",
    })
  })
  if (file === undefined) return undefined
  try {
    const { mode, size } = await file.stat()
    if ((mode & 0o077) !== 0)
      throw new Failure("PROVIDERS_READABLE", `Others on this machine may read ${path}, which holds keys.`, {
        hint: `chmod 600 ${path}`,
        retry: "person",
      })
    if (size > MOST_BYTES)
      throw new Failure("PROVIDERS_INVALID", `${path} is larger than ${MOST_BYTES / 1024} KB.`, { retry: "person" })
    return await readFile(file, "utf8")
  } finally {
    await file.close()
  }
}

function explainIssue(issue: z.core.$ZodIssue | undefined): string {
  if (issue === undefined) return "This can't be read."
  const where = issue.path.map(String).join(".")
  if (issue.code === "unrecognized_keys") return `No such key: ${issue.keys.map((key) => `\`${key}\``).join(", ")}.`
  // The input itself is not repeated: it may be a key.
  return `${where === "" ? "The file" : `\`${where}\``}: ${issue.message}.`
}

/** Where a path of the data begins; where there is none, its nearest parent. */
function offsetOf(root: Node | null, path: readonly PropertyKey[]): number {
  let node: unknown = root
  let offset = root?.range?.[0] ?? 0
  for (const step of path) {
    const pair: Pair | undefined = isMap(node)
      ? node.items.find((item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step))
      : undefined
    if (pair === undefined) return offset
    offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? offset) : offset
    node = pair.value
  }
  return offset
}

function invalid(place: string, why: string): Failure {
  return new Failure("PROVIDERS_INVALID", `${place}  ${why}`, {
    hint: "docs/gateway.md describes the file.",
    retry: "person",
  })
}
