import type { Tree } from "@lezer/common"
import { parser } from "@lezer/go"
import { childrenOf, type Edit, editsOf, type Rule, replace, sharedRules, swap } from "./syntax.ts"

export { parser }

/** Array sizes and tags are left alone: the compiler, and not a test, would find them. */
const closed = new Set(["ImportDecl", "PackageClause", "ArrayType", "StructType", "ConstDecl"])

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
  ...sharedRules({ binary: "BinaryExp", update: "Assignment" }),
  IncDecOp: swap({ "++": "--", "--": "++" }, "counted the other way", 0, ["IncDecStatement"]),
  IfStatement: negated,
  IncDecStatement: (node) => [replace(node, "", "a statement left out", 0)],
  ExprStatement: (node) => (node.firstChild?.name === "CallExpr" ? [replace(node, "", "a statement left out", 1)] : []),
  ExpressionStatement: (node) =>
    node.firstChild?.name === "CallExpr" ? [replace(node, "", "a statement left out", 1)] : [],
  Bool: (node, text) => [
    replace(node, text.slice(node.from, node.to) === "true" ? "false" : "true", "true for false", 0),
  ],
  String: (node, text) => {
    const word = text.slice(node.from, node.to)
    return [replace(node, word.length > 2 ? '""' : '"?"', "another text", 1)]
  },
}

/** What can be broken in a Go file. */
export function edits(tree: Tree, text: string): Edit[] {
  return editsOf(tree, text, rules, closed)
}
