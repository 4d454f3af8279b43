import type { SyntaxNode } from "@lezer/common"
import { childOf, literalOf, partsOf, type Source, textOf } from "../syntax/source.ts"

/** A small edit of a test file's text. */
export type Turn = { from: number; to: number; insert: string }

/** A stretch of a test file's text. */
export type Span = { from: number; to: number }

/**
 * What of one test can be turned so that it must fail: what one of its expectations wants, the comparison itself, or its beginning,
 * where it is made to fail whatever follows.
 */
export type Places = { wants: Span[]; compares: Turn[]; begins: Turn | undefined }

/** A copy of a test with one of its expectations, of which `of` is the same for all its copies; `given`: with these in the place of the values that it gives. */
export type Beside = { name: string; of: string; given?: string }

/** A test, by its name and how it failed on the base. */
export type Asked = { name: string; message: string; failedAt: number | undefined }

export type Chooses = { random: () => number; word: () => string }

/** A literal, or what is made of literals alone: tuples, lists, objects, a value class around one. */
export function literalsWanted(source: Source, node: SyntaxNode): SyntaxNode[] {
  if (literalOf(source, node) !== undefined) return [node]
  if (/^(CallExpression|CallExpr|NewExpression)$/.test(node.name)) {
    const parts = partsOf(node).filter((part) => part.name !== "new")
    const [callee, list] = parts
    const args = list === undefined ? [] : partsOf(list)
    // `Decimal("2.35")`, `new Date(5)`: another literal is another value. Of any other call nobody knows.
    const isValue = callee !== undefined && /^([\w.]*\.)?[A-Z]\w*$/.test(textOf(source, callee))
    return isValue && parts.length === 2 && args.length === 1 ? args.flatMap((arg) => literalsWanted(source, arg)) : []
  }
  if (!/^(Array|Tuple|Dictionary|Object|Parenthesized)Expression$|^Property$/.test(node.name)) return []
  const parts = partsOf(node).filter((part) => part.name !== "PropertyDefinition")
  const found = parts.map((part) => literalsWanted(source, part))
  return found.some((each) => each.length === 0) ? [] : found.flat()
}

/** The function that a call of JavaScript is given, as tests are. */
export function callbackOf(call: SyntaxNode): SyntaxNode | undefined {
  const list = childOf(call, "ArgList")
  return list === undefined
    ? undefined
    : partsOf(list).find((each) => /^(ArrowFunction|FunctionExpression)$/.test(each.name))
}
