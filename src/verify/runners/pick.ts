import type { Picked } from "../measuring.ts"
import type { TreeFiles } from "./runner.ts"

/** The files of the picked tests; undefined where a test names none, and so can't be picked by its file. */
export function pickedFiles(only: readonly Picked[]): string[] | undefined {
  const files = only.map((test) => test.file)
  return files.every((file) => file !== undefined) ? [...new Set(files)] : undefined
}

/** The tests to keep as Python reads them: [file, name]; a whole file has no name. */
export function pickedNames(only: readonly Picked[]): [string, string][] {
  return only.map((test) => [test.file ?? "", test.name === test.file ? "" : test.name])
}

/** Whether any of the picked tests can be there at all. */
export function canBeThere(only: readonly Picked[], tree: TreeFiles): boolean {
  const files = pickedFiles(only)
  return files === undefined || files.some((file) => tree.read(file) !== undefined)
}

/**
 * The files of the picked tests as a whole (in Go, the packages): for tests that need what others of their file do first.
 * Undefined where the runner knows no such thing.
 */
export function widened(only: readonly Picked[]): Picked[] | undefined {
  const wide = only.map(({ id, file }) => {
    const [place = ""] = id.split(" > ")
    return file === undefined || /\s/.test(place) ? undefined : { id: place, file, name: file }
  })
  return wide.every((each) => each !== undefined)
    ? [...new Map(wide.map((each) => [each.id, each])).values()]
    : undefined
}

/**
 * A pattern for runners that join the names of suites and tests by a blank; undefined where a picked one is a whole file.
 * A name may hold the very ` > ` that we put between names.
 */
export function namePattern(only: readonly Picked[]): string | undefined {
  if (only.some((test) => test.name === test.file)) return undefined
  const names = only.map((test) =>
    test.name
      .split(" > ")
      .map((part) => part.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"))
      .join("(?: > | )"),
  )
  return `^\\s*(?:${[...new Set(names)].join("|")})$`
}

/** The arguments without paths and globs, which would bring other tests in; `valued` flags keep the word behind them. */
export function withoutPaths(args: readonly string[], valued: readonly string[], tree: TreeFiles): string[] {
  return args.filter((word, index) => {
    if (word.startsWith("-") || valued.includes(args[index - 1] ?? "")) return true
    const path = word.replace(/^\.\//, "").replace(/\/$/, "").split("::")[0] ?? ""
    const isPath = /[*?[\]{}]/.test(word) || word === "." || tree.read(path) !== undefined || tree.list(path).length > 0
    return !isPath
  })
}
