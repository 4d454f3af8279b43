import { expect, test } from "vitest"
import { detectChecks } from "./detect.ts"

const roles = async (files: Record<string, string>) => {
  const found = await detectChecks({ read: async (path) => files[path], list: async () => Object.keys(files) })
  const kept = found.filter(({ name }) => /^(security|architecture|performance)/.test(name))
  return Object.fromEntries(kept.map(({ name, kind, run, format }) => [name, `${kind}: ${run} | ${format}`]))
}
const scripts = (found: Record<string, string>) => ({ "package.json": JSON.stringify({ scripts: found }) })

test.each<[string, Record<string, string>, Record<string, string>]>([
  ["none of these tools", scripts({ test: "vitest", bench: "node bench.js", tidy: "prettier --write ." }), {}],
  [
    "scripts, by what is behind them",
    scripts({
      arch: "vitest run test/tidy.test.ts",
      security: "eslint -c security.config.js .",
      bench: "vitest bench",
    }),
    {
      architecture: "tests: npm run arch | vitest",
      security: "lint: npm run security | eslint",
      performance: "numbers: npm run bench | vitest bench",
    },
  ],
  ["a script that asks the network can't be a check here", scripts({ audit: "npm audit --audit-level=high" }), {}],
  [
    "a script nobody can read, by its exit code",
    scripts({ depcruise: "node check-deps.js" }),
    { architecture: "lint: npm run depcruise | exit" },
  ],
  [
    "dependency-cruiser with its configuration",
    {
      "package.json": JSON.stringify({ devDependencies: { "dependency-cruiser": "17" } }),
      ".dependency-cruiser.cjs": "",
      "src/a.js": "",
    },
    { architecture: "lint: npx depcruise src | dependency-cruiser" },
  ],
  [
    "Python's",
    {
      "pyproject.toml": '[tool.bandit]\n[tool.importlinter]\nroot_package = "p"\n',
      "requirements-dev.txt": "pytest-benchmark\n",
    },
    {
      architecture: "lint: lint-imports | import-linter",
      security: "lint: bandit -c pyproject.toml -r . -x ./.venv,./venv,./node_modules | bandit",
      performance: "numbers: python3 -m pytest --benchmark-only | pytest-benchmark",
    },
  ],
  [
    "Go's",
    { "go.mod": "module m\n", ".go-arch-lint.yml": "", "parse_bench_test.go": "" },
    {
      architecture: "lint: go-arch-lint check | go-arch-lint",
      performance: "numbers: go test -bench=. ./... | go bench",
    },
  ],
  [
    "a Makefile's",
    { Makefile: "security:\n\ttrue\narch:\n\ttrue\n" },
    { security: "lint: make security | exit", architecture: "lint: make arch | exit" },
  ],
])("%s", async (_, files, expected) => {
  expect(await roles(files)).toEqual(expected)
})
