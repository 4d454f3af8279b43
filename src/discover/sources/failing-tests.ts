import type { TestResult } from "../../core/evidence.ts"
import type { Finding } from "../../core/finding.ts"
import type { CheckSpec } from "../../core/loop.ts"
import type { Base, Source } from "../../core/ports.ts"
import { fingerprint } from "../fingerprint.ts"
import { bodyOf, count, oneLine, titleOf } from "../text.ts"
import { moduleOf } from "../triage.ts"
import { withoutVolatile } from "../volatile.ts"
import { measured, namesIn, noCheck, type Reads } from "./measured.ts"

const reads: Reads = { kind: "tests", usual: "tests_pass" }

/** One finding for each test that fails on the base. */
export const failingTests: Source = {
  name: "failing_tests",
  doc: "One finding for each failing test of `tests_pass` on the base (or of the checks it is called with); a file that can't be loaded is one finding.",
  available: (loop) => noCheck(loop, reads),
  discover: (context, args) =>
    measured(context, reads, namesIn(args), (report, check) => {
      if (report.kind !== "tests")
        return {
          findings: [],
          context: [],
          notes: [`\`${check.name}\` reports no tests; \`failing_tests\` has nothing to read.`],
        }
      const failing = report.tests.filter((test) => test.status === "failed")
      const findings = byCause(failing).map((tests) => toFinding(tests, check, context.base))
      return {
        findings,
        context: [],
        notes: [`\`${check.name}\` on the base: ${count(report.tests.length, "test")}, ${failing.length} failing.`],
      }
    }),
}

/** A file that fails to load, whichever runner says it. */
const LOAD_ERROR =
  /Cannot find (?:module|package)|Failed to (?:resolve import|load)|ERR_MODULE_NOT_FOUND|(?:^|\s)SyntaxError|Transform failed|does not provide an export named|ImportError|ModuleNotFoundError|error collecting|\[(?:build|setup) failed\]|could not compile|error TS\d+|Test suite failed to run|No test suite found/

/** Tests by what makes them fail: those of one file that can't be loaded belong together, all others stand alone. */
function byCause(failing: readonly TestResult[]): [TestResult, ...TestResult[]][] {
  const groups = new Map<string, [TestResult, ...TestResult[]]>()
  for (const test of failing) {
    const message = withoutVolatile(test.message ?? "")
    const key = test.file !== undefined && LOAD_ERROR.test(message) ? `file ${test.file} ${message}` : `test ${test.id}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [test])
    else if (!group.some((other) => other.id === test.id)) group.push(test)
  }
  return [...groups.values()]
}

function toFinding(tests: [TestResult, ...TestResult[]], check: CheckSpec, base: Base): Finding {
  const [test] = tests
  const message = test.message ?? ""
  const loads = !(test.file !== undefined && LOAD_ERROR.test(withoutVolatile(message)))
  const module = moduleOf(test.file)
  const why = oneLine(firstTelling(message), 120)
  return {
    // A file's own name, not one of its tests', identifies what is wrong with the file.
    fingerprint: fingerprint({ kind: "test", rule: loads ? test.id : "load", file: test.file, wrong: message }),
    source: "failing_tests",
    // What a test says is in the body: the title becomes a branch, a proposal's title and a commit's subject.
    title: titleOf(loads ? nameOf(test) : `${oneLine(test.file ?? test.id, 100)} can't be loaded${why && `: ${why}`}`),
    body: bodyOf(
      [
        `Test: ${tests
          .map(({ id }) => id)
          .slice(0, 20)
          .join("\n      ")}`,
        message,
      ].join("\n\n"),
    ),
    severity: "high",
    ...(module === undefined ? {} : { module }),
    ...(test.file === undefined ? {} : { file: test.file }),
    commit: base.sha,
    reproduce: { check: check.name, ids: tests.map(({ id }) => id) },
    attemptable: true,
    confidence: message === "" ? 0.6 : 0.85,
    size: "small",
  }
}

/** The test's name with its suites, without the file that the finding names anyway. */
function nameOf({ id, file, name }: TestResult): string {
  const inFile = `${file} > `
  return oneLine(file !== undefined && id.startsWith(inFile) ? id.slice(inFile.length) : name, 120)
}

/** The line of a message that says most: the error's own, without the way to where this run's checkout stood. */
function firstTelling(message: string): string {
  const lines = message
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /\p{L}/u.test(line) && !/^at\s/.test(line))
  const telling = lines.find((line) => /\b(?:\w*(?:Error|Exception)\b.*:|Cannot find )/.test(line)) ?? lines[0] ?? ""
  return telling.replace(/(?:file:\/\/)?\/(?:[^\s'"`/:]+\/)+([^\s'"`/:]+)/g, "$1")
}
