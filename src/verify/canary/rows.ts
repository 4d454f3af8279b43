import type { SyntaxNode } from "@lezer/common"
import { bareOf } from "../checks/source/test-values.ts"
import { childOf, childrenOf, literalOf, partsOf, type Source, textOf, walk } from "../syntax/source.ts"
import type { Span, Turn } from "./places.ts"
import { edited, isWithin } from "./vary.ts"

/*
 * Tables of tests: literal lists, of which each row is a test of its own. A copy has a table of one row.
 */

/** A table, where a test takes hold of it, and what stands around one row in its place. */
export type Table = { at: Span; whole: Span; open: string; close: string; rows: SyntaxNode[] }

/** A table of tests, what its rows are called, and what the test says beside what it wants. */
export type Tabled = { table: Table; names: string[]; given: string }

/** A part of a row, and what a test calls it: patterns of its text. */
type Part = { node: SyntaxNode; called: string[] }

const MAX_ROWS = 2
const MAX_TABLE = 500

/** The table that an expression is or names; undefined where its rows can't be told apart. */
export function tableAt(source: Source, node: SyntaxNode): Table | undefined {
  const named = node.name === "VariableName" ? valueNamed(source, node) : undefined
  const literal = node.name === "VariableName" ? named?.value : unwrapped(node)
  if (literal === undefined) return undefined
  // A test's own table is cut where it stands: a name that nothing uses any more is an error in Go.
  const { from, to } = named?.isOwn === true ? literal : node
  const at = { from, to }
  const whole = { from: literal.from, to: literal.to }
  if (/^(Array|Tuple)Expression$/.test(literal.name)) {
    const rows = partsOf(literal)
    const isPlain =
      rows.length > 0 && rows.length <= MAX_TABLE && rows.every((row) => !/Spread|Star|For/.test(row.name))
    return isPlain && childOf(literal, "for") === undefined ? { at, whole, open: "[", close: "]", rows } : undefined
  }
  const values = literal.name === "TypedLiteral" ? childOf(literal, "LiteralValue") : undefined
  if (values === undefined) return undefined
  const rows = partsOf(values)
  const type = source.text.slice(literal.from, values.from)
  return rows.length === 0 || rows.length > MAX_TABLE ? undefined : { at, whole, open: `${type}{`, close: "}", rows }
}

/** `[…] as const`, `([…])`. */
function unwrapped(node: SyntaxNode): SyntaxNode {
  const [inner] = partsOf(node)
  const wraps = node.name === "ParenthesizedExpression" || (node.name === "BinaryExpression" && childOf(node, "as"))
  return wraps && inner !== undefined ? unwrapped(inner) : node
}

/** What a name is given, once, in the nearest block around that gives it something. */
function valueNamed(source: Source, node: SyntaxNode): { value: SyntaxNode; isOwn: boolean } | undefined {
  const name = textOf(source, node)
  for (let block = node.parent; block !== null; block = block.parent) {
    const declared = childrenOf(block).flatMap((statement) => valuesGiven(source, statement, name))
    const [value] = declared
    if (value !== undefined) return declared.length === 1 ? { value, isOwn: block.parent !== null } : undefined
  }
  return undefined
}

function valuesGiven(source: Source, statement: SyntaxNode, name: string): SyntaxNode[] {
  if (/^(ExportDeclaration|VarDecl|SpecList)$/.test(statement.name)) {
    const inner = childrenOf(statement).flatMap((part) => valuesGiven(source, part, name))
    if (inner.length > 0) return inner
  }
  if (!/^(VariableDeclaration|AssignStatement|VarDecl|VarSpec)$/.test(statement.name)) return []
  const parts = childrenOf(statement).filter((part) => !/^(const|let|var|TypeAnnotation|TypeDef|;)$/.test(part.name))
  const [target, equals, value, more] = parts
  const isGiven = target !== undefined && equals !== undefined && /^(Equals|AssignOp|=|:=)$/.test(equals.name)
  if (!isGiven || value === undefined || more !== undefined || textOf(source, target) !== name) return []
  return [unwrapped(value)]
}

/** Those of a table that a test is most likely about: most of what they hold is said in its name, or by how it failed. */
export function likelyRows(source: Source, { rows }: Table, said: string): SyntaxNode[] {
  const score = (row: SyntaxNode) => {
    const words = literalsOf(source, row).map(bareOf)
    return words.filter((word) => word !== "" && said.includes(word)).length / Math.max(1, words.length)
  }
  return rows
    .map((row) => ({ row, score: score(row) }))
    .sort((a, b) => b.score - a.score)
    .slice(0, MAX_ROWS)
    .map(({ row }) => row)
}

function literalsOf(source: Source, row: SyntaxNode): string[] {
  const found: string[] = []
  walk(row, (node) => {
    const literal = literalOf(source, node)
    if (literal !== undefined) found.push(literal)
    return literal === undefined
  })
  return found
}

/** The parts of a row that a test gives: those that it speaks of elsewhere than in what it wants. All of them where nothing tells. */
export function givenOf(source: Source, row: SyntaxNode, names: readonly string[], given: string): SyntaxNode[] {
  const parts = partsOfRow(source, row, names)
  const spoken = parts.filter(({ called }) => called.some((each) => new RegExp(each).test(given)))
  return (spoken.length > 0 ? spoken : parts).map(({ node }) => node)
}

function partsOfRow(source: Source, row: SyntaxNode, names: readonly string[]): Part[] {
  const [name = "", second] = names.map((each) => `(?<![\\w.$])${each.replace(/[^\w]/g, "\\$&")}(?![\\w$])`)
  const text = (node: SyntaxNode) => textOf(source, node).replace(/["']/g, "")
  // Go's rows stand in elements; those of a map have a key.
  if (row.name === "Element") {
    const key = childOf(row, "Key")
    const value = partsOf(row).at(-1)
    const inside = value === undefined ? [] : partsOfGoRow(source, value, second ?? name)
    return key === undefined ? inside : [{ node: key, called: [name] }, ...inside]
  }
  if (/^((Array|Tuple)Expression|ArgList)$/.test(row.name))
    return partsOf(row)
      .slice(0, row.name === "ArgList" ? names.length : undefined)
      .map((node, index) => ({
        node,
        called: [
          names.length > 1 ? (namesAt(names, index) ?? "(?!)") : `${name}\\s*\\[${index}\\]`,
          ...whole(name, names),
        ],
      }))
  if (/^(Object|Dictionary)Expression$/.test(row.name)) {
    const all = childrenOf(row).filter((part) => !/^[{},]$/.test(part.name))
    const pairs: [SyntaxNode, SyntaxNode | undefined][] =
      row.name === "ObjectExpression"
        ? all.map((property) => [partsOf(property)[0] ?? property, partsOf(property).at(-1)])
        : all
            .flatMap((part, index) => (all[index + 1]?.name === ":" ? [[part, all[index + 2]] as const] : []))
            .map(([a, b]) => [a, b])
    return pairs.flatMap(([key, node]): Part[] => {
      const own = text(key).replace(/[^\w$]/g, "\\$&")
      const called = [
        `${name}\\s*(\\.|\\[["'])${own}\\b`,
        ...(names.length === 0 ? [] : names.includes(text(key)) ? [`(?<![\\w.$])${own}\\b`] : []),
        ...whole(name, names),
      ]
      return node === undefined ? [] : [{ node, called }]
    })
  }
  return [{ node: row, called: names.length === 0 ? [] : [name] }]
}

/** The row by itself, handed on as one: `check(row)`. */
function whole(name: string, names: readonly string[]): string[] {
  return names.length === 1 ? [`${name}(?!\\s*[.[])`] : []
}

function namesAt(names: readonly string[], index: number): string | undefined {
  const name = names[index]
  return name === undefined ? undefined : `(?<![\\w.$])${name.replace(/[^\w]/g, "\\$&")}(?![\\w$])`
}

function partsOfGoRow(source: Source, value: SyntaxNode, name: string): Part[] {
  if (value.name !== "LiteralValue") return [{ node: value, called: [name] }]
  const fields = fieldsOf(source, value)
  return partsOf(value).map((element, index) => {
    const key = childOf(element, "Key")
    const field = key === undefined ? fields[index] : textOf(source, key)
    return { node: partsOf(element).at(-1) ?? element, called: field === undefined ? [] : [`${name}\\.${field}\\b`] }
  })
}

/** The fields of the struct that a row is one of, where its type is written with the table. */
function fieldsOf(source: Source, value: SyntaxNode): string[] {
  let node: SyntaxNode | null = value
  while (node !== null && node.name !== "TypedLiteral") node = node.parent
  const found: string[] = []
  if (node?.firstChild)
    walk(node.firstChild, (each) => {
      if (each.name === "FieldName" && each.parent?.name === "FieldDecl") found.push(textOf(source, each))
      return true
    })
  return found
}

/** Other values in one row, and that row in the place of its table. */
export function withRow(
  source: Source,
  turn: readonly Turn[],
  table: Table | undefined,
  row: SyntaxNode | undefined,
): Turn[] {
  if (table === undefined || row === undefined) return [...turn]
  const { at, whole, open, close } = table
  return [
    ...turn.filter((edit) => !isWithin(edit, [whole])),
    { ...at, insert: `${open}${edited(source, row, turn)}${close}` },
  ]
}
