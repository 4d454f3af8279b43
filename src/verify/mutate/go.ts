import type { Tree } from "@lezer/common"
import { parser } from "@lezer/go"
import {
  arithmetic,
  childrenOf,
  comparisons,
  type Edit,
  editsOf,
  oppositeComparisons,
  otherNumber,
  type Rule,
  replace,
  swap,
  updates,
} from "./syntax.ts"

export { parser }

/** Array sizes and tags are left alone: the compiler, and not a test, would find them. */
const closed = new Set(["ImportDecl", "PackageClause", "ArrayType", "StructType", "ConstDecl"])

const binary = ["BinaryExp"]
const compare: Rule = (node, text) => [
  ...swap({ "==": "!=", "!=": "==" }, "a comparison turned round", 0, binary)(node, text),
  ...swap(oppositeComparisons, "a comparison turned round", 0, binary)(node, text),
  ...swap(comparisons, "a limit moved by one", 1, binary)(node, text),
]

const logic: Rule = (node, text) => {
  const isNot = text.slice(node.from, node.to) === "!" && node.parent?.name === "UnaryExp"
  if (isNot) return [replace(node, "", "a `not` left out", 0)]
  return swap({ "&&": "||", "||": "&&" }, "and for or", 1, binary)(node, text)
}

/** The last expression in front of the block is the condition; what stands before it may declare. */
const negated: Rule = (node, text) => {
  const children = childrenOf(node)
  const block = children.findIndex((child) => child.name === "Block")
  const test = children[block - 1]
  if (test === undefined || ["if", ";"].includes(test.name)) return []
  return [replace(test, `!(${text.slice(test.from, test.to)})`, "a condition turned round", 0)]
}

/** What is left out must leave its variables used, or it does not compile: only what neither declares nor reads much. */
const rules: Readonly<Record<string, Rule>> = {
  CompareOp: compare,
  LogicOp: logic,
  ArithOp: swap(arithmetic, "another arithmetic", 0, binary),
  UpdateOp: swap(updates, "another arithmetic", 0, ["Assignment"]),
  IncDecOp: swap({ "++": "--", "--": "++" }, "counted the other way", 0, ["IncDecStatement"]),
  IfStatement: negated,
  IncDecStatement: (node) => [replace(node, "", "a statement left out", 0)],
  ExprStatement: (node) => (node.firstChild?.name === "CallExpr" ? [replace(node, "", "a statement left out", 1)] : []),
  ExpressionStatement: (node) =>
    node.firstChild?.name === "CallExpr" ? [replace(node, "", "a statement left out", 1)] : [],
  Bool: (node, text) => [
    replace(node, text.slice(node.from, node.to) === "true" ? "false" : "true", "true for false", 0),
  ],
  Number: (node, text) => {
    const other = otherNumber(text.slice(node.from, node.to))
    return other === undefined ? [] : [replace(node, other, "another number", 0)]
  },
  String: (node, text) => {
    const word = text.slice(node.from, node.to)
    return [replace(node, word.length > 2 ? '""' : '"?"', "another text", 1)]
  },
}

/** What can be broken in a Go file. */
export function edits(tree: Tree, text: string): Edit[] {
  return editsOf(tree, text, rules, closed)
}
