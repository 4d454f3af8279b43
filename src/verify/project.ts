import { parse as parseToml } from "smol-toml"
import { z } from "zod"
import type { TreeFiles } from "./runners/runner.ts"
import { type Step, scripts, stepsBehind } from "./script.ts"

/** A project as detection sees it: all its paths, and the texts of the few root files that say how it is checked. */
export type Project = { paths: string[]; has: ReadonlySet<string>; text(path: string): string | undefined }

/** What a script of package.json is started by here, and what is behind it; undefined where there is no such script. */
export function scriptBehind(
  project: Project,
  names: readonly string[],
  wanted: (line: string) => boolean = () => true,
): { name: string; run: string; steps: Step[] } | undefined {
  const files: TreeFiles = { read: project.text, list: () => [] }
  const own = scripts(files)
  const name = names.find((candidate) => own[candidate] !== undefined && wanted(own[candidate] ?? ""))
  if (name === undefined) return undefined
  const manager = managerOf(project)
  const run = name === "test" && manager !== "bun" ? `${manager} test` : `${manager} run ${name}`
  return { name, run, steps: stepsBehind(run, files) }
}

function managerOf({ has }: Project): "npm" | "pnpm" | "yarn" | "bun" {
  if (has.has("pnpm-lock.yaml")) return "pnpm"
  if (has.has("yarn.lock")) return "yarn"
  return has.has("bun.lock") || has.has("bun.lockb") ? "bun" : "npm"
}

const Dependencies = z.object({
  dependencies: z.record(z.string(), z.unknown()).optional(),
  devDependencies: z.record(z.string(), z.unknown()).optional(),
})

/** What package.json depends on, to run or to develop. */
export function nodeDependencies(project: Project): ReadonlySet<string> {
  const parsed = Dependencies.safeParse(tolerant(() => JSON.parse(project.text("package.json") ?? "{}")))
  return new Set(
    parsed.success
      ? [...Object.keys(parsed.data.dependencies ?? {}), ...Object.keys(parsed.data.devDependencies ?? {})]
      : [],
  )
}

const requirementFiles = [
  "pyproject.toml",
  "setup.cfg",
  "requirements.txt",
  "requirements-dev.txt",
  "dev-requirements.txt",
  "requirements/dev.txt",
  "tox.ini",
]

/** The file by which a Python project requires a package. */
export function requiredIn(project: Project, name: string): string | undefined {
  return requirementFiles.find((file) =>
    new RegExp(`(^|["'\\s])${name}(\\[[^\\]]*\\])?\\s*([<>=~!,;"'\\s]|$)`, "m").test(project.text(file) ?? ""),
  )
}

/** Whether pyproject.toml has a `[tool.NAME]`. */
export function hasPythonTool(project: Project, name: string): boolean {
  return pythonTool(project, name) !== undefined
}

/** The `[tool.NAME]` of pyproject.toml. */
export function pythonTool(project: Project, name: string): object | undefined {
  const manifest = tolerant(() => parseToml(project.text("pyproject.toml") ?? ""))
  const found = manifest !== undefined && isTable(manifest.tool) ? manifest.tool[name] : undefined
  return typeof found === "object" ? found : undefined
}

/** The targets of the project's Makefile, and its name. */
export function makeTargets(project: Project): { file: string; targets: ReadonlySet<string> } | undefined {
  const file = ["GNUmakefile", "makefile", "Makefile"].find((name) => project.has.has(name))
  if (file === undefined) return undefined
  const lines = (project.text(file) ?? "").matchAll(/^([\w.\- ]+?)\s*:(?![=:])/gm)
  return { file, targets: new Set([...lines].flatMap((match) => (match[1] ?? "").split(/\s+/))) }
}

/** What a parser makes of a text, or nothing where it can't. */
export function tolerant<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
