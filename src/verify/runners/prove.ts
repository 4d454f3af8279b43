import { join } from "node:path"
import { parse as parseShell } from "shell-quote"
import { isTestPath } from "../paths.ts"
import { argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { repoPath } from "./ids.ts"
import { pickedFiles } from "./pick.ts"
import type { Runner, TreeFiles } from "./runner.ts"
import { eachAlone } from "./tap/each.ts"
import { filesBelow, filesMeant } from "./tap/files.ts"
import { type Classify, type Died, reportOfEach } from "./tap/results.ts"

const valued = ["-I", "-P", "-M", "-e", "--exec", "--ext", "-j", "--jobs", "--source", "--state", "--rc", "--formatter"]

/** prove, file by file: its harness keeps each file's TAP, and the exit code says whether that is whole. */
export const prove: Runner = {
  name: "prove",
  kind: "tests",
  recognise: (argv) =>
    toolOf(argv)?.name === "prove" &&
    !argumentsOf(argv).some((word) => /^(-h|--help|-H|--man|-V|--version|--dry|-D)$/.test(word)),
  command: ({ argv, reportDir, supplied, only, tree }) => {
    const args = dropFlags([...ownSettings(tree), ...unbundled(argumentsOf(argv))], {
      bare: [
        "-v",
        "--verbose",
        "-q",
        "--quiet",
        "-Q",
        "-f",
        "--failures",
        "-s",
        "--shuffle",
        "--timer",
        "--merge",
        "-m",
        "--norc",
      ],
      valued: ["-j", "--jobs", "--state", "-a", "--archive", "--formatter"],
    })
    const isFile = (word: string, index: number) => !word.startsWith("-") && !valued.includes(args[index - 1] ?? "")
    const deep = args.some((word) => word === "-r" || word === "--recurse")
    const flags = args.filter((word, index) => !isFile(word, index) && word !== "-r" && word !== "--recurse")
    const named = args.filter(isFile)
    const picked = only === undefined ? undefined : pickedFiles(only)
    const files =
      picked ?? filesMeant(named.length === 0 ? ["t"] : named, tree, (folder) => testsIn(folder, deep, tree))
    const runs = files.map((file) => ({ file, argv: withArguments(argv, ["--norc", ...flags, file]) }))
    const kept = join(reportDir, "kept")
    return { ...eachAlone(runs, { reportDir, supplied, kept }), ...(picked === undefined ? {} : { alone: true }) }
  },
  parse: (output) =>
    reportOfEach(output, {
      runner: "prove",
      dialect: "points",
      classify: () => "assertion" as const satisfies ReturnType<Classify>,
      died,
    }),
}

/** `-lvr` as `-l -v -r`. */
function unbundled(args: readonly string[]): string[] {
  return args.flatMap((word) =>
    /^-[lbvrqQfsmtTwW]{2,}$/.test(word) ? [...word.slice(1)].map((letter) => `-${letter}`) : [word],
  )
}

/** What stands in the project's `.proverc`, a word at a time. */
function ownSettings(tree: TreeFiles): string[] {
  const lines = (tree.read(".proverc") ?? "").split("\n").filter((line) => !/^\s*(#|$)/.test(line))
  return unbundled(lines.flatMap((line) => parseShell(line).filter((word) => typeof word === "string")))
}

function testsIn(folder: string, deep: boolean, tree: TreeFiles): string[] {
  const all = filesBelow(tree, folder).filter((path) => path.endsWith(".t"))
  return deep ? all : all.filter((path) => !path.slice(folder === "" ? 0 : folder.length + 1).includes("/"))
}

/** A file that died, by where: in what it tests, or in itself. */
const died: Died = (said, file, root) => {
  if (/Can't locate |BEGIN failed|syntax error|Can't open perl script/.test(said)) return "error"
  const where = / at (\S+) line \d+/.exec(
    said
      .split("\n")
      .filter((line) => !line.startsWith("#"))
      .join("\n"),
  )?.[1]
  const path = where === undefined ? file : repoPath(root, where)
  return path === file || isTestPath(path) ? "error" : "thrown"
}
