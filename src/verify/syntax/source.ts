import type { SyntaxNode } from "@lezer/common"
import { parser as goParser } from "@lezer/go"
import { parser as jsParser } from "@lezer/javascript"
import { parser as pythonParser } from "@lezer/python"

export type Language = "javascript" | "python" | "go"

/** A file as its syntax tree; `broken` where the parser had to guess, and then nothing may be concluded from absence. */
export type Source = {
  path: string
  language: Language
  text: string
  root: SyntaxNode
  broken: boolean
  lineStarts: readonly number[]
}

const MAX_CHARS = 512 * 1024
/** Trees are walked by recursion: what is nested deeper is left to the rules that read lines. */
const MAX_DEPTH = 300

/** The tree of a file in a language that we parse; undefined for any other, and for files past the limit. */
export function readSource(path: string, text: string): Source | undefined {
  const found = parserOf(path)
  if (found === undefined || text.length > MAX_CHARS) return undefined
  const tree = found.parser.parse(text)
  let depth = 0
  let broken = false
  tree.iterate({
    enter(node) {
      depth++
      if (depth > MAX_DEPTH || node.type.isError) broken = true
      return depth <= MAX_DEPTH
    },
    leave() {
      depth--
    },
  })
  // Where it is too deep its top is all that may be walked, and that says nothing.
  return { path, language: found.language, text, root: tree.topNode, broken, lineStarts: startsOf(text) }
}

function parserOf(path: string) {
  if (/\.[cm]?ts$/i.test(path))
    return { language: "javascript", parser: jsParser.configure({ dialect: "ts" }) } as const
  if (/\.tsx$/i.test(path))
    return { language: "javascript", parser: jsParser.configure({ dialect: "ts jsx" }) } as const
  if (/\.([cm]?js|jsx)$/i.test(path))
    return { language: "javascript", parser: jsParser.configure({ dialect: "jsx" }) } as const
  if (/\.pyi?$/i.test(path)) return { language: "python", parser: pythonParser } as const
  return /\.go$/i.test(path) ? ({ language: "go", parser: goParser } as const) : undefined
}

/** The children of a node, comments left out. */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = []
  for (let child = node.firstChild; child !== null; child = child.nextSibling) {
    if (!isComment(child)) found.push(child)
  }
  return found
}

/** The children that are no punctuation: operands, arguments, elements. */
export function partsOf(node: SyntaxNode): SyntaxNode[] {
  return childrenOf(node).filter((child) => !/^[^\w]+$/.test(child.name))
}

export function isComment(node: SyntaxNode): boolean {
  return /Comment$/.test(node.name)
}

export function textOf(source: Source, node: SyntaxNode): string {
  return source.text.slice(node.from, node.to)
}

/** The first child of one of these kinds. */
export function childOf(node: SyntaxNode, ...names: readonly string[]): SyntaxNode | undefined {
  return childrenOf(node).find((child) => names.includes(child.name))
}

function startsOf(text: string): number[] {
  const starts = [0]
  for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) starts.push(at + 1)
  return starts
}

/** 1-based. */
export function lineAt({ lineStarts }: Source, position: number): number {
  let [low, high] = [0, lineStarts.length]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((lineStarts[middle] ?? 0) <= position) low = middle
    else high = middle
  }
  return low + 1
}

export function lineOf(source: Source, node: SyntaxNode): number {
  return lineAt(source, node.from)
}

/** Every node, outermost first; `false` from the visitor leaves out what is inside. Nothing deeper than the limit is seen. */
export function walk(node: SyntaxNode, visit: (node: SyntaxNode) => boolean | undefined, depth = 0): void {
  if (depth > MAX_DEPTH || visit(node) === false) return
  for (let child = node.firstChild; child !== null; child = child.nextSibling) walk(child, visit, depth + 1)
}

/** The value of a plain literal as one canonical word; undefined for anything that has to be computed. */
export function literalOf(source: Source, node: SyntaxNode): string | undefined {
  const text = textOf(source, node)
  switch (node.name) {
    case "String":
    case "TemplateString":
    case "FormatString":
      return childOf(node, "Interpolation", "FormatReplacement") === undefined ? stringOf(text) : undefined
    case "Number":
    case "Integer":
    case "Float":
      return numberOf(text)
    case "BooleanLiteral":
    case "Boolean":
    case "None":
    case "null":
      return text
    case "UnaryExpression":
    case "UnaryExp": {
      const [operand] = partsOf(node).slice(-1)
      const value = operand === undefined ? undefined : literalOf(source, operand)
      return /^-\s*[\d.]/.test(text) && value !== undefined ? `-${value}` : undefined
    }
    case "ParenthesizedExpression": {
      const [inner] = partsOf(node)
      return inner === undefined ? undefined : literalOf(source, inner)
    }
    case "BinaryExpression":
    case "BinaryExp":
      return joined(source, node)
    default:
      return undefined
  }
}

/** Strings that are only put together from strings. */
function joined(source: Source, node: SyntaxNode): string | undefined {
  const [left, operator, right] = childrenOf(node)
  if (left === undefined || operator === undefined || right === undefined) return undefined
  if (textOf(source, operator) !== "+") return undefined
  const [a, b] = [literalOf(source, left), literalOf(source, right)]
  return a?.startsWith('"') === true && b?.startsWith('"') === true ? `${a.slice(0, -1)}${b.slice(1)}` : undefined
}

function numberOf(text: string): string {
  const value = Number(text.replaceAll("_", "").replace(/n$/, ""))
  return Number.isNaN(value) ? text : String(value)
}

/** A string literal of any of the languages as a JSON string: how it was quoted is nothing. */
function stringOf(text: string): string {
  const match = /^[a-z]{0,2}("""|'''|"|'|`)([\s\S]*)\1$/i.exec(text)
  const raw = match?.[2] ?? text
  const plain = raw.replace(
    /\\(u\{?([0-9a-f]{2,6})\}?|x([0-9a-f]{2})|\r?\n|.)/gi,
    (whole, escaped: string, u?: string, x?: string) => {
      const code = u ?? x
      if (code !== undefined) return String.fromCodePoint(Math.min(Number.parseInt(code, 16), 0x10ffff))
      if (/^[\r\n]/.test(escaped)) return ""
      return { n: "\n", t: "\t", r: "\r" }[escaped] ?? (/^\W$/.test(escaped) ? escaped : whole)
    },
  )
  return JSON.stringify(plain)
}
