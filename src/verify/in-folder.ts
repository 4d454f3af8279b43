import { existsSync } from "node:fs"
import { join, posix } from "node:path"
import type { Report } from "../core/evidence.ts"
import type { Picked } from "./measuring.ts"
import type { Parsed } from "./runners/runner.ts"

/*
 * A check that runs in a folder of the repository: its runner knows that folder as the root, and names files from there.
 * Everybody else names them from the repository's root.
 */

/** What a runner reported from a folder, files and ids named from the repository's root. */
export function fromRoot(parsed: Parsed, folder: string, root: string): Parsed {
  if (parsed.is === "error") return parsed
  const known = new Map<string, string>()
  const named = (path: string) => {
    const is = known.get(path) ?? repositoryPath(path, folder, root)
    known.set(path, is)
    return is
  }
  return { is: "report", report: renamed(parsed.report, named) }
}

function renamed(report: Report, named: (path: string) => string): Report {
  switch (report.kind) {
    case "tests":
      return {
        kind: "tests",
        tests: report.tests.map((test) => {
          const { file } = test
          if (file === undefined) return test
          const path = named(file)
          return { ...test, file: path, id: led(test.id, file, path), name: test.name === file ? path : test.name }
        }),
      }
    case "issues":
      return {
        kind: "issues",
        issues: report.issues.map((issue) => {
          if (issue.file === "") return issue
          const path = named(issue.file)
          const { rule, fingerprint } = issue
          return { ...issue, file: path, fingerprint: led(fingerprint, `${rule} | ${issue.file}`, `${rule} | ${path}`) }
        }),
      }
    case "numbers":
      return {
        kind: "numbers",
        numbers: report.numbers.map((number) => {
          const [file = ""] = number.id.split(" > ")
          return file === number.id || !file.includes(".")
            ? number
            : { ...number, id: led(number.id, file, named(file)) }
        }),
      }
    case "exit":
      return report
  }
}

/** A text that begins with `before` begins with `after` instead. */
function led(text: string, before: string, after: string): string {
  return before !== "" && text.startsWith(before) ? `${after}${text.slice(before.length)}` : text
}

/** Some tools name files from where their workspace begins, wherever they were started: what is there decides. */
function repositoryPath(path: string, folder: string, root: string): string {
  if (posix.isAbsolute(path)) return path
  const here = posix.join(folder, path)
  const isThere = existsSync(join(root, path)) && !existsSync(join(root, here))
  return isThere && !path.startsWith("..") ? posix.normalize(path) : here
}

/** The tests as the runner in the folder knows them. */
export function toFolder(only: readonly Picked[], folder: string): Picked[] {
  return only.map((test) => {
    if (test.file === undefined) return test
    const file = posix.relative(folder, test.file)
    return { id: led(test.id, test.file, file), file, name: test.name === test.file ? file : test.name }
  })
}
