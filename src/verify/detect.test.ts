import { expect, test } from "vitest"
import { detectChecks } from "./detect.ts"

const detect = async (files: Record<string, string>) => {
  const found = await detectChecks({ read: async (path) => files[path], list: async () => Object.keys(files) })
  return Object.fromEntries(found.map((check) => [check.name, `${check.run} | ${check.format} | ${check.from}`]))
}

test.each<[string, Record<string, string>, Record<string, string>]>([
  [
    "a TypeScript project",
    {
      "package.json": JSON.stringify({
        scripts: {
          test: "vitest",
          lint: "eslint . --fix",
          typecheck: "tsc --noEmit",
          build: "tsc -p tsconfig.build.json && cp a b",
        },
      }),
    },
    {
      tests_pass: "npm test | vitest | package.json",
      lint_clean: "npm run lint | eslint | package.json",
      types: "npm run typecheck | tsc | package.json",
      build: "npm run build | exit | package.json",
    },
  ],
  [
    "tests that print TAP as node runs them, though a formatter stands behind",
    {
      "package.json": JSON.stringify({ scripts: { test: "node test | tap-spec" }, devDependencies: { tape: "5" } }),
      "test/index.js": `require("./sums")`,
      "test/sums.js": `const test = require("tape")`,
    },
    { tests_pass: "npm test | tape | package.json" },
  ],
  [
    "tests that print nothing to be read as node runs them",
    { "package.json": JSON.stringify({ scripts: { test: "node test.js" } }), "test.js": `require("node:assert")` },
    { tests_pass: "npm test | exit | package.json" },
  ],
  [
    "ava, by being depended on",
    { "package.json": JSON.stringify({ devDependencies: { ava: "6" } }) },
    { tests_pass: "npx ava | ava | package.json" },
  ],
  [
    "a project without scripts, by the tools it depends on and configures",
    {
      "package.json": JSON.stringify({ devDependencies: { jest: "1", typescript: "5", eslint: "9" } }),
      "tsconfig.json": "{}",
      "eslint.config.js": "",
      "yarn.lock": "",
    },
    {
      tests_pass: "npx jest | jest | package.json",
      lint_clean: "npx eslint . | eslint | package.json",
      types: "npx tsc --noEmit | tsc | tsconfig.json",
    },
  ],
  [
    "a script that can't be followed, by its exit code",
    { "package.json": JSON.stringify({ scripts: { test: "vitest run | tee log" } }), "pnpm-lock.yaml": "" },
    { tests_pass: "pnpm test | exit | package.json" },
  ],
  [
    "what `npm init` wrote",
    { "package.json": JSON.stringify({ scripts: { test: 'echo "Error: no test specified" && exit 1' } }) },
    {},
  ],
  ["a package.json that does not parse", { "package.json": "{" }, {}],
  [
    "a Python project",
    {
      "pyproject.toml": "[tool.pytest.ini_options]\n[tool.ruff]\n[tool.mypy]\nfiles = ['src']\n",
      "tests/test_a.py": "",
    },
    {
      tests_pass: "python3 -m pytest | pytest | pyproject.toml",
      lint_clean: "ruff check . | ruff | pyproject.toml",
      types: "mypy | mypy | pyproject.toml",
    },
  ],
  [
    "mypy with a configuration that lists nothing itself, beside another tool's packages",
    {
      "pyproject.toml": "[tool.setuptools]\npackages = ['a']\n[tool.mypy]\nstrict = true\n",
    },
    { types: "mypy . | mypy | pyproject.toml" },
  ],
  [
    "mypy with a section of setup.cfg that lists nothing",
    { "setup.cfg": "[options]\npackages = find:\n[mypy]\nstrict = True\n[mypy-foo.*]\n" },
    { types: "mypy . | mypy | setup.cfg" },
  ],
  [
    "mypy with a file of its own that lists what it checks",
    { "mypy.ini": "[mypy]\nfiles = src, tests\n" },
    { types: "mypy | mypy | mypy.ini" },
  ],
  [
    "a Python project of a test and nothing else",
    { "test_a.py": "" },
    { tests_pass: "python3 -m pytest | pytest | test_a.py" },
  ],
  [
    "a Go project",
    { "go.mod": "module x\n", "a_test.go": "", ".golangci.yml": "" },
    {
      tests_pass: "go test ./... | go test | go.mod",
      lint_clean: "golangci-lint run | golangci-lint | .golangci.yml",
      build: "go build ./... | exit | go.mod",
    },
  ],
  [
    "a Rust workspace",
    { "Cargo.toml": "[workspace]\nmembers = ['a']\n[workspace.lints.clippy]\n" },
    {
      tests_pass: "cargo test --workspace | cargo test | Cargo.toml",
      lint_clean: "cargo clippy --workspace --all-targets | clippy | Cargo.toml",
      build: "cargo build --workspace --all-targets | clippy | Cargo.toml",
    },
  ],
  [
    "a Makefile, for what nothing else says",
    {
      Makefile: "VERSION := 1\n.PHONY: test lint\ntest: build\n\tgo test\nlint:\n\tx\nbuild:\n\ty\n",
      "go.mod": "module x",
      "a_test.go": "",
    },
    {
      tests_pass: "go test ./... | go test | go.mod",
      build: "go build ./... | exit | go.mod",
      lint_clean: "make lint | exit | Makefile",
    },
  ],
  [
    "a repository of two languages",
    { "package.json": JSON.stringify({ scripts: { test: "mocha" } }), "pytest.ini": "[pytest]", "tests/test_a.py": "" },
    { tests_pass: "npm test | mocha | package.json", tests_pass_python: "python3 -m pytest | pytest | pytest.ini" },
  ],
  ["a project without checks", { "README.md": "" }, {}],
])("finds the checks of %s", async (_, files, expected) => {
  expect(await detect(files)).toEqual(expected)
})
