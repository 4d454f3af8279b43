import { expect, test } from "vitest"
import { overlayHarness, overlayTree } from "./overlay.ts"
import { type Files, openTestRepo } from "./testing.ts"

const signal = new AbortController().signal

/** Lays the base over the head and tells the resulting files beside what was reported. */
async function laid(
  base: Files,
  head: Files,
  { testFiles = [], harnessOnly = false }: { testFiles?: string[]; harnessOnly?: boolean } = {},
) {
  using test = openTestRepo({})
  const { repo } = test
  const given = { repo, base: test.commit(base), tree: test.git("rev-parse", `${test.commit(head)}^{tree}`), signal }
  const { tree, ...told } = harnessOnly ? await overlayHarness(given) : await overlayTree({ ...given, testFiles })
  const paths = test
    .git("ls-tree", "-r", "--name-only", tree)
    .split("\n")
    .filter((path) => path !== "")
  const files = Object.fromEntries(paths.map((path) => [path, test.git("cat-file", "blob", `${tree}:${path}`)]))
  return { files, told, indexUntouched: test.git("status", "--porcelain") === "" }
}

test("T3: existing tests are the base's, new ones are the head's, deleted ones come back, source is the head's", async () => {
  const base = {
    "src/a.js": "old",
    "test/a.test.js": "strict",
    "test/b.test.js": "kept",
    "checks/odd.mjs": "named by the report",
  }
  const head = { "src/a.js": "new", "test/a.test.js": "weak", "test/c.test.js": "added", "checks/odd.mjs": "weak" }
  const { files, told, indexUntouched } = await laid(base, head, { testFiles: ["checks/odd.mjs"] })
  expect(files).toEqual({
    "src/a.js": "new",
    "test/a.test.js": "strict",
    "test/b.test.js": "kept",
    "test/c.test.js": "added",
    "checks/odd.mjs": "named by the report",
  })
  expect(told).toEqual({
    restored: ["checks/odd.mjs", "test/a.test.js", "test/b.test.js"],
    editedTests: ["checks/odd.mjs", "test/a.test.js", "test/b.test.js"],
    harnessChanged: [],
  })
  expect(indexUntouched).toBe(true)
})

test("T11: harness files are the base's: changed ones go back, new ones go, deleted ones come back", async () => {
  const base = {
    "vitest.config.ts": "base",
    ".npmrc": "base",
    "tests/conftest.py": "base",
    ".flyball/checks.yaml": "base",
    "a.js": "",
  }
  const head = {
    "vitest.config.ts": "head",
    "tests/conftest.py": "head",
    "sub/conftest.py": "new",
    ".flyball/checks.yaml": "head",
    ".mocharc.json": "new",
    "a.js": "",
  }
  const { files, told } = await laid(base, head)
  expect(files).toEqual(base)
  expect(told.harnessChanged).toEqual([
    ".flyball/checks.yaml",
    ".mocharc.json",
    ".npmrc",
    "sub/conftest.py",
    "tests/conftest.py",
    "vitest.config.ts",
  ])
})

test("T11: tools and runner modules that a head brings itself go", async () => {
  const head = {
    "a.py": "1",
    "node_modules/.bin/vitest": "fake",
    ".venv/bin/pytest": "fake",
    "pytest.py": "fake",
    "tools/pytest.py": "mine",
  }
  const { files } = await laid({ "a.py": "" }, head)
  expect(files).toEqual({ "a.py": "1", "tools/pytest.py": "mine" })
})

test("set-up files and plug-ins that the base's configuration names are harness; what it publishes or keeps under src is not", async () => {
  const base = {
    "vitest.config.ts": `import plugin from "./tools/plugin"\nimport own from "./src/index.ts"\nimport main from "./main.js"\nexport default { test: { setupFiles: ["./tools/setup.ts"] } }`,
    "package.json": JSON.stringify({
      main: "main.js",
      exports: { ".": { require: "./index.cjs" } },
      jest: { setupFilesAfterEnv: ["<rootDir>/tools/jest.js"] },
    }),
    ".mocharc.yml": "require:\n  - ./tools/hooks.cjs\n",
    "tools/plugin.ts": "base",
    "tools/setup.ts": "base",
    "tools/jest.js": "base",
    "tools/hooks.cjs": "base",
    "src/index.ts": "base",
    "main.js": "base",
    "index.cjs": "base",
  }
  const head = Object.fromEntries(Object.entries(base).map(([path, text]) => [path, text === "base" ? "head" : text]))
  const { files, told } = await laid(base, head)
  expect(told.harnessChanged).toEqual(["tools/hooks.cjs", "tools/jest.js", "tools/plugin.ts", "tools/setup.ts"])
  expect([files["src/index.ts"], files["main.js"], files["index.cjs"]]).toEqual(["head", "head", "head"])
})

test("of package.json and pyproject.toml only the harness's parts go back", async () => {
  const base = {
    "package.json": JSON.stringify({ name: "a", scripts: { test: "vitest run" }, dependencies: { x: "1" } }),
    "pyproject.toml": '[project]\nname = "a"\n[tool.pytest.ini_options]\naddopts = "-q"\n',
  }
  const head = {
    "package.json": JSON.stringify({
      name: "a",
      scripts: { test: "true" },
      jest: { bail: true },
      dependencies: { x: "2" },
    }),
    "pyproject.toml": '[project]\nname = "a"\nversion = "2"\n[tool.pytest.ini_options]\naddopts = "--co"\n',
  }
  const { files, told } = await laid(base, head)
  expect(JSON.parse(files["package.json"] ?? "")).toEqual({
    name: "a",
    scripts: { test: "vitest run" },
    dependencies: { x: "2" },
  })
  expect(files["pyproject.toml"]).toContain('version = "2"')
  expect(files["pyproject.toml"]).toContain('addopts = "-q"')
  expect(told.harnessChanged).toEqual(["package.json", "pyproject.toml"])
})

test.each<[string, Files, Files]>([
  ["Rust unit tests", { "src/lib.rs": "#[cfg(test)] mod t {}" }, { "src/lib.rs": "fixed" }],
  ["vitest's in-source tests", { "src/a.ts": "if (import.meta.vitest) {}" }, { "src/a.ts": "fixed" }],
  ["Python doc tests", { "a/mod.py": '"""\n>>> 1\n"""' }, { "a/mod.py": "fixed" }],
])("%s stand beside the code they test: the fix stays", async (_, base, head) => {
  expect((await laid(base, head, { testFiles: Object.keys(base) })).files).toEqual(head)
})

test("a folder of tests that became a file, and a file that became a folder, give way", async () => {
  const base = { "test/a.test.js": "base", "spec.test.js": "base", "a.js": "" }
  const { files } = await laid(base, { test: "a file now", "spec.test.js/x.js": "a folder now", "a.js": "" })
  expect(files).toEqual(base)
})

test("what is linted is what lands: tests stay the head's where only the harness is laid over", async () => {
  const { files } = await laid(
    { "a.test.js": "base", "biome.json": "base" },
    { "a.test.js": "head", "biome.json": "head" },
    { harnessOnly: true },
  )
  expect(files).toEqual({ "a.test.js": "head", "biome.json": "base" })
})

test("nothing to put back leaves the very tree", async () => {
  using test = openTestRepo({})
  const base = test.commit({ "a.js": "1" })
  const head = test.commit({ "a.js": "2" })
  const found = await overlayTree({ repo: test.repo, base, tree: head, testFiles: [], signal })
  expect(found).toMatchObject({
    tree: test.git("rev-parse", `${head}^{tree}`),
    restored: [],
    editedTests: [],
    harnessChanged: [],
  })
})
