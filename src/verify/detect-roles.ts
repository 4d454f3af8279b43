import type { CheckSpec } from "../core/loop.ts"
import { hasPythonTool, makeTargets, nodeDependencies, type Project, requiredIn, scriptBehind } from "./project.ts"

const MINUTE_MS = 60_000
/** Of one run: a benchmark is run several times on each side. */
const TIMEOUT_MS = { security: 10 * MINUTE_MS, architecture: 5 * MINUTE_MS, performance: 10 * MINUTE_MS } as const
type Role = keyof typeof TIMEOUT_MS

/**
 * The scanners, import rules and benchmarks that a project has: its own script first, then a tool that it has configured.
 * A benchmark counts only where its numbers can be read; a scanner that would ask the network for its rules can't work here.
 */
export function detectRoles(project: Project): CheckSpec[] {
  return [...fromScripts(project), ...fromTools(project), ...fromMake(project)]
}

const scriptNames: Readonly<Record<Role, readonly string[]>> = {
  security: ["security", "lint:security", "check:security", "security:check", "semgrep", "audit", "audit:code"],
  architecture: [
    "arch",
    "architecture",
    "lint:arch",
    "lint:architecture",
    "test:arch",
    "test:architecture",
    "check:arch",
    "check:architecture",
    "arch:check",
    "depcruise",
    "dependency-cruiser",
    "lint:deps",
    "check:deps",
    "boundaries",
    "lint:boundaries",
    "check:boundaries",
    "tidy",
    "test:tidy",
  ],
  performance: ["bench", "benchmark", "benchmarks", "bench:ci", "perf", "performance", "test:bench", "test:perf"],
}

/** They ask a service on the network for what they know, and there is none where checks run. */
const ASKS_THE_NETWORK = /\b(npm|pnpm|yarn|bun)( run)? audit\b|audit-ci|better-npm-audit|osv-scanner|\bsnyk\b|npm-audit/

function fromScripts(project: Project): CheckSpec[] {
  return (Object.keys(scriptNames) as Role[]).flatMap((role) => {
    const found = scriptBehind(project, scriptNames[role], (line) => !ASKS_THE_NETWORK.test(line))
    const runner = found?.steps.find((step) => step.runner !== undefined && isOf(role, step.runner.kind))?.runner
    if (found === undefined) return []
    if (runner !== undefined) return [checkOf(role, found.run, "package.json", runner.name, runner.kind)]
    // `tidy` is as often a formatter; and what a benchmark prints is no number that could be compared.
    return role === "performance" || /tidy/.test(found.name) ? [] : [checkOf(role, found.run, "package.json", "exit")]
  })
}

function isOf(role: Role, kind: string): boolean {
  return role === "performance" ? kind === "numbers" : kind === "lint" || (role === "architecture" && kind === "tests")
}

function fromTools(project: Project): CheckSpec[] {
  const { paths, has } = project
  const find = (pattern: RegExp) => paths.find((path) => pattern.test(path))
  const node = nodeDependencies(project)
  const cruiser = node.has("dependency-cruiser") ? find(/^\.dependency-cruiser\.([cm]?js|json)$/) : undefined
  const folders = ["src", "lib", "app", "packages"].filter((folder) =>
    paths.some((path) => path.startsWith(`${folder}/`)),
  )
  const benches = node.has("vitest") ? find(/\.bench\.[cm]?[jt]sx?$/) : undefined
  const pyproject = (name: string) => (hasPythonTool(project, name) ? "pyproject.toml" : undefined)
  const banditConfig = find(/^\.?bandit\.ya?ml$/) ?? pyproject("bandit")
  const bandit = banditConfig ?? find(/^\.bandit$/)
  const contracts =
    find(/^\.importlinter$/) ??
    pyproject("importlinter") ??
    (/^\[importlinter\]/m.test(project.text("setup.cfg") ?? "") ? "setup.cfg" : undefined)
  const semgrep = find(/^\.?semgrep\.ya?ml$/) ?? find(/^\.semgrep\//)
  const gosec = has.has("go.mod") ? find(/^\.?gosec(\.config)?\.json$/) : undefined
  const goArch = find(/^\.go-arch-lint\.ya?ml$/)
  const goBench = has.has("go.mod") ? find(/bench[^/]*_test\.go$/) : undefined
  const pyBench = requiredIn(project, "pytest-benchmark")
  return [
    ...(cruiser === undefined || folders.length === 0
      ? []
      : [checkOf("architecture", `npx depcruise ${folders.join(" ")}`, cruiser, "dependency-cruiser")]),
    ...(contracts === undefined ? [] : [checkOf("architecture", "lint-imports", contracts, "import-linter")]),
    ...(goArch === undefined ? [] : [checkOf("architecture", "go-arch-lint check", goArch, "go-arch-lint")]),
    ...(bandit === undefined
      ? []
      : [
          checkOf(
            "security",
            `bandit${banditConfig === undefined ? "" : ` -c ${banditConfig}`} -r . -x ./.venv,./venv,./node_modules`,
            bandit,
            "bandit",
          ),
        ]),
    ...(gosec === undefined ? [] : [checkOf("security", `gosec -conf=${gosec} ./...`, gosec, "gosec")]),
    ...(semgrep === undefined
      ? []
      : [
          checkOf(
            "security",
            `semgrep scan --config ${semgrep.startsWith(".semgrep/") ? ".semgrep" : semgrep}`,
            semgrep,
            "semgrep",
          ),
        ]),
    ...(benches === undefined
      ? []
      : [checkOf("performance", "npx vitest bench --run", "package.json", "vitest bench")]),
    ...(pyBench === undefined
      ? []
      : [checkOf("performance", "python3 -m pytest --benchmark-only", pyBench, "pytest-benchmark")]),
    ...(goBench === undefined ? [] : [checkOf("performance", "go test -bench=. ./...", "go.mod", "go bench")]),
  ]
}

function fromMake(project: Project): CheckSpec[] {
  const make = makeTargets(project)
  if (make === undefined) return []
  const names = { security: ["security", "sec"], architecture: ["arch", "architecture", "arch-lint"] } as const
  return (["security", "architecture"] as const).flatMap((role) => {
    const target = names[role].find((name) => make.targets.has(name))
    return target === undefined ? [] : [checkOf(role, `make ${target}`, make.file, "exit")]
  })
}

function checkOf(name: Role, run: string, from: string, format: string, runnerKind?: string): CheckSpec {
  const kind = name === "performance" ? "numbers" : runnerKind === "tests" ? "tests" : "lint"
  return { name, kind, run, format, timeoutMs: TIMEOUT_MS[name], from }
}
