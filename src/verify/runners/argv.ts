import { basename } from "node:path"

/** A tool inside an argv: its name and where its own arguments begin. */
export type Tool = { name: string; at: number }

/** The tool an argv starts: sees through `node …/bin/jest.js`, `python -m pytest`, `uv run …`; undefined when there is none. */
export function toolOf(argv: readonly string[]): Tool | undefined {
  const at = launcherLength(argv)
  const word = argv[at]
  if (word === undefined) return undefined
  const name = basename(word)
  if (isNode(name)) return nodeTool(argv, at)
  if (/^python[0-9.]*$/.test(name)) {
    const m = argv.indexOf("-m", at)
    const module = m === at + 1 || m === at + 2 ? argv[m + 1] : undefined
    return module === undefined ? { name: "python", at } : { name: module, at: m + 1 }
  }
  return { name: name.replace(/\.(cmd|exe)$/, ""), at }
}

/** The arguments after the tool's own word. */
export function argumentsOf(argv: readonly string[]): string[] {
  const tool = toolOf(argv)
  return tool === undefined ? [] : argv.slice(tool.at + 1)
}

/** The same argv with the tool's arguments replaced. */
export function withArguments(argv: readonly string[], args: readonly string[]): string[] {
  const tool = toolOf(argv)
  return tool === undefined ? [...argv] : [...argv.slice(0, tool.at + 1), ...args]
}

/** Flags by name: `bare` ones stand alone, `valued` ones take the next word when they have no `=`, `counted` ones only a number. */
export type FlagNames = { bare?: readonly string[]; valued?: readonly string[]; counted?: readonly string[] }

/** The arguments without these flags; what stands behind a `--` is kept. */
export function dropFlags(args: readonly string[], flags: FlagNames): string[] {
  const kept: string[] = []
  for (let index = 0; index < args.length; index++) {
    const word = args[index] ?? ""
    if (word === "--") return [...kept, ...args.slice(index)]
    const [name = "", value] = splitFlag(word)
    if (flags.bare?.includes(name)) continue
    if (flags.valued?.includes(name)) {
      if (value === undefined && !(args[index + 1] ?? "-").startsWith("-")) index++
      continue
    }
    if (flags.counted?.includes(name)) {
      if (value === undefined && /^\d+$/.test(args[index + 1] ?? "")) index++
      continue
    }
    kept.push(word)
  }
  return kept
}

/** Puts flags before a `--`, where the tool still reads them. */
export function addFlags(args: readonly string[], flags: readonly string[]): string[] {
  const end = args.indexOf("--")
  return end === -1 ? [...args, ...flags] : [...args.slice(0, end), ...flags, ...args.slice(end)]
}

function splitFlag(word: string): [string, string | undefined] {
  const equals = word.indexOf("=")
  return word.startsWith("-") && equals !== -1 ? [word.slice(0, equals), word.slice(equals + 1)] : [word, undefined]
}

const launchers: readonly (readonly string[])[] = [
  ["uv", "run"],
  ["poetry", "run"],
  ["pipenv", "run"],
  ["pdm", "run"],
  ["rye", "run"],
  ["bundle", "exec"],
]

function launcherLength(argv: readonly string[]): number {
  const found = launchers.find((words) => words.every((word, index) => argv[index] === word))
  return found?.length ?? 0
}

function isNode(name: string): boolean {
  return name === "node" || name === "nodejs" || name === "tsx"
}

const valuedNodeFlags = new Set([
  "-r",
  "--require",
  "--import",
  "--loader",
  "--experimental-loader",
  "-C",
  "--conditions",
  "--tsconfig",
  "--env-file",
])

/** `node --flags node_modules/x/bin/x.js …` is x; otherwise it is node itself. */
function nodeTool(argv: readonly string[], at: number): Tool {
  let index = at + 1
  while ((argv[index] ?? "").startsWith("-")) index += valuedNodeFlags.has(argv[index] ?? "") ? 2 : 1
  const script = argv[index] ?? ""
  const inside = /(?:^|\/)node_modules\/(?:\.bin\/([^/]+)$|((?:@[^/]+\/)?[^/]+)\/)/.exec(script)
  const name = inside?.[1] ?? inside?.[2]
  return name === undefined ? { name: "node", at } : { name: basename(name), at: index }
}
