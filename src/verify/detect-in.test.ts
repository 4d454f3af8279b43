import { expect, test } from "vitest"
import { detectChecksIn } from "./detect-in.ts"

const detect = async (files: Record<string, string>, path: string) => {
  const found = await detectChecksIn({ read: async (name) => files[name], list: async () => Object.keys(files) }, path)
  return Object.fromEntries(found.map((check) => [check.name, `${check.run} | ${check.path ?? "."} | ${check.from}`]))
}
const scripts = (given: Record<string, string>) => JSON.stringify({ scripts: given })

test.each<[string, Record<string, string>, string, Record<string, string>]>([
  [
    "a package's own scripts, and the root's for what it has not got",
    {
      "package.json": scripts({ test: "vitest run", lint: "eslint ." }),
      "packages/a/package.json": scripts({ test: "node --test" }),
    },
    "packages/a",
    {
      tests_pass: "npm test | packages/a | packages/a/package.json",
      lint_clean: "npm run lint | . | package.json",
    },
  ],
  [
    "the nearest folder above that has it",
    {
      "package.json": scripts({ test: "vitest run" }),
      "services/payments/package.json": scripts({ test: "node --test" }),
      "services/payments/api/index.js": "",
    },
    "services/payments/api",
    { tests_pass: "npm test | services/payments | services/payments/package.json" },
  ],
  [
    "the package manager of the whole workspace",
    { "pnpm-lock.yaml": "", "packages/a/package.json": scripts({ test: "vitest run", types: "tsc --noEmit" }) },
    "packages/a",
    {
      tests_pass: "pnpm test | packages/a | packages/a/package.json",
      types: "pnpm run types | packages/a | packages/a/package.json",
    },
  ],
  [
    "packages of a Go module that begins above",
    { "go.mod": "module x\n", "services/pay/pay.go": "", "services/pay/pay_test.go": "", "services/web/w.ts": "" },
    "services/pay",
    { tests_pass: "go test ./... | services/pay | go.mod", build: "go build ./... | services/pay | go.mod" },
  ],
  [
    "a crate of a workspace",
    { "Cargo.toml": "[workspace]\n", "crates/a/Cargo.toml": "[package]\n" },
    "crates/a",
    {
      tests_pass: "cargo test | crates/a | crates/a/Cargo.toml",
      build: "cargo build --all-targets | crates/a | crates/a/Cargo.toml",
    },
  ],
  [
    "Python beside JavaScript: no second language of the root's",
    {
      "package.json": scripts({ test: "node --test" }),
      "go.mod": "module x\n",
      "x_test.go": "",
      "services/b/pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-q"\n',
      "services/b/tests/test_b.py": "",
    },
    "services/b",
    {
      tests_pass: "python3 -m pytest | services/b | services/b/pyproject.toml",
      build: "go build ./... | . | go.mod",
    },
  ],
  [
    "a Makefile of its own",
    { "lib/Makefile": "test:\n\ttrue\n" },
    "lib",
    { tests_pass: "make test | lib | lib/Makefile" },
  ],
  ["nothing at all", { "lib/a.c": "" }, "lib", {}],
])("detected in a folder: %s", async (_, files, path, expected) => {
  expect(await detect(files, path)).toEqual(expected)
})
