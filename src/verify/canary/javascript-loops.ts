import type { SyntaxNode } from "@lezer/common"
import { childOf, childrenOf, partsOf, type Source, textOf } from "../syntax/source.ts"
import { callbackOf } from "./places.ts"

/** A loop over something that may be a table. */
export function loopAt(
  source: Source,
  node: SyntaxNode,
): { table: SyntaxNode; names: string[]; body: SyntaxNode } | undefined {
  if (node.name === "ForStatement") {
    const spec = childOf(node, "ForOfSpec")
    const body = partsOf(node).at(-1)
    const table = spec === undefined ? undefined : partsOf(spec).at(-1)
    const pattern = spec === undefined ? undefined : partsOf(spec).find((part) => /Pattern|Definition/.test(part.name))
    if (body === undefined || table === undefined || pattern === undefined) return undefined
    return { table, names: namesIn(source, [pattern]), body }
  }
  const call = node.name === "ExpressionStatement" ? partsOf(node)[0] : node
  const callee = call?.name === "CallExpression" ? childrenOf(call)[0] : undefined
  const callback = call?.name === "CallExpression" ? callbackOf(call) : undefined
  const table = callee === undefined ? undefined : partsOf(callee)[0]
  if (callee === undefined || callback === undefined || table === undefined) return undefined
  if (!/\.\s*forEach$/.test(textOf(source, callee))) return undefined
  const body = partsOf(callback).at(-1)
  const [param] = partsOf(childOf(callback, "ParamList") ?? callback)
  return body === undefined || param === undefined ? undefined : { table, names: namesIn(source, [param]), body }
}

/** What the values of a row are called by a function's parameters, or by a pattern. */
export function namesIn(source: Source, params: readonly SyntaxNode[]): string[] {
  const [only, more] = params
  if (only === undefined || more !== undefined || !/Pattern$/.test(only.name))
    return params.flatMap((param) => (param.name === "VariableDefinition" ? [textOf(source, param)] : []))
  return partsOf(only).flatMap((part) => {
    const name = part.name === "PatternProperty" ? (part.firstChild ?? part) : part
    return /^(VariableDefinition|PropertyName)$/.test(name.name) ? [textOf(source, name)] : ["_"]
  })
}
