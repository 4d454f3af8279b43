import { join } from "node:path"
import { z } from "zod"
import type { TestResult } from "../../core/evidence.ts"
import { argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { pythonFailure } from "./failure.ts"
import { repoPath, testId } from "./ids.ts"
import { error, jsonLines, noReport, testsReport } from "./outcome.ts"
import { pickedFiles, pickedNames } from "./pick.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/**
 * Python's own unittest, through a module of ours that stands for `-m unittest`: it loads and runs what that would, and
 * writes a line for what was planned, for every test that ends, and for the end.
 */
export const unittest: Runner = {
  name: "unittest",
  kind: "tests",
  recognise: (argv) =>
    toolOf(argv)?.name === "unittest" &&
    argv[(toolOf(argv)?.at ?? 0) - 1] === "-m" &&
    !argumentsOf(argv).some((word) => ["-h", "--help"].includes(word)),
  command: ({ argv, reportDir, supplied, only }) => {
    const reportFile = join(reportDir, "unittest.jsonl")
    const kept = dropFlags(argumentsOf(argv), { bare: ["-f", "--failfast"] })
    const alone = only !== undefined && pickedFiles(only) !== undefined
    return {
      argv: withArguments(argv, kept).map((word, at) => (at === toolOf(argv)?.at ? "flyball_unittest" : word)),
      ...(alone ? { alone } : {}),
      env: { PYTHONPATH: supplied, PYTHONDONTWRITEBYTECODE: "1" },
      reportFile,
      supplies: { "flyball_unittest.py": program(reportFile, alone ? pickedNames(only) : undefined) },
    }
  },
  parse,
}

function program(file: string, only: readonly [string, string][] | undefined): string {
  return `import json, os, sys, traceback
import unittest
from unittest.main import TestProgram

FILE = ${JSON.stringify(file)}
ONLY = json.loads(${JSON.stringify(only === undefined ? "null" : JSON.stringify(only))})
ROOT = os.path.realpath(os.getcwd())
PID = os.getpid()

def write(record):
    # A test that forks must not write for its parent.
    if os.getpid() == PID:
        with open(FILE, "a", encoding="utf-8") as out:
            out.write(json.dumps(record) + "\\n")

def flat(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite) or not hasattr(test, "id"):
            yield from flat(test)
        elif test is not None:
            yield test

def relative(path):
    return os.path.relpath(os.path.realpath(path), ROOT)

def place(test):
    """The file of a test, and its names there."""
    if type(test).__module__ == "unittest.loader":
        name = getattr(test, "_testMethodName", "") or test.id()
        path = name.replace(".", os.sep)
        tries = [path + ".py", os.path.join(path, "__init__.py")]
        # Below a start folder that is no package, its files are named without it.
        for folder, folders, files in os.walk(ROOT):
            folders[:] = [each for each in folders if not each.startswith(".") and each != "node_modules"]
            tries += [os.path.join(folder, name + ".py")] if name + ".py" in files else []
        there = [each for each in tries if os.path.exists(os.path.join(ROOT, each))]
        file = relative(os.path.join(ROOT, there[0])) if there else name
        return file, []
    example = getattr(test, "_dt_test", None)
    if example is not None:
        return relative(example.filename or example.name), [example.name]
    module = sys.modules.get(type(test).__module__)
    file = getattr(module, "__file__", None)
    names = type(test).__qualname__.split(".") + [test._testMethodName]
    return (relative(file) if file else type(test).__module__), names

def key(test):
    file, names = place(test)
    return {"file": file, "names": names}

def raised(problem):
    kind, value, frame = problem
    where = None
    while frame is not None:
        path = os.path.realpath(frame.tb_frame.f_code.co_filename)
        if path.startswith(ROOT + os.sep) and "site-packages" not in path:
            where = path
        frame = frame.tb_next
    message = str(value)[:2000]
    return {"types": [each.__name__ for each in kind.__mro__], "where": where, "message": message}

def told(problem):
    return "".join(traceback.format_exception(*problem))[-4000:]

class Result(unittest.TextTestResult):
    planned = ()

    def _say(self, test, outcome, problem=None):
        if isinstance(test, unittest.TestCase):
            write({"type": "test", **key(test), "outcome": outcome,
                   "raised": raised(problem) if problem else None, "message": told(problem) if problem else ""})
            return
        # What comes before the tests of a class or module, or after them, fails them all.
        inside = test.id().partition("(")[2].rstrip(")")
        for each in self.planned:
            module = type(each).__module__
            if inside in (module, module + "." + type(each).__qualname__):
                write({"type": "test", **key(each), "outcome": outcome, "raised": None,
                       "message": test.id() + ": " + (told(problem) if problem else "")})
                write({"type": "ended", **key(each)})

    def stopTest(self, test):
        super().stopTest(test)
        write({"type": "ended", **key(test)})

    def addSuccess(self, test):
        super().addSuccess(test)
        self._say(test, "passed")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._say(test, "failed", err)

    def addError(self, test, err):
        super().addError(test, err)
        self._say(test, "failed", err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._say(test, "failed", err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        # A subtest that skips itself says nothing of the test around it.
        if hasattr(test, "test_case"):
            return
        self._say(test, "skipped")

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self._say(test, "todo")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._say(test, "failed")

class Runner(unittest.TextTestRunner):
    resultclass = Result

    def run(self, test):
        if ONLY is not None:
            keep = set(map(tuple, ONLY))
            def kept(each):
                file, names = place(each)
                return (file, "") in keep or (file, " > ".join(names)) in keep
            test = unittest.TestSuite(each for each in flat(test) if kept(each))
        tests = list(flat(test))
        Result.planned = tests
        write({"type": "planned", "tests": [key(each) for each in tests]})
        result = super().run(test)
        write({"type": "finished"})
        return result

if __name__ == "__main__":
    sys.argv[0] = "python3 -m unittest"
    TestProgram(module=None, testRunner=Runner)
`
}

const Place = { file: z.string(), names: z.array(z.string()) }
const Line = z.discriminatedUnion("type", [
  z.object({ type: z.literal("planned"), tests: z.array(z.object(Place)) }),
  z.object({
    type: z.literal("test"),
    ...Place,
    outcome: z.enum(["passed", "failed", "skipped", "todo"]),
    raised: z.object({ types: z.array(z.string()), where: z.string().nullable(), message: z.string() }).nullable(),
    message: z.string(),
  }),
  z.object({ type: z.literal("ended"), ...Place }),
  z.object({ type: z.literal("finished") }),
])
type Line = z.infer<typeof Line>
type Told = Extract<Line, { type: "test" }>

function parse(output: RunnerOutput): Parsed {
  const parsed = z.array(Line).safeParse(jsonLines(output.report ?? ""))
  if (!parsed.success)
    return error("unreadable", `unittest's events have another shape than expected: ${z.prettifyError(parsed.error)}`)
  const lines = parsed.data
  if (!lines.some((line) => line.type === "finished")) return noReport(output, "unittest")
  const idOf = ({ file, names }: { file: string; names: string[] }) => testId([repoPath(output.root, file), ...names])
  const ended = new Set(lines.flatMap((line) => (line.type === "ended" ? [idOf(line)] : [])))
  const planned = lines.flatMap((line) => (line.type === "planned" ? line.tests.map(idOf) : []))
  const missing = planned.find((id) => !ended.has(id))
  if (missing !== undefined) {
    const why = `unittest planned ${planned.length} tests and ended ${ended.size}: ${missing} was never seen to end.`
    return error("unfinished", why)
  }
  const byId = new Map<string, Told[]>()
  for (const line of lines) if (line.type === "test") byId.set(idOf(line), [...(byId.get(idOf(line)) ?? []), line])
  const results = [...byId].map(([id, said]) => resultOf(id, said, output.root))
  // 5: no test ran (Python 3.12 and later), which is told of below.
  return testsReport(results, { ...output, exitCode: output.exitCode === 5 ? 0 : output.exitCode }, "unittest")
}

const rank = { failed: 0, todo: 1, skipped: 2, passed: 3 } as const

/** The worst of what was said of one test: of its subtests, what came before and after it, and itself. */
function resultOf(id: string, said: readonly Told[], root: string): TestResult {
  const [worst] = [...said].sort((a, b) => rank[a.outcome] - rank[b.outcome])
  const file = repoPath(root, worst?.file ?? "")
  const names = worst?.names ?? []
  const isFile = names.length === 0
  const status = worst?.outcome ?? "failed"
  return {
    id,
    file,
    name: isFile ? file : names.join(" > "),
    status,
    ...(status === "failed"
      ? {
          message: worst?.message ?? "",
          failure: isFile ? "error" : pythonFailure(worst?.raised ?? undefined, file, root),
        }
      : {}),
  }
}
