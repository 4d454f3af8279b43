import type { SyntaxNode } from "@lezer/common"
import type { Names } from "./render.ts"
import { render } from "./render.ts"
import { childOf, childrenOf, literalOf, partsOf, textOf } from "./source.ts"
import { bind, type Reader } from "./test-reader.ts"

/** What a statement declares: constants by what they stand for, and imports. */
export function readDeclarations(reader: Reader, statement: SyntaxNode, names: Names): Names {
  switch (statement.name) {
    case "ExportDeclaration":
      return childrenOf(statement).reduce((known, child) => readDeclarations(reader, child, known), names)
    case "ImportDeclaration":
      readImport(reader, statement)
      return names
    case "VariableDeclaration":
      return readVariables(reader, statement, names)
    default:
      return names
  }
}

/** Functions of a block by name, wherever in it they stand. */
export function readHelpers({ source, helpers }: Reader, statement: SyntaxNode): void {
  if (statement.name === "ExportDeclaration") return
  const parts = childrenOf(statement)
  const name = childOf(statement, "VariableDefinition")
  if (name === undefined) return
  if (statement.name === "FunctionDeclaration") helpers.set(textOf(source, name), statement)
  if (statement.name !== "VariableDeclaration") return
  parts.forEach((part, index) => {
    const value = parts[index + 1]?.name === "Equals" ? parts[index + 2] : undefined
    if (value !== undefined && functions.test(value.name)) helpers.set(textOf(source, part), value)
  })
}

const functions = /^(ArrowFunction|FunctionExpression)$/

function readVariables(reader: Reader, statement: SyntaxNode, names: Names): Names {
  const { source } = reader
  let known = names
  const parts = childrenOf(statement).filter((part) => part.name !== "TypeAnnotation")
  for (const [index, part] of parts.entries()) {
    const value = parts[index + 1]?.name === "Equals" ? parts[index + 2] : undefined
    if (value === undefined) continue
    const module = requiredModule(reader, value)
    if (part.name === "VariableDefinition") {
      const name = textOf(source, part)
      if (module !== undefined) reader.imports.set(name, module)
      else if (!functions.test(value.name)) known = bind(reader, known, name, value)
    } else if (/Pattern$/.test(part.name)) {
      for (const [name, path] of patternNames(reader, part)) {
        if (module !== undefined) reader.imports.set(name, module)
        else if (!reader.reassigned.has(name))
          known = new Map(known).set(name, { text: `${render(source, value, known)}${path}`, node: value })
      }
    }
  }
  return known
}

/** The names of a pattern that is not nested, each with the way to its value. */
export function patternNames({ source }: Reader, pattern: SyntaxNode): [name: string, path: string][] {
  const parts = partsOf(pattern)
  if (pattern.name === "ArrayPattern")
    return parts.flatMap((part, index) =>
      part.name === "VariableDefinition" ? [[textOf(source, part), `[${index}]`]] : [],
    )
  return parts.flatMap((part) => {
    if (part.name !== "PatternProperty") return []
    const own = partsOf(part)
    const name = own.find((each) => each.name === "VariableDefinition")
    const key = own[0]
    return name === undefined || key === undefined ? [] : [[textOf(source, name), `.${textOf(source, key)}`]]
  })
}

function requiredModule({ source }: Reader, value: SyntaxNode): string | undefined {
  const call = value.name === "AwaitExpression" ? value.lastChild : value
  if (call?.name !== "CallExpression" && call?.name !== "DynamicImport") return undefined
  const match = /^(?:require|import)\s*\(\s*["']([^"']+)["']\s*\)$/.exec(textOf(source, call))
  return match?.[1]
}

function readImport({ source, imports }: Reader, statement: SyntaxNode): void {
  const from = childrenOf(statement).findLast((part) => part.name === "String")
  const module = from === undefined ? "" : (literalOf(source, from) ?? "").replace(/^"|"$/g, "")
  const group = childOf(statement, "ImportGroup")
  for (const part of [...childrenOf(statement), ...(group === undefined ? [] : childrenOf(group))]) {
    if (part.name === "VariableDefinition") imports.set(textOf(source, part), module)
  }
}
