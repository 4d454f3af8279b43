import { createHash, randomUUID } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { Failure } from "../../core/failure.ts"
import { type Ran, run } from "../../lib/process.ts"
import type { CorpusProject } from "./corpus-shape.ts"
import { type File, readFolder } from "./files.ts"

/** Where fetched packages are kept from one audit to the next. */
export type Store = { folder: string; signal: AbortSignal }

/** The `node_modules` with these packages, installed once. Undefined where none are asked for. */
export async function packagesFolder(packages: readonly string[], store: Store): Promise<string | undefined> {
  if (packages.length === 0) return undefined
  const folder = await once(store, ["packages", process.version, ...packages], async (fresh) => {
    await writeFile(join(fresh, "package.json"), '{ "private": true }\n')
    const flags = ["--no-audit", "--no-fund", "--ignore-scripts", "--save-exact", "--loglevel=error"]
    return fetching(["npm", "install", ...flags, ...packages], fresh, store)
  })
  return join(folder, "node_modules")
}

/** Other people's source, by repository-relative path. */
export async function sourceFiles(
  source: NonNullable<CorpusProject["source"]>,
  store: Store,
): Promise<Map<string, File>> {
  if ("goroot" in source) return goSource(source.goroot, store)
  if ("npm" in source) {
    const name = source.npm.replace(/(?<=.)@[^@]*$/, "")
    const folder = await packagesFolder([source.npm], store)
    return readFolder(join(folder ?? "", name))
  }
  return pythonSource(source.python, source.to, store)
}

/** A package or module that this machine's Python has, without what it compiled. */
async function pythonSource(name: string, to: string | undefined, store: Store): Promise<Map<string, File>> {
  const script =
    "import importlib.util, sys; s = importlib.util.find_spec(sys.argv[1]); print((s.submodule_search_locations or [s.origin])[0])"
  const ran = await fetching(["python3", "-c", script, name], store.folder, store)
  const path = ran.stdout.trim()
  const at = to === undefined ? name : `${to}/${name}`
  if (path.endsWith(".py")) return new Map([[`${at}.py`, { mode: "100644", content: await readFile(path) }]])
  const files = await readFolder(path)
  return new Map(
    [...files].filter(([file]) => !file.endsWith(".pyc")).map(([file, content]) => [`${at}/${file}`, content]),
  )
}

/** The Go files of one package of the standard library. */
async function goSource(path: string, store: Store): Promise<Map<string, File>> {
  const ran = await fetching(["go", "env", "GOROOT"], store.folder, store)
  const files = await readFolder(join(ran.stdout.trim(), "src", path))
  return new Map([...files].filter(([file]) => /^[^/]*\.go$/.test(file)))
}

/** A folder that is made whole or not at all, under the name of what it holds. */
async function once(store: Store, of: readonly string[], fill: (fresh: string) => Promise<Ran>): Promise<string> {
  const kept = join(store.folder, createHash("sha256").update(JSON.stringify(of)).digest("hex").slice(0, 20))
  if (existsSync(kept)) return kept
  const fresh = `${kept}.${randomUUID().slice(0, 8)}`
  await mkdir(fresh, { recursive: true, mode: 0o755 })
  try {
    await fill(fresh)
    // Two may have made it at once: the first one's stays.
    await rename(fresh, kept).catch(() => rm(fresh, { recursive: true, force: true }))
  } catch (thrown) {
    await rm(fresh, { recursive: true, force: true })
    throw thrown
  }
  return kept
}

const FETCH_MS = 5 * 60_000

/** The user's own package manager, with the user's own settings: what it is told is exact versions from our file. */
async function fetching(argv: string[], cwd: string, { signal }: Store): Promise<Ran> {
  await mkdir(cwd, { recursive: true })
  const ran = await run(argv, { cwd, env: fetchEnvironment(), timeoutMs: FETCH_MS, signal })
  signal.throwIfAborted()
  if (ran.exitCode === 0) return ran
  const why = ran.stderr.trim().split("\n").slice(-3).join(" ").slice(0, 500)
  throw new Failure("CORPUS_FETCH_FAILED", `\`${argv.slice(0, 4).join(" ")} …\` failed: ${why || ran.ended}`, {
    hint: "The projects that need it are left out, and counted as such.",
    retry: "later",
  })
}

const PASSED_ON =
  /^(PATH|HOME|USER|TMPDIR|LANG|(npm|NPM)_config_.*|NPM_CONFIG_.*|PIP_.*|GO(ROOT|PATH|PROXY|FLAGS)|SSL_CERT_(FILE|DIR)|NODE_EXTRA_CA_CERTS|(https?|no|all)_proxy|(HTTPS?|NO|ALL)_PROXY)$/

function fetchEnvironment(): Record<string, string> {
  const passed = Object.entries(process.env).filter((pair): pair is [string, string] => pair[1] !== undefined)
  return Object.fromEntries(passed.filter(([name]) => PASSED_ON.test(name)))
}
