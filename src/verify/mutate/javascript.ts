import type { SyntaxNode, Tree } from "@lezer/common"
import { parser as base } from "@lezer/javascript"
import { childrenOf, type Edit, editsOf, type Rule, replace, sharedRules, swap } from "./syntax.ts"

/** The parser of a file by its name. */
export function parserFor(path: string) {
  const dialects = [/\.[cm]?tsx?$/i.test(path) ? "ts" : "", /x$|\.[cm]?js$/i.test(path) ? "jsx" : ""]
  return base.configure({ dialect: dialects.filter((each) => each !== "").join(" ") })
}

/** Types, and what only names other modules: a change there is no change of what the program does, or breaks its loading. */
const closed = new Set([
  "TypeAnnotation",
  "TypeAliasDeclaration",
  "InterfaceDeclaration",
  "TypeArgList",
  "TypeParamList",
  "ImportDeclaration",
  "AmbientDeclaration",
])

const swappedNames: Readonly<Record<string, string>> = {
  min: "max",
  max: "min",
  some: "every",
  every: "some",
  startsWith: "endsWith",
  endsWith: "startsWith",
  floor: "ceil",
  ceil: "floor",
}
/** Calls on a value that give another one of its kind: left out, the value itself stays. */
const passing = new Set(
  "trim trimStart trimEnd toLowerCase toUpperCase slice substring filter sort toSorted reverse toReversed replace replaceAll concat flat padStart padEnd".split(
    " ",
  ),
)

const shared = sharedRules({
  binary: "BinaryExpression",
  update: "AssignmentExpression",
  equality: { "===": "!==", "!==": "===" },
})

const arith: Rule = (node, text) => [
  ...shared.ArithOp(node, text),
  ...swap({ "++": "--", "--": "++" }, "counted the other way", 0, ["PostfixExpression", "UnaryExpression"])(node, text),
]

/** `if (c)` → `if (!(c))`; loops stay as they are, since one that never ends says nothing. */
const negated: Rule = (node, text) => {
  const test = childrenOf(node).find((child) => child.name === "ParenthesizedExpression")
  return test === undefined
    ? []
    : [replace(test, `(!${text.slice(test.from, test.to)})`, "a condition turned round", 0)]
}

const conditional: Rule = (node, text) => {
  const [test] = childrenOf(node)
  return test === undefined
    ? []
    : [replace(test, `!(${text.slice(test.from, test.to)})`, "a condition turned round", 0)]
}

const returned: Rule = (node, text) => {
  const value = childrenOf(node).find((child) => child.name !== "return" && child.name !== ";")
  if (value === undefined || text.slice(value.from, value.to) === "undefined") return []
  return [replace(value, "undefined", "nothing is returned", 0)]
}

/** A call or an assignment that stands by itself, left out. */
const statement: Rule = (node) => {
  const inside = node.firstChild?.name ?? ""
  const acts = ["CallExpression", "AssignmentExpression", "AwaitExpression", "PostfixExpression", "UnaryExpression"]
  const isSuper = node.firstChild?.firstChild?.name === "super"
  return acts.includes(inside) && !isSuper ? [replace(node, ";", "a statement left out", 0)] : []
}

const thrown: Rule = (node) => [replace(node, ";", "nothing is thrown", 0)]

const literal: Rule = (node, text) => {
  const parent = node.parent?.name ?? ""
  const names = [
    "ExportDeclaration",
    "Property",
    "PropertyDefinition",
    "Directive",
    "LiteralType",
    "ExpressionStatement",
  ]
  if (names.includes(parent) && !(parent === "Property" && node.prevSibling !== null)) return []
  if (isImport(node, text)) return []
  const word = text.slice(node.from, node.to)
  if (node.name === "BooleanLiteral") return [replace(node, word === "true" ? "false" : "true", "true for false", 0)]
  if (node.name === "Number") return shared.Number(node, text)
  return [replace(node, word.length > 2 ? '""' : '"?"', "another text", 1)]
}

function isImport(node: SyntaxNode, text: string): boolean {
  const call = node.parent?.name === "ArgList" ? node.parent.parent : null
  return call !== null && /^(import|require)\s*\(/.test(text.slice(call.from, call.to))
}

const arrow: Rule = (node, text) => {
  const body = node.lastChild
  const isPlain = body !== null && !["Block", "ClassBody"].includes(body.name) && body.name !== "Arrow"
  return isPlain && text.slice(body.from, body.to) !== "undefined"
    ? [replace(body, "undefined", "nothing is returned", 0)]
    : []
}

const call: Rule = (node, text) => {
  const callee = node.firstChild
  if (callee?.name !== "MemberExpression") return []
  const name = callee.lastChild
  const object = callee.firstChild
  if (name?.name !== "PropertyName" || object === null) return []
  const word = text.slice(name.from, name.to)
  const other = Object.hasOwn(swappedNames, word) ? swappedNames[word] : undefined
  if (other !== undefined) return [replace(name, other, `\`${other}\` for \`${word}\``, 0)]
  return passing.has(word) && node.parent?.name !== "ExpressionStatement"
    ? [replace(node, text.slice(object.from, object.to), `\`${word}\` left out`, 0)]
    : []
}

const emptied =
  (insert: string): Rule =>
  (node) =>
    node.firstChild?.nextSibling === node.lastChild ? [] : [replace(node, insert, "emptied", 1)]

const rules: Readonly<Record<string, Rule>> = {
  ...shared,
  ArithOp: arith,
  IfStatement: negated,
  ConditionalExpression: conditional,
  ReturnStatement: returned,
  ExpressionStatement: statement,
  ThrowStatement: thrown,
  ArrowFunction: arrow,
  BooleanLiteral: literal,
  Number: literal,
  String: literal,
  TemplateString: (node, text) =>
    node.parent?.name === "TaggedTemplateExpression" || text.slice(node.from, node.to) === "``"
      ? []
      : [replace(node, "``", "another text", 1)],
  CallExpression: call,
  ArrayExpression: emptied("[]"),
  "?.": (node) => [replace(node, node.nextSibling?.name === "PropertyName" ? "." : "?.", "a guard left out", 1)],
}

/** What can be broken in a JavaScript or TypeScript file. */
export function edits(tree: Tree, text: string): Edit[] {
  return editsOf(tree, text, rules, closed)
}
