import type { SyntaxNode } from "@lezer/common"
import { render } from "../syntax/render.ts"
import { childOf, childrenOf, lineOf, literalOf, partsOf, type Source, textOf, walk } from "../syntax/source.ts"
import { type ChangedSource, newNodes } from "./changed-sources.ts"

/*
 * What source does that has no use but to tell a test run from the world, or to pass for right where it is not: it asks who
 * calls it, by which clock, since when; it says itself what it is equal to. Each is asked about.
 */

/** What the new source of one file does of it, each as `path:line why: text`. */
export function tellsOf(changed: ChangedSource): string[] {
  const { source, path } = changed
  if (source === undefined) return []
  const found = new Map<number, string>()
  for (const node of newNodes(changed)) {
    const line = lineOf(source, node)
    const why = found.has(line) || node.to - node.from > MAX_CHARS ? undefined : tells(source, node, changed)
    if (why === undefined) continue
    const shown = textOf(source, node).split("\n")[0]?.trim().slice(0, 160) ?? ""
    found.set(line, `${path}:${line} ${why}: \`${shown}\``)
  }
  return [...found.values()]
}

/** A node that is larger says what it says in its parts. */
const MAX_CHARS = 4_000

const frames =
  /^(sys\._(getframe|current_frames)|inspect\.(stack|currentframe|getouterframes|trace)|traceback\.(extract_stack|format_stack|walk_stack|print_stack)|debug\.(Stack|PrintStack)|runtime\.(Callers?|CallersFrames|Stack|FuncForPC)|Error\.captureStackTrace|gc\.get_(objects|referrers))$/
const started = /^(os\.Args|sys\.(argv|orig_argv)|process\.(argv|execArgv|title|argv0))$/
const clocks =
  /\b(time\.(time|monotonic|perf_counter|process_time|time_ns|monotonic_ns|Now)|datetime\.(now|utcnow|today)|date\.today|Date\.now|performance\.now|process\.(hrtime|uptime)|new Date)\s*\(\s*\)|\bnew Date\b(?!\s*\()/

function tells(source: Source, node: SyntaxNode, { names, before, path }: ChangedSource): string | undefined {
  switch (node.name) {
    case "MemberExpression":
    case "SelectorExpr": {
      const said = render(source, node, names).replace(/\s+/g, "")
      if (knows(before, said)) return undefined
      if (frames.test(said)) return "asks who calls it"
      return started.test(said) && !isProgram(source, path) ? "asks how it was started" : undefined
    }
    case "AssignStatement":
    case "VarDecl":
    case "VariableDeclaration":
      return remembersStart(source, node, before) ? "remembers when the process began" : undefined
    case "BinaryExpression":
    case "BinaryExp":
      return ofComparison(source, node)
    case "CallExpression":
    case "CallExpr":
      return comparesWithItself(source, node) ? "compares a thing with itself" : undefined
    case "ClassDefinition":
      return saysItsEquality(source, node, before) ? "says by itself what it is equal to" : undefined
    case "MethodDeclaration":
    case "Property":
      return /^(async\s+)?(asymmetricMatch|\[Symbol\.(toPrimitive|hasInstance|toStringTag)\])/.test(
        textOf(source, node),
      ) && !/asymmetricMatch|Symbol\.(toPrimitive|hasInstance|toStringTag)/.test(before)
        ? "says by itself what it is equal to"
        : undefined
    default:
      return undefined
  }
}

function knows(before: string, said: string): boolean {
  return before.includes(said.split(".").at(-1) ?? said)
}

function isProgram(source: Source, path: string): boolean {
  return (
    /(^|\/)(cli|bin|main|__main__|index|cmd|scripts?)\b/.test(path) ||
    /^#!|__name__\s*==\s*["']__main__|^package main/m.test(source.text)
  )
}

/** A clock read once, when the module is loaded. */
function remembersStart(source: Source, node: SyntaxNode, before: string): boolean {
  if (!/^(Script|SourceFile|ExportDeclaration)$/.test(node.parent?.name ?? "")) return false
  const text = textOf(source, node)
  if (!clocks.test(text) || /=>|\bfunction\b|\bfunc\b|\blambda\b/.test(text)) return false
  return !before.includes(text.trim())
}

const age = /\b(st_[amc]time|getmtime|getctime|mtime(Ms)?|ctimeMs|birthtime(Ms)?|ModTime)\b/
const comparisons = /^(===?|!==?|<=?|>=?|is)$/

function ofComparison(source: Source, node: SyntaxNode): string | undefined {
  const [left, operator, right] = childrenOf(node)
  if (left === undefined || operator === undefined || right === undefined) return undefined
  if (!comparisons.test(textOf(source, operator))) return undefined
  const [a, b] = [left, right].map((side) => textOf(source, side).replace(/\s+/g, ""))
  if (a === b && /\(/.test(a ?? "")) return "compares a thing with itself"
  if (clocks.test(textOf(source, node)) && age.test(textOf(source, node))) return "acts by the age of a file"
  const year = [left, right].some((side) => /^20\d\d$/.test(literalOf(source, side) ?? ""))
  const calendar = /(\b(get(UTC)?(Full)?Year|Year)\(\)|\.year\b)/
  return year && [a, b].some((side) => calendar.test(side ?? "")) ? "acts by the calendar" : undefined
}

/** `now().Equal(now())`, `Object.is(f(), f())`. */
function comparesWithItself(source: Source, node: SyntaxNode): boolean {
  const [callee, list] = childrenOf(node)
  const [only, second, more] = list === undefined ? [] : partsOf(list)
  if (callee === undefined || only === undefined || more !== undefined) return false
  const said = textOf(source, callee).replace(/\s+/g, "")
  const given = textOf(source, only).replace(/\s+/g, "")
  if (!given.includes("(")) return false
  if (second !== undefined)
    return /^(Object\.is|isDeepStrictEqual)$/.test(said) && given === textOf(source, second).replace(/\s+/g, "")
  const match = /^([\s\S]+)\.(Equal|Compare|equals|__eq__|Before|After)$/.exec(said)
  return match !== null && match[1] === given
}

const values = /\b(str|int|float|bytes|tuple|list|dict|set|frozenset|Decimal|Fraction|datetime|date|timedelta)\b/

/** A value class of the language that is equal to more than itself, or equality within a tolerance. */
function saysItsEquality(source: Source, node: SyntaxNode, before: string): boolean {
  const bases = childOf(node, "ArgList")
  const body = childOf(node, "Body")
  if (body === undefined || before.includes("__eq__")) return false
  const isValue = bases !== undefined && values.test(textOf(source, bases))
  let found = false
  walk(body, (each) => {
    if (each.name !== "FunctionDefinition") return true
    const text = textOf(source, each)
    if (/^(async\s+)?def\s+__(eq|ne)__\b/.test(text))
      found ||= isValue || /\babs\(|\bisclose\(|\bround\(|startswith|endswith|\breturn True\b/.test(text)
    return false
  })
  return found
}
