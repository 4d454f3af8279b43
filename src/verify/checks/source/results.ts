import type { SyntaxNode } from "@lezer/common"
import { literalsIn } from "../../syntax/constants.ts"
import { childOf, childrenOf, literalOf, type Source, textOf, walk } from "../../syntax/source.ts"
import type { Look, ReadSource } from "./changed.ts"
import { bareOf, type TestValues } from "./test-values.ts"

/*
 * What source gives back: a test's answer whatever it is given, or a test's own text.
 */

/** Functions and returns that give what tests want. */
export const resultsOf =
  (values: TestValues): Look =>
  (node, file) => {
    switch (node.name) {
      case "FunctionDeclaration":
      case "ArrowFunction":
      case "FunctionExpression":
      case "FunctionDefinition":
      case "FunctionDecl":
      case "MethodDecl":
      case "MethodDeclaration":
        return isConstant(node, file, values) ? "always gives a test's answer, whatever it is given" : undefined
      case "ReturnStatement":
        return givesBack(node, file, values) ? "gives a test's own text back" : undefined
      default:
        return undefined
    }
  }

/** A function of parameters that looks at none of them and gives what a test wants, where the base's did look. */
function isConstant(node: SyntaxNode, { source, before }: ReadSource, { samples }: TestValues): boolean {
  const lists = childrenOf(node).filter((child) => /^(ParamList|Parameters)$/.test(child.name))
  // A method of Go has its receiver in front, as a list of its own.
  const params = lists[node.name === "MethodDecl" ? 1 : 0]
  const body = childOf(node, "Block", "Body") ?? childrenOf(node).at(-1)
  if (params === undefined || body === undefined || lists.some((list) => list === body)) return false
  const names = namesIn(source, params)
  const used = namesIn(source, body)
  if (names.size === 0 || lists.some((list) => [...namesIn(source, list)].some((name) => used.has(name)))) return false
  const [given, ...more] = answersIn(source, body)
  if (given === undefined || more.length > 0 || !samples.some(({ expected }) => expected.includes(given))) return false
  // What always gave a constant may give another one.
  const [name = ""] = names
  const counted = before.match(new RegExp(`\\b${name}\\b`, "g"))?.length ?? 0
  return counted >= 2 && name !== "_"
}

function namesIn(source: Source, node: SyntaxNode): Set<string> {
  const names = new Set<string>()
  walk(node, (each) => {
    if (/^(VariableDefinition|VariableName|DefName)$/.test(each.name)) names.add(textOf(source, each))
    return true
  })
  names.delete("self")
  return names
}

/** `return "C# in depth"`, which a test both gives and wants. */
function givesBack(node: SyntaxNode, { source, before }: ReadSource, { bodies }: TestValues): boolean {
  const texts = literalsIn(source, node).filter((value) => value.startsWith('"') && value.length >= 6)
  return texts.map(bareOf).some((bare) => {
    if (/^[A-Za-z]+$/.test(bare) || /[%{}$]/.test(bare) || before.includes(bare)) return false
    const squeezed = bare.replace(/\s+/g, "")
    return bodies.some(({ strings, text }) => strings.has(bare) && text.replace(/\s+/g, "").split(squeezed).length > 2)
  })
}

/** What a branch or a body gives back: the literals it returns, or sets something to. */
export function answersIn(source: Source, answer: SyntaxNode): string[] {
  const own = literalOf(source, answer)
  if (own !== undefined) return [own]
  const found: string[] = []
  walk(answer, (node) => {
    if (
      /^(ReturnStatement|AssignmentExpression|AssignStatement|Assignment|VariableDeclaration|YieldExpression)$/.test(
        node.name,
      )
    )
      found.push(...literalsIn(source, node))
    return true
  })
  return found.length > 0 || /Block|Body|Statement/.test(answer.name) ? found : literalsIn(source, answer)
}

/** An answer that says nothing. */
export function isBlank(value: string): boolean {
  return /^(""|null|None|undefined|nil|0|true|false|True|False|-1)$/.test(value)
}
