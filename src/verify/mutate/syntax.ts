import type { SyntaxNode, Tree } from "@lezer/common"

/** What is put where, and how likely it is to mean the same as before: 0 hardly, 1 sometimes, 2 often. */
export type Edit = { from: number; to: number; insert: string; rule: string; doubt: number }

/** A language whose trees we read. */
export type Syntax = { parser: { parse(text: string): Tree }; edits: (tree: Tree, text: string) => Edit[] }

/** What one node can be turned into. */
export type Rule = (node: SyntaxNode, text: string) => Edit[]

/** The edits of all nodes, by the rules of their names; what `closed` names is not looked into. */
export function editsOf(
  tree: Tree,
  text: string,
  rules: Readonly<Record<string, Rule>>,
  closed: ReadonlySet<string>,
): Edit[] {
  const edits: Edit[] = []
  tree.iterate({
    enter: ({ name, node }) => {
      if (closed.has(name)) return false
      if (Object.hasOwn(rules, name)) edits.push(...(rules[name]?.(node, text) ?? []))
      return true
    },
  })
  return edits.filter(({ from, to, insert }) => text.slice(from, to) !== insert)
}

/** How many places of a tree the parser could not make sense of. */
export function errorsIn(tree: Tree): number {
  let errors = 0
  tree.iterate({
    enter: ({ type }) => {
      if (type.isError) errors++
    },
  })
  return errors
}

/** Swaps a node's own text by a table. */
export function swap(table: Readonly<Record<string, string>>, rule: string, doubt: number, parents: string[]): Rule {
  return (node, text) => {
    const word = text.slice(node.from, node.to)
    const insert = Object.hasOwn(table, word) ? table[word] : undefined
    if (insert === undefined || !parents.includes(node.parent?.name ?? "")) return []
    return [{ from: node.from, to: node.to, insert, rule, doubt }]
  }
}

/** Takes the place of a node. */
export function replace(node: { from: number; to: number }, insert: string, rule: string, doubt: number): Edit {
  return { from: node.from, to: node.to, insert, rule, doubt }
}

/** Children of a node, its words and signs too. */
export function childrenOf(node: SyntaxNode): SyntaxNode[] {
  const children: SyntaxNode[] = []
  for (let child = node.firstChild; child !== null; child = child.nextSibling) children.push(child)
  return children
}

const comparisons = { "<": "<=", "<=": "<", ">": ">=", ">=": ">" } as const
const oppositeComparisons = { "<": ">=", "<=": ">", ">": "<=", ">=": "<" } as const
const updates = { "+=": "-=", "-=": "+=", "*=": "/=", "/=": "*=" } as const
const signs = { "+": "-", "-": "+", "*": "/", "/": "*", "%": "*" } as const

/** The rules that all languages share, of the names by which each calls what they look at. */
export function sharedRules({
  binary,
  update,
  equality = {},
  arithmetic = {},
}: {
  binary: string
  update: string
  /** Beyond `==`, `!=` and the usual signs. */
  equality?: Readonly<Record<string, string>>
  arithmetic?: Readonly<Record<string, string>>
}): Readonly<Record<"CompareOp" | "LogicOp" | "ArithOp" | "UpdateOp" | "Number", Rule>> {
  return {
    CompareOp: (node, text) => [
      ...swap({ "==": "!=", "!=": "==", ...equality }, "a comparison turned round", 0, [binary])(node, text),
      ...swap(oppositeComparisons, "a comparison turned round", 0, [binary])(node, text),
      ...swap(comparisons, "a limit moved by one", 1, [binary])(node, text),
    ],
    LogicOp: (node, text) => {
      const isNot = text.slice(node.from, node.to) === "!" && /^Unary/.test(node.parent?.name ?? "")
      if (isNot) return [replace(node, "", "a `not` left out", 0)]
      return swap({ "&&": "||", "||": "&&" }, "and for or", 1, [binary])(node, text)
    },
    ArithOp: swap({ ...signs, ...arithmetic }, "another arithmetic", 0, [binary]),
    UpdateOp: swap(updates, "another arithmetic", 0, [update]),
    Number: (node, text) => {
      const other = otherNumber(text.slice(node.from, node.to))
      return other === undefined ? [] : [replace(node, other, "another number", 0)]
    },
  }
}

/** A number other than the one written; none for what is not plainly one. */
function otherNumber(word: string): string | undefined {
  return /^\d+$/.test(word) ? String(BigInt(word) + 1n) : /^\d+\.\d+$/.test(word) ? `${word}1` : undefined
}
