import { join } from "node:path"
import { z } from "zod"
import type { TestResult } from "../../core/evidence.ts"
import type { Picked } from "../measuring.ts"
import { argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { pythonFailure } from "./failure.ts"
import { repoPath, testId } from "./ids.ts"
import { error, jsonLines, noReport, testsReport } from "./outcome.ts"
import { pickedFiles, pickedNames, withoutPaths } from "./pick.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/**
 * pytest, through a plug-in of ours: JUnit XML knows neither what was planned nor whether the session came to its end,
 * and a `pytest.exit(returncode=0)` halfway leaves a file that looks complete.
 */
export const pytest: Runner = {
  name: "pytest",
  kind: "tests",
  recognise: (argv) => {
    const informs = argumentsOf(argv).some((word) =>
      ["--collect-only", "--co", "--version", "--fixtures", "--markers", "--help", "-h"].includes(word),
    )
    return ["pytest", "py.test"].includes(toolOf(argv)?.name ?? "") && !informs
  },
  command: ({ argv, reportDir, supplied, only, tree }) => {
    const reportFile = join(reportDir, "pytest.jsonl")
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["-x", "--exitfirst", "--pdb", "--lf", "--last-failed", "--ff", "--failed-first", "--sw", "--stepwise"],
      valued: ["--maxfail", "--junitxml", "--junit-xml"],
    })
    // `addopts` of the project stays (it picks plug-ins and marks), and comes first: the last `--maxfail` wins. The cache goes outside
    // the tree rather than off: without its plug-in, a `--lf` or `--strict-config` of the project would be a usage error.
    const flags = ["-p", "flyball_report", "-o", `cache_dir=${join(reportDir, "pytest-cache")}`]
    const files = only === undefined ? undefined : pickedFiles(only)
    const there = (files ?? []).filter((file) => tree.read(file) !== undefined)
    const own = { valued: ["-k", "-m", "--deselect", "--ignore", "--ignore-glob"] }
    const args = files === undefined ? kept : [...withoutPaths(dropFlags(kept, own), valued, tree), ...there]
    return {
      argv: withArguments(argv, [...flags, ...args, "--maxfail=0", "--color=no", "--continue-on-collection-errors"]),
      ...(files === undefined ? {} : { alone: true }),
      env: { PYTHONPATH: supplied, PYTHONDONTWRITEBYTECODE: "1", PY_COLORS: "0" },
      reportFile,
      supplies: { "flyball_report.py": plugin(reportFile, files === undefined ? undefined : only) },
    }
  },
  parse,
}

const valued = ["-p", "-c", "-o", "-n", "-W", "--rootdir", "--confcutdir", "--override-ini", "--config-file", "--tb"]

function plugin(file: string, only: readonly Picked[] | undefined): string {
  return `import json, os
import pytest

FILE = ${JSON.stringify(file)}
ONLY = json.loads(${JSON.stringify(only === undefined ? "null" : JSON.stringify(pickedNames(only)))})
ROOT = os.getcwd()
PID = os.getpid()
state = {"controller": False}

def write(record):
    # A test that forks must not write for its parent; workers of pytest-xdist report through the controller.
    if state["controller"] and os.getpid() == PID:
        with open(FILE, "a", encoding="utf-8") as out:
            out.write(json.dumps(record) + "\\n")

def pytest_configure(config):
    state["controller"] = not hasattr(config, "workerinput")
    state["root"] = str(getattr(config, "rootpath", None) or config.rootdir)
    state["xdist"] = bool(getattr(config.option, "numprocesses", None))

@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(session, config, items):
    if ONLY is None:
        return
    keep = set(map(tuple, ONLY))
    def kept(item):
        file = os.path.relpath(str(item.fspath), os.path.realpath(ROOT))
        return (file, "") in keep or (file, " > ".join(item.nodeid.split("::")[1:])) in keep
    items[:] = [item for item in items if kept(item)]

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.excinfo is None:
        return
    where, frame = None, call.excinfo.tb
    while frame is not None:
        path = os.path.realpath(frame.tb_frame.f_code.co_filename)
        if path.startswith(os.path.realpath(ROOT) + os.sep) and "site-packages" not in path:
            where = path
        frame = frame.tb_next
    types = [kind.__name__ for kind in call.excinfo.type.__mro__]
    # A plain attribute of plain values: workers of pytest-xdist send it on.
    outcome.get_result().flyball = {"types": types, "where": where, "message": str(call.excinfo.value)[:2000]}

def pytest_collection_finish(session):
    write({"type": "planned", "root": state["root"], "ids": [item.nodeid for item in session.items]})

def pytest_collectreport(report):
    if report.failed:
        write({"type": "collect", "id": report.nodeid, "message": str(report.longrepr)[-4000:]})

def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        write({
            "type": "test", "id": report.nodeid, "when": report.when, "outcome": report.outcome,
            "xfail": hasattr(report, "wasxfail"), "ms": report.duration * 1000,
            "raised": getattr(report, "flyball", None),
            "message": "" if report.outcome == "passed" else str(report.longrepr)[-4000:],
        })
    if report.when == "teardown":
        write({"type": "ended", "id": report.nodeid})

def pytest_sessionfinish(session, exitstatus):
    write({"type": "finished", "exit": int(exitstatus), "root": state["root"], "xdist": state["xdist"]})
`
}

const Line = z.discriminatedUnion("type", [
  z.object({ type: z.literal("planned"), root: z.string(), ids: z.array(z.string()) }),
  z.object({ type: z.literal("collect"), id: z.string(), message: z.string() }),
  z.object({
    type: z.literal("test"),
    id: z.string(),
    when: z.string(),
    outcome: z.string(),
    xfail: z.boolean(),
    raised: z.object({ types: z.array(z.string()), where: z.string().nullable(), message: z.string() }).nullish(),
    ms: z.number(),
    message: z.string(),
  }),
  z.object({ type: z.literal("ended"), id: z.string() }),
  z.object({ type: z.literal("finished"), exit: z.number(), root: z.string(), xdist: z.boolean() }),
])
type Line = z.infer<typeof Line>
type Call = Extract<Line, { type: "test" }>

function parse(output: RunnerOutput): Parsed {
  const parsed = z.array(Line).safeParse(jsonLines(output.report ?? ""))
  if (!parsed.success)
    return error("unreadable", `pytest's events have another shape than expected: ${z.prettifyError(parsed.error)}`)
  const lines = parsed.data
  const finished = lines.find((line) => line.type === "finished")
  if (finished === undefined) return noReport(output, "pytest")
  const ended = new Set(lines.filter((line) => line.type === "ended").map((line) => line.id))
  const planned = lines.flatMap((line) => (line.type === "planned" ? line.ids : []))
  const missing = planned.find((id) => !ended.has(id))
  if (missing !== undefined) {
    return error(
      "unfinished",
      `pytest planned ${planned.length} tests and ended ${ended.size}: ${missing} was never seen to end.`,
    )
  }
  // 2: interrupted, 3: internal error, 4: usage. Collection errors also end with 2, and are results of their files.
  if (finished.exit === 3 || finished.exit === 4)
    return error("crashed", `pytest ended with an internal or usage error (${finished.exit}).`)
  return testsReport(
    results(lines, finished.root, output.root),
    { ...output, exitCode: output.exitCode === 5 ? 0 : output.exitCode },
    "pytest",
  )
}

function results(lines: readonly Line[], rootdir: string, root: string): TestResult[] {
  const fileOf = (id: string) => repoPath(root, `${rootdir}/${id.split("::")[0] ?? ""}`)
  const byId = new Map<string, Call[]>()
  for (const line of lines) if (line.type === "test") byId.set(line.id, [...(byId.get(line.id) ?? []), line])
  const failedFiles = lines
    .filter((line) => line.type === "collect")
    .map(
      (line): TestResult => ({
        id: fileOf(line.id),
        file: fileOf(line.id),
        name: fileOf(line.id),
        status: "failed",
        failure: "error",
        message: line.message,
      }),
    )
  const tests = [...byId].map(([id, calls]): TestResult => {
    const names = id.split("::").slice(1)
    const worst =
      calls.find((call) => call.outcome === "failed") ?? calls.find((call) => call.outcome === "skipped") ?? calls[0]
    return {
      id: testId([fileOf(id), ...names]),
      file: fileOf(id),
      name: names.join(" > "),
      status: statusOf(worst),
      ...(worst === undefined || worst.outcome !== "failed"
        ? {}
        : { message: worst.message, failure: failureOf(worst, fileOf(id), root) }),
      ms: calls.reduce((sum, call) => sum + call.ms, 0),
    }
  })
  return [...failedFiles, ...tests]
}

/** A fixture that fails says nothing of what is tested. */
function failureOf(call: Call, file: string, root: string): NonNullable<TestResult["failure"]> {
  return call.when === "call" ? pythonFailure(call.raised ?? undefined, file, root) : "error"
}

/** An expected failure is a test that still waits to be made true: todo. One that passes unexpectedly passes, unless strict. */
function statusOf(call: Call | undefined): TestResult["status"] {
  if (call?.outcome === "failed") return "failed"
  if (call?.outcome === "skipped") return call.xfail ? "todo" : "skipped"
  return "passed"
}
