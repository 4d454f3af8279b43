import picomatch from "picomatch"
import { canonicalPath } from "./paths.ts"

/**
 * Harness files: what decides how checks are run and read. They are the base's whatever the head says. At any depth;
 * of `package.json` and `pyproject.toml` only the parts that `harnessParts` names.
 */
export const harnessGlobs: readonly string[] = [
  // test runners, and what they load before the tests
  "{vitest,vite,jest,ava,cypress,playwright,karma,wdio}.{config,workspace,setup,projects}{,.*}.{js,cjs,mjs,ts,cts,mts,json}",
  "{vitest,vite,jest,ava,cypress,playwright,karma,wdio}.{config,workspace,setup,projects}.{js,cjs,mjs,ts,cts,mts,json}",
  "jest{.,-}{setup,preset,environment,resolver,transformer,global-setup,globalSetup}*.{js,cjs,mjs,ts,json}",
  "babel.config.*",
  ".babelrc{,.*}",
  ".swcrc",
  ".mocharc{,.*}",
  "mocha.opts",
  ".nycrc{,.*}",
  ".c8rc{,.*}",
  "pytest.ini",
  ".pytest.ini",
  "tox.ini",
  "setup.cfg",
  "noxfile.py",
  "conftest.py",
  "sitecustomize.py",
  "usercustomize.py",
  "*.pth",
  ".coveragerc",
  ".config/nextest.toml",
  // linters and type checkers
  "eslint.config.*",
  ".eslintrc{,.*}",
  ".eslintignore",
  "biome.json{,c}",
  ".biome.json{,c}",
  "{,.}ruff.toml",
  ".flake8",
  "{,.}pylintrc",
  ".golangci.{yml,yaml,toml,json}",
  "{,.}clippy.toml",
  "{,.}rustfmt.toml",
  ".prettierrc{,.*}",
  "prettier.config.*",
  ".prettierignore",
  "tsconfig{,.*,-*}.json",
  "jsconfig.json",
  "{,.}mypy.ini",
  "pyrightconfig.json",
  // package managers and toolchains
  ".npmrc",
  ".yarnrc{,.yml}",
  ".pnpmfile.{cjs,js,mjs}",
  "bunfig.toml",
  "pip.conf",
  ".cargo/config{,.toml}",
  "rust-toolchain{,.toml}",
  // tools that a tree brings itself would run instead of the installed ones
  "node_modules/**",
  "{,.}venv/**",
  // checks by name, CI, Flyball
  "{GNU,}{m,M}akefile",
  "{,.}justfile",
  ".gitattributes",
  ".github/**",
  ".gitlab-ci.y{a,}ml",
  ".circleci/**",
  ".flyball/**",
]

const matches = picomatch(
  harnessGlobs.flatMap((glob) => [glob, `**/${glob}`]),
  { dot: true, nocase: true },
)

/** Whether a path is one of the harness. Look-alike names count: what a file system or a person takes for it is it. */
export function isHarnessPath(path: string): boolean {
  return matches(path) || matches(canonicalPath(path))
}

/** New modules that Python would take for the runner's own: it looks at the root and in `src` first. */
export function shadowsRunner(path: string): boolean {
  return /^(src\/)?(pytest|_pytest|pluggy|iniconfig|flyball_report)(\.py$|\/)/.test(path)
}

/** Of these files only parts belong to the harness: the keys, each a path of names. */
export const harnessParts: Readonly<Record<string, { format: "json" | "toml"; keys: readonly (readonly string[])[] }>> =
  {
    "package.json": {
      format: "json",
      keys: [
        "scripts",
        "jest",
        "mocha",
        "ava",
        "c8",
        "nyc",
        "vitest",
        "eslintConfig",
        "eslintIgnore",
        "babel",
        "biome",
        "prettier",
      ].map((key) => [key]),
    },
    "pyproject.toml": {
      format: "toml",
      keys: [
        "pytest",
        "ruff",
        "mypy",
        "pyright",
        "basedpyright",
        "coverage",
        "tox",
        "black",
        "isort",
        "pylint",
        "flake8",
      ].map((key) => ["tool", key]),
    },
  }

/** The parts of a file that belong to the harness, or undefined where it has none. */
export function partsOf(path: string): (typeof harnessParts)[string] | undefined {
  return harnessParts[path.split("/").at(-1) ?? ""]
}

/** Configuration of test runners and linters: files that name others which run with the tests. */
export function namesHarness(path: string): boolean {
  return (
    /(^|\/)((vitest|vite|jest)\.(config|workspace|projects|setup)\b[^/]*|\.mocharc[^/]*|mocha\.opts|eslint\.config\.[^/]*|\.eslintrc[^/]*|package\.json|babel\.config\.[^/]*)$/.test(
      path,
    ) && !path.includes("node_modules/")
  )
}

const listKeys =
  /\b(setupFiles|setupFilesAfterEnv|globalSetup|globalTeardown|testEnvironment|snapshotSerializers|snapshotResolver|resolver|runner|testRunner|testSequencer|reporters|preset|require|file|import|loader)\b["']?\s*[:=]\s*(\[[^\]]*\]|["'][^"'\n]+["']|(?:\s*-\s*\S+\n?)+)/g
const importOf = /(?:\bfrom\s+|\bimport\s*\(?\s*|\brequire\s*\(\s*)["'](\.{1,2}\/[^"']+)["']/g

/**
 * Paths that a configuration names as run with the tests: set-up files, environments, local plug-ins. What it names
 * under a source folder is the project's subject, not its harness: a fix there must count.
 */
export function namedIn(configPath: string, text: string): string[] {
  const folder = configPath.split("/").slice(0, -1)
  const isManifest = configPath.endsWith("package.json")
  const settings = isManifest ? JSON.stringify(sections(text, ["jest", "mocha", "babel", "eslintConfig"])) : text
  const values = [...settings.matchAll(listKeys)].flatMap((match) =>
    [...(match[2] ?? "").matchAll(/["']([^"'\n]+)["']|-\s*([^\s"']+)/g)].map((value) => value[1] ?? value[2] ?? ""),
  )
  const imports = isManifest ? [] : [...text.matchAll(importOf)].map((match) => match[1] ?? "")
  return [...values, ...imports]
    .map((value) => value.replace(/^<rootDir>\/?/, "./").replace(/^file:/, ""))
    .filter((value) => /^[\w@.-]*\/|^\.{1,2}\//.test(value) || /\.\w+$/.test(value))
    .map((value) => resolvePath(folder, value))
    .filter((path) => path !== undefined)
    .filter(mayBeNamed)
}

/** Whether a file could be harness because a configuration names it: nothing under a source folder, but for set-up files. */
export function mayBeNamed(path: string): boolean {
  return !/(^|\/)(src|lib|app|source)\//.test(path) || /(^|\/)(setup|test-?setup|setup-?tests?)[^/]*$/i.test(path)
}

/** Files that a package.json gives to the world: they are what is tested, even where a configuration imports them. */
export function publishedBy(path: string, text: string): string[] {
  if (!path.endsWith("package.json")) return []
  const entries = JSON.stringify(sections(text, ["main", "module", "browser", "types", "exports", "bin", "imports"]))
  const folder = path.split("/").slice(0, -1)
  return [...entries.matchAll(/"((?:[^"\\]|\\.)+\.\w+)"/g)]
    .map((match) => resolvePath(folder, match[1] ?? ""))
    .filter((named) => named !== undefined)
}

function sections(text: string, keys: readonly string[]): unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === "object" && value !== null ? keys.map((key) => Reflect.get(value, key)) : []
  } catch {
    return []
  }
}

function resolvePath(folder: readonly string[], path: string): string | undefined {
  const parts = [...folder]
  for (const part of path.split("/")) {
    if (part === "" || part === ".") continue
    if (part !== "..") parts.push(part)
    else if (parts.pop() === undefined) return undefined
  }
  return parts.join("/")
}
