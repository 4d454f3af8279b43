import { existsSync } from "node:fs"
import { describe, expect, test } from "vitest"
import type { Measurement, TestResult } from "../../core/evidence.ts"
import type { CheckSpec } from "../../core/loop.ts"
import type { Picked } from "../measuring.ts"
import { type Files, measureFiles, openTestRepo, testProber, told } from "../testing.ts"
import { runnerOf } from "./index.ts"

/* Python's own unittest, for real. */

const hasPython = (process.env.PATH ?? "").split(":").some((folder) => existsSync(`${folder}/python3`))
const head = "import os, unittest\n"
const one = `${head}class TestA(unittest.TestCase):\n    def test_a(self): self.assertEqual(1, 1)\n`

describe.skipIf(!hasPython)("unittest", () => {
  test("every result has a stable id, as pytest would give it; a file that does not import is a failed result", async () => {
    const files = {
      "tests/__init__.py": "",
      "tests/test_a.py": `${head}
class TestA(unittest.TestCase):
    def test_ok(self): pass
    def test_bad(self): self.assertEqual(1, 2)
    @unittest.skip("later")
    def test_skipped(self): pass
    @unittest.expectedFailure
    def test_todo(self): self.fail()
    @unittest.expectedFailure
    def test_unexpected(self): pass
    def test_parts(self):
        for n in (1, 2):
            with self.subTest(n=n): self.assertEqual(n, 1)
    class TestInner(unittest.TestCase):
        def test_in(self): pass
TestInner = TestA.TestInner
@unittest.skip("all")
class TestB(unittest.TestCase):
    def test_b(self): pass
`,
      "tests/test_b.py": "import nothing_of_that_name\n",
      "tests/test_c.py": `${head}
class TestC(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise OSError("no such thing")
    def test_one(self): pass
    def test_two(self): pass
class TestD(unittest.TestCase):
    def test_d(self): pass
`,
    }
    expect(told(await measureFiles(files, { run: "python3 -m unittest -f" }))).toEqual({
      "tests/test_a.py > TestA > test_ok": "passed",
      "tests/test_a.py > TestA > test_bad": "failed",
      "tests/test_a.py > TestA > test_skipped": "skipped",
      "tests/test_a.py > TestA > test_todo": "todo",
      "tests/test_a.py > TestA > test_unexpected": "failed",
      "tests/test_a.py > TestA > test_parts": "failed",
      "tests/test_a.py > TestA > TestInner > test_in": "passed",
      "tests/test_a.py > TestB > test_b": "skipped",
      "tests/test_b.py": "failed",
      "tests/test_c.py > TestC > test_one": "failed",
      "tests/test_c.py > TestC > test_two": "failed",
      "tests/test_c.py > TestD > test_d": "passed",
    })
  })

  test.each<[string, string, Files, unknown]>([
    ["T2: no tests", "python3 -m unittest", { "a.py": "" }, "ran_nothing"],
    [
      "T2: every test skipped",
      "python3 -m unittest",
      { "test_a.py": one.replace("    def", "    @unittest.skip('')\n    def") },
      "ran_nothing",
    ],
    [
      "a test that ends the process with 0",
      "python3 -m unittest",
      { "test_a.py": one.replace("self.assertEqual(1, 1)", "os._exit(0)") },
      "unfinished",
    ],
    [
      "a file that ends it while it is loaded",
      "python3 -m unittest",
      { "test_a.py": one, "test_b.py": "import os\nos._exit(0)\n" },
      "unfinished",
    ],
    [
      "an exit that hides what was red",
      "python3 -m unittest",
      { "test_a.py": `import atexit\n${one.replace("(1, 1)", "(1, 2)")}\natexit.register(os._exit, 0)` },
      { "test_a.py > TestA > test_a": "failed" },
    ],
    [
      "discovery below a folder that is no package",
      "python3 -m unittest discover -s t -p 'check_*.py'",
      { "t/check_a.py": one, "t/check_b.py": "import nothing_of_that_name\n" },
      { "t/check_a.py > TestA > test_a": "passed", "t/check_b.py": "failed" },
    ],
    [
      "modules by name, loudly",
      "python3 -m unittest -v t.test_a",
      { "t/test_a.py": one, "t/test_b.py": one.replace("(1, 1)", "(1, 2)") },
      { "t/test_a.py > TestA > test_a": "passed" },
    ],
    [
      "doctests that load_tests adds",
      "python3 -m unittest",
      {
        "src.py": '"""\n>>> 1 + 1\n2\n"""\n',
        "test_a.py": `import doctest, src\ndef load_tests(loader, tests, pattern):\n    tests.addTests(doctest.DocTestSuite(src))\n    return tests\n`,
      },
      { "src.py > src": "passed" },
    ],
  ])("%s", async (_, run, files, expected) => {
    expect(told(await measureFiles(files, { run }))).toEqual(expected)
  })

  test("picks tests, and says how each failed", async () => {
    const files = {
      "src.py": "def boom():\n    raise KeyError('x')\n",
      "test_a.py": `import src\n${head}
class TestA(unittest.TestCase):
    def test_wrong(self): self.assertEqual(1, 2)
    def test_throws(self): src.boom()
    def test_lacks(self): src.none()
    def test_other(self): self.fail()
`,
      "test_b.py": one,
    }
    const only = ["test_wrong", "test_throws", "test_lacks"].map((name): Picked => {
      return { id: `test_a.py > TestA > ${name}`, file: "test_a.py", name: `TestA > ${name}` }
    })
    const measured = await picked(files, "python3 -m unittest", only)
    expect(kinds(measured)).toEqual({
      "test_a.py > TestA > test_wrong": "assertion",
      "test_a.py > TestA > test_throws": "thrown",
      "test_a.py > TestA > test_lacks": "error",
    })
    expect(measured.alone).toBe(true)
  })
})

test.each([
  [["python3", "-m", "unittest", "discover"], "unittest"],
  [["uv", "run", "python", "-m", "unittest"], "unittest"],
  [["python3", "-m", "unittest", "--help"], undefined],
  [["unittest"], undefined],
])("%j is read as %s", (argv, name) => {
  expect(runnerOf(argv)?.name).toBe(name)
})

async function picked(files: Files, run: string, only: Picked[]): Promise<Measurement> {
  using repo = openTestRepo(files)
  const check: CheckSpec = { name: "c", kind: "tests", run, timeoutMs: 60_000, from: "x" }
  const tree = repo.git("rev-parse", "HEAD^{tree}")
  const { signal } = new AbortController()
  return await testProber(repo.repo).measureTree(check, { tree, definitionsFrom: tree, purpose: "c", signal, only })
}

function kinds({ result }: Measurement) {
  if (result.is === "error") return result.why
  const tests = result.report.kind === "tests" ? result.report.tests : []
  return Object.fromEntries(tests.map((each: TestResult) => [each.id, each.failure ?? each.status]))
}
