import type { SyntaxNode } from "@lezer/common"
import { childOf, childrenOf, lineOf, partsOf, type Source, textOf, walk } from "../syntax/source.ts"
import { type Chooses, literalsWanted, type Places, type Turn } from "./places.ts"

/** What of a Python test can be turned: only what its body surely comes to, in its own statements. */
export function pythonPlaces(source: Source, line: number, chooses: Chooses): Places | undefined {
  let definition: SyntaxNode | undefined
  walk(source.root, (node) => {
    const starts = /^(DecoratedStatement|FunctionDefinition)$/.test(node.name) && lineOf(source, node) === line
    if (starts && definition === undefined)
      definition = node.name === "FunctionDefinition" ? node : childOf(node, "FunctionDefinition")
    return definition === undefined
  })
  const body = definition === undefined ? undefined : childOf(definition, "Body")
  const [first] = body === undefined ? [] : partsOf(body)
  if (body === undefined || first === undefined) return undefined
  const places: Places = { wants: [], compares: [], begins: beginning(source, first, chooses) }
  readBody(source, body, places)
  return places
}

function beginning(source: Source, first: SyntaxNode, { word }: Chooses): Turn {
  const start = source.text.lastIndexOf("\n", first.from) + 1
  const indent = source.text.slice(start, first.from)
  const after = /^\s*$/.test(indent) ? `\n${indent}` : "; "
  return { from: first.from, to: first.from, insert: `assert "${word()}" == "${word()}"${after}` }
}

function readBody(source: Source, body: SyntaxNode, places: Places): void {
  for (const statement of partsOf(body)) {
    if (statement.name === "ReturnStatement") return
    if (statement.name === "AssertStatement") ofAssert(source, statement, places)
    if (statement.name === "ExpressionStatement") ofCall(source, statement, places)
    const inner = childOf(statement, "Body")
    const raises = /\b(raises|assertRaises\w*|suppress|warns|subTest)\b/.test(
      textOf(source, statement).split("\n")[0] ?? "",
    )
    if (statement.name === "WithStatement" && inner !== undefined && !raises) readBody(source, inner, places)
  }
}

function ofAssert(source: Source, statement: SyntaxNode, places: Places): void {
  const [compared] = partsOf(statement).filter((part) => part.name !== "assert")
  const operands = compared?.name === "BinaryExpression" ? childrenOf(compared) : []
  const [left, operator, right] = operands
  if (left === undefined || operator === undefined || right === undefined || operands.length !== 3) return
  if (textOf(source, operator) !== "==" || left.name === "BinaryExpression" || /approx/.test(textOf(source, right)))
    return
  places.wants.push(...literalsWanted(source, right))
  places.compares.push({ from: operator.from, to: operator.to, insert: "!=" })
}

function ofCall(source: Source, statement: SyntaxNode, places: Places): void {
  const [call] = partsOf(statement)
  const [callee, list] = call?.name === "CallExpression" ? childrenOf(call) : []
  if (callee === undefined || list === undefined) return
  const name =
    /^self\.assert(Equals?|ListEqual|DictEqual|TupleEqual|True|False|In|NotIn|Is|IsNone|NotEqual|IsNot|IsNotNone)$/.exec(
      textOf(source, callee),
    )?.[1]
  if (name === undefined) return
  const [, second] = partsOf(list)
  if (/Equals?$/.test(name) && name !== "NotEqual" && second !== undefined)
    places.wants.push(...literalsWanted(source, second))
  const opposite = /^(List|Dict|Tuple)?Equals?$/.test(name) ? "NotEqual" : opposites[name]
  if (opposite !== undefined)
    places.compares.push({ from: callee.from, to: callee.to, insert: `self.assert${opposite}` })
}

const opposites: Readonly<Record<string, string>> = {
  True: "False",
  False: "True",
  In: "NotIn",
  NotIn: "In",
  Is: "IsNot",
  IsNot: "Is",
  IsNone: "IsNotNone",
  IsNotNone: "IsNone",
  NotEqual: "Equal",
}
