import type { Packages } from "./packages.ts"

/** What a package manager or a runner of tasks is asked to do, as far as its words say. */
export type ManagerCall = {
  /** Of package.json, each with what runs before and after it; `test:*` is a pattern. */
  scripts: readonly string[]
  /** A program and its arguments. */
  starts: readonly string[]
  /** Lines of shell. */
  lines: readonly string[]
  /** From where it is called; `/` is the repository's root. */
  folder?: string
  /** Unset: the package of that folder. */
  packages?: Packages
  /** What looks like the choice of a package may as well be an argument of the script. */
  alsoHere: boolean
}

const nothing: ManagerCall = { scripts: [], starts: [], lines: [], alsoHere: false }

/** Reads a call by its own words; of another program, nothing. */
export function managerCall(program: string, args: readonly string[]): ManagerCall {
  if (/^(npm|pnpm|yarn|yarnpkg|bun)$/.test(program)) return packageManager(program, args)
  if (/^(run-s|run-p|run-z|npm-run-all2?)$/.test(program))
    return { ...nothing, scripts: args.filter(isWord).map((word) => word.split(/\s/)[0] ?? "") }
  if (/^(concurrently|conc)$/.test(program)) return atOnce(args)
  if (/^(turbo|lerna|nx)$/.test(program)) return taskRunner(program, args)
  if (/^(.*\/)?node$/.test(program)) return { ...nothing, scripts: valuesOf(args, /^--run$/) }
  if (/^(.*\/)?deno$/.test(program) && args[0] === "task") return { ...nothing, scripts: args.slice(1).filter(isWord) }
  return nothing
}

/** Options that choose packages by a word, those that mean all of them, and those that name a folder. */
const choosing: Record<string, RegExp> = {
  npm: /^(-w|--workspace)$/,
  pnpm: /^(-F|--filter|--filter-prod)$/,
  bun: /^(-F|--filter)$/,
}
const every = /^(-ws|--ws|--workspaces|-r|--recursive|-A|--all)$/
const folders = /^(--prefix|--dir|--cwd|-C)$/
const root = /^(-w|--workspace-root)$/

function packageManager(program: string, args: readonly string[]): ManagerCall {
  const words: { word: string; at: number }[] = []
  const named: string[] = []
  let [all, late] = [false, false]
  let folder: string | undefined
  for (let at = 0; at < args.length && args[at] !== "--"; at++) {
    const word = args[at] ?? ""
    const [, option = "", inline] = /^(--?[\w-]+)(?:=(.*))?$/s.exec(word) ?? []
    const value = () => inline ?? args[++at] ?? ""
    if (folders.test(option)) folder = value()
    else if (choosing[program]?.test(option) === true) {
      named.push(value())
      late ||= words.length > 0
    } else if (root.test(option)) folder = "/"
    else if (every.test(option)) {
      all = true
      late ||= words.length > 0
    } else if (isWord(word)) words.push({ word, at })
  }
  let [verb, ...rest] = words
  if (verb?.word === "workspace" && program.startsWith("yarn")) {
    named.push(rest[0]?.word ?? "")
    ;[verb, ...rest] = rest.slice(1)
  } else if (/^(workspaces|recursive|multi|m)$/.test(verb?.word ?? "")) {
    all = true
    const run = rest.findIndex(({ word }) => /^(run|exec)$/.test(word))
    ;[verb, ...rest] = run === -1 ? rest.filter(({ word }) => word !== "foreach") : rest.slice(run)
  }
  const packages: Packages | undefined =
    named.length > 0 ? { is: "named", words: named } : all ? { is: "all" } : undefined
  return {
    ...asked(program, verb, rest, args),
    ...(folder === undefined ? {} : { folder }),
    ...(packages === undefined ? {} : { packages }),
    // npm keeps its own options wherever they stand; the others pass on what comes after the script.
    alsoHere: late && program !== "npm",
  }
}

type Placed = { word: string; at: number }

function asked(
  program: string,
  verb: Placed | undefined,
  rest: readonly Placed[],
  args: readonly string[],
): ManagerCall {
  if (verb === undefined) return nothing
  const [first] = rest
  if (/^(run|run-script|rum|urn)$/.test(verb.word))
    return { ...nothing, scripts: first === undefined ? [] : [first.word] }
  if (/^(t|tst|it|cit|install-test|install-ci-test|clean-install-test)$/.test(verb.word))
    return { ...nothing, scripts: ["test"] }
  if (/^(exec|x|dlx)$/.test(verb.word)) {
    const given = args.slice(verb.at + 1)
    const start = given.findIndex((word) => isWord(word) || word === "--")
    const starts = start === -1 ? [] : given.slice(given[start] === "--" ? start + 1 : start)
    return { ...nothing, starts, lines: program === "npm" ? valuesOf(given, /^(-c|--call)$/) : [] }
  }
  // Behind an option that takes a value (`--loglevel silent run unit`) the verb is the second word.
  const behind = (args[0] ?? "").startsWith("-") ? asked(program, first, rest.slice(1), args) : nothing
  return { ...behind, scripts: [verb.word, ...behind.scripts] }
}

/** `concurrently "npm:test:*" "sh check.sh"`: each word a line, or a script. */
function atOnce(args: readonly string[]): ManagerCall {
  const script = /^(?:npm|pnpm|yarn|bun|node):(\S+)/
  const words = args.filter(isWord)
  return {
    ...nothing,
    scripts: words.flatMap((word) => script.exec(word)?.[1] ?? []),
    lines: words.filter((word) => !script.test(word)),
  }
}

/** `turbo run test --filter=web`, `nx run web:test`, `nx test web`, `lerna run test --scope web`. */
function taskRunner(program: string, args: readonly string[]): ManagerCall {
  const words = args.filter(isWord)
  const targets = valuesOf(args, /^(-t|--targets?)$/).flatMap((value) => value.split(","))
  const chosen = valuesOf(args, /^(--filter|--scope|-F|-p|--projects?)$/).flatMap((value) => value.split(","))
  const of = (names: readonly string[]): Packages => (names.length > 0 ? { is: "named", words: names } : { is: "all" })
  if (program !== "nx") {
    const tasks = words.filter((word) => word !== "run").map((word) => word.replace(/^.*#/, ""))
    return { ...nothing, scripts: tasks, packages: of(chosen) }
  }
  const [verb = "", subject = ""] = words
  if (verb === "run") {
    const [project = "", target = ""] = subject.split(":")
    return { ...nothing, scripts: [target], packages: of([project]) }
  }
  if (/^(run-many|affected)$/.test(verb))
    return { ...nothing, scripts: [...targets, ...words.slice(1)], packages: of(chosen) }
  return { ...nothing, scripts: [verb], packages: of(subject === "" ? chosen : [subject]) }
}

/** The values of an option, with `=` or as the next word. */
function valuesOf(args: readonly string[], option: RegExp): string[] {
  return args.flatMap((word, at) => {
    const equals = word.indexOf("=")
    if (equals > 0 && option.test(word.slice(0, equals))) return [word.slice(equals + 1)]
    return option.test(word) ? [args[at + 1] ?? ""] : []
  })
}

function isWord(word: string): boolean {
  return word !== "" && !word.startsWith("-")
}
