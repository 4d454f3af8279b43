import { join } from "node:path"
import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { parseJestJson } from "./jest-json.ts"
import { error } from "./outcome.ts"
import { namePattern, pickedFiles, withoutPaths } from "./pick.ts"
import type { Runner } from "./runner.ts"

const valued = ["-c", "--config", "--rootDir", "--selectProjects", "--env", "-w", "--maxWorkers", "--testTimeout"]

/** jest (and `react-scripts test`, which is jest), through its JSON output into a file outside the tree. */
export const jest: Runner = {
  name: "jest",
  kind: "tests",
  recognise: (argv) => {
    const tool = toolOf(argv)
    const informs = argumentsOf(argv).some((word) =>
      ["--listTests", "--showConfig", "--init", "--version", "--clearCache"].includes(word),
    )
    if (informs) return false
    return (
      tool?.name === "jest" ||
      tool?.name === "jest-cli" ||
      (tool?.name === "react-scripts" && argv[tool.at + 1] === "test")
    )
  },
  command: ({ argv, reportDir, only, tree }) => {
    const reportFile = join(reportDir, "jest.json")
    const kept = dropFlags(argumentsOf(argv), {
      bare: [
        "--watch",
        "--watchAll",
        "--coverage",
        "--collectCoverage",
        "--silent",
        "--verbose",
        "--json",
        "--passWithNoTests",
        "-u",
        "--updateSnapshot",
        "--notify",
      ],
      counted: ["--bail", "-b"],
      valued: ["--reporters", "--outputFile", "--coverageReporters", "--coverageDirectory"],
    })
    // jest reads coverage flags last one wins; `--bail=0` undoes a `bail` in its configuration, which hides what comes after.
    const flags = ["--json", `--outputFile=${reportFile}`, "--bail=0", "--coverage=false", "--watchAll=false", "--ci"]
    const files = only === undefined ? undefined : pickedFiles(only)
    if (only === undefined || files === undefined)
      return { argv: withArguments(argv, addFlags(kept, flags)), reportFile }
    const pattern = namePattern(only)
    const picks = [...(pattern === undefined ? [] : [`--testNamePattern=${pattern}`]), "--runTestsByPath", ...files]
    const all = dropFlags(kept, {
      bare: ["--runTestsByPath", "--onlyChanged", "-o", "--findRelatedTests"],
      valued: ["-t", "--testNamePattern", "--testPathPattern", "--testPathPatterns"],
    })
    // `react-scripts test`: its own word is no path of ours.
    const own = toolOf(argv)?.name === "react-scripts" ? all.slice(0, 1) : []
    const args = [...own, ...withoutPaths(all.slice(own.length), valued, tree)]
    return { argv: withArguments(argv, addFlags(args, [...flags, ...picks])), reportFile, alone: true }
  },
  parse: (output) => {
    // Without a match jest writes no report at all.
    if (output.report === undefined && /^No tests found/m.test(output.stderr + output.stdout))
      return error("ran_nothing", "jest found no tests.")
    return parseJestJson(output, "jest")
  },
}
