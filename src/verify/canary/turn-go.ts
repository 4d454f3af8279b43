import type { SyntaxNode } from "@lezer/common"
import { childOf, childrenOf, lineOf, partsOf, type Source, textOf, walk } from "../syntax/source.ts"
import { type Chooses, literalsWanted, type Places } from "./places.ts"

/**
 * What of a Go test can be turned: conditions under which it reports, testify's equalities, its first line. Of a subtest
 * (`within`, from the outside in) only what stands in it: the function around it may fail, and it pass all the same.
 */
export function goPlaces(
  source: Source,
  line: number,
  { word }: Chooses,
  within: readonly string[] = [],
): Places | undefined {
  const definition = childrenOf(source.root).find(
    (node) => node.name === "FunctionDecl" && lineOf(source, node) === line,
  )
  const body = definition === undefined ? undefined : childOf(definition, "Block")
  const head = definition === undefined || body === undefined ? "" : source.text.slice(definition.from, body.from)
  const tester = /\(\s*(\w+)\s+\*testing\.T\s*\)/.exec(head)?.[1]
  if (body === undefined || tester === undefined || tester === "_") return undefined
  const places: Places = {
    wants: [],
    compares: [],
    begins: { from: body.from + 1, to: body.from + 1, insert: `\n\t${tester}.Fatal("${word()}")\n` },
  }
  readBlock(source, body, places, within)
  // What is looked at shows more than whether there was an error at all.
  const telling = places.compares.filter(
    ({ from }) => !/\berr\s*$/.test(source.text.slice(Math.max(0, from - 20), from)),
  )
  return { ...places, compares: telling.length > 0 ? telling : places.compares }
}

/** Statements that every run of the test comes to, in loops and subtests too. */
function readBlock(source: Source, block: SyntaxNode, places: Places, within: readonly string[]): void {
  for (const statement of partsOf(block)) {
    if (statement.name === "ReturnStatement") return
    if (statement.name === "IfStatement" && within.length === 0) ofCondition(source, statement, places)
    if (statement.name === "ForStatement") {
      const body = childOf(statement, "Block")
      if (body !== undefined) readBlock(source, body, places, within)
    }
    if (statement.name === "ExprStatement") ofCall(source, statement, places, within)
  }
}

function ofCondition(source: Source, statement: SyntaxNode, places: Places): void {
  const parts = partsOf(statement)
  const at = parts.findIndex((part) => part.name === "Block")
  const [whole, then] = [parts[at - 1], parts[at]]
  // The parser takes `got != row.want` for `(got != row).want`.
  const inner = whole?.name === "SelectorExpr" ? (whole.firstChild ?? undefined) : undefined
  const condition = inner?.name === "BinaryExp" ? inner : whole
  if (condition === undefined || then === undefined || condition.name !== "BinaryExp") return
  const reports = partsOf(then).some((each) =>
    /^\w+\.(Error|Errorf|Fatal|Fatalf|Fail|FailNow)\(/.test(textOf(source, each)),
  )
  const [left, operator, right] = childrenOf(condition)
  if (!reports || left === undefined || operator === undefined || right === undefined) return
  if (textOf(source, operator) !== "!=" || left.name === "BinaryExp" || right.name === "BinaryExp") return
  places.wants.push(...literalsWanted(source, right))
  places.compares.push({ from: operator.from, to: operator.to, insert: "==" })
}

function ofCall(source: Source, statement: SyntaxNode, places: Places, within: readonly string[]): void {
  const [call] = partsOf(statement)
  const [callee, list] = call?.name === "CallExpr" ? childrenOf(call) : []
  if (callee === undefined || list === undefined) return
  const said = textOf(source, callee)
  if (/^(assert|require|is)\.Equalf?$/.test(said)) {
    if (within.length > 0) return
    places.compares.push({ from: callee.from, to: callee.to, insert: said.replace("Equal", "NotEqual") })
    return
  }
  const inner = partsOf(list).at(-1)
  if (!/^\w+\.Run$/.test(said) || inner?.name !== "FunctionLiteral") return
  const left = leftWithin(textOf(source, partsOf(list)[0] ?? inner), within)
  if (left === undefined) return
  walk(inner, (node) => {
    if (node.name !== "Block") return true
    readBlock(source, node, places, left)
    return false
  })
}

/** What is left of a subtest's name inside of `t.Run(name, …)`; undefined where it is another's. A name that is computed may be any. */
function leftWithin(name: string, within: readonly string[]): readonly string[] | undefined {
  const [, literal] = /^["`](.*)["`]$/s.exec(name) ?? []
  if (within.length === 0 || literal === undefined) return []
  // As Go writes it, which numbers those of one name.
  const own = literal.replace(/\s/g, "_").split("/")
  const same = own.every((part, n) => part === within[n]?.replace(/#\d+$/, ""))
  return same ? within.slice(own.length) : undefined
}
