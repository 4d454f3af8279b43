import { posix } from "node:path"
import { type ParseEntry, parse as parseShell } from "shell-quote"
import { managerCall } from "./package-managers.ts"
import type { Packages } from "./packages.ts"

/** What a line of shell does with a file, a target or a script that it names. */
export type Use = {
  /** `script`: it is run. `settings`: it says how something is run. `expectation`: something is compared with it. `data`: it is read. */
  as: "script" | "settings" | "expectation" | "data" | "make" | "npm"
  /** A path from the root, a pattern, or a name; where only its end is known (`"$dir/check.sh"`), that, and `loose`. */
  name: string
  loose: boolean
  /** Its output goes to another program, which is the one that judges. */
  piped: boolean
  /** Whether a shell reads it, as far as the line says. */
  shell: boolean
  /** The folder that it runs in, as far as it is known. */
  cwd: string | undefined
  /** Of an `npm` script: the packages of the repository that have it run; unset: the one of `cwd`. */
  packages?: Packages
}

/** What a shell text uses, line by line; what can't be read says nothing. */
export function usesIn(text: string, cwd: string | undefined): Use[] {
  const uses: Use[] = []
  let here = cwd
  for (const line of text.replace(/\\\n/g, " ").split("\n").slice(0, MAX_LINES)) {
    const read = usesInLine(line.slice(0, MAX_LINE_CHARS), here)
    uses.push(...read.uses)
    here = read.cwd
  }
  return uses
}

const MAX_LINES = 5_000
const MAX_LINE_CHARS = 4_000
/** Stands for what only the shell knows. */
const UNKNOWN = "\u0001"

type Command = { words: string[]; piped: boolean }

function usesInLine(line: string, cwd: string | undefined): { uses: Use[]; cwd: string | undefined } {
  const inner = [...line.matchAll(/\$\(([^()]*)\)|`([^`]*)`/g)].map((match) => match[1] ?? match[2] ?? "")
  const uses = inner.flatMap((text) => usesInLine(text, cwd).uses.map((use) => ({ ...use, piped: true })))
  const plain = line
    .replace(/\$\([^()]*\)|`[^`]*`|\$\{[^}]*\}|\$\w+|\$[@#?*!$-]/g, UNKNOWN)
    // Of make: how a recipe's line is run is no word of it.
    .replace(/^\s*[@+-]+/, "")
  let here = cwd
  for (const { words, piped } of commandsOf(plain)) {
    const argv = withoutPrefix(words)
    if (argv[0] === "cd") here = within(here, argv[1] ?? "")
    else uses.push(...usesOf(argv, here).map((use) => ({ ...use, piped: use.piped || piped })))
  }
  return { uses, cwd: here }
}

function commandsOf(line: string): Command[] {
  const commands: Command[] = [{ words: [], piped: false }]
  let target = false
  let redirected = false
  for (const token of tokensOf(line)) {
    const current = commands.at(-1)
    if (current === undefined) break
    if (typeof token === "string" || "pattern" in token) {
      const word = typeof token === "string" ? token : token.pattern
      // What is written to a file is judged by whoever reads it.
      if (target && redirected && word !== "/dev/null") current.piped = true
      if (!target) current.words.push(word)
      target = redirected = false
    } else if ("op" in token) {
      if (/^[<>]/.test(token.op)) {
        target = true
        redirected = /^>/.test(token.op) && !/^\d$/.test(current.words.at(-1) ?? "")
        // `2>file`: the number is no word of the command.
        if (/^\d$/.test(current.words.at(-1) ?? "")) current.words.pop()
        continue
      }
      if (token.op === "|" || token.op === "|&") current.piped = true
      commands.push({ words: [], piped: false })
    }
  }
  return commands.map((command, index) => ({
    ...command,
    piped: command.piped && !passesOn.has(withoutPrefix(commands[index + 1]?.words ?? [])[0] ?? ""),
  }))
}

/** Programs that judge nothing of what they read. */
const passesOn = new Set(["tee", "cat", "ts", "head", "tail", "less", "pv", "sed", "tr"])

function tokensOf(line: string): ParseEntry[] {
  try {
    return parseShell(line)
  } catch {
    return line.split(/[\s;&|()'"]+/)
  }
}

const prefixes = new Set(
  "if then else elif do while until ! { } time exec command env nohup sudo nice eval cross-env dotenv npx bunx pnpx uv poetry pipenv bundle run exec -- busybox winpty xvfb-run".split(
    " ",
  ),
)

/** `if ! CI=1 timeout 60 sh check.sh`: from the program on. */
function withoutPrefix(words: readonly string[]): string[] {
  let at = 0
  for (; at < words.length; at++) {
    const word = words[at] ?? ""
    if (word === "timeout") {
      while ((words[at + 1] ?? "").startsWith("-")) at += /^-[ks]$/.test(words[at + 1] ?? "") ? 2 : 1
      at++
    } else if (!prefixes.has(word) && !/^[A-Za-z_]\w*=/.test(word)) break
  }
  return words.slice(at)
}

const shells = /^(?:.*\/)?(?:ba|da|z|k|a|fi)?sh$/
const interpreters =
  /^(?:.*\/)?(?:node|nodejs|deno|bun|tsx|ts-node|vite-node|python[\d.]*|pypy\d?|ruby|perl|php|lua|luajit|Rscript|julia|elixir|pwsh|osascript|awk|gawk|make\.py)$/
const settingsOption =
  /^(?:-r|--require|--import|--loader|--experimental-loader|--preload|-c|--config|--config-file|--conf|--rcfile|--rc-file|--rc|--settings|--setup|--ruleset|--rulesdir|--plugin|--resolve-plugins-relative-to|-p|--project|--env-file|--init-file)(?:=(.*))?$/

/** `node --check FILE`, `sh -n FILE`: it is read, and not run. */
const readsOnly = /^(--check|--syntax-only|-n|-wc|-l)$/

function usesOf(argv: readonly string[], cwd: string | undefined): Use[] {
  const [program = "", ...args] = argv
  if (program === "") return []
  const use = (as: Use["as"], word: string, shell = false): Use[] => {
    const named = as === "make" || as === "npm" ? { name: word, loose: false } : placed(word, cwd)
    return named === undefined ? [] : [{ as, ...named, piped: false, shell, cwd }]
  }
  if (program === "." || program === "source") return use("script", args[0] ?? "", true)
  // `for case in cases/*.in`
  if (program === "for") return args.slice(2).flatMap((word) => use("data", word))
  if (program === "cat") return args.filter(isPlain).flatMap((word) => use("data", word))
  if ((shells.test(program) || interpreters.test(program)) && readsOnly.test(args[0] ?? "")) return []
  if (shells.test(program)) return shellUses(args, cwd, use)
  // Of these a short option means something else: `wc -c FILE`.
  if (/^(e?grep|rg|wc|head|tail|sort|uniq|cp|rm|ls|cut|sed|find|mkdir|tar|git|test|\[)$/.test(program)) return []
  const settings = settingsOf(args).flatMap((word) => use("settings", word))
  // `$(PYTHON) check.py`: which interpreter it is does not matter.
  if (program === UNKNOWN) return [...settings, ...scriptOf(args).flatMap((word) => use("script", word))]
  if (interpreters.test(program))
    return [...settings, ...scriptOf(args).flatMap((word) => use("script", word)), ...npmUses(program, args, cwd, use)]
  if (/^(g?make|just)$/.test(program)) return makeUses(args, cwd, use)
  const ofPackages = npmUses(program, args, cwd, use)
  if (ofPackages.length > 0) return [...settings, ...ofPackages]
  if (/^(diff|cmp|comm)$/.test(program)) return args.filter(isPlain).flatMap((word) => use("expectation", word))
  return [...settings, ...(program.includes("/") ? use("script", program) : [])]
}

type Using = (as: Use["as"], word: string, shell?: boolean) => Use[]

function shellUses(args: readonly string[], cwd: string | undefined, use: Using): Use[] {
  for (const [index, word] of args.entries()) {
    if (/^-\w*c$/.test(word)) return usesIn(args[index + 1] ?? "", cwd)
    if (isPlain(word)) return use("script", word, true)
  }
  return []
}

/** What an interpreter is given to run: its first word, or the module after `-m`. */
function scriptOf(args: readonly string[]): string[] {
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? ""
    if (word === "-m") {
      const module = (args[at + 1] ?? "").replaceAll(".", "/")
      return [`${module}.py`, `${module}/__main__.py`]
    }
    if (/^(-e|--eval|-p|--print|-c|-pe)$/.test(word)) return []
    if (settingsOption.test(word) && !word.includes("=")) at++
    else if (isPlain(word) && word !== "run" && word !== "test") return [word]
  }
  return []
}

function settingsOf(args: readonly string[]): string[] {
  return args.flatMap((word, index) => {
    const match = settingsOption.exec(word)
    return match === null ? [] : [match[1] ?? args[index + 1] ?? ""]
  })
}

/** `make -C DIR -f FILE TARGET…` */
function makeUses(args: readonly string[], cwd: string | undefined, use: Using): Use[] {
  const targets: string[] = []
  const files: string[] = []
  let here = cwd
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? ""
    const [, long = "", value] = /^--(directory|file|makefile|justfile|working-directory)(?:=(.*))?$/.exec(word) ?? []
    const option = long === "" ? word : /director/.test(long) ? "-C" : "-f"
    if (/^-[CfdjlIoW]$/.test(option)) {
      const given = value ?? args[++at] ?? ""
      if (option === "-C" || option === "-d") here = within(here, given)
      if (option === "-f") files.push(given)
    } else if (isPlain(word) && !word.includes("=")) targets.push(word)
  }
  const rules = (targets.length === 0 ? [""] : targets).flatMap((target) => use("make", target))
  return [...rules, ...files.flatMap((file) => use("settings", file))].map((each) => ({ ...each, cwd: here }))
}

/** The scripts of package.json that a package manager is to run, or what it is to start. */
function npmUses(manager: string, args: readonly string[], cwd: string | undefined, use: Using): Use[] {
  const { scripts, starts, lines, folder, packages, alsoHere } = managerCall(manager, args)
  const here = folder === undefined ? cwd : folder === "/" ? "" : within(cwd, folder)
  const ran = scripts.flatMap((name) => use("npm", name)).map((each) => ({ ...each, cwd: here }))
  // In which package's folder it starts is not known then.
  const at = packages === undefined ? here : undefined
  return [
    ...(packages === undefined ? ran : ran.map((each) => ({ ...each, packages }))),
    ...(packages !== undefined && alsoHere ? ran : []),
    ...usesOf(withoutPrefix(starts), at),
    ...lines.flatMap((line) => usesIn(line, at)),
  ]
}

function isPlain(word: string): boolean {
  return word !== "" && !word.startsWith("-") && word !== UNKNOWN
}

/** Where in the tree a word points; undefined where it can't be a file of it. */
function placed(word: string, cwd: string | undefined): { name: string; loose: boolean } | undefined {
  const at = word.lastIndexOf(UNKNOWN)
  if (at === -1 && cwd !== undefined && !word.startsWith("/")) {
    const name = within(cwd, word)
    return name === undefined || name === "" ? undefined : { name, loose: false }
  }
  // Only the end of it is known: `$root/scripts/check.sh`.
  const end = posix.normalize(word.slice(at + 1).replace(/^\/+/, ""))
  return end === "." || end === "" || end.startsWith("..") || (at !== -1 && !word.slice(at + 1).startsWith("/"))
    ? undefined
    : { name: end, loose: true }
}

/** A folder or file from another, both from the root; undefined where it leaves it or isn't known. */
function within(cwd: string | undefined, word: string): string | undefined {
  if (cwd === undefined || word.startsWith("/") || word.includes(UNKNOWN)) return undefined
  const path = posix.normalize(posix.join(cwd === "" ? "." : cwd, word)).replace(/\/$/, "")
  if (path === ".") return ""
  return path.startsWith("..") ? undefined : path
}
