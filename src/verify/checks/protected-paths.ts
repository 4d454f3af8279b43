import picomatch from "picomatch"
import type { Finding } from "../../core/finding.ts"
import type { Entry } from "../diff.ts"
import { canonicalPath, isLockFile } from "../paths.ts"
import { bullets, type ChangeCheck, type ChangeFacts, fails, passes } from "./check.ts"
import { protectedParts } from "./manifests.ts"

type Violation = { path: string; why: string }

/** What no change may touch, at any depth: who checks, how it is checked, and what runs unasked. */
const guarded: readonly (readonly [string, readonly string[]])[] = [
  [
    "Flyball's and the agents' own settings",
    [
      ".flyball/**",
      ".claude/**",
      ".codex/**",
      ".gemini/**",
      ".cursor/**",
      ".opencode/**",
      ".agents/**",
      ".mcp.json",
      "opencode.json{,c}",
    ],
  ],
  [
    "git's own settings",
    [
      ".git/**",
      ".git",
      ".gitattributes",
      ".gitmodules",
      ".githooks/**",
      ".husky/**",
      "lefthook.y{a,}ml",
      ".pre-commit-config.y{a,}ml",
    ],
  ],
  [
    "installed dependencies",
    ["node_modules/**", ".venv/**", "venv/**", "site-packages/**", "*.dist-info/**", "*.egg-info/**", ".pnp.*"],
  ],
  [
    "CI",
    [
      ".github/**",

      ".gitlab-ci.y{a,}ml",
      ".gitlab/ci/**",
      ".circleci/**",
      "azure-pipelines.y{a,}ml",
      "jenkinsfile",
      ".travis.y{a,}ml",
      ".drone.y{a,}ml",
      ".buildkite/**",
      "bitbucket-pipelines.y{a,}ml",
      ".woodpecker{.y{a,}ml,/**}",
      "appveyor.y{a,}ml",
      "codecov.y{a,}ml",
      ".codecov.y{a,}ml",
      "sonar-project.properties",
    ],
  ],
  [
    "package-manager configuration",
    [
      ".npmrc",
      ".yarnrc{,.yml}",
      ".yarn/**",
      ".pnpmfile.{c,m,}js",
      "pnpm-workspace.yaml",
      "bunfig.toml",
      "deno.json{,c}",
      "go.work",
      "pip.conf",
      ".cargo/**",
      "rust-toolchain{,.toml}",
      ".node-version",
      ".nvmrc",
      ".python-version",
      ".tool-versions",
      "{.,}mise{.local,}.toml",
      ".envrc",
    ],
  ],
  [
    "test-runner configuration",
    [
      "{vitest,vite,jest,ava,cypress,playwright,karma,wdio,nightwatch,babel}{.,.*.}{conf,config,workspace,setup,projects}.*",
      "vitest.{workspace,setup,projects}.*",
      "jest{.,-}{setup,preset,environment,resolver,transformer,global-setup,globalSetup}{.,*.}*",
      ".mocharc.*",
      ".mocharc",
      "mocha.opts",
      ".taprc",
      ".nycrc{,.*}",
      ".c8rc{,.*}",
      ".babelrc{,.*}",
      ".swcrc",
      "nx.json",
      "turbo.json",
      "pytest.ini",
      ".pytest.ini",
      "tox.ini",
      "noxfile.py",
      "setup.cfg",
      "conftest.py",
      "sitecustomize.py",
      "usercustomize.py",
      "*.pth",
      ".coveragerc",
      "nextest.toml",
      ".config/nextest.toml",
      "tarpaulin.toml",
    ],
  ],
  [
    "lint configuration",
    [
      "eslint.config.*",
      ".eslintrc{,.*}",
      ".eslintignore",
      "biome.json{,c}",
      ".biome.json{,c}",
      "ruff.toml",
      ".ruff.toml",
      ".flake8",
      ".pylintrc",
      "pylintrc",
      ".golangci.{yml,yaml,toml,json}",
      "clippy.toml",
      ".clippy.toml",
      "{.,}rustfmt.toml",
      ".prettierrc{,.*}",
      "prettier.config.*",
      ".prettierignore",
      ".editorconfig",
      ".oxlintrc.json",
      ".stylelintrc{,.*}",
      ".rubocop.yml",
    ],
  ],
  [
    "type-checker configuration",
    ["tsconfig{,.*,-*}.json", "jsconfig.json", "mypy.ini", ".mypy.ini", "pyrightconfig.json"],
  ],
  ["build and check definitions", ["makefile", "gnumakefile", "*.mk", "{.,}justfile", "taskfile.y{a,}ml", "build.rs"]],
]

const matchers = guarded.map(([kind, globs]) => ({
  kind,
  matches: picomatch(
    globs.flatMap((glob) => [glob, `**/${glob}`]),
    { dot: true, nocase: true },
  ),
}))

/**
 * Nothing that decides how the change is checked may change with it. Always on. A loop's `protect` adds globs; new test
 * files may still come. A glob that begins with `!` lifts a built-in protection, except Flyball's and git's own.
 */
export const protectedPaths: ChangeCheck = async (facts) => {
  const protects = readProtect(facts.guardrails.protect)
  const violations: Violation[] = []
  for (const entry of facts.entries) {
    const why = pathViolation(entry, facts, protects) ?? (await partViolation(entry, facts, protects))
    if (why !== undefined) violations.push({ path: entry.path, why })
  }
  for (const path of facts.harnessChanged) {
    if (!violations.some((known) => known.path === path) && !protects.lifts(path)) {
      violations.push({ path, why: "the tests' own harness" })
    }
  }
  if (violations.length === 0) return passes("no protected path changes", facts.entries.length)
  const listed = violations.map(({ path, why }) => `${path} (${why})`)
  return fails(
    `protected: ${listed.slice(0, 3).join("; ")}${listed.length > 3 ? `; and ${listed.length - 3} more` : ""}`,
    `These may not change in this loop. Undo the changes to them, and make the fix elsewhere:\n${bullets(listed)}`,
    violations.map(({ path }) => `protected: ${path}`),
    facts.entries.length,
  )
}

/** Whether a finding is about dependencies, by who found it: a title is outside text and lifts nothing. */
function isAboutDependencies(finding: Finding | undefined): boolean {
  if (finding === undefined) return false
  return /depend|audit|outdated|advisor|vulnerab/i.test(finding.source) || finding.module === "dependencies"
}

type Protect = { adds: (path: string) => boolean; lifts: (path: string) => boolean }

function readProtect(globs: readonly string[]): Protect {
  const options = { dot: true, nocase: true }
  const spread = (glob: string) => (glob.includes("/") ? [glob] : [glob, `**/${glob}`])
  const added = globs.filter((glob) => !glob.startsWith("!")).flatMap(spread)
  const lifted = globs.filter((glob) => glob.startsWith("!")).flatMap((glob) => spread(glob.slice(1)))
  const adds = added.length === 0 ? () => false : picomatch(added, options)
  const lifts = lifted.length === 0 ? () => false : picomatch(lifted, options)
  return {
    adds,
    lifts: (path) => lifts(path) && !/(^|\/)\.(flyball|git|gitattributes|gitmodules)(\/|$)/.test(canonicalPath(path)),
  }
}

function pathViolation(entry: Entry, facts: ChangeFacts, protects: Protect): string | undefined {
  const path = canonicalPath(entry.path)
  if (protects.adds(entry.path) || protects.adds(path)) {
    const newTest = entry.status === "added" && facts.isTest(entry.path)
    if (!newTest)
      return facts.isTest(entry.path)
        ? "an existing test, protected by the loop; new test files may come"
        : "protected by the loop"
  }
  if (protects.lifts(entry.path)) return undefined
  if (isLockFile(path))
    return isAboutDependencies(facts.finding) ? undefined : "a lock file, and the finding is not about dependencies"
  const kind = matchers.find(({ matches }) => matches(path))?.kind
  if (kind === undefined) return undefined
  return path === entry.path.toLowerCase() ? kind : `${kind}; its name looks like ${path}`
}

async function partViolation(entry: Entry, facts: ChangeFacts, protects: Protect): Promise<string | undefined> {
  if (protects.lifts(entry.path)) return undefined
  const parts = await protectedParts(entry, facts)
  return parts.length === 0 ? undefined : `its ${parts.map((part) => `\`${part}\``).join(", ")}`
}
