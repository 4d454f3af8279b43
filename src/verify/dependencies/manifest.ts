import { parse as parseToml } from "smol-toml"
import { z } from "zod"

export type Ecosystem = "npm" | "python" | "go" | "rust"

/** A dependency as a manifest asks for it. `optional` ones need not be in a lock file. */
export type Declared = { name: string; spec: string; optional: boolean }

/** What a manifest declares, by name; undefined where it can't be read. */
export function readManifest(path: string, text: string | undefined): Map<string, Declared> | undefined {
  if (text === undefined) return new Map()
  const kind = manifestKind(path)
  try {
    const found = kind === undefined ? [] : readers[kind](text)
    return new Map(found.map((declared) => [declared.name, declared]))
  } catch {
    return undefined
  }
}

type Kind = "package.json" | "requirements" | "pyproject.toml" | "go.mod" | "Cargo.toml"

function manifestKind(path: string): Kind | undefined {
  const name = path.split("/").at(-1) ?? ""
  if (name === "package.json" || name === "pyproject.toml" || name === "go.mod" || name === "Cargo.toml") return name
  return /^requirements[\w.-]*\.(txt|in)$|^[\w-]+-requirements\.txt$/.test(name) ||
    /(^|\/)requirements\/[^/]+\.txt$/.test(path)
    ? "requirements"
    : undefined
}

const ecosystems: Readonly<Record<Kind, Ecosystem>> = {
  "package.json": "npm",
  requirements: "python",
  "pyproject.toml": "python",
  "go.mod": "go",
  "Cargo.toml": "rust",
}

/** The world that a manifest belongs to; undefined for any other file. */
export function ecosystemOfManifest(path: string): Ecosystem | undefined {
  const kind = manifestKind(path)
  return kind === undefined ? undefined : ecosystems[kind]
}

const Named = z.record(z.string(), z.string()).optional()
const PackageJson = z.object({
  dependencies: Named,
  devDependencies: Named,
  optionalDependencies: Named,
  peerDependencies: Named,
})

const readers: Readonly<Record<Kind, (text: string) => Declared[]>> = {
  "package.json": (text) => {
    const parts = PackageJson.parse(JSON.parse(text.replace(/^\ufeff/, "")))
    const of = (found: Record<string, string> | undefined, optional: boolean) =>
      Object.entries(found ?? {}).map(([name, spec]) => ({ name, spec, optional }))
    return [
      ...of(parts.peerDependencies, true),
      ...of(parts.optionalDependencies, true),
      ...of(parts.devDependencies, false),
      ...of(parts.dependencies, false),
    ]
  },
  requirements: (text) =>
    text
      .replace(/\\\r?\n/g, " ")
      .split(/\r?\n/)
      .flatMap((line) => requirement(line.replace(/(^|\s)#.*$/, "").trim())),
  "pyproject.toml": pyproject,
  "go.mod": goMod,
  "Cargo.toml": cargoToml,
}

/** `name[extra]>=1,<2; python_version…`, `name @ git+https://…`, or a bare address. Options (`-r`, `--hash`) are none. */
function requirement(line: string): Declared[] {
  if (line === "" || (line.startsWith("-") && !/^(-e|--editable)\b/.test(line))) return []
  const bare = line.replace(/^(-e|--editable)[\s=]+/, "").replace(/\s--hash=\S+/g, "")
  if (/^(git\+|https?:|file:|\.{0,2}\/)/.test(bare)) return [{ name: bare, spec: bare, optional: false }]
  const match = /^([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\])?\s*(.*)$/.exec(bare)
  if (match === null) return []
  const [, name = "", rest = ""] = match
  return [{ name: pythonName(name), spec: rest.split(";")[0]?.trim() ?? "", optional: rest.includes("extra ==") }]
}

/** PEP 503: case, `-`, `_` and `.` make no difference. */
export function pythonName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, "-")
}

const Table = z.record(z.string(), z.unknown())

function pyproject(text: string): Declared[] {
  const root = parseToml(text)
  const project = tableAt(root, "project")
  const listed = [
    ...strings(project.dependencies),
    ...Object.values(tableAt(project, "optional-dependencies")).flatMap(strings),
    ...Object.values(tableAt(root, "dependency-groups")).flatMap(strings),
  ].flatMap(requirement)
  const poetry = tableAt(tableAt(root, "tool"), "poetry")
  const groups = Object.values(tableAt(poetry, "group")).map((group) => tableAt(Table.parse(group), "dependencies"))
  const tables = [tableAt(poetry, "dependencies"), tableAt(poetry, "dev-dependencies"), ...groups]
  const named = tables.flatMap((table) => Object.entries(table)).filter(([name]) => name !== "python")
  return [...listed, ...named.map(([name, value]) => declaredIn(pythonName(name), value))]
}

function goMod(text: string): Declared[] {
  const lines = text.split("\n").map((line) => line.replace(/\/\/.*$/, "").trim())
  const found: Declared[] = []
  let block = ""
  for (const line of lines) {
    const opened = /^(require|replace) \($/.exec(line)?.[1]
    if (opened !== undefined) block = opened
    else if (line === ")") block = ""
    else {
      const [verb, rest] = block === "" ? (/^(require|replace)\s+(.*)$/.exec(line)?.slice(1) ?? []) : [block, line]
      const [name = "", ...words] = (rest ?? "").split(/\s+/)
      if (verb === "require" && words[0] !== undefined) found.push({ name, spec: words[0], optional: false })
      // What stands behind the arrow is what is built: another module, or a folder.
      const arrow = words.indexOf("=>")
      if (verb === "replace" && arrow !== -1)
        found.push({ name: `${name} (replaced)`, spec: `=> ${words.slice(arrow + 1).join(" ")}`, optional: true })
    }
  }
  return found
}

function cargoToml(text: string): Declared[] {
  const root = parseToml(text)
  const targets = Object.values(tableAt(root, "target")).map((target) => Table.parse(target))
  return [root, tableAt(root, "workspace"), ...targets].flatMap((table) =>
    ["dependencies", "dev-dependencies", "build-dependencies"].flatMap((key) =>
      Object.entries(tableAt(table, key)).map(([name, value]) => declaredIn(packageOf(value) ?? name, value)),
    ),
  )
}

function packageOf(value: unknown): string | undefined {
  const name = Table.safeParse(value).data?.package
  return typeof name === "string" ? name : undefined
}

/** `"^1"`, or a table with a version, a repository or a path. */
function declaredIn(name: string, value: unknown): Declared {
  if (typeof value === "string") return { name, spec: value, optional: false }
  const table = Table.safeParse(value).data ?? {}
  const of = (key: string, form: (text: string) => string) => {
    const text = table[key]
    return typeof text === "string" ? form(text) : undefined
  }
  const spec =
    of("git", (url) => `git+${url}`) ??
    of("path", (path) => `file:${path}`) ??
    of("url", (url) => url) ??
    of("version", (version) => version) ??
    ""
  return { name, spec, optional: table.optional === true }
}

function tableAt(table: Record<string, unknown>, key: string): Record<string, unknown> {
  return Table.safeParse(table[key]).data ?? {}
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === "string") : []
}

/** Where a dependency comes from, if not from the ecosystem's registry; undefined for what is an ordinary version. */
export function foreignSource(spec: string): string | undefined {
  const text = spec.replace(/^@\s*/, "").trim()
  if (/^(workspace|catalog):/.test(text)) return undefined
  if (/^(git\+|git:|git@|ssh:)|\.git(#|$)/.test(text)) return "a git repository"
  if (/^(github|gitlab|bitbucket|gist):/.test(text) || /^[\w.-]+\/[\w.-]+(#.*)?$/.test(text)) return "a git repository"
  if (/^https?:/.test(text)) return "an address of its own"
  if (/^npm:/.test(text)) return "another package under its name"
  if (/^=>/.test(text)) return "a replacement"
  return /^(file|link|portal|patch):|^\.{0,2}\//.test(text) ? "a folder or file" : undefined
}
