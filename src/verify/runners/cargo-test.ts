import type { TestResult } from "../../core/evidence.ts"
import { argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { rustFailure } from "./failure.ts"
import { testId, withoutColour } from "./ids.ts"
import { error, noReport, tail, testsReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput, TreeFiles } from "./runner.ts"

/**
 * `cargo test`, read from libtest's text (its JSON is for nightly toolchains): both streams go through one pipe, so that
 * cargo's "Running" lines stand before the tests of their binary, and every binary's own count must agree with what was read.
 */
export const cargoTest: Runner = {
  name: "cargo test",
  kind: "tests",
  recognise: (argv) => {
    const args = argumentsOf(argv)
    const informs = args.some((word) => ["--no-run", "--list", "--help", "-h"].includes(word))
    return toolOf(argv)?.name === "cargo" && ["test", "t"].includes(subcommand(args) ?? "") && !informs
  },
  command: ({ argv, only }) => {
    const args = argumentsOf(argv)
    const end = args.indexOf("--")
    const own = end === -1 ? args : args.slice(0, end)
    const libtest = end === -1 ? [] : args.slice(end + 1)
    const kept = dropFlags(own, { bare: ["-q", "--quiet", "-v", "--verbose"], valued: ["--color", "--message-format"] })
    const keptLibtest = dropFlags(libtest, {
      bare: ["--nocapture", "--no-capture", "-q", "--quiet", "--show-output"],
      valued: ["--format", "--color", "-Z"],
    })
    // Doc tests carry a line in the name that libtest knows, and ours do not: they can't be picked.
    const names = only?.every((test) => !/\.rs - /.test(test.name)) === true ? only.map((test) => test.name) : []
    const picks = names.length === 0 ? [] : ["--exact", ...new Set(names)]
    const words = withArguments(argv, [
      ...kept,
      "--no-fail-fast",
      "--color",
      "never",
      ...(keptLibtest.length + picks.length === 0 ? [] : ["--", ...keptLibtest, ...picks]),
    ])
    return {
      argv: ["sh", "-c", 'exec "$@" 2>&1', "sh", ...words],
      env: { RUST_BACKTRACE: "0", CARGO_TERM_COLOR: "never" },
      ...(picks.length === 0 ? {} : { alone: true }),
    }
  },
  parse,
}

/** Cargo's subcommand, after `+toolchain` and global flags. */
export function subcommand(args: readonly string[]): string | undefined {
  return args.find((word) => !word.startsWith("+") && !word.startsWith("-"))
}

type Binary = {
  name: string
  file: string | undefined
  tests: { name: string; status: TestResult["status"] }[]
  planned: number
  ended: boolean
  repeats: boolean
  counts: number[]
}

function parse(output: RunnerOutput): Parsed {
  const lines = withoutColour(output.stdout).split("\n")
  const broken = compileFailures(output.stdout, output.tree)
  if (broken.length > 0) return testsReport(broken, output, "cargo test")
  const binaries = binariesOf(lines, output.tree)
  if (binaries.length === 0) {
    return output.exitCode === 0
      ? error("ran_nothing", "cargo test ran no test binary.")
      : noReport({ ...output, report: undefined }, "cargo test")
  }
  for (const binary of binaries) {
    if (!binary.ended)
      return error("unfinished", `The tests of ${binary.name} did not run to their end: ${tail(output.stdout)}`)
    if (binary.planned !== binary.tests.length || !agrees(binary)) {
      return error(
        "unreadable",
        `${binary.name} announced ${binary.planned} tests and ${binary.tests.length} results could be read; output of the tests is mixed into the runner's.`,
      )
    }
  }
  return testsReport(
    binaries.flatMap((binary) => resultsOf(binary, lines)),
    output,
    "cargo test",
  )
}

const result = /^test (.+?) \.\.\. (?:(ok|FAILED|ignored)(?:, .*)?|bench: .*)(?: <[\d.]+s>)?$/
const summary = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored;/

function binariesOf(lines: readonly string[], tree: TreeFiles): Binary[] {
  const binaries: Binary[] = []
  let heading: { name: string; file: string | undefined } = { name: "tests", file: undefined }
  let open: Binary | undefined
  for (const line of lines) {
    const target = targetOf(line, tree)
    if (target !== undefined) heading = target
    const planned = /^running (\d+) tests?$/.exec(line)?.[1]
    // The file of libtest's own report may hold several blocks under one heading (doc tests do).
    if (planned !== undefined) {
      open = { ...heading, tests: [], planned: Number(planned), ended: false, repeats: false, counts: [] }
      binaries.push(open)
      continue
    }
    if (open === undefined) continue
    // From here on the binary repeats what its failed tests printed, and they may print anything.
    if (line === "failures:") open.repeats = true
    const test = result.exec(line)
    if (test !== null && !open.ended && !open.repeats)
      open.tests.push({ name: nameOf(test[1] ?? ""), status: statusOf(test[2]) })
    const counts = summary.exec(line)
    if (counts !== null) {
      open.ended = true
      open.counts = counts.slice(1, 4).map(Number)
    }
  }
  return binaries
}

/** `Running unittests src/lib.rs (target/debug/deps/crate-0123)`, `Running tests/it.rs (…)`, `Doc-tests crate`. */
function targetOf(line: string, tree: TreeFiles): { name: string; file: string | undefined } | undefined {
  const running = /^\s+Running (?:unittests )?(\S+) \((.+?)(?:-[0-9a-f]{16})?(?:\.exe)?\)$/.exec(line)
  const doc = /^\s+Doc-tests (\S+)$/.exec(line)
  if (doc !== null) return { name: `${doc[1]} doc-tests`, file: undefined }
  if (running === null) return undefined
  const source = running[1] ?? ""
  const program = running[2]?.split(/[\\/]/).pop() ?? ""
  // In a workspace every member has a src/lib.rs: the program's name tells them apart.
  return { name: `${program} ${source}`, file: tree.read(source) === undefined ? undefined : source }
}

function agrees({ tests, counts }: Binary): boolean {
  const count = (status: TestResult["status"]) => tests.filter((test) => test.status === status).length
  return count("passed") === counts[0] && count("failed") === counts[1] && count("skipped") === counts[2]
}

/** Doc tests carry their line: a moved one is the same test. */
function nameOf(name: string): string {
  return name
    .replace(/ \(line \d+\)/, "")
    .replace(/ - should panic$/, "")
    .replace(/ - compile(?: fail)?$/, "")
}

function statusOf(word: string | undefined): TestResult["status"] {
  if (word === "FAILED") return "failed"
  return word === "ignored" ? "skipped" : "passed"
}

function resultsOf(binary: Binary, lines: readonly string[]): TestResult[] {
  return binary.tests.map(({ name, status }): TestResult => {
    const documented = /^(\S+\.rs) - /.exec(name)?.[1]
    const file = binary.file ?? documented
    const message = status === "failed" ? messageOf(name, lines) : undefined
    return {
      id: testId([binary.name, ...name.split("::")]),
      ...(file === undefined ? {} : { file }),
      name,
      status,
      ...(message === undefined ? {} : { message }),
      ...(status === "failed" ? { failure: rustFailure(message) } : {}),
    }
  })
}

/** What the test printed, from `---- name stdout ----` to the next such line. */
function messageOf(name: string, lines: readonly string[]): string | undefined {
  const start = lines.findIndex(
    (line) => line.startsWith("---- ") && nameOf(line.slice(5).replace(/ stdout ----$/, "")) === name,
  )
  if (start === -1) return undefined
  const rest = lines.slice(start + 1)
  const end = rest.findIndex((line) => line.startsWith("---- ") || line === "failures:")
  return (end === -1 ? rest : rest.slice(0, end)).join("\n").trim()
}

/** A crate that does not compile: one failed result for each file the compiler names. */
function compileFailures(text: string, tree: TreeFiles): TestResult[] {
  if (!/^error: could not compile /m.test(text)) return []
  const blocks = text.split(/^(?=error(?:\[E\d+\])?: )/m).filter((block) => /^error(?:\[E\d+\])?: /.test(block))
  const byFile = new Map<string, string>()
  for (const block of blocks) {
    const file = /^\s+--> (.+?):\d+:\d+$/m.exec(block)?.[1]
    if (file !== undefined) byFile.set(file, `${byFile.get(file) ?? ""}${block}`)
  }
  return [...byFile].map(([file, message]) => ({
    id: `${file} (does not compile)`,
    ...(tree.read(file) === undefined ? {} : { file }),
    name: `${file} (does not compile)`,
    status: "failed",
    failure: "error",
    message,
  }))
}
