import picomatch from "picomatch"
import { canonicalPath } from "./paths.ts"

type Guarded = {
  /** In words for people. */
  kind: string
  /** Whether checks run with the base's, whatever the head says: what decides how they are run and read. */
  restored: boolean
  /** At any depth. */
  globs: readonly string[]
}

/** What no change may touch: who checks, how it is checked, and what runs unasked. The one list of it. */
const guarded: readonly Guarded[] = [
  {
    kind: "Flyball's own settings",
    restored: true,
    globs: [".flyball/**"],
  },
  {
    kind: "the agents' own settings",
    restored: false,
    globs: [
      ".claude/**",
      ".codex/**",
      ".gemini/**",
      ".cursor/**",
      ".opencode/**",
      ".pi/**",
      ".agents/**",
      ".mcp.json",
      "opencode.json{,c}",
    ],
  },
  {
    kind: "git's own settings",
    restored: true,
    globs: [
      ".git/**",
      ".git",
      ".gitattributes",
      ".gitmodules",
      ".gitconfig",
      ".lfsconfig",
      ".githooks/**",
      ".husky/**",
      "{,.}lefthook{,-local}.{yml,yaml,toml,json}",
      ".overcommit.yml",
      ".simple-git-hooks.*",
      ".lintstagedrc{,.*}",
      "lint-staged.config.*",
      ".pre-commit-config.y{a,}ml",
    ],
  },
  {
    kind: "installed dependencies",
    restored: true,
    globs: ["node_modules/**", "{,.}venv/**", "site-packages/**", "*.dist-info/**", "*.egg-info/**", ".pnp.*"],
  },
  {
    kind: "compiled code, which runs in the place of its source",
    restored: true,
    globs: ["__pycache__/**", "*.py{c,o,d}", "*.{so,dll,dylib,node}"],
  },
  {
    kind: "CI",
    restored: true,
    globs: [
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
      "{,.}codecov.y{a,}ml",
      "sonar-project.properties",
    ],
  },
  {
    kind: "package-manager configuration",
    restored: true,
    globs: [
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
  },
  {
    kind: "test-runner configuration",
    restored: true,
    globs: [
      "{vitest,vite,jest,ava,cypress,playwright,karma,wdio,nightwatch,babel}{.,.*.}{conf,config,workspace,setup,projects}.*",
      "{vitest,vite,jest,ava}.{config,workspace,setup,projects}{,.*}.{js,cjs,mjs,ts,cts,mts,json}",
      "jest{.,-}{setup,preset,environment,resolver,transformer,global-setup,globalSetup}*.{js,cjs,mjs,ts,json}",
      ".mocharc{,.*}",
      "mocha.opts",
      ".taprc",
      ".proverc",
      ".nycrc{,.*}",
      ".c8rc{,.*}",
      ".babelrc{,.*}",
      ".swcrc",
      "nx.json",
      "turbo.json",
      ".env.test{,.*}",
      "{,.}pytest.{ini,toml}",
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
      "phpunit.xml{,.dist}",
      ".rspec",
      ".bats",
    ],
  },
  {
    kind: "lint configuration",
    restored: true,
    globs: [
      "eslint.config.*",
      ".eslintrc{,.*}",
      ".eslintignore",
      "{,.}biome.json{,c}",
      "{,.}ruff.toml",
      ".flake8",
      "{,.}pylintrc",
      ".golangci.{yml,yaml,toml,json}",
      "{,.}clippy.toml",
      "{,.}rustfmt.toml",
      ".prettierrc{,.*}",
      "prettier.config.*",
      ".prettierignore",
      ".editorconfig",
      ".oxlintrc.json",
      ".stylelintrc{,.*}",
      ".rubocop.yml",
    ],
  },
  {
    kind: "type-checker configuration",
    restored: true,
    globs: ["tsconfig{,.*,-*}.json", "jsconfig.json", "{,.}mypy.ini", "pyrightconfig.json"],
  },
  {
    kind: "build and check definitions",
    restored: true,
    globs: ["{,gnu}makefile", "*.mk", "{,.}justfile", "taskfile.y{a,}ml", "rakefile", "{gulp,grunt}file.*"],
  },
  // What a program is built by is part of it: a loop that lifts the protection wants to see it at work.
  { kind: "build and check definitions", restored: false, globs: ["build.rs", "setup.py"] },
]

const anywhere = { dot: true, nocase: true }
const matchers = guarded.map(({ kind, restored, globs }) => ({
  kind,
  restored,
  matches: picomatch(
    globs.flatMap((glob) => [glob, `**/${glob}`]),
    anywhere,
  ),
}))

/** Of what kind a guarded path is; undefined for any other. Look-alike names count: `canonicalPath` is what is asked. */
export function guardedKind(path: string): string | undefined {
  return matchers.find(({ matches }) => matches(path))?.kind
}

/** Whether a path is one of the harness: what decides how checks are run and read. It is the base's whatever the head says. */
export function isHarnessPath(path: string): boolean {
  const canonical = canonicalPath(path)
  return matchers.some(({ restored, matches }) => restored && (matches(path) || matches(canonical)))
}

const python =
  "_pytest abc argparse ast asyncio builtins collections contextlib copy coverage csv dataclasses datetime decimal difflib doctest enum flyball_report fractions functools hashlib http hypothesis importlib iniconfig inspect io itertools json logging math mock nose numbers operator os packaging pathlib pickle platform pluggy pprint py pytest queue random re secrets shutil signal socket statistics string struct subprocess sys tempfile textwrap threading time traceback types typing unittest urllib uuid warnings xdist xml zoneinfo"
const shadowed = new RegExp(
  `^(src/)?(?:(?:${python.split(" ").join("|")})(?:\\.pyi?$|/)|(?:assert|vitest|jest|mocha|chai|sinon|ava|tap|expect)(?:\\.[cm]?[jt]s$|/(?:index\\.[cm]?[jt]s|package\\.json)$))`,
)

/**
 * New modules that would be taken for the runner's, or for the language's own: Python looks at the root and in `src` first,
 * and at the same of the folder that the checks run in.
 */
export function shadowsRunner(path: string, folder?: string): boolean {
  const canonical = canonicalPath(path)
  const prefix = folder === undefined ? "" : `${canonicalPath(folder)}/`
  return shadowed.test(canonical) || (canonical.startsWith(prefix) && shadowed.test(canonical.slice(prefix.length)))
}
