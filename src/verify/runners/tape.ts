import { argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { javascriptFailure } from "./failure.ts"
import { pickedFiles } from "./pick.ts"
import type { Runner, TreeFiles } from "./runner.ts"
import { eachAlone } from "./tap/each.ts"
import { filesMeant } from "./tap/files.ts"
import { fileOfTest, nodeFile, takesPrinter } from "./tap/javascript.ts"
import { type Classify, javascriptDied, reportOfEach, textAt } from "./tap/results.ts"

const valued = ["-r", "--require", "-i", "--ignore"]

/** tape, by its own program or by `node test.js`, and what prints TAP as it does; each file in a process of its own. */
export const tape: Runner = {
  name: "tape",
  kind: "tests",
  recognise: (argv, tree) =>
    toolOf(argv)?.name === "tape" || (tree !== undefined && nodeFile(argv, tree) !== undefined),
  command: ({ argv, reportDir, supplied, only, tree }) => {
    const picked = only === undefined ? undefined : pickedFiles(only)
    const runs = toolOf(argv)?.name === "tape" ? byTape(argv, picked, tree) : byNode(argv, picked, tree)
    return { ...eachAlone(runs, { reportDir, supplied }), ...(picked === undefined ? {} : { alone: true }) }
  },
  parse: (output) =>
    reportOfEach(output, {
      runner: "tape",
      dialect: "assertions",
      classify,
      died: javascriptDied,
      where: fileOfTest,
    }),
}

function byTape(argv: readonly string[], picked: readonly string[] | undefined, tree: TreeFiles) {
  const args = dropFlags(argumentsOf(argv), { valued: ["--ignore-pattern"] })
  const isFile = (word: string, index: number) => !word.startsWith("-") && !valued.includes(args[index - 1] ?? "")
  const flags = args.filter((word, index) => !isFile(word, index))
  const files = picked ?? filesMeant(args.filter(isFile), tree)
  return files.map((file) => ({ file, argv: withArguments(argv, [...flags, file]) }))
}

function byNode(argv: readonly string[], picked: readonly string[] | undefined, tree: TreeFiles) {
  const found = nodeFile(argv, tree)
  if (found === undefined) return []
  const { file, before, behind } = found
  // A file that stands by itself is run by itself; else the one that brings it in.
  const own = picked?.every((each) => takesPrinter(each, tree)) === true ? picked : [file]
  return own.map((each) => ({ file: each, argv: [...before, each, ...behind] }))
}

/** tape tells of errors that a test threw, or that its promise was rejected with, by their stacks. */
export const classify: Classify = ({ point }, file, root) => {
  const { name, said } = point
  if (/^test (timed out after|exited without ending)/.test(name)) return "error"
  const stack = textAt(said, "stack")
  if (textAt(said, "operator") === "error" && stack !== "") return javascriptFailure(stack, file, root)
  // node-tap's words for what was thrown.
  if (said.tapCaught !== undefined || said.expired !== undefined || said.signal !== undefined) {
    if (said.tapCaught === undefined || /^timeout!/.test(name)) return "error"
    const frames = stack.split("\n").map((line) => `    at ${line.trim()}`)
    return javascriptFailure([`${textAt(said, "type") || "Error"}: ${name}`, ...frames].join("\n"), file, root)
  }
  return "assertion"
}
