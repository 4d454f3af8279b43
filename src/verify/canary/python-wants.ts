import type { SyntaxNode } from "@lezer/common"
import { childOf, childrenOf, literalOf, partsOf, type Source, textOf, walk } from "../syntax/source.ts"
import type { Span } from "./places.ts"
import { without } from "./vary.ts"

/** The file's own functions that assert something, by their names. */
export type Helpers = ReadonlyMap<string, SyntaxNode>

export function helpersOf(source: Source): Helpers {
  const found = new Map<string, SyntaxNode>()
  walk(source.root, (node) => {
    if (node.name !== "FunctionDefinition") return true
    const name = childOf(node, "VariableName")
    const word = name === undefined ? "" : textOf(source, name)
    if (!word.startsWith("test") && /^\s*(assert\b|self\.assert)/m.test(textOf(source, node))) found.set(word, node)
    return false
  })
  return found
}

const METHOD = /^self\.assert(\w+)$/

/** What an assertion of one statement looks at, where that is a value that can be told; undefined for any other statement. */
export function looksAt(source: Source, node: SyntaxNode): SyntaxNode | undefined {
  if (node.name === "AssertStatement") {
    const [said] = partsOf(node).filter((part) => part.name !== "assert")
    const [left, operator, right, more] = said?.name === "BinaryExpression" ? childrenOf(said) : []
    if (said === undefined || left === undefined || right === undefined || more !== undefined) return said
    if (!/^(CompareOp|in|is)$/.test(operator?.name ?? "")) return said
    return isCalled(source, right) && !isCalled(source, left) ? right : left
  }
  const args = argsOfMethod(source, node)
  if (args === undefined || args.name.endsWith("Raises") || /^(Raises|Warns|Logs|NoLogs)/.test(args.name))
    return undefined
  const [first, second] = args.list
  return first !== undefined && second !== undefined && isCalled(source, second) && !isCalled(source, first)
    ? second
    : first
}

/** Any assertion, or call of a helper that asserts. */
export function assertionIn(source: Source, node: SyntaxNode, helpers: Helpers): SyntaxNode | undefined {
  if (node.name === "AssertStatement") return node
  if (node.name === "WithStatement") return raisesIn(source, node) ? node : undefined
  if (argsOfMethod(source, node) !== undefined) return node
  const [call] = node.name === "ExpressionStatement" ? partsOf(node) : []
  const callee = call?.name === "CallExpression" ? textOf(source, call.firstChild ?? call) : ""
  return helpers.has(callee.replace(/^self\./, "")) ? node : undefined
}

/** `with pytest.raises(…):`, `with self.assertRaises(…):`. */
export function raisesIn(source: Source, node: SyntaxNode): boolean {
  const body = childOf(node, "Body")
  const head = source.text.slice(node.from, body?.from ?? node.from)
  return /\b(raises|assertRaises\w*|warns|assertWarns\w*)\s*\(/.test(head)
}

/** What of a piece of a test says what shall come: it is no value that the test gives. */
export function wantedIn(source: Source, within: SyntaxNode, helpers: Helpers): Span[] {
  const found: Span[] = []
  walk(within, (node) => {
    if (node.name === "AssertStatement") found.push(...wantedOf(source, node))
    if (node.name === "WithStatement" && raisesIn(source, node))
      found.push({ from: node.from, to: childOf(node, "Body")?.from ?? node.from })
    const args = argsOfMethod(source, node)
    const looked = args === undefined ? undefined : looksAt(source, node)
    if (args !== undefined && looked !== undefined) found.push(...args.list.filter((arg) => arg.from !== looked.from))
    if (node.name === "CallExpression") found.push(...wantedBy(source, node, helpers))
    return true
  })
  return found
}

/** The other side of a comparison, and what is said when it fails. */
function wantedOf(source: Source, node: SyntaxNode): Span[] {
  const [said, ...message] = partsOf(node).filter((part) => part.name !== "assert")
  const looked = looksAt(source, node)
  if (said === undefined || looked === undefined || (looked.from === said.from && looked.to === said.to)) return message
  return [...partsOf(said).filter((part) => part.from !== looked.from), ...message]
}

/** Arguments that a helper only compares with. */
function wantedBy(source: Source, call: SyntaxNode, helpers: Helpers): SyntaxNode[] {
  const name = textOf(source, call.firstChild ?? call)
  const helper = helpers.get(name.replace(/^self\./, ""))
  const body = helper === undefined ? undefined : childOf(helper, "Body")
  const params = helper === undefined ? undefined : childOf(helper, "ParamList")
  const list = childOf(call, "ArgList")
  if (body === undefined || params === undefined || list === undefined) return []
  const given = without(source, body, wantedIn(source, body, new Map()))
  const names = childrenOf(params).flatMap((part) => (part.name === "VariableName" ? [textOf(source, part)] : []))
  const own = names[0] === "self" ? names.slice(1) : names
  return partsOf(list).filter((_, index) => {
    const param = own[index]
    return param !== undefined && !new RegExp(`(?<![\\w.])${param}\\b`).test(given)
  })
}

function argsOfMethod(source: Source, node: SyntaxNode): { name: string; list: SyntaxNode[] } | undefined {
  const [call] = node.name === "ExpressionStatement" ? partsOf(node) : []
  const [callee, list] = call?.name === "CallExpression" ? childrenOf(call) : []
  const name = callee === undefined ? undefined : METHOD.exec(textOf(source, callee))?.[1]
  return name === undefined || list === undefined ? undefined : { name, list: partsOf(list) }
}

function isCalled(source: Source, node: SyntaxNode): boolean {
  return (
    literalOf(source, node) === undefined &&
    /\(/.test(textOf(source, node)) &&
    !/^pytest\.approx\b|^approx\b/.test(textOf(source, node))
  )
}
