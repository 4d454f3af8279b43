import { parse as parseShell } from "shell-quote"
import { z } from "zod"
import type { CheckSpec } from "../core/loop.ts"
import { runnerOf, runners } from "./runners/index.ts"
import type { Runner, TreeFiles } from "./runners/runner.ts"

/** One command of a check, followed through package scripts to what it really starts. */
export type Step = {
  argv: string[]
  env: Record<string, string>
  /** Words of `argv` that the shell must expand. */
  globs: ReadonlySet<string>
  /** As a person would type it. */
  text: string
  /** Unset: nothing reads its format, its exit code counts. */
  runner?: Runner
}

/** How a check is run: step by step with machine formats, or as a whole by its exit code, and why. */
export type Plan =
  | { is: "steps"; steps: Step[] }
  | { is: "whole"; argv: string[]; why: string }
  | { is: "missing"; why: string }

/** Follows a check's `run` to the runners behind it; where that would be a guess, the whole line runs by its exit code. */
export function planCheck(check: CheckSpec, tree: TreeFiles): Plan {
  const { run, kind, format } = check
  if (run === undefined) return { is: "missing", why: `The check ${check.name} has no command.` }
  const whole = (why: string): Plan => ({
    is: "whole",
    argv: typeof run === "string" ? ["sh", "-c", run] : [...run],
    why,
  })
  if (kind === "exit" || format === "exit") return whole("the check is declared so")
  if (format === "tap") return printingTap(check, run, tree)
  try {
    const steps = typeof run === "string" ? follow(run, tree, 0) : followWords(plainWords(run), tree, 0)
    if (format !== undefined && !steps.some((step) => step.runner?.name === format))
      return whole(`no ${format} was found in it`)
    if (kind === "build" && steps.length > 1) return whole("it is a script of several commands")
    const wanted = (runner: Runner | undefined) => runner !== undefined && reportOf(runner.kind) === reportOf(kind)
    return steps.some((step) => wanted(step.runner)) ? { is: "steps", steps } : whole("no known runner was found in it")
  } catch (thrown) {
    if (thrown instanceof MissingScript) return { is: "missing", why: thrown.message }
    if (thrown instanceof Unfollowable) return whole(thrown.message)
    throw thrown
  }
}

/** A check said to print TAP: read by the runner behind it where that is known, else its whole line is read as it stands. */
function printingTap(check: CheckSpec, run: string | readonly string[], tree: TreeFiles): Plan {
  const { format: _, ...rest } = check
  const plan = planCheck(rest, tree)
  if (plan.is !== "whole") return plan
  const text = typeof run === "string" ? run : run.join(" ")
  return { is: "steps", steps: [{ argv: plan.argv, env: {}, globs: new Set(), text, runner: runners.tap }] }
}

/** What is read of a check or runner of a kind: tests, numbers, or issues. */
export function reportOf(kind: CheckSpec["kind"]): "tests" | "numbers" | "issues" {
  return kind === "tests" || kind === "numbers" ? kind : "issues"
}

/** The commands behind a line; none where it can't be followed. */
export function stepsBehind(run: string, tree: TreeFiles): Step[] {
  try {
    return follow(run, tree, 0)
  } catch (thrown) {
    if (thrown instanceof MissingScript || thrown instanceof Unfollowable) return []
    throw thrown
  }
}

class Unfollowable extends Error {}
class MissingScript extends Error {}

/** Scripts that call scripts deeper than this call themselves. */
const MAX_DEPTH = 10

type Words = { words: string[]; globs: Set<string> }
type Command = Words & { formatter?: string[] }

function follow(line: string, tree: TreeFiles, depth: number): Step[] {
  if (depth > MAX_DEPTH) throw new Unfollowable("its scripts call each other without end")
  return commandsOf(line).flatMap(({ formatter, ...words }) => {
    if (depth > 0 && asksForAdvisories(words.words)) return []
    const steps = followWords(words, tree, depth)
    // What makes TAP pretty is left off, as coverage is; any other pipe is the shell's.
    if (formatter === undefined || (steps.length === 1 && isTapPrinter(steps[0]?.runner))) return steps
    throw new Unfollowable("the script uses `|`")
  })
}

/** Around a project's tests (`posttest: npm audit`): checks have no network, and advisories are `dependencies_ok`'s. */
function asksForAdvisories(words: readonly string[]): boolean {
  return /^(?:npx (?:npm@\S+|npm) |npm |pnpm |yarn (?:npm )?)audit\b|^(?:npx )?(?:aud|better-npm-audit|audit-ci|snyk test)\b/.test(
    words.join(" "),
  )
}

const tapFormatters = /^(?:tap-[a-z][\w-]*|faucet|colortap|tapper|@\w+\/tap-[\w-]+)$/

function isTapPrinter(runner: Runner | undefined): boolean {
  return runner !== undefined && ["tape", "ava", "node-tap", "node:test"].includes(runner.name)
}

/** `a && b` as its commands. Everything else a shell can do is the shell's: pipes, `;`, `||`, redirections, variables. */
function commandsOf(line: string): Command[] {
  if (/[`\n\r]|\$\(|\$\{/.test(line)) throw new Unfollowable("the script uses more of the shell than `&&`")
  const commands: Command[] = [{ words: [], globs: new Set() }]
  const variable = (name: string) => {
    // What the project adds to NODE_OPTIONS it adds to nothing: our environment starts without it.
    if (name === "NODE_OPTIONS") return ""
    throw new Unfollowable(`the script uses the variable ${name}`)
  }
  for (const token of parseShell(line, variable)) {
    const current = commands.at(-1)
    if (current === undefined) break
    if (typeof token === "string") (current.formatter ?? current.words).push(token)
    else if ("pattern" in token) {
      current.words.push(token.pattern)
      current.globs.add(token.pattern)
    } else if ("op" in token && token.op === "&&") commands.push({ words: [], globs: new Set() })
    else if ("op" in token && token.op === "|" && current.formatter === undefined) current.formatter = []
    else throw new Unfollowable(`the script uses \`${"op" in token ? token.op : "#"}\``)
  }
  const piped = commands.find(({ formatter }) => formatter !== undefined && !isFormatter(formatter))
  if (piped !== undefined) throw new Unfollowable("the script uses `|`")
  return commands.filter((command) => command.words.length > 0)
}

function isFormatter(words: readonly string[]): boolean {
  const [program = "", ...args] = words[0] === "npx" ? words.slice(1) : words
  return tapFormatters.test(program) && args.every((word) => word.startsWith("-"))
}

/** What npm runs before and after a script: where it can't be followed it is one command of the shell, and the script is read all the same. */
function followAround(line: string, tree: TreeFiles, depth: number): Step[] {
  try {
    return follow(line, tree, depth)
  } catch (thrown) {
    if (!(thrown instanceof Unfollowable) || depth > MAX_DEPTH) throw thrown
    return [{ argv: ["sh", "-c", line], env: {}, globs: new Set(), text: line }]
  }
}

function plainWords(words: readonly string[]): Words {
  return { words: [...words], globs: new Set() }
}

function followWords({ words, globs }: Words, tree: TreeFiles, depth: number): Step[] {
  const { argv, env } = withoutPrefix(words)
  const [program = "", ...args] = argv
  if (["cd", "source", ".", "export", "set", "exit", "if", "for", "while", "("].includes(program)) {
    throw new Unfollowable(`the script uses \`${program}\``)
  }
  if (packageManagers.has(program)) {
    const script = scriptCall(program, args, tree)
    if (script.is === "script") {
      const steps = scriptLines(script.name, script.args, tree).flatMap(({ line, is }) =>
        is === "script" ? follow(line, tree, depth + 1) : followAround(line, tree, depth + 1),
      )
      return steps.map((step) => ({ ...step, env: { ...env, ...step.env } }))
    }
    return [stepOf(script.argv, env, globs, tree)]
  }
  return [stepOf(argv, env, globs, tree)]
}

function stepOf(argv: string[], env: Record<string, string>, globs: ReadonlySet<string>, tree: TreeFiles): Step {
  const inside = unwrapped(argv, tree)
  const runner = runnerOf(inside, tree)
  const text = inside.join(" ")
  return { argv: inside, env, globs, text, ...(runner === undefined ? {} : { runner }) }
}

/** `A=1 B=2 cross-env C=3 command …`: the command and its variables. */
function withoutPrefix(words: readonly string[]): { argv: string[]; env: Record<string, string> } {
  const env: Record<string, string> = {}
  let index = 0
  for (; index < words.length; index++) {
    const word = words[index] ?? ""
    const assignment = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(word)
    if (assignment !== null) env[assignment[1] ?? ""] = assignment[2] ?? ""
    else if (word !== "cross-env" && word !== "env") break
  }
  const first = words[index] ?? ""
  if (first.startsWith("-")) throw new Unfollowable("the script uses options of `env`")
  return { argv: words.slice(index), env }
}

const coverageTools = new Set(["c8", "nyc"])

/** Coverage wrapped around a runner is left off: it is measured nowhere, and its thresholds would colour the exit code. */
function unwrapped(argv: readonly string[], tree: TreeFiles): string[] {
  if (!coverageTools.has(argv[0] ?? "")) return [...argv]
  for (let at = 1; at < argv.length; at++) {
    const rest = argv.slice(at)
    const before = argv[at - 1] ?? ""
    const isValue = /^--?(r|reporter|include|exclude|n|x|src)$/.test(before)
    if (!isValue && runnerOf(rest, tree) !== undefined) return rest
  }
  return [...argv]
}

const packageManagers = new Set(["npm", "pnpm", "yarn", "bun", "npx", "pnpx", "bunx"])
const quietFlags = new Set([
  "-s",
  "--silent",
  "-q",
  "--quiet",
  "--no-audit",
  "--no-fund",
  "--if-present",
  "--offline",
  "-y",
  "--yes",
  "--no-install",
  "--no",
  "--bun",
])

/** The folder itself, and those above it within the checkout. */
const UPWARDS = ["", "..", "../..", "../../..", "../../../.."]

type Call = { is: "script"; name: string; args: string[] } | { is: "program"; argv: string[] }

/** What a package manager is asked to do: run a script of the project, or a program of its dependencies. */
function scriptCall(manager: string, given: readonly string[], tree: TreeFiles): Call {
  const args = [...given]
  // Plug'n'Play has no node_modules/.bin: only yarn itself knows where a program is.
  if (UPWARDS.some((above) => tree.list(above).includes(".pnp.cjs")))
    throw new Unfollowable("it uses Yarn's Plug'n'Play")
  const skipFlags = () => {
    while (quietFlags.has(args[0] ?? "")) args.shift()
    if ((args[0] ?? "").startsWith("-") && args[0] !== "--") throw new Unfollowable(`it uses \`${manager} ${args[0]}\``)
  }
  skipFlags()
  if (manager.endsWith("x")) return program(args)
  const verb = args.shift() ?? ""
  if (["exec", "x", "dlx"].includes(verb)) {
    skipFlags()
    return program(args)
  }
  const passed = (rest: readonly string[]) =>
    rest[0] === "--" ? rest.slice(1) : manager === "npm" ? onlyBehindDashes(rest) : [...rest]
  if (["run", "run-script", "rum", "urn"].includes(verb)) {
    skipFlags()
    const name = args.shift() ?? ""
    return { is: "script", name, args: passed(args) }
  }
  if (["test", "t", "tst"].includes(verb) && manager !== "bun")
    return { is: "script", name: "test", args: passed(args) }
  if (manager === "yarn" || manager === "pnpm") {
    if (scripts(tree)[verb] !== undefined) return { is: "script", name: verb, args: passed(args) }
    if (/^(install|add|workspaces?|dlx|node|config|why|up|remove)$/.test(verb))
      throw new Unfollowable(`it uses \`${manager} ${verb}\``)
    return program([verb, ...args])
  }
  throw new Unfollowable(`it uses \`${manager} ${verb}\``)
}

function program(args: readonly string[]): Call {
  const argv = args[0] === "--" ? args.slice(1) : [...args]
  // `npx vitest@latest` would be fetched: what is installed is what runs.
  const name = (argv[0] ?? "").replace(/(?<=.)@[^/]*$/, "")
  if (name === "") throw new Unfollowable("it names no program")
  return { is: "program", argv: [name, ...argv.slice(1)] }
}

/** npm keeps flags before `--` to itself and passes plain words on. */
function onlyBehindDashes(rest: readonly string[]): string[] {
  const dashes = rest.indexOf("--")
  const own = dashes === -1 ? rest : rest.slice(0, dashes)
  const flag = own.find((word) => word.startsWith("-") && !quietFlags.has(word))
  if (flag !== undefined) throw new Unfollowable(`it uses \`npm … ${flag}\``)
  return [...own.filter((word) => !word.startsWith("-")), ...(dashes === -1 ? [] : rest.slice(dashes + 1))]
}

/** A script with its `pre` and `post`, arguments appended as npm does. */
function scriptLines(
  name: string,
  args: readonly string[],
  tree: TreeFiles,
): { line: string; is: "script" | "around" }[] {
  const found = scripts(tree)
  const line = found[name]
  if (line === undefined) throw new MissingScript(`package.json has no script "${name}".`)
  const appended = args.map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
  const around = (each: string | undefined) => (each === undefined ? [] : [{ line: each, is: "around" as const }])
  const own = { line: [line, ...appended].join(" "), is: "script" as const }
  return [...around(found[`pre${name}`]), own, ...around(found[`post${name}`])]
}

const PackageJson = z.object({ scripts: z.record(z.string(), z.string()).optional() })

/** The scripts of a tree's package.json; none where it has none or can't be read. */
export function scripts(tree: TreeFiles): Record<string, string> {
  const text = tree.read("package.json")
  if (text === undefined) return {}
  try {
    return PackageJson.parse(JSON.parse(text)).scripts ?? {}
  } catch {
    return {}
  }
}
