import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { baseFiles, type Changes, changes, type Given } from "../fixtures/change.ts"
import type { Files } from "../fixtures/repository.ts"
import { noLargeFiles } from "./no-large-files.ts"
import { protectedPaths } from "./protected-paths.ts"

let change: Changes
beforeAll(async () => {
  change = await changes()
})
afterAll(() => change[Symbol.asyncDispose]())

const manifest = (fields: object) =>
  JSON.stringify({ ...JSON.parse(String(baseFiles["package.json"])), ...fields }, null, 2)

/** Cheats that show in the tree alone: a file that runs unasked, or in the place of another. */
const refused: [name: string, files: Files, said: string][] = [
  ["a stubbed runner", { "node_modules/.bin/vitest": { executable: "#!/bin/sh\nexit 0\n" } }, "installed dependencies"],
  ["a link in the place of what is installed", { node_modules: { link: "src" } }, "installed dependencies"],
  ["a module named like the runner", { "vitest.js": "x\n" }, "in the place of the runner's"],
  ["assert in the tree", { "assert.js": "module.exports = () => {}\n" }, "in the place of the runner's"],
  ["a folder named like a runner", { "jest/index.js": "x\n" }, "in the place of the runner's"],
  ["pytest in the tree", { "pytest.py": "x\n" }, "in the place of the runner's"],
  ["a package named like pytest's", { "src/_pytest/__init__.py": "x\n" }, "in the place of the runner's"],
  ["Python's clock in the tree", { "time.py": "x\n" }, "the language's own"],
  ["unittest in the tree", { "unittest/__init__.py": "x\n" }, "the language's own"],
  ["a conftest", { "conftest.py": "x\n" }, "test-runner configuration"],
  ["a sitecustomize", { "src/sitecustomize.py": "x\n" }, "test-runner configuration"],
  ["a usercustomize", { "usercustomize.py": "x\n" }, "test-runner configuration"],
  ["a .pth", { "src/x.pth": "import x\n" }, "test-runner configuration"],
  ["bytecode", { "src/__pycache__/add.cpython-311.pyc": "x\n" }, "compiled code"],
  ["a native module", { "src/add.node": "x\n" }, "compiled code"],
  ["an extension", { "src/add.so": "x\n" }, "compiled code"],
  ["a mocha configuration", { "test/.mocharc.cjs": "x\n" }, "test-runner configuration"],
  ["a workspace of vitest", { "vitest.workspace.ts": "export default []\n" }, "test-runner configuration"],
  ["an environment for tests", { ".env.test": "A=1\n" }, "test-runner configuration"],
  ["a script-shell", { ".npmrc": "script-shell=/bin/true\n" }, "package-manager configuration"],
  ["a path for modules", { "tsconfig.json": '{"compilerOptions":{"paths":{}}}\n' }, "type-checker configuration"],
  ["a Go workspace", { "go.work": "go 1.22\n" }, "package-manager configuration"],
  ["a replaced Go module", { "go.mod": "module p\n\nreplace example.com/a => ./fake\n" }, "its `replace`"],
  ["a vendored Go module", { "vendor/example.com/a/a.go": "package a\n" }, "a vendored dependency"],
  ["imports in package.json", { "package.json": manifest({ imports: { "#add": "./fake.js" } }) }, "`imports`"],
  ["another kind of module", { "package.json": manifest({ type: "commonjs" }) }, "`type`"],
  [
    "a tool from a folder",
    { "package.json": manifest({ devDependencies: { vitest: "file:./fake" } }) },
    "devDependencies.vitest (from file:./fake)",
  ],
  [
    "a tool by another name",
    { "package.json": manifest({ devDependencies: { vitest: "npm:fake@1" } }) },
    "(from npm:fake@1)",
  ],
  [
    "a plug-in of pytest",
    {
      "pyproject.toml":
        '[project]\nname = "p"\n[project.entry-points.pytest11]\nx = "x"\n[tool.pytest.ini_options]\naddopts = "-q"\n',
    },
    "`project.entry-points`",
  ],
  ["a set-up program", { "setup.py": "x\n" }, "build and check definitions"],
  ["a git hook", { ".githooks/pre-commit": { executable: "x\n" } }, "git's own settings"],
  ["husky", { ".husky/pre-commit": "x\n" }, "git's own settings"],
  ["a filter", { "src/.gitattributes": "* filter=x\n" }, "git's own settings"],
  ["a git configuration", { ".gitconfig": "[alias]\n" }, "git's own settings"],
  ["an agent's settings", { ".claude/settings.json": "{}\n" }, "agents' own settings"],
  ["the gate", { ".flyball/checks.yaml": "x: 1\n" }, "Flyball's own settings"],
  ["CI", { ".github/workflows/x.yml": "on: push\n" }, "CI"],
  ["a link out of the tree", { "src/x": { link: "../../etc/passwd" } }, "a symbolic link that leaves the repository"],
  ["a link into .git", { "src/x": { link: "../.git/hooks" } }, "a symbolic link into .git"],
  ["a submodule", { lib: { gitlink: "a".repeat(40) } }, "a submodule"],
  ["a module that is found first", { "src/add.ts": "x\n" }, "loaded in the place of src/add.js"],
  ["a module with another ending", { "src/add.mjs": "x\n" }, "loaded in the place of src/add.js"],
  ["a folder of a module's name", { "src/add/index.js": "x\n" }, "loaded in the place of src/add.js"],
  ["a package of a module's name", { "src/sum/__init__.py": "x\n" }, "loaded in the place of src/sum.py"],
  ["a name in capitals", { "src/ADD.js": "x\n" }, "taken for src/add.js where capitals don't count"],
]

const honest: [name: string, files: Files, given?: Given][] = [
  ["a Go module that needs another", { "go.mod": "module p\n\nrequire example.com/a v1.0.0\n" }],
  ["an export more", { "package.json": manifest({ exports: { "./add": "./src/add.js" } }) }],
  ["a dependency from the registry", { "package.json": manifest({ dependencies: { a: "^1.0.0" } }) }],
  ["a module whose name only begins like one", { "src/time_zone.py": "x\n", "src/assertions.js": "x\n" }],
  ["a module deep down", { "src/shop/time.py": "x\n", "lib/jest/helpers.js": "x\n" }],
  ["the types of a module", { "src/add.d.ts": "x\n" }],
  ["a module that only begins so", { "src/add-all.js": "x\n", "src/add.worker.js": "x\n", "src/add.css": "x\n" }],
  ["a module in another language's place", { "src/add.js": null, "src/add.ts": "x\n" }],
  ["a test beside it", { "src/add.test.js": "x\n" }],
  ["a link inside", { "src/sum.js": { link: "add.js" } }],
  ["an example of an environment", { ".env.example": "A=1\n" }],
  ["a vendored script", { "public/vendor/x.js": "x\n" }],
  [
    "a vendored module, found by a source for dependencies",
    { "vendor/a/a.go": "package a\n" },
    { source: "security_advisories" },
  ],
]

describe("protected_paths", () => {
  test.each(refused)("T3: %s", async (_name, files, said) => {
    const judged = await protectedPaths(await change.facts(files))
    expect(judged).toMatchObject({ outcome: "fail", blame: "maker" })
    expect(judged.feedback).toContain(said)
  })
  test.each(honest)("lets %s be", async (_name, files, given = {}) => {
    expect(await protectedPaths(await change.facts(files, given))).toMatchObject({ outcome: "pass" })
  })
  test("T3: what package.json exports may not lead elsewhere", async () => {
    const base = await change.commit({ "package.json": manifest({ exports: { ".": "./src/add.js" } }) })
    const head = { "package.json": manifest({ exports: { ".": "./fake.js" } }) }
    expect((await protectedPaths(await change.facts(head, {}, base))).feedback).toContain("`exports`")
  })
})

describe("no_large_files", () => {
  const large = "x".repeat(1_100_000)
  test.each<[string, Files, string]>([
    ["a large file", { "src/data.txt": large }, "src/data.txt is 1074 KiB"],
    ["a binary", { "logo.png": Buffer.from([0x89, 0, 1]) }, "logo.png is a binary file"],
    [
      "many that are large together",
      Object.fromEntries(Array.from({ length: 6 }, (_, n) => [`d${n}.txt`, `${n}${large.slice(0, 1_000_000)}`])),
      "6 new files of",
    ],
  ])("refuses %s", async (_name, files, said) => {
    const judged = await noLargeFiles(await change.facts(files))
    expect(judged).toMatchObject({ outcome: "fail", blame: "maker" })
    expect(judged.feedback).toContain(said)
  })
  test.each<[string, Files]>([
    ["a lock file", { "package-lock.json": large }],
    ["a file that goes", { "src/add.js": null }],
  ])("lets %s be", async (_name, files) => {
    expect(await noLargeFiles(await change.facts(files))).toMatchObject({ outcome: "pass" })
  })
})
