import { readdirSync, realpathSync, type Stats, statSync } from "node:fs"
import { homedir } from "node:os"
import { dirname, join } from "node:path"
import type { Repo, Sandbox } from "../core/ports.ts"
import { buildEnv } from "../lib/environment.ts"
import { foldersUpTo } from "./place.ts"

/** Programs that projects are measured with: another one of that name, or none, is another machine. */
const TOOLS = [
  ...["node", "npm", "npx", "pnpm", "yarn", "bun", "deno", "tsx"],
  ...["python3", "python", "pytest", "uv", "poetry", "ruff", "mypy", "pyright"],
  ...["go", "golangci-lint", "cargo", "rustc", "ruby", "java", "make", "git", "sh"],
]

/** Files that a package manager touches whenever it changes what is installed. */
const STAMPS = [
  ...["node_modules/.package-lock.json", "node_modules/.yarn-state.yml", "node_modules/.modules.yaml"],
  ...[".venv", "venv", "vendor", ".venv/pyvenv.cfg"],
]

/**
 * What a measurement depends on besides its tree: the programs on the PATH by what they really are, the dependencies that
 * checkouts are given, and the environment. A file changed by hand inside an installed package is not seen: what was measured
 * before is asked again before anybody is blamed by it.
 */
export function machineStamp(repo: Repo, sandbox: Sandbox): unknown[] {
  const env = buildEnv({ home: "", tmp: "" })
  const path = (env.PATH ?? "").split(":")
  return [
    process.version,
    process.platform,
    process.arch,
    env,
    sandbox.kind.is,
    TOOLS.map((name) => toolStamp(name, path)),
    stampOf(join(env.PYENV_ROOT ?? "/nowhere", "version")),
    STAMPS.map((name) => stampOf(join(repo.root, name))),
    folderStamp(join(repo.root, "node_modules")),
    [".venv", "venv"].flatMap((name) => sitePackages(join(repo.root, name))),
    [...path.map((folder) => dirname(folder)), ...pyenvs(env.PYENV_ROOT)].flatMap(sitePackages),
    stampOf(join(homedir(), ".cargo", "registry", "index")),
    stampOf(join(env.GOMODCACHE ?? join(homedir(), "go", "pkg", "mod"), "cache", "download")),
  ]
}

/** What a measurement in a folder depends on besides: what is installed there and in the folders between it and the root. */
export function stampIn({ root }: Repo, folder: string): unknown[] {
  const between = foldersUpTo(folder).filter((above) => above !== "")
  return between.map((above) => [
    STAMPS.map((name) => stampOf(join(root, above, name))),
    folderStamp(join(root, above, "node_modules")),
    [".venv", "venv"].flatMap((name) => sitePackages(join(root, above, name))),
  ])
}

/** The first program of that name on the PATH: where it really lies, and when it was put there. */
function toolStamp(name: string, path: readonly string[]): string | undefined {
  for (const folder of path) {
    const found = stat(join(folder, name))
    if (found?.isFile() !== true) continue
    return `${realpathSync(join(folder, name))} ${found.size} ${found.mtimeMs}`
  }
  return undefined
}

/** Every package of a folder of dependencies, by when it was put there; scoped ones too. */
function folderStamp(folder: string): string[] {
  return names(folder).flatMap((name) => {
    const inside = name.startsWith("@") ? names(join(folder, name)).map((each) => `${name}/${each}`) : [name]
    return inside.map((each) => `${each} ${stampOf(join(folder, each))}`)
  })
}

/** What pyenv's shims may stand for. */
function pyenvs(root: string | undefined): string[] {
  return root === undefined ? [] : names(join(root, "versions")).map((name) => join(root, "versions", name))
}

/** Where a Python below this prefix keeps what is installed: the folders change when a package comes or goes. */
function sitePackages(prefix: string): string[] {
  const lib = join(prefix, "lib")
  return names(lib)
    .filter((name) => name.startsWith("python3"))
    .flatMap((name) => ["site-packages", "dist-packages"].map((each) => join(lib, name, each)))
    .flatMap((folder) => {
      const at = stampOf(folder)
      return at === undefined ? [] : [`${folder} ${at}`]
    })
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}

function stampOf(path: string): number | undefined {
  return stat(path)?.mtimeMs
}

function stat(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch {
    // a folder on the PATH that is closed to us
    return undefined
  }
}
