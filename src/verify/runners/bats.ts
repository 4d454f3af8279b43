import { argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { pickedFiles } from "./pick.ts"
import type { Runner, TreeFiles } from "./runner.ts"
import { eachAlone } from "./tap/each.ts"
import { filesBelow, filesMeant } from "./tap/files.ts"
import { type Classify, reportOfEach } from "./tap/results.ts"

const valued = ["-f", "--filter", "-j", "--jobs", "--filter-tags", "--filter-status", "--code-quote-style"]

/** bats, asked for TAP file by file, since its TAP does not say which file a test is of. */
export const bats: Runner = {
  name: "bats",
  kind: "tests",
  recognise: (argv) =>
    toolOf(argv)?.name === "bats" &&
    !argumentsOf(argv).some((word) => /^(-c|--count|-h|--help|-v|--version)$/.test(word)),
  command: ({ argv, reportDir, supplied, only, tree }) => {
    const args = dropFlags(argumentsOf(argv), {
      bare: ["-t", "--tap", "-p", "--pretty", "-T", "--timing", "-x", "--trace"],
      valued: ["-F", "--formatter", "--report-formatter", "-o", "--output"],
    })
    const isFile = (word: string, index: number) => !word.startsWith("-") && !valued.includes(args[index - 1] ?? "")
    const deep = args.some((word) => word === "-r" || word === "--recursive")
    const flags = args.filter((word, index) => !isFile(word, index))
    const picked = only === undefined ? undefined : pickedFiles(only)
    const files = picked ?? filesMeant(args.filter(isFile), tree, (folder) => batsIn(folder, deep, tree))
    const runs = files.map((file) => ({ file, argv: withArguments(argv, ["--tap", ...flags, file]) }))
    return { ...eachAlone(runs, { reportDir, supplied }), ...(picked === undefined ? {} : { alone: true }) }
  },
  parse: (output) => reportOfEach(output, { runner: "bats", dialect: "points", classify, died: () => "error" }),
}

function batsIn(folder: string, deep: boolean, tree: TreeFiles): string[] {
  const all = filesBelow(tree, folder).filter((path) => path.endsWith(".bats"))
  return deep ? all : all.filter((path) => !path.slice(folder === "" ? 0 : folder.length + 1).includes("/"))
}

/** A command of the test that failed is its assertion; one that is missing, or of what is set up, is not. */
const classify: Classify = ({ comments }) => {
  const said = comments.join("\n")
  if (/failed with status 12[67]\b|command not found|from function `(setup|teardown)/.test(said)) return "error"
  return /in test file [\s\S]*failed/.test(said) ? "assertion" : "error"
}
