import type { SyntaxNode } from "@lezer/common"
import { childOf, childrenOf, literalOf, partsOf, type Source, textOf, walk } from "../syntax/source.ts"
import { loopAt, namesIn } from "./javascript-loops.ts"
import { callbackOf } from "./places.ts"
import { type Tabled, tableAt } from "./rows.ts"

/** Where a test is written: the statement that makes it, its title, what it does, and the suites before its name. */
export type Opening = {
  unit: SyntaxNode
  title: SyntaxNode
  body: SyntaxNode
  suite: string
  /** The table that it is run for each row of, told by what the test gives. */
  tabled?: (given: string) => Tabled
}

/** The one test of a file that has a name as its runner says it; undefined where there is none, or more than one. */
export function openingOf(source: Source, name: string): Opening | undefined {
  const calls: SyntaxNode[] = []
  walk(source.root, (node) => {
    if (node.name === "CallExpression" && callbackOf(node) !== undefined) calls.push(node)
    return true
  })
  const found = calls.flatMap((call) => {
    const shape = shapeOf(source, call)
    const own = shape === undefined ? null : new RegExp(`^([\\s\\S]* > )?(?:${shape.pattern})$`).exec(name)
    return shape === undefined || own === null ? [] : [{ ...shape, suite: own[1] ?? "" }]
  })
  const exact = found.filter(({ tabled }) => tabled === undefined)
  const chosen = exact.length > 0 ? exact : found
  return chosen.length === 1 ? chosen[0] : undefined
}

type Shape = Omit<Opening, "suite"> & { pattern: string }

/** A call that opens a test without a mark, alone or for each row of a table. */
function shapeOf(source: Source, call: SyntaxNode): Shape | undefined {
  const [callee, list] = childrenOf(call)
  const callback = callbackOf(call)
  const title = list === undefined ? undefined : partsOf(list)[0]
  const body = callback === undefined ? undefined : partsOf(callback).at(-1)
  if (callee === undefined || callback === undefined || title === undefined || body === undefined) return undefined
  if (body.name === "ParamList" || call.parent?.name !== "ExpressionStatement") return undefined
  const said = textOf(source, callee)
  if (/^(it|test|specify)$/.test(said)) return ofPlain(source, call, { title, body })
  const table = /^(it|test|specify)\s*\.\s*each\s*\(/.test(said)
    ? partsOf(childOf(callee, "ArgList") ?? callee)[0]
    : undefined
  const read = table === undefined ? undefined : tableAt(source, table)
  const params = childOf(callback, "ParamList")
  if (read === undefined || params === undefined) return undefined
  const names = namesIn(source, partsOf(params))
  return {
    unit: call,
    title,
    body,
    pattern: patternOf(source, title, true),
    tabled: (given) => ({ table: read, names, given }),
  }
}

function ofPlain(
  source: Source,
  call: SyntaxNode,
  { title, body }: { title: SyntaxNode; body: SyntaxNode },
): Shape | undefined {
  const loop = loopAround(source, call)
  if (loop === undefined)
    return literalOf(source, title) === undefined
      ? undefined
      : { unit: call, title, body, pattern: patternOf(source, title, false) }
  const read = tableAt(source, loop.table)
  if (read === undefined) return undefined
  const { names, unit } = loop
  return {
    unit,
    title,
    body,
    pattern: patternOf(source, title, false),
    tabled: (given) => ({ table: read, names, given }),
  }
}

/** The loop that makes one test in each of its rounds. */
function loopAround(source: Source, call: SyntaxNode) {
  for (let node = call.parent; node !== null; node = node.parent) {
    if (node.name === "CallExpression" && /^(describe|context|suite)\b/.test(textOf(source, node))) return undefined
    const loop = /^(ForStatement|ExpressionStatement)$/.test(node.name) ? loopAt(source, node) : undefined
    if (loop !== undefined) return { ...loop, unit: node }
  }
  return undefined
}

const ANY = "[\\s\\S]*?"

/** How names made of a title look. */
function patternOf(source: Source, title: SyntaxNode, isFormat: boolean): string {
  const literal = literalOf(source, title)
  const text = literal === undefined ? undefined : plainTitle(literal)
  if (text !== undefined) {
    const places = isFormat ? /%[sdifjoOpc#$%]|\$\{[^}]*\}|\$[\w.]+/ : /(?!)/
    return text === "" ? "(?!)" : text.split(places).map(escaped).join(ANY)
  }
  if (title.name !== "TemplateString") return ANY
  return textOf(source, title)
    .slice(1, -1)
    .split(/\$\{[^}]*\}/)
    .map(escaped)
    .join(ANY)
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&")
}

function plainTitle(literal: string): string {
  try {
    return String(JSON.parse(literal))
  } catch {
    return ""
  }
}
