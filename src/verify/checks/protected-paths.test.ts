import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { baseFiles, type Changes, changes, type Given } from "../fixtures/change.ts"
import type { Files } from "../fixtures/repository.ts"
import { protectedPaths } from "./protected-paths.ts"

let change: Changes
beforeAll(async () => {
  change = await changes()
})
afterAll(() => change[Symbol.asyncDispose]())

const test0 = String(baseFiles["test/add.test.js"])
const packageJson = (fields: object) => JSON.stringify({ ...JSON.parse(String(baseFiles["package.json"])), ...fields })

describe("protected_paths", () => {
  test.each<[string, Files, Given, string]>([
    [
      "a runner configuration changes",
      { "vitest.config.ts": "export default { test: { exclude: ['**'] } }\n" },
      {},
      "vitest.config.ts (test-runner configuration)",
    ],
    ["one is added", { "vitest.config.mts": "export default {}\n" }, {}, "vitest.config.mts"],
    [
      "one for a package deep down",
      { "packages/a/jest.config.js": "module.exports = {}\n" },
      {},
      "packages/a/jest.config.js",
    ],
    ["one is renamed", { "vitest.config.ts": null, "vitest.old.ts": "export default {}\n" }, {}, "vitest.config.ts"],
    ["a set-up file", { "vitest.setup.ts": "process.exit(0)\n" }, {}, "vitest.setup.ts"],
    ["a conftest", { "tests/conftest.py": "collect_ignore = ['test_add.py']\n" }, {}, "tests/conftest.py"],
    ["a .npmrc", { ".npmrc": "node-options=--require ./x.js\n" }, {}, ".npmrc (package-manager configuration)"],
    ["a lint configuration", { "eslint.config.js": "export default []\n" }, {}, "eslint.config.js"],
    ["a type-checker configuration", { "packages/b/tsconfig.build.json": "{}\n" }, {}, "tsconfig.build.json"],
    [
      "a plug-in that installs itself",
      { "p.egg-info/entry_points.txt": "[pytest11]\np = p\n" },
      {},
      "p.egg-info/entry_points.txt (installed dependencies)",
    ],
    ["a module put before the real one", { "node_modules/vitest/index.js": "x\n" }, {}, "node_modules/vitest/index.js"],
    ["CI", { ".github/workflows/ci.yml": "on: push\n" }, {}, ".github/workflows/ci.yml (CI)"],
    ["the loops", { ".flyball/loops/a.yaml": "name: a\n" }, {}, ".flyball/loops/a.yaml"],
    ["an agent's settings", { ".claude/settings.json": "{}\n" }, {}, ".claude/settings.json"],
    ["MCP servers", { ".mcp.json": "{}\n" }, {}, ".mcp.json"],
    ["git attributes", { ".gitattributes": "test/** export-ignore\n" }, {}, ".gitattributes"],
    ["git attributes deep down", { "test/.gitattributes": "* export-ignore\n" }, {}, "test/.gitattributes"],
    ["capitals do not hide it", { ".GitHub/Workflows/ci.yml": "on: push\n" }, {}, ".GitHub/Workflows/ci.yml"],
    [
      "look-alike letters do not hide it",
      { ".fl\u0443ball/config.yaml": "x: 1\n" },
      {},
      "looks like .flyball/config.yaml",
    ],
    [
      "invisible characters do not hide it",
      { ".fly\u200bball/config.yaml": "x: 1\n" },
      {},
      "looks like .flyball/config.yaml",
    ],
    [
      "the scripts of package.json",
      { "package.json": packageJson({ scripts: { test: "true" } }) },
      {},
      "package.json (its `scripts`)",
    ],
    ["the runner's part of package.json", { "package.json": packageJson({ jest: { testMatch: [] } }) }, {}, "`jest`"],
    ["a package.json that can't be parsed", { "package.json": "{" }, {}, "can't be parsed"],
    ["package.json goes", { "package.json": null }, {}, "deleted"],
    [
      "another kind of module for files that are there",
      { "src/package.json": '{"type":"commonjs"}\n' },
      {},
      "src/package.json (its `type`)",
    ],
    [
      "a new package that is called like the project",
      { "packages/a/package.json": '{"name":"p"}\n' },
      {},
      "packages/a/package.json (its `name (p, which is another package's)`)",
    ],
    [
      "the tools' part of pyproject.toml",
      { "pyproject.toml": '[project]\nname = "p"\n[tool.pytest.ini_options]\naddopts = "-k nothing"\n' },
      {},
      "`tool`",
    ],
    ["a lock file", { "package-lock.json": '{"a":1}\n' }, {}, "a lock file, and the finding is not about dependencies"],
    [
      "a lock file, when outside text claims that it is about dependencies",
      { "package-lock.json": '{"a":1}\n' },
      { title: "update dependencies" },
      "lock file",
    ],
    ["a Makefile", { Makefile: "test:\n\ttrue\n" }, {}, "Makefile"],
    ["what the loop protects", { "src/add.js": "x\n" }, { protect: ["src/**"] }, "src/add.js (protected by the loop)"],
    [
      "an existing test that the loop protects",
      { "test/add.test.js": "// nothing\n" },
      { protect: ["**/*.test.*"] },
      "an existing test, protected by the loop",
    ],
    ["git's own, lifted or not", { ".gitattributes": "* -diff\n" }, { protect: ["!.gitattributes"] }, ".gitattributes"],
  ])("T3: %s", async (_name, files, more, said) => {
    const judged = await protectedPaths(await change.facts(files, more))
    expect(judged).toMatchObject({ outcome: "fail", blame: "maker" })
    expect(judged.feedback).toContain(said)
  })

  test.each<[string, Files, Given]>([
    ["source changes", { "src/add.js": "export const add = (a, b) => a + b\n" }, {}],
    ["an existing test changes: shown elsewhere, no violation", { "test/add.test.js": `${test0}\n// more\n` }, {}],
    ["a new test comes", { "test/zero.test.js": "test\n" }, {}],
    ["a new test comes where tests are protected", { "test/zero.test.js": "test\n" }, { protect: ["**/*.test.*"] }],
    ["a dependency comes into package.json", { "package.json": packageJson({ dependencies: { a: "1.0.0" } }) }, {}],
    ["package.json is only laid out anew", { "package.json": packageJson({}) }, {}],
    [
      "the project's part of pyproject.toml",
      { "pyproject.toml": '[project]\nname = "q"\n[tool.pytest.ini_options]\naddopts = "-q"\n' },
      {},
    ],
    [
      "a lock file, found by a source for dependencies",
      { "package-lock.json": '{"a":1}\n' },
      { source: "outdated_dependencies" },
    ],
    ["a protection that the loop lifts", { Makefile: "all:\n" }, { protect: ["!Makefile"] }],
    [
      "a new package stands in a folder of its own",
      {
        "packages/a/package.json": '{"name":"a","version":"1.0.0","type":"module","exports":"./index.js"}\n',
        "packages/a/index.js": "export const half = (n) => n / 2\n",
      },
      {},
    ],
    ["documents", { "docs/ci.md": "x\n", "CONTRIBUTING.md": "x\n" }, {}],
  ])("lets it be when %s", async (_name, files, more) => {
    expect(await protectedPaths(await change.facts(files, more))).toMatchObject({ outcome: "pass" })
  })

  test.each<[string, Given, string]>([
    ["pom.xml", {}, "fail"],
    ["app/build.gradle.kts", {}, "fail"],
    ["Directory.Build.props", {}, "fail"],
    ["pom.xml", { source: "security_advisories" }, "pass"],
    ["pom.xml", { protect: ["!pom.xml"] }, "pass"],
  ])("T3: what builds and tests a project beside its dependencies: %s, %o", async (path, given, outcome) => {
    const onto = await change.commit({ [path]: "<skipTests>false</skipTests>\n" })
    const facts = await change.facts({ [path]: "<skipTests>true</skipTests>\n" }, given, onto)
    expect(await protectedPaths(facts)).toMatchObject({ outcome })
  })

  test("T11: harness files that the overlay had to put back are named", async () => {
    const facts = await change.facts({ "test/helpers/preload.js": "process.exit(0)\n" })
    const judged = await protectedPaths({ ...facts, harnessChanged: ["test/helpers/preload.js"] })
    expect(judged.feedback).toContain("test/helpers/preload.js (the tests' own harness)")
  })
})

test.each<[string, Files, "pass" | RegExp]>([
  [
    "a package that is new, with what its compiler is to do",
    { "packages/b/package.json": '{"name":"b","type":"module"}\n', "packages/b/tsconfig.json": "{}\n" },
    "pass",
  ],
  [
    "a package that is new, with scripts",
    { "packages/b/package.json": '{"name":"b","scripts":{"test":"true"}}\n' },
    /Is it wanted\? .*packages\/b\/package\.json brings `scripts` of a new package/,
  ],
  [
    "a package that is new, with settings that are code",
    { "packages/b/package.json": '{"name":"b"}\n', "packages/b/vitest.config.ts": "export default {}\n" },
    /packages\/b\/vitest\.config\.ts is test-runner configuration of a new package/,
  ],
])("a monorepo grows by %s", async (_, files, wanted) => {
  await using repository = await changes()
  const judged = await protectedPaths(await repository.facts(files))
  expect(judged).toMatchObject(wanted === "pass" ? { outcome: "pass" } : { outcome: "fail", blame: "person" })
  expect(judged.summary).toMatch(wanted === "pass" ? /no protected/ : wanted)
})

test.each<[string, Files]>([
  ["settings in a new folder without a manifest", { "packages/b/tsconfig.json": "{}\n" }],
  ["settings in a folder that was there", { "src/package.json": "{}\n", "src/tsconfig.json": "{}\n" }],
  ["what pytest loads for everybody", { "b/pyproject.toml": '[project]\nname = "b"\n', "b/conftest.py": "" }],
  ["a package manager's settings", { "packages/b/package.json": '{"name":"b"}\n', "packages/b/.npmrc": "x=1\n" }],
])("a new package is no way in for %s", async (_, files) => {
  await using repository = await changes()
  expect(await protectedPaths(await repository.facts(files))).toMatchObject({ outcome: "fail", blame: "maker" })
})
