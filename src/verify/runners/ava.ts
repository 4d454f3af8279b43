import type { TestResult } from "../../core/evidence.ts"
import { argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { javascriptFailure } from "./failure.ts"
import { error } from "./outcome.ts"
import { pickedFiles, withoutPaths } from "./pick.ts"
import type { Parsed, Runner, TreeFiles } from "./runner.ts"
import { filesBelow } from "./tap/files.ts"
import { writes } from "./tap/javascript.ts"
import { type Placed, reportOfOutput } from "./tap/output.ts"
import { type Classify, textAt } from "./tap/results.ts"

const valued = [
  "-m",
  "--match",
  "--config",
  "-c",
  "--concurrency",
  "-T",
  "--timeout",
  "--node-arguments",
  "--environment",
]

/** ava, asked for TAP: tests run in workers of their own, and what they came to is printed by the process around them. */
export const ava: Runner = {
  name: "ava",
  kind: "tests",
  recognise: (argv) => toolOf(argv)?.name === "ava" && !["debug", "reset-cache"].includes(argumentsOf(argv)[0] ?? ""),
  command: ({ argv, only, tree }) => {
    const kept = dropFlags(argumentsOf(argv), {
      bare: ["--tap", "-t", "--verbose", "-v", "--watch", "-w", "--fail-fast", "-u", "--update-snapshots", "--color"],
    })
    const flags = ["--tap", "--no-color", "--no-fail-fast"]
    const files = only === undefined ? undefined : pickedFiles(only)
    if (files === undefined) return { argv: withArguments(argv, [...flags, ...kept]) }
    const args = withoutPaths(dropFlags(kept, { valued: ["-m", "--match"] }), valued, tree)
    return { argv: withArguments(argv, [...flags, ...args, ...files]), alone: true }
  },
  parse: (output) => {
    if (/Couldn['’]t find any (files to test|matching tests)/.test(output.stdout))
      return error("ran_nothing", "ava found no tests.")
    return crashesInFiles(
      reportOfOutput(output, { runner: "ava", dialect: "points", classify, placed: placedIn(output.tree) }),
    )
  },
}

/** A file that crashed is told of twice: by its error, and by its name. */
function crashesInFiles(parsed: Parsed): Parsed {
  if (parsed.is === "error" || parsed.report.kind !== "tests") return parsed
  const { tests } = parsed.report
  const isCrash = (test: TestResult | undefined) =>
    test?.file === undefined && test?.status === "failed" && /^\w*(Error|Exception)\b/.test(test.name)
  const merged = tests.flatMap((test, index): TestResult[] => {
    const [before, next] = [tests[index - 1], tests[index + 1]]
    if (isCrash(test) && next?.name === next?.file) return []
    return [
      test.name === test.file && isCrash(before) ? { ...test, message: `${before?.message}\n${test.message}` } : test,
    ]
  })
  return { is: "report", report: { kind: "tests", tests: merged } }
}

/** ava says which file a test is of by a shortened path, and not at all where there is one file alone. */
function placedIn(tree: TreeFiles): Placed {
  const files = filesBelow(tree, "").filter(
    (path) => /\.([cm]?[jt]s|[jt]sx)$/.test(path) && /\bava\b/.test(tree.read(path) ?? ""),
  )
  const shortened = new Map(files.map((file) => [file, shortenedBy(file)]))
  return ([title = ""]) => {
    const whole =
      /^No tests found in (.+?)(?:, make sure .*)?$/.exec(title)?.[1] ??
      /^(.+) exited (?:with a non-zero exit code:|due to) /.exec(title)?.[1]
    if (whole !== undefined && tree.read(whole) !== undefined) return { file: whole, names: [] }
    const parts = title.split(" › ")
    for (let length = parts.length - 1; length > 0; length--) {
      const prefix = parts.slice(0, length).join("/")
      const name = parts.slice(length).join(" › ")
      const meant = files.filter((file) => `/${shortened.get(file)}`.endsWith(`/${prefix}`))
      const found = meant.length > 1 ? meant.filter((file) => writes(file, name, tree)) : meant
      if (found.length === 1) return { file: found[0], names: [name] }
    }
    const written = files.length === 1 ? files : files.filter((file) => writes(file, title, tree))
    return { file: written.length === 1 ? written[0] : undefined, names: [title] }
  }
}

/** As ava shortens a path. */
function shortenedBy(file: string): string {
  const parts = file.split("/").filter((part) => part !== "__tests__")
  const name = (parts.pop() ?? "").replace(".spec.", ".").replace(".test.", ".").replace("test-", "")
  return [...parts, name.replace(/\.[^.]+$/, "")].join("/")
}

/** Thrown or rejected with is told apart from asserted by the words of ava's own. */
const classify: Classify = ({ point: { name, said } }, file, root) => {
  if (said.assertion !== undefined) return "assertion"
  const details = said.details
  const [[words, value] = [], ...others] =
    typeof details === "object" && details !== null ? Object.entries(details) : []
  const thrown = others.length === 0 && /thrown|rejected/i.test(`${words ?? ""} ${textAt(said, "message")}`)
  if (!thrown) return textAt(said, "name") === "AssertionError" && said.details !== undefined ? "assertion" : "error"
  const error = typeof value === "string" ? value.trim() : name
  return javascriptFailure(`${error}\n    at ${textAt(said, "at").replace(/\s+/g, " ")}`, file, root)
}
