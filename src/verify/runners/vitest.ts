import { join } from "node:path"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { parseJestJson } from "./jest-json.ts"
import { namePattern, pickedFiles, withoutPaths } from "./pick.ts"
import type { Runner } from "./runner.ts"

const otherCommands = new Set(["bench", "list", "init", "typecheck"])

const valued = ["-c", "--config", "-r", "--root", "--dir", "--project", "--pool", "--environment", "--mode", "--shard"]

/** vitest, run once, through its own JSON reporter into a file outside the tree. */
export const vitest: Runner = {
  name: "vitest",
  kind: "tests",
  recognise: (argv) => toolOf(argv)?.name === "vitest" && !otherCommands.has(argumentsOf(argv)[0] ?? ""),
  command: ({ argv, reportDir, only, tree }) => {
    const reportFile = join(reportDir, "vitest.json")
    const [first = "", ...rest] = argumentsOf(argv)
    const words = ["watch", "dev", "run"].includes(first) ? rest : [first, ...rest].filter((word) => word !== "")
    const kept = dropFlags(words, {
      bare: [
        "--watch",
        "-w",
        "--run",
        "--ui",
        "--open",
        "--coverage",
        "--silent",
        "--passWithNoTests",
        "-u",
        "--update",
        "--bail",
      ],
      valued: ["--reporter", "--outputFile", "--outputFile.json", "--api"],
    })
    // `related` is a command of its own; `--run` works with it and with the default one alike.
    const flags = [
      "--run",
      "--reporter=json",
      `--outputFile.json=${reportFile}`,
      "--coverage.enabled=false",
      "--bail=0",
    ]
    const files = only === undefined ? undefined : pickedFiles(only)
    if (only === undefined || files === undefined)
      return { argv: withArguments(argv, addFlags(kept, flags)), reportFile }
    const pattern = namePattern(only)
    const picks = [...files, ...(pattern === undefined ? [] : [`--testNamePattern=${pattern}`])]
    const args = withoutPaths(dropFlags(kept, { valued: ["-t", "--testNamePattern"] }), valued, tree)
    return { argv: withArguments(argv, addFlags(args, [...flags, ...picks])), reportFile, alone: true }
  },
  parse: (output) => parseJestJson(output, "vitest"),
}
