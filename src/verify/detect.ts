import type { CheckKind, CheckSpec } from "../core/loop.ts"
import { detectRoles } from "./detect-roles.ts"
import {
  hasPythonTool,
  makeTargets,
  nodeDependencies,
  type Project,
  pythonTool,
  requiredIn,
  scriptBehind,
} from "./project.ts"

/** A project's files, wherever they are: a checkout, or a commit that nobody checked out. */
export type ProjectFiles = { read(path: string): Promise<string | undefined>; list(): Promise<string[]> }

const MINUTE_MS = 60_000
const TIMEOUT_MS = { tests: 15 * MINUTE_MS, lint: 5 * MINUTE_MS, types: 5 * MINUTE_MS, build: 15 * MINUTE_MS } as const
type Kind = keyof typeof TIMEOUT_MS

/** The names under which a project's own checks are known, whatever it calls them. */
const NAMES = { tests: "tests_pass", lint: "lint_clean", types: "types", build: "build" } as const satisfies Record<
  Kind,
  string
>

/** The checks that a project has, under their canonical names. Of several ways to run one, the project's own script wins; none is invented. */
export async function detectChecks(tree: ProjectFiles): Promise<CheckSpec[]> {
  const paths = await tree.list()
  const texts = new Map<string, string>()
  for (const path of paths.filter((candidate) => rootFiles.has(candidate))) {
    const text = await tree.read(path)
    if (text !== undefined) texts.set(path, text)
  }
  for (const path of runByScripts(paths, texts.get("package.json") ?? "")) {
    const text = await tree.read(path)
    if (text !== undefined) texts.set(path, text)
  }
  const project: Project = { paths, has: new Set(paths), text: (path) => texts.get(path) }
  const found = [
    ...fromNode(project),
    ...fromPython(project),
    ...fromGo(project),
    ...fromRust(project),
    ...fromMake(project),
    ...detectRoles(project),
  ]
  // The first way found is the project's own; a repository of two languages has both under names of their own.
  const byName = new Map<string, CheckSpec>()
  for (const check of found) {
    const other = byName.get(check.name)
    if (other === undefined) byName.set(check.name, check)
    else if (other.from !== check.from && check.from !== makeTargets(project)?.file)
      byName.set(`${check.name}_${languageOf(check.from)}`, {
        ...check,
        name: `${check.name}_${languageOf(check.from)}`,
      })
  }
  return [...byName.values()]
}

const rootFiles: ReadonlySet<string> = new Set([
  "package.json",
  "pyproject.toml",
  "setup.cfg",
  "tox.ini",
  "pytest.ini",
  "mypy.ini",
  ".mypy.ini",
  "go.mod",
  "Cargo.toml",
  "Makefile",
  "makefile",
  "GNUmakefile",
  "requirements.txt",
  "requirements-dev.txt",
  "dev-requirements.txt",
  "requirements/dev.txt",
])

const MAX_SCRIPTED = 40

/** Test files that scripts start by `node`, and those beside them: what they take their tests from says how to read them. */
function runByScripts(paths: readonly string[], manifest: string): string[] {
  const named = [
    ...manifest.matchAll(/\b(?:node|tsx|ts-node)\b[^"&|;]*?\s\.?\/?((?:[\w.-]+\/)*[\w.-]*(?:test|spec)s?[\w./-]*)/g),
  ].map((match) => (match[1] ?? "").replace(/\/$/, ""))
  const isNamed = (path: string) =>
    named.some(
      (name) => path === name || (path.startsWith(name) && /^(\.\w+|\/[\w.-]+)$/.test(path.slice(name.length))),
    )
  const entries = paths.filter((path) => /\.[cm]?[jt]s$/.test(path) && isNamed(path))
  const folders = new Set(entries.map((path) => path.slice(0, path.lastIndexOf("/") + 1)).filter((each) => each !== ""))
  const beside = paths.filter(
    (path) => /\.[cm]?[jt]s$/.test(path) && folders.has(path.slice(0, path.lastIndexOf("/") + 1)),
  )
  return [...new Set([...entries, ...beside])].slice(0, MAX_SCRIPTED)
}

function checkOf(kind: Kind, run: string, from: string, format?: string): CheckSpec {
  return {
    name: NAMES[kind],
    kind: kind satisfies CheckKind,
    run,
    timeoutMs: TIMEOUT_MS[kind],
    from,
    ...(format === undefined ? {} : { format }),
  }
}

const scriptNames: Readonly<Record<Kind, readonly string[]>> = {
  tests: ["test", "tests", "test:unit", "unit", "test:run", "test:ci"],
  lint: ["lint", "lint:check", "lint:js", "lint:ts", "eslint", "biome", "check:lint"],
  types: [
    "typecheck",
    "type-check",
    "types",
    "check-types",
    "types:check",
    "tsc",
    "typescript",
    "check:types",
    "lint:types",
    "test:types",
  ],
  build: ["build", "compile"],
}

/** What `npm init` writes when a project has no tests. */
const NO_TESTS = /no test specified/

function fromNode(project: Project): CheckSpec[] {
  if (project.text("package.json") === undefined) return []
  return (Object.keys(scriptNames) as Kind[]).flatMap((kind) => {
    const found = scriptBehind(project, scriptNames[kind], (line) => !NO_TESTS.test(line))
    if (found === undefined) return nodeWithoutScript(kind, project)
    const { run, steps } = found
    const format = steps.find(({ runner }) => runner !== undefined && (kind === "tests") === (runner.kind === "tests"))
      ?.runner?.name
    return [checkOf(kind, run, "package.json", kind === "build" && steps.length > 1 ? "exit" : (format ?? "exit"))]
  })
}

/** Without a script, a tool that the project depends on and has configured is a check of its own. */
function nodeWithoutScript(kind: Kind, project: Project): CheckSpec[] {
  const depends = nodeDependencies(project)
  const has = (pattern: RegExp) => project.paths.some((path) => pattern.test(path))
  if (kind === "tests") {
    if (depends.has("vitest")) return [checkOf(kind, "npx vitest run", "package.json", "vitest")]
    if (depends.has("jest")) return [checkOf(kind, "npx jest", "package.json", "jest")]
    if (depends.has("mocha")) return [checkOf(kind, "npx mocha", "package.json", "mocha")]
    if (depends.has("ava")) return [checkOf(kind, "npx ava", "package.json", "ava")]
    if (depends.has("tap")) return [checkOf(kind, "npx tap", "package.json", "node-tap")]
  }
  if (kind === "lint") {
    if (depends.has("eslint") && has(/^(eslint\.config\.[cm]?[jt]s|\.eslintrc(\..+)?)$/))
      return [checkOf(kind, "npx eslint .", "package.json", "eslint")]
    if (depends.has("@biomejs/biome") && has(/^\.?biome\.jsonc?$/))
      return [checkOf(kind, "npx biome check .", "package.json", "biome")]
  }
  if (kind === "types" && depends.has("typescript") && project.has.has("tsconfig.json"))
    return [checkOf(kind, "npx tsc --noEmit", "tsconfig.json", "tsc")]
  return []
}

function fromPython(project: Project): CheckSpec[] {
  const tool = (name: string) => hasPythonTool(project, name)
  const ini = (file: string, section: string) => new RegExp(`^\\[${section}\\]`, "m").test(project.text(file) ?? "")
  const first = (...places: [boolean, string][]) => places.find(([there]) => there)?.[1]

  const tests = project.paths.find(
    (path) => /(^|\/)(test_[^/]*|[^/]*_test)\.py$/.test(path) && !path.includes("node_modules/"),
  )
  const pytest =
    first(
      [project.has.has("pytest.ini"), "pytest.ini"],
      [tool("pytest"), "pyproject.toml"],
      [ini("setup.cfg", "tool:pytest"), "setup.cfg"],
      [ini("tox.ini", "pytest"), "tox.ini"],
    ) ??
    (tests === undefined
      ? undefined
      : (requiredIn(project, "pytest") ??
        project.paths.find((path) => path === "conftest.py" || path === "tests/conftest.py") ??
        tests))
  const ruff = first(
    [project.has.has("ruff.toml"), "ruff.toml"],
    [project.has.has(".ruff.toml"), ".ruff.toml"],
    [tool("ruff"), "pyproject.toml"],
  )
  const mypy = first(
    [project.has.has("mypy.ini"), "mypy.ini"],
    [project.has.has(".mypy.ini"), ".mypy.ini"],
    [tool("mypy"), "pyproject.toml"],
    [ini("setup.cfg", "mypy"), "setup.cfg"],
  )
  const pyright = first(
    [project.has.has("pyrightconfig.json"), "pyrightconfig.json"],
    [tool("pyright"), "pyproject.toml"],
  )
  return [
    ...(pytest === undefined || tests === undefined ? [] : [checkOf("tests", "python3 -m pytest", pytest, "pytest")]),
    ...(ruff === undefined ? [] : [checkOf("lint", "ruff check .", ruff, "ruff")]),
    ...(mypy !== undefined
      ? [checkOf("types", mypyCommand(project, mypy), mypy, "mypy")]
      : pyright === undefined
        ? []
        : [checkOf("types", "pyright", pyright, "pyright")]),
  ]
}

/** mypy checks what its configuration lists; where it lists nothing, the repository. Other tools have lists of these names too. */
function mypyCommand(project: Project, config: string): string {
  const own = ["files", "packages", "modules"]
  const lists = config.endsWith(".toml")
    ? own.some((key) => Object.hasOwn(pythonTool(project, "mypy") ?? {}, key))
    : new RegExp(`^(${own.join("|")})\\s*[=:]`, "m").test(iniSection(project.text(config) ?? "", "mypy"))
  return lists ? "mypy" : "mypy ."
}

/** What stands under `[name]`, up to the next section. */
function iniSection(text: string, name: string): string {
  const lines = text.split(/\r?\n/)
  const start = lines.findIndex((line) => line.trimEnd() === `[${name}]`)
  if (start === -1) return ""
  const rest = lines.slice(start + 1)
  const end = rest.findIndex((line) => /^\[/.test(line))
  return (end === -1 ? rest : rest.slice(0, end)).join("\n")
}

function fromGo(project: Project): CheckSpec[] {
  if (!project.has.has("go.mod")) return []
  const hasTests = project.paths.some((path) => path.endsWith("_test.go"))
  const linter = project.paths.find((path) => /^\.golangci\.(ya?ml|toml|json)$/.test(path))
  return [
    ...(hasTests ? [checkOf("tests", "go test ./...", "go.mod", "go test")] : []),
    ...(linter === undefined ? [] : [checkOf("lint", "golangci-lint run", linter, "golangci-lint")]),
    checkOf("build", "go build ./...", "go.mod", "exit"),
  ]
}

function fromRust(project: Project): CheckSpec[] {
  if (!project.has.has("Cargo.toml")) return []
  const all = /^\[workspace\]/m.test(project.text("Cargo.toml") ?? "") ? " --workspace" : ""
  const clippy =
    project.paths.find((path) => /^\.?clippy\.toml$/.test(path)) ??
    (/^\[(workspace\.)?lints(\.|\])/m.test(project.text("Cargo.toml") ?? "") ? "Cargo.toml" : undefined)
  return [
    checkOf("tests", `cargo test${all}`, "Cargo.toml", "cargo test"),
    ...(clippy === undefined ? [] : [checkOf("lint", `cargo clippy${all} --all-targets`, clippy, "clippy")]),
    checkOf("build", `cargo build${all} --all-targets`, "Cargo.toml", "clippy"),
  ]
}

const targetNames: Readonly<Record<Kind, readonly string[]>> = {
  tests: ["test", "tests"],
  lint: ["lint"],
  types: ["typecheck", "types"],
  build: ["build"],
}

/** Targets of a Makefile, by their exit code: what they start is make's to know. */
function fromMake(project: Project): CheckSpec[] {
  const make = makeTargets(project)
  if (make === undefined) return []
  return (Object.keys(targetNames) as Kind[]).flatMap((kind) => {
    const target = targetNames[kind].find((name) => make.targets.has(name))
    return target === undefined ? [] : [checkOf(kind, `make ${target}`, make.file, "exit")]
  })
}

function languageOf(file: string): string {
  if (/^(go\.mod|\.golangci|\.go-arch|\.?gosec)/.test(file)) return "go"
  if (file === "Cargo.toml" || file.includes("clippy")) return "rust"
  if (/^\.?semgrep/.test(file)) return "semgrep"
  return /^(package\.json|tsconfig\.json|\.dependency-cruiser)/.test(file) ? "node" : "python"
}
