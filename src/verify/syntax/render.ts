import type { SyntaxNode } from "@lezer/common"
import { childrenOf, isComment, literalOf, type Source, textOf } from "./source.ts"

/** What names stand for: constants, parameters of helpers, the row of a table that is being looked at. */
export type Names = ReadonlyMap<string, Bound>
export type Bound = { text: string; node: SyntaxNode }

/** Past this a name is left as a name: what is put in its place may hold names again. */
const MAX_CHARS = 2_000

/**
 * An expression in one canonical spelling: layout, quotes, trailing commas, type annotations and the names of constants
 * are nothing, so that two spellings of the same expectation are the same text.
 */
export function render(source: Source, node: SyntaxNode, names: Names): string {
  const out: string[] = []
  write(source, node, names, out)
  return out.join(" ").replace(/ ?([()[\]{}.,!]) ?/g, "$1")
}

const types = new Set(["TypeAnnotation", "TypeArgList", "TypeParamList", "TypeDef", "ReturnType"])

function write(source: Source, node: SyntaxNode, names: Names, out: string[]): void {
  if (isComment(node) || types.has(node.name)) return
  const literal = literalOf(source, node)
  if (literal !== undefined) {
    out.push(literal)
    return
  }
  const simple = simpler(source, node)
  if (simple !== undefined) {
    write(source, simple, names, out)
    return
  }
  if (node.firstChild === null) {
    const text = textOf(source, node)
    const bound = node.name === "VariableName" || node.name === "Identifier" ? names.get(text) : undefined
    if (text !== ";") out.push(bound === undefined || bound.text.length > MAX_CHARS ? text : bound.text)
    return
  }
  // What stands between the parts of a template is no node of its own.
  if (node.name === "TemplateString" || node.name === "FormatString") {
    out.push(textOf(source, node))
    return
  }
  const parts = childrenOf(node)
  parts.forEach((child, index) => {
    const next = parts[index + 1]?.name ?? ""
    const trailing = child.name === "," && /^[)\]}]$/.test(next)
    if (!trailing) write(source, child, names, out)
  })
}

/** The same without what only the type checker or a reader needs. */
function simpler(source: Source, node: SyntaxNode): SyntaxNode | undefined {
  const parts = childrenOf(node)
  const [first, second] = parts
  if (first === undefined || second === undefined) return undefined
  if (node.name === "ParenthesizedExpression" && parts.length === 3)
    return /^(VariableName|CallExpression|CallExpr|MemberExpression|SelectorExpr|ParenthesizedExpression)$/.test(
      second.name,
    )
      ? second
      : undefined
  if (node.name === "BinaryExpression" && /^(as|satisfies)$/.test(second.name)) return first
  // `x!`
  if (node.name === "PostfixExpression" && textOf(source, second) === "!") return first
  return undefined
}
