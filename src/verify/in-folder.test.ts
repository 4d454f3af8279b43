import { existsSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, test } from "vitest"
import type { CheckSpec } from "../core/loop.ts"
import { fromRoot, toFolder } from "./in-folder.ts"
import type { Picked } from "./measuring.ts"
import { overlayHarness } from "./overlay.ts"
import { type Files, openTestRepo, testProber, told } from "./testing.ts"

/* Checks in a folder of a repository, by real runners: whatever they are told and tell, files are named from the root. */

const { signal } = new AbortController()
const onPath = (name: string) => (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, name)))

async function measured(files: Files, path: string, given: Partial<CheckSpec> = {}, only?: Picked[]) {
  using repo = openTestRepo(files)
  const check: CheckSpec = {
    name: "c",
    kind: "tests",
    run: "npm test",
    timeoutMs: 90_000,
    from: "loop",
    path,
    ...given,
  }
  const tree = repo.git("rev-parse", "HEAD^{tree}")
  const options = { tree, definitionsFrom: tree, purpose: "c", signal, ...(only === undefined ? {} : { only }) }
  return await testProber(repo.repo).measureTree(check, options)
}

const testFile = (name: string, sum: number) =>
  `import assert from "node:assert/strict"\nimport { test } from "node:test"\nimport { add } from "../src/add.js"\ntest("${name}", () => assert.equal(add(1, 2), ${sum}))\n`
const member = (name: string, sum: number): Files => ({
  [`packages/${name}/package.json`]: '{ "type": "module", "scripts": { "test": "node --test" } }\n',
  [`packages/${name}/src/add.js`]: "export const add = (a, b) => a + b\n",
  [`packages/${name}/test/add.test.js`]: testFile(name, sum),
  [`packages/${name}/test/more.test.js`]: testFile("more", 3),
})
const workspace = { ...member("a", 4), ...member("b", 5), "package.json": '{ "workspaces": ["packages/*"] }\n' }

describe("a check in a folder", () => {
  test("runs there, by that folder's scripts, and names files from the root", async () => {
    const found = await measured(workspace, "packages/a")
    expect(told(found)).toEqual({
      "packages/a/test/add.test.js > a": "failed",
      "packages/a/test/more.test.js > more": "passed",
    })
    expect(found.command).toBe("packages/a: npm test → node --test")
    const report = found.result.is === "report" && found.result.report.kind === "tests" ? found.result.report.tests : []
    expect(report.map(({ file }) => file)).toEqual(["packages/a/test/add.test.js", "packages/a/test/more.test.js"])
    expect(report[0]?.failure).toBe("assertion")
  })

  test("runs certain tests alone", async () => {
    const only = [{ id: "packages/a/test/add.test.js > a", file: "packages/a/test/add.test.js", name: "a" }]
    const found = await measured(workspace, "packages/a", {}, only)
    expect([told(found), found.alone]).toEqual([{ "packages/a/test/add.test.js > a": "failed" }, true])
    const elsewhere = [{ id: "packages/a/test/no.test.js > a", file: "packages/a/test/no.test.js", name: "a" }]
    expect(told(await measured(workspace, "packages/a", {}, elsewhere))).toBe("ran_nothing")
  })

  test("is not to be found where there is no such folder, or a link to another", async () => {
    using repo = openTestRepo(workspace)
    symlinkSync("a", join(repo.repo.root, "packages/c"))
    repo.git("add", "packages/c")
    const prober = testProber(repo.repo)
    const check: CheckSpec = {
      name: "c",
      kind: "tests",
      run: "npm test",
      timeoutMs: 9_000,
      from: "loop",
      path: "packages/c",
    }
    for (const tree of ["HEAD", repo.git("write-tree")])
      expect(await prober.measure(check, tree, signal)).toMatchObject({
        result: { is: "error", code: "missing_check", why: "There is no folder packages/c in this tree." },
      })
  })

  test("what prints nothing readable is run there too", async () => {
    const found = await measured(workspace, "packages/b", { kind: "exit", run: 'test "$(basename "$PWD")" = b' })
    expect(told(found)).toEqual({ exit: 0 })
  })

  test("two folders with the same content are two measurements", async () => {
    using repo = openTestRepo({ "a/x.sh": "pwd\n", "b/x.sh": "pwd\n" })
    const prober = testProber(repo.repo)
    const check = (path: string): CheckSpec => ({
      name: "c",
      kind: "exit",
      run: "test -e ../a/x.sh",
      timeoutMs: 9_000,
      from: "loop",
      path,
    })
    const runs = [await prober.measure(check("a"), "HEAD", signal), await prober.measure(check("b"), "HEAD", signal)]
    expect(runs.map(({ cached }) => cached)).toEqual([false, false])
    expect((await prober.measure(check("a"), "HEAD", signal)).cached).toBe(true)
  })

  test.skipIf(!onPath("pytest"))("pytest, with a root that configures it too (pytest is needed)", async () => {
    const files = {
      "pyproject.toml": '[tool.pytest.ini_options]\naddopts = "-q"\n',
      "services/b/pyproject.toml": '[project]\nname = "b"\n',
      "services/b/b.py": "def twice(n):\n    return n * 2\n",
      "services/b/tests/test_b.py":
        "from b import twice\n\ndef test_twice():\n    assert twice(2) == 5\n\ndef test_zero():\n    assert twice(0) == 0\n",
    }
    const run = "python3 -m pytest"
    const id = "services/b/tests/test_b.py > test_twice"
    expect(told(await measured(files, "services/b", { run }))).toEqual({
      [id]: "failed",
      "services/b/tests/test_b.py > test_zero": "passed",
    })
    const only = [{ id, file: "services/b/tests/test_b.py", name: "test_twice" }]
    const alone = await measured(files, "services/b", { run }, only)
    expect([told(alone), alone.alone]).toEqual([{ [id]: "failed" }, true])
  })

  test.skipIf(!onPath("go"))(
    "go test, in a module that begins above (Go is needed)",
    { timeout: 120_000 },
    async () => {
      const files = {
        "go.mod": "module example.com/m\n\ngo 1.20\n",
        "services/pay/pay.go": "package pay\n\nfunc Add(a, b int) int { return a - b }\n",
        "services/pay/pay_test.go":
          'package pay\n\nimport "testing"\n\nfunc TestAdd(t *testing.T) {\n\tif Add(1, 2) != 3 {\n\t\tt.Fatal("no")\n\t}\n}\n',
        "services/web/web.go": "package web\n\nfunc broken( {\n",
      }
      const only = [{ id: "example.com/m/services/pay > TestAdd", file: "services/pay/pay_test.go", name: "TestAdd" }]
      for (const asked of [undefined, only]) {
        const found = await measured(files, "services/pay", { run: "go test ./..." }, asked)
        expect(told(found)).toEqual({ "example.com/m/services/pay > TestAdd": "failed" })
        expect(found).toMatchObject({ result: { report: { tests: [{ file: "services/pay/pay_test.go" }] } } })
      }
    },
  )
})

describe("names from a folder", () => {
  const from = (root: string) => (file: string) => {
    const issue = { fingerprint: `r | ${file} | m`, rule: "r", file, message: "m", severity: "error" as const }
    const parsed = fromRoot({ is: "report", report: { kind: "issues", issues: [issue] } }, "crates/a", root)
    const report = parsed.is === "report" && parsed.report.kind === "issues" ? parsed.report.issues[0] : undefined
    return [report?.file, report?.fingerprint]
  }

  test.each([
    ["src/a.rs", "crates/a/src/a.rs"],
    ["crates/a/src/lib.rs", "crates/a/src/lib.rs"],
    ["../b/src/lib.rs", "crates/b/src/lib.rs"],
    ["new.rs", "crates/a/new.rs"],
  ])("%s is %s", (file, path) => {
    using repo = openTestRepo({ "crates/a/src/a.rs": "", "crates/a/src/lib.rs": "", "crates/b/src/lib.rs": "" })
    expect(from(repo.repo.root)(file)).toEqual([path, `r | ${path} | m`])
  })

  test("a whole file's own result keeps being one, there and back", () => {
    const tests = [{ id: "t.js", file: "t.js", name: "t.js", status: "failed" as const }]
    const parsed = fromRoot({ is: "report", report: { kind: "tests", tests } }, "a", "/nowhere")
    expect(parsed).toMatchObject({ report: { tests: [{ id: "a/t.js", file: "a/t.js", name: "a/t.js" }] } })
    expect(toFolder([{ id: "a/t.js", file: "a/t.js", name: "a/t.js" }], "a")).toEqual([
      { id: "t.js", file: "t.js", name: "t.js" },
    ])
  })
})

test("T3: a new module that would be taken for the runner's is taken out of the folder that checks run in, too", async () => {
  using repo = openTestRepo({ "services/b/b.py": "x = 1\n" })
  const base = repo.git("rev-parse", "HEAD^{tree}")
  const head = repo.commit({ "services/b/pytest.py": "x\n", "services/c/pytest.py": "x\n" })
  const tree = repo.git("rev-parse", `${head}^{tree}`)
  const given = { repo: repo.repo, base, tree, signal }
  expect((await overlayHarness(given)).harnessChanged).toEqual([])
  expect((await overlayHarness({ ...given, folder: "services/b" })).harnessChanged).toEqual(["services/b/pytest.py"])
})
