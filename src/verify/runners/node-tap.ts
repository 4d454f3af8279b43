import { argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { jsonOf } from "./outcome.ts"
import { pickedFiles, withoutPaths } from "./pick.ts"
import type { Runner, TreeFiles } from "./runner.ts"
import { reportOfOutput } from "./tap/output.ts"
import { classify } from "./tape.ts"

const otherCommands = /^(plugin|config|dump-config|list|help|repl|build|report|replay|debug|versions?|which)$/
const valued = ["-j", "--jobs", "-t", "--timeout", "--node-arg", "--test-arg", "--exclude", "--include", "--plugin"]

/** node-tap, asked for TAP: its files are subtests of the run, and are started by a process that none of their code runs in. */
export const nodeTap: Runner = {
  name: "node-tap",
  kind: "tests",
  recognise: (argv) => toolOf(argv)?.name === "tap" && !otherCommands.test(argumentsOf(argv)[0] ?? ""),
  command: ({ argv, only, tree }) => {
    const kept = dropFlags(argumentsOf(argv), {
      bare: [
        "-b",
        "--bail",
        "-w",
        "--watch",
        "--check-coverage",
        "--100",
        "--allow-incomplete-coverage",
        "--disable-coverage",
      ],
      valued: ["-R", "--reporter", "--coverage-report", "--reporter-file", "-o", "--output-file"],
    }).filter((word) => !/^-R./.test(word))
    const flags = ["--reporter=tap", "--no-bail", ...withoutCoverage(tree)]
    const files = only === undefined ? undefined : pickedFiles(only)
    if (files === undefined) return { argv: withArguments(argv, [...kept, ...flags]) }
    const [first] = kept
    const args = [
      ...(first === "run" ? [first] : []),
      ...withoutPaths(first === "run" ? kept.slice(1) : kept, valued, tree),
    ]
    return { argv: withArguments(argv, [...args, ...flags, ...files]), alone: true }
  },
  parse: (output) =>
    reportOfOutput(output, {
      runner: "node-tap",
      dialect: "assertions",
      classify,
      placed: ([file = "", ...names]) => ({ file, names }),
    }),
}

/** Coverage is measured nowhere, and its thresholds would colour the exit code; the flag's name changed with version 18. */
function withoutCoverage(tree: TreeFiles): string[] {
  const version = /"version"\s*:\s*"(\d+)\./.exec(tree.read("node_modules/tap/package.json") ?? "")?.[1]
  if (version !== undefined) return [Number(version) >= 18 ? "--disable-coverage" : "--no-coverage"]
  const own = jsonOf(tree.read("package.json") ?? "")
  const asked = /"tap"\s*:\s*"[^\d"]*(\d+)/.exec(JSON.stringify(own) ?? "")?.[1]
  return asked === undefined ? [] : [Number(asked) >= 18 ? "--disable-coverage" : "--no-coverage"]
}
