import type { SyntaxNode } from "@lezer/common"
import { patternNames } from "./javascript-names.ts"
import { type Names, render } from "./render.ts"
import { childrenOf, partsOf, textOf } from "./source.ts"
import type { Reader, Scope } from "./test-reader.ts"

/** A row of a table: its values, or the whole row as text where they can't be told apart. */
export type Row = { values: readonly SyntaxNode[]; text?: string; node?: SyntaxNode }

const MAX_ROWS = 500

/** The rows of a literal table, or one that stands for all of them. */
export function rowsOf({ source }: Reader, table: SyntaxNode, names: Names): Row[] {
  const node = table.name === "VariableName" ? (names.get(textOf(source, table))?.node ?? table) : unwrapped(table)
  if (node.name === "TemplateString") {
    const rows = textOf(source, node).slice(1, -1).split("\n").slice(1)
    return rows
      .map((row) => row.replace(/\s+/g, ""))
      .filter((row) => row !== "")
      .map((text) => ({ values: [], text }))
  }
  if (node.name !== "ArrayExpression") return [{ values: [], text: render(source, node, names) }]
  const elements = partsOf(node)
  if (elements.length > MAX_ROWS || elements.some((each) => each.name === "Spread"))
    return [{ values: [], text: render(source, node, names) }]
  return elements.map((element) =>
    element.name === "ArrayExpression"
      ? { values: partsOf(element), node: element }
      : { values: [element], node: element },
  )
}

function unwrapped(node: SyntaxNode): SyntaxNode {
  const [inner] = childrenOf(node)
  // `[…] as const`
  return node.name === "BinaryExpression" && inner !== undefined ? unwrapped(inner) : node
}

/** The scope with a row's values in the place of parameters; what can't be placed tells the rows apart as text. */
export function bindRow(reader: Reader, params: readonly SyntaxNode[], row: Row, scope: Scope): Scope {
  const { source } = reader
  const text = row.text ?? (row.node === undefined ? "" : render(source, row.node, scope.names))
  const names = new Map(scope.names)
  const put = (name: string, node: SyntaxNode) => names.set(name, { text: render(source, node, scope.names), node })
  const [first] = params
  if (row.text !== undefined || first === undefined) return { ...scope, row: `${scope.row} with ${text}` }
  if (params.length === 1 && first.name === "ArrayPattern") {
    partsOf(first).forEach((part, index) => {
      const value = row.values[index]
      if (value !== undefined && part.name === "VariableDefinition") put(textOf(source, part), value)
    })
  } else if (first.name === "ObjectPattern" && row.node?.name === "ObjectExpression") {
    const properties = new Map(propertiesOf(reader, row.node))
    for (const [name, path] of patternNames(reader, first)) {
      const value = properties.get(path.slice(1))
      if (value !== undefined) put(name, value)
    }
  } else if (params.length === 1 && first.name === "VariableDefinition" && row.node !== undefined) {
    put(textOf(source, first), row.node)
  } else {
    params.forEach((param, index) => {
      const value = row.values[index]
      if (value !== undefined && param.name === "VariableDefinition") put(textOf(source, param), value)
    })
  }
  return { ...scope, names }
}

/** The plain properties of an object literal. */
function propertiesOf({ source }: Reader, node: SyntaxNode): [string, SyntaxNode][] {
  return childrenOf(node).flatMap((property): [string, SyntaxNode][] => {
    const [key, colon, value] = childrenOf(property)
    if (property.name !== "Property" || key === undefined || colon?.name !== ":" || value === undefined) return []
    return [[textOf(source, key).replace(/["']/g, ""), value]]
  })
}
