import type { SyntaxNode } from "@lezer/common"
import { childOf, childrenOf, partsOf, type Source, textOf, walk } from "../syntax/source.ts"
import type { Span } from "./places.ts"
import { without } from "./vary.ts"

/** The file's own functions that assert something and say what came, by their names. */
export function helpersOf(source: Source): Map<string, SyntaxNode> {
  const found = new Map<string, SyntaxNode>()
  for (const statement of childrenOf(source.root)) {
    const node = statement.name === "ExportDeclaration" ? partsOf(statement).at(-1) : statement
    const name = node === undefined ? undefined : childOf(node, "VariableDefinition")
    const value =
      node?.name === "FunctionDeclaration" ? node : childOf(node ?? statement, "ArrowFunction", "FunctionExpression")
    if (name === undefined || value === undefined) continue
    const text = textOf(source, value)
    // `assert(a === b)` says nothing of what came.
    if (/\b(assert|expect)\b/.test(text) && !/\bassert(\.ok)?\([^;\n]*[!=]==?/.test(text))
      found.set(textOf(source, name), value)
  }
  return found
}

/** What of a piece of a test says what shall come: it is no value that the test gives. */
export function wantedIn(source: Source, within: SyntaxNode, helpers: ReadonlyMap<string, SyntaxNode>): Span[] {
  const found: Span[] = []
  walk(within, (node) => {
    const [callee, list] = node.name === "CallExpression" ? childrenOf(node) : []
    if (callee === undefined || list?.name !== "ArgList") return true
    const said = textOf(source, callee).replace(/\s+/g, "")
    const args = partsOf(list)
    if (/^expect\([\s\S]*\)\./.test(said)) found.push(...args)
    else if (/^(assert|t)(\.\w+)*$/.test(said)) found.push(...wantedOf(source, args))
    else if (callee.name === "VariableName") found.push(...wantedBy(source, helpers.get(said), args))
    return true
  })
  return found
}

/** `assert.equal(got, want)`, and the other way round where only the second is called for. */
function wantedOf(source: Source, [first, second, ...more]: readonly SyntaxNode[]): SyntaxNode[] {
  if (first === undefined || second === undefined) return []
  const isCall = (node: SyntaxNode) => /\(/.test(textOf(source, node))
  return !isCall(first) && isCall(second) ? [first, ...more] : [second, ...more]
}

/** Arguments that a helper only compares with. */
function wantedBy(source: Source, helper: SyntaxNode | undefined, args: readonly SyntaxNode[]): SyntaxNode[] {
  const body = helper === undefined ? undefined : partsOf(helper).at(-1)
  const params = helper === undefined ? undefined : childOf(helper, "ParamList")
  if (body === undefined || params === undefined) return []
  const given = without(source, body, wantedIn(source, body, new Map()))
  const names = partsOf(params).filter((part) => part.name === "VariableDefinition")
  return args.filter((_, index) => {
    const name = names[index]
    return name !== undefined && !new RegExp(`(?<![\\w.$])${textOf(source, name)}\\b`).test(given)
  })
}
