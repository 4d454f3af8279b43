import type { Tree } from "@lezer/common"
import { parser } from "@lezer/python"
import { childrenOf, type Edit, editsOf, type Rule, replace, sharedRules } from "./syntax.ts"

export { parser }

const closed = new Set(["ImportStatement", "TypeDef", "Decorator"])

/** `if`, `elif` and the like: the expression behind the word. */
const negated: Rule = (node, text) =>
  childrenOf(node).flatMap((child, index, all) => {
    const test = all[index + 1]
    const asks = (child.name === "if" || child.name === "elif") && test !== undefined && test.name !== "Body"
    return asks ? [replace(test, `not (${text.slice(test.from, test.to)})`, "a condition turned round", 0)] : []
  })

const not: Rule = (node, text) => {
  if (node.parent?.name === "UnaryExpression") {
    const next = node.nextSibling
    return next === null ? [] : [replace({ from: node.from, to: next.from }, "", "a `not` left out", 0)]
  }
  const before = node.prevSibling?.name
  const next = node.nextSibling
  if (before === "is" && next !== null)
    return [replace({ from: node.from, to: next.from }, "", "a comparison turned round", 0)]
  const opens = next?.name === "in" && text.slice(node.from, node.to) === "not"
  return opens && next !== null ? [replace({ from: node.from, to: next.from }, "", "a comparison turned round", 0)] : []
}

const returned: Rule = (node, text) => {
  const value = node.firstChild?.nextSibling
  if (value === null || value === undefined || text.slice(value.from, node.to) === "None") return []
  return [replace({ from: value.from, to: node.to }, "None", "nothing is returned", 0)]
}

/** A docstring or an ellipsis does nothing that could be left out. */
const statement: Rule = (node) =>
  ["CallExpression", "AwaitExpression"].includes(node.firstChild?.name ?? "")
    ? [replace(node, "pass", "a statement left out", 0)]
    : []

const leftOut: Rule = (node) => [replace(node, "pass", "a statement left out", 0)]

const string: Rule = (node, text) => {
  const parent = node.parent?.name ?? ""
  if (parent === "ExpressionStatement" || parent === "ContinuedString") return []
  const word = text.slice(node.from, node.to)
  return [replace(node, /^[a-z]*(''|""|'{6}|"{6})$/i.test(word) ? '"?"' : '""', "another text", 1)]
}

const passing = new Set("strip lstrip rstrip lower upper casefold title replace copy".split(" "))
const call: Rule = (node, text) => {
  const callee = node.firstChild
  const word = callee === null ? "" : text.slice(callee.from, callee.to)
  if (callee !== null && (word === "min" || word === "max"))
    return [replace(callee, word === "min" ? "max" : "min", "the other end", 0)]
  if (callee !== null && (word === "any" || word === "all"))
    return [replace(callee, word === "any" ? "all" : "any", "and for or", 0)]
  if (callee !== null && (word === "sorted" || word === "reversed" || word === "abs"))
    return [replace(callee, word === "abs" ? "" : "list", `\`${word}\` left out`, 0)]
  const object = callee?.name === "MemberExpression" ? callee.firstChild : null
  const name = callee?.lastChild
  if (object === null || name === null || name === undefined) return []
  return passing.has(text.slice(name.from, name.to)) && node.parent?.name !== "ExpressionStatement"
    ? [replace(node, text.slice(object.from, object.to), `\`${text.slice(name.from, name.to)}\` left out`, 0)]
    : []
}

const rules: Readonly<Record<string, Rule>> = {
  ...sharedRules({
    binary: "BinaryExpression",
    update: "UpdateStatement",
    arithmetic: { "//": "*", "**": "*" },
  }),
  and: (node) => (node.parent?.name === "BinaryExpression" ? [replace(node, "or", "and for or", 1)] : []),
  or: (node) => (node.parent?.name === "BinaryExpression" ? [replace(node, "and", "and for or", 1)] : []),
  not,
  in: (node) =>
    node.parent?.name === "BinaryExpression" && node.prevSibling?.name !== "not"
      ? [replace(node, "not in", "a comparison turned round", 0)]
      : [],
  is: (node) =>
    node.parent?.name === "BinaryExpression" && node.nextSibling?.name !== "not"
      ? [replace(node, "is not", "a comparison turned round", 0)]
      : [],
  IfStatement: negated,
  ConditionalExpression: negated,
  ReturnStatement: returned,
  ExpressionStatement: statement,
  RaiseStatement: leftOut,
  UpdateStatement: leftOut,
  Boolean: (node, text) => [
    replace(node, text.slice(node.from, node.to) === "True" ? "False" : "True", "true for false", 0),
  ],
  String: string,
  FormatString: string,
  CallExpression: call,
}

/** What can be broken in a Python file. */
export function edits(tree: Tree, text: string): Edit[] {
  return editsOf(tree, text, rules, closed)
}
