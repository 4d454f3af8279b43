import type { SyntaxNode } from "@lezer/common"
import { childOf, childrenOf, lineOf, partsOf, type Source, textOf, walk } from "../syntax/source.ts"
import { type Chooses, callbackOf, literalsWanted, type Places } from "./places.ts"

/** What of a JavaScript or TypeScript test can be turned: strict equalities of its own statements, and its beginning. */
export function javascriptPlaces(source: Source, line: number, chooses: Chooses): Places | undefined {
  let found: SyntaxNode | undefined
  walk(source.root, (node) => {
    if (found === undefined && node.name === "CallExpression" && lineOf(source, node) === line) found = callbackOf(node)
    return found === undefined
  })
  const body = found === undefined ? undefined : childOf(found, "Block")
  if (body === undefined) return found?.name === "ArrowFunction" ? ofExpression(source, found, chooses) : undefined
  const places: Places = {
    wants: [],
    compares: [],
    begins: {
      from: body.from + 1,
      to: body.from + 1,
      insert: ` ${failing(source, chooses, paramOf(source, found))}; `,
    },
  }
  for (const statement of partsOf(body)) {
    if (statement.name === "ReturnStatement") break
    if (statement.name === "ExpressionStatement") ofAssertion(source, partsOf(statement)[0], places)
  }
  return places
}

/** `() => assert.equal(…)`: its one expression is all that it does. */
function ofExpression(source: Source, arrow: SyntaxNode, chooses: Chooses): Places | undefined {
  const said = partsOf(arrow).at(-1)
  if (said === undefined || said.name === "ParamList") return undefined
  const { from, to } = said
  const places: Places = {
    wants: [],
    compares: [],
    begins: {
      from,
      to,
      insert: `{ ${failing(source, chooses, paramOf(source, arrow))}; return ${textOf(source, said)} }`,
    },
  }
  ofAssertion(source, said, places)
  return places
}

/** By the assertions that the file itself uses: what makes these blind is to be seen, too. */
function failing({ text }: Source, { word }: Chooses, param: string | undefined): string {
  const [left, right] = [JSON.stringify(word()), JSON.stringify(word())]
  if (/\bexpect\s*\([^\n]*\)\s*\.\s*(not\s*\.\s*)?to\s*\./.test(text)) return `expect(${left}).to.equal(${right})`
  if (/\bexpect\s*\([^\n]*\)[\s\S]{0,80}?\.\s*to(Be|Equal|StrictEqual)\b/.test(text))
    return `expect(${left}).toBe(${right})`
  const given = /\b(?:s?t|tt)\s*\.\s*(is|equal|same|strictEqual|deepEqual)\s*\(/.exec(text)
  if (given !== null && param !== undefined) return `${param}.${given[1]}(${left}, ${right})`
  const equal = /\b(assert\s*\.\s*)?(strictEqual|deepStrictEqual|equal|deepEqual)\s*\(/.exec(text)
  if (equal !== null) return `${(equal[1] ?? "").replace(/\s/g, "")}${equal[2]}(${left}, ${right})`
  return `throw new Error(${left})`
}

/** What the test is given: in tape, tap and ava its assertions. */
function paramOf(source: Source, callback: SyntaxNode | undefined): string | undefined {
  const list = callback === undefined ? undefined : childOf(callback, "ParamList")
  const [first] = list === undefined ? [] : partsOf(list)
  return first?.name === "VariableDefinition" ? textOf(source, first) : undefined
}

const equalities: Readonly<Record<string, string>> = {
  is: "not",
  same: "notSame",
  equal: "notEqual",
  strictEqual: "notStrictEqual",
  deepEqual: "notDeepEqual",
  deepStrictEqual: "notDeepStrictEqual",
}

function ofAssertion(source: Source, only: SyntaxNode | undefined, places: Places): void {
  const call = only?.name === "AwaitExpression" ? partsOf(only).at(-1) : only
  const [callee, list] = call?.name === "CallExpression" ? childrenOf(call) : []
  if (callee === undefined || list === undefined) return
  const said = textOf(source, callee).replace(/\s+/g, "")
  const args = partsOf(list)
  const own = /^(?:assert|s?t)\.(?:strict\.)?(\w+)$/.exec(said)?.[1] ?? (callee.name === "VariableName" ? said : "")
  const opposite = Object.hasOwn(equalities, own) ? equalities[own] : undefined
  if (opposite !== undefined) {
    const [, wanted] = args
    if (wanted !== undefined) places.wants.push(...literalsWanted(source, wanted))
    if (callee.name === "MemberExpression")
      places.compares.push({ from: callee.to - own.length, to: callee.to, insert: opposite })
    return
  }
  const matcher = /^expect\([\s\S]*\)\.(?:(?:resolves|rejects)\.)?(toBe|toEqual|toStrictEqual)$/.exec(said)?.[1]
  const chai = /^expect\([\s\S]*\)\.to\.(?:deep\.)?(equal|eql|eq)$/.exec(said)?.[1]
  const [wanted] = args
  if ((matcher === undefined && chai === undefined) || wanted === undefined) return
  places.wants.push(...literalsWanted(source, wanted))
  const at = callee.to - (matcher ?? chai ?? "").length
  if (matcher !== undefined) places.compares.push({ from: at, to: at, insert: "not." })
  else if (chai !== undefined && !/deep\./.test(said)) places.compares.push({ from: at, to: at, insert: "not." })
}
