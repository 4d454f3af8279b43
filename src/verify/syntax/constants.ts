import type { SyntaxNode } from "@lezer/common"
import { type Bound, type Names, render } from "./render.ts"
import { childrenOf, literalOf, type Source, textOf, walk } from "./source.ts"

const declarations = /^(VariableDeclaration|AssignStatement|VarDecl|VarSpec|ConstSpec)$/
const functions = /^(ArrowFunction|FunctionExpression|FunctionLiteral|LambdaExpression|ClassExpression)$/

/**
 * What the names of a file stand for where each is given one value in all of it, and the modules of imported names as
 * `module:name`: an alias does not hide what it is an alias of.
 */
export function constantsOf(source: Source): Names {
  const values = new Map<string, SyntaxNode | undefined>()
  const imported = new Map<string, Bound>()
  walk(source.root, (node) => {
    if (/^Import(Declaration|Statement|Decl)$/.test(node.name)) {
      for (const [name, module] of importsIn(textOf(source, node))) imported.set(name, { text: module, node })
      return false
    }
    if (declarations.test(node.name)) {
      for (const [name, value] of assignmentsIn(source, node)) values.set(name, values.has(name) ? undefined : value)
    } else if (
      /^(AssignmentExpression|Assignment|UpdateStatement|PostfixExpression|IncDecStatement)$/.test(node.name)
    ) {
      const target = node.firstChild
      if (target?.name === "VariableName") values.set(textOf(source, target), undefined)
    }
    return true
  })
  const names = new Map<string, Bound>(imported)
  for (const [name, node] of values) {
    if (node === undefined || functions.test(node.name) || node.to - node.from > 400) continue
    names.set(name, { text: render(source, node, names), node })
  }
  return names
}

function assignmentsIn(source: Source, node: SyntaxNode): [string, SyntaxNode][] {
  const parts = childrenOf(node).filter((part) => part.name !== "TypeAnnotation" && part.name !== "TypeDef")
  return parts.flatMap((part, index): [string, SyntaxNode][] => {
    const [operator, value] = [parts[index + 1], parts[index + 2]]
    if (!/^(VariableDefinition|VariableName|DefName)$/.test(part.name) || operator === undefined || value === undefined)
      return []
    return /^(:=|=)$/.test(textOf(source, operator)) ? [[textOf(source, part), value]] : []
  })
}

/** Names that stand for a whole module, by the module's own name. */
function importsIn(text: string): [name: string, module: string][] {
  const js = /^import\s+(?:\*\s+as\s+)?(\w+)[^'"]*from\s*["'](?:node:)?([\w@/.-]+)["']/.exec(text)
  if (js !== null) return [[js[1] ?? "", moduleName(js[2] ?? "")]]
  const python = /^import\s+([\w.]+)(?:\s+as\s+(\w+))?\s*$/.exec(text)
  if (python !== null) return [[python[2] ?? python[1] ?? "", python[1] ?? ""]]
  return [...text.matchAll(/(\w+)\s+"([\w./-]+)"/g)].map((match) => [
    match[1] ?? "",
    (match[2] ?? "").split("/").at(-1) ?? "",
  ])
}

/** `assert/strict` is `assert` to whoever patches it. */
function moduleName(module: string): string {
  return /^(assert|chai|vitest|expect|sinon)\b/.exec(module)?.[1] ?? (/^@?jest/.test(module) ? "jest" : "imported")
}

/** Every literal value within a node, as canonical words. */
export function literalsIn(source: Source, node: SyntaxNode): string[] {
  const found: string[] = []
  walk(node, (each) => {
    const value = literalOf(source, each)
    if (value !== undefined) found.push(value)
    return value === undefined
  })
  return found
}
