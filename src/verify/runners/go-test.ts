import { z } from "zod"
import type { TestResult } from "../../core/evidence.ts"
import type { Picked } from "../measuring.ts"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { goFailure } from "./failure.ts"
import { testId } from "./ids.ts"
import { error, jsonLines, noReport, testsReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput, TreeFiles } from "./runner.ts"

/** `go test -json`: one event per line on stdout, and one per package when it ends. */
export const goTest: Runner = {
  name: "go test",
  kind: "tests",
  recognise: (argv) => {
    const args = argumentsOf(argv)
    const informs = args.some((word) =>
      ["-list", "-c", "-h", "-bench"].includes(word.split("=")[0]?.replace(/^--/, "-") ?? ""),
    )
    return (toolOf(argv)?.name === "go" && args[0] === "test" && !informs) || toolOf(argv)?.name === "gotestsum"
  },
  command: ({ argv, only, tree }) => {
    const args = argumentsOf(argv)
    const behind =
      toolOf(argv)?.name === "gotestsum"
        ? args.slice(args.indexOf("--") === -1 ? args.length : args.indexOf("--") + 1)
        : args.slice(1)
    const kept = dropFlags(behind, {
      bare: ["-v", "-json", "-failfast", "-cover", "-race=false"],
      valued: ["-coverprofile"],
    })
    if (only !== undefined) {
      const picked = pickedArguments(kept, only, tree)
      const words = toolOf(argv)?.name === "gotestsum" ? ["go", "test"] : withArguments(argv, ["test"])
      return { argv: [...words, "-json", ...picked], alone: true }
    }
    const packages = toolOf(argv)?.name === "gotestsum" && !kept.some((word) => word.startsWith(".")) ? ["./..."] : []
    if (toolOf(argv)?.name === "gotestsum") return { argv: ["go", "test", "-json", ...kept, ...packages] }
    return { argv: withArguments(argv, ["test", ...addFlags(["-json"], kept)]) }
  },
  parse,
}

/**
 * Their packages and top-level functions, subtests with them. Whole packages where one did not build. Without the result
 * cache: a repetition that is remembered is none.
 */
function pickedArguments(kept: readonly string[], only: readonly Picked[], tree: TreeFiles): string[] {
  const flags = dropFlags(kept, { valued: ["-run", "-skip", "-count"] }).filter(
    (word) => !/^\.{1,2}(\/|$)|\.\.\.$/.test(word) && !only.some((test) => test.id.startsWith(`${word} >`)),
  )
  const packages = [...new Set(only.map((test) => test.id.split(" > ")[0] ?? ""))]
  const whole = only.some((test) => !test.id.includes(" > "))
  const names = [...new Set(only.map((test) => test.name.split(" > ")[0] ?? ""))]
  const module = moduleOf(tree)
  const paths = packages.map((path) => {
    const folder = folderOf(path, module)
    return folder === undefined ? path : folder === "" ? "." : `./${folder}`
  })
  return ["-count=1", ...(whole ? [] : [`-run=^(${names.join("|")})$`]), ...flags, ...paths]
}

const Line = z.object({
  Action: z.string(),
  Package: z.string().optional(),
  ImportPath: z.string().optional(),
  Test: z.string().optional(),
  Output: z.string().optional(),
  Elapsed: z.number().optional(),
})
type Line = z.infer<typeof Line>

type Package = {
  path: string
  ended: string | undefined
  tests: Map<string, { action: string | undefined; output: string; ms: number }>
  output: string
}

function parse(output: RunnerOutput): Parsed {
  const parsed = z.array(Line).safeParse(jsonLines(output.stdout))
  if (!parsed.success)
    return error("unreadable", `go test's events have another shape than expected: ${z.prettifyError(parsed.error)}`)
  const packages = packagesOf(parsed.data)
  const broken = buildFailures(output, parsed.data)
  if (packages.size === 0 && broken.length === 0) {
    if (output.exitCode === 0) return error("ran_nothing", "go test found no packages.")
    return noReport(output, "go test")
  }
  for (const found of packages.values()) {
    if (found.ended === undefined) return error("unfinished", `The tests of ${found.path} did not run to their end.`)
    // `os.Exit(0)` in TestMain or in an init: the package is "ok" and ran no test, without saying that there is none.
    const silent =
      found.ended === "pass" && found.tests.size === 0 && !/no test files|no tests to run/.test(found.output)
    if (silent) return error("unfinished", `The test program of ${found.path} exited 0 without running its tests.`)
    const hanging = [...found.tests].find(([, test]) => test.action === undefined)
    if (hanging !== undefined && found.ended === "pass")
      return error("unfinished", `${hanging[0]} of ${found.path} never ended.`)
  }
  const module = moduleOf(output.tree)
  const tests = [...packages.values()].flatMap((found) => resultsOf(found, module, output.tree))
  return testsReport([...broken.map((failure) => brokenPackage(failure, module)), ...tests], output, "go test")
}

function packagesOf(lines: readonly Line[]): Map<string, Package> {
  const packages = new Map<string, Package>()
  for (const line of lines) {
    if (line.Package === undefined) continue
    const known = packages.get(line.Package) ?? { path: line.Package, ended: undefined, tests: new Map(), output: "" }
    packages.set(line.Package, known)
    const ends = ["pass", "fail", "skip"].includes(line.Action)
    if (line.Test === undefined) {
      if (ends) known.ended = line.Action
      if (line.Output !== undefined) known.output = `${known.output}${line.Output}`.slice(-8_000)
      continue
    }
    const test = known.tests.get(line.Test) ?? { action: undefined, output: "", ms: 0 }
    known.tests.set(line.Test, test)
    if (line.Output !== undefined) test.output = `${test.output}${line.Output}`.slice(-4_000)
    if (ends) {
      test.action = line.Action
      test.ms = (line.Elapsed ?? 0) * 1000
    }
  }
  return packages
}

function resultsOf(found: Package, module: Module | undefined, tree: TreeFiles): TestResult[] {
  const folder = folderOf(found.path, module)
  const results = [...found.tests].map(([name, test]): TestResult => {
    const file = fileOf(name, test.output, folder, tree)
    return {
      id: testId([found.path, ...name.split("/")]),
      ...(file === undefined ? {} : { file }),
      name: name.split("/").join(" > "),
      status: test.action === "pass" ? "passed" : test.action === "skip" ? "skipped" : "failed",
      ...(test.action === "pass" || test.action === "skip"
        ? {}
        : { message: test.output, failure: test.action === "fail" ? goFailure(test.output) : "error" }),
      ms: test.ms,
    }
  })
  // Red by itself: a panic in TestMain, a data race or a time-out outside any test.
  const redByItself =
    found.ended === "fail" &&
    !results.some((result) => result.status === "failed") &&
    !found.output.includes("[build failed]")
  return redByItself
    ? [...results, { id: found.path, name: found.path, status: "failed", failure: "error", message: found.output }]
    : results
}

/** Packages that did not build: Go ≤1.23 says so in plain lines, later ones in events. */
function buildFailures(output: RunnerOutput, lines: readonly Line[]): { path: string; message: string }[] {
  const text = `${output.stdout}\n${lines.map((line) => line.Output ?? "").join("")}`
  const paths = new Set([...text.matchAll(/^FAIL\s+(\S+) \[(?:build|setup) failed\]/gm)].map((match) => match[1] ?? ""))
  const built = lines.filter((line) => line.Action === "build-output").map((line) => line.Output ?? "")
  const said = `${output.stderr}\n${built.join("")}`
  return [...paths].map((path) => ({ path, message: sectionOf(said, path) }))
}

/** The compiler's lines under `# package`. */
function sectionOf(text: string, path: string): string {
  const sections = text.split(/^(?=# )/m)
  const mine = sections.filter((section) => section.startsWith(`# ${path}`)).join("\n")
  return mine === "" ? text.slice(-4_000) : mine
}

function brokenPackage({ path, message }: { path: string; message: string }, module: Module | undefined): TestResult {
  const named = /^(\S+\.go):\d+/m.exec(message)?.[1]?.replace(/^\.\//, "")
  const folder = folderOf(path, module)
  const file = named ?? folder
  return { id: path, ...(file === undefined ? {} : { file }), name: path, status: "failed", failure: "error", message }
}

/** A module, and the way from where the tests are run up to where it begins: empty, or `../` and more of them. */
type Module = { name: string; up: string }

const UPWARDS = ["", "../", "../../", "../../../", "../../../../", "../../../../../"]

function moduleOf(tree: TreeFiles): Module | undefined {
  for (const up of UPWARDS) {
    const name = /^module\s+"?([^\s"]+)"?/m.exec(tree.read(`${up}go.mod`) ?? "")?.[1]
    if (name !== undefined) return { name, up }
  }
  return undefined
}

function folderOf(path: string, module: Module | undefined): string | undefined {
  if (module === undefined) return undefined
  const { name, up } = module
  if (path === name) return up.replace(/\/$/, "")
  return path.startsWith(`${name}/`) ? `${up}${path.slice(name.length + 1)}` : undefined
}

/** `go test` names no file: the test's own output does where it failed, else the function is looked for in the package. */
function fileOf(test: string, output: string, folder: string | undefined, tree: TreeFiles): string | undefined {
  if (folder === undefined) return undefined
  const at = (name: string) => (folder === "" ? name : `${folder}/${name}`)
  const top = test.split("/")[0] ?? ""
  const candidates = tree.list(folder).filter((name) => name.endsWith("_test.go"))
  const defining = candidates.find((name) => (tree.read(at(name)) ?? "").includes(`func ${top}(`))
  const named = /^\s+([\w.-]+_test\.go):\d+:/m.exec(output)?.[1]
  const name = defining ?? named
  return name === undefined ? undefined : at(name)
}
