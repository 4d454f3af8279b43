import type { SyntaxNode } from "@lezer/common"
import { childOf, childrenOf, lineAt, lineOf, literalOf, partsOf, type Source, textOf, walk } from "../syntax/source.ts"
import { loopAt } from "./javascript-loops.ts"
import { openingOf } from "./javascript-opening.ts"
import { helpersOf, wantedIn } from "./javascript-wants.ts"
import type { Asked, Beside, Turn } from "./places.ts"
import { givenOf, likelyRows, type Tabled, tableAt, withRow } from "./rows.ts"
import { edited, isWithin, turnsOf, type Varies, without } from "./vary.ts"

const MAX_EXPECTATIONS = 2

type Statement =
  | { node: SyntaxNode; is: "prepares" }
  | { node: SyntaxNode; is: "expects"; looked: SyntaxNode; waits: boolean; tabled?: Tabled }

/**
 * Copies of one JavaScript or TypeScript test, each with one of its expectations: as it stands, and with other values in the place of those
 * that it gives, in itself or in its row of a table. Undefined where the test has no form that can be read.
 */
export function javascriptBeside(
  source: Source,
  asked: Asked,
  chooses: Varies,
): { edit: Turn; copies: Beside[] } | undefined {
  const opening = openingOf(source, asked.name)
  if (opening === undefined) return undefined
  const { unit, title, body, suite } = opening
  const helpers = helpersOf(source)
  const wanted = wantedIn(source, body, helpers)
  const statements = (body.name === "Block" ? partsOf(body) : [body]).map((node) => statementOf(source, node, helpers))
  const copies: Beside[] = []
  const texts: string[] = []
  const expecting = statements.flatMap((each, index) => (each.is === "expects" ? [index] : []))
  const failed = (index: number) => isOn(source, statements[index]?.node, asked.failedAt)
  const ranked = [...expecting.filter(failed), ...expecting.filter((index) => !failed(index))]
  for (const at of ranked.slice(0, MAX_EXPECTATIONS)) {
    const expectation = statements[at]
    const around = opening.tabled?.(without(source, body, wanted))
    const tabled = around ?? (expectation?.is === "expects" ? expectation.tabled : undefined)
    const rows =
      tabled === undefined ? [undefined] : likelyRows(source, tabled.table, `${asked.name}\n${asked.message}`)
    for (const row of rows) {
      const of = [asked.name, at, row?.from].filter((part) => part !== undefined).join(" ")
      const literals = [
        ...(tabled === undefined || row === undefined
          ? []
          : givenOf(source, row, tabled.names, tabled.given).flatMap((part) => literalsGiven(source, part))),
        ...statements
          .slice(0, at + 1)
          .reverse()
          .flatMap((each) => literalsGiven(source, each.is === "expects" ? each.looked : each.node))
          .filter((node) => !isWithin(node, [...wanted, ...(tabled === undefined ? [] : [tabled.table.at])])),
      ]
      const turns = turnsOf(source, literals, chooses, tabled?.table.whole)
      if (turns.length === 0) continue
      for (const turn of [[], ...turns]) {
        const word = chooses.word()
        const given = turn.map(({ insert }) => insert).join(" and ")
        copies.push({ name: suite + word, of, ...(turn.length === 0 ? {} : { given }) })
        const edits = withRow(source, turn, tabled?.table, row)
        const [only] = body.name === "Block" ? [] : [edited(source, body, edits)]
        const insert = only === undefined ? bodyOf(source, statements, at, edits) : `{ return ${only} }`
        const inside = { from: body.from, to: body.to, insert }
        const named = { from: title.from, to: title.to, insert: JSON.stringify(word) }
        const outside = edits.filter((edit) => !isWithin(edit, [body]))
        texts.push(edited(source, unit, [...outside, named, inside]))
      }
    }
  }
  return copies.length === 0
    ? undefined
    : { edit: { from: unit.from, to: unit.from, insert: `${texts.join(";\n")};\n` }, copies }
}

function isOn(source: Source, node: SyntaxNode | undefined, line: number | undefined): boolean {
  return node !== undefined && line !== undefined && lineOf(source, node) <= line && line <= lineAt(source, node.to)
}

const asserts = /^(await\s+)?(assert|expect|t)\b/

function statementOf(source: Source, node: SyntaxNode, helpers: ReadonlyMap<string, SyntaxNode>): Statement {
  const looped = loopOf(source, node, helpers)
  if (looped !== undefined) return { node, is: "expects", looked: node, waits: false, tabled: looped }
  const inner =
    node.name === "ExpressionStatement" ? partsOf(node)[0] : /Expression$/.test(node.name) ? node : undefined
  if (inner === undefined) return { node, is: "prepares" }
  const waits = inner.name === "AwaitExpression"
  const call = (waits ? partsOf(inner).at(-1) : inner) ?? inner
  const callee = call.name === "CallExpression" ? childrenOf(call)[0] : undefined
  if (callee?.name === "VariableName" && helpers.has(textOf(source, callee)))
    return { node, is: "expects", looked: call, waits }
  if (!asserts.test(textOf(source, inner))) return { node, is: "prepares" }
  const looked = lookedAt(source, call)
  return looked === undefined ? { node, is: "prepares" } : { node, is: "expects", looked, waits }
}

/** `for (const [a, b] of table) …`, `table.forEach(([a, b]) => …)`, with one expectation inside. */
function loopOf(source: Source, node: SyntaxNode, helpers: ReadonlyMap<string, SyntaxNode>): Tabled | undefined {
  const loop = loopAt(source, node)
  const table = loop === undefined ? undefined : tableAt(source, loop.table)
  if (loop === undefined || table === undefined) return undefined
  let count = 0
  walk(loop.body, (each) => {
    const inner = each.name === "CallExpression" ? textOf(source, each) : ""
    const expects = asserts.test(inner) || helpers.has(/^\w+/.exec(inner)?.[0] ?? "")
    if (expects) count++
    return !expects
  })
  const given = without(source, loop.body, wantedIn(source, loop.body, helpers))
  return count === 1 ? { table, names: loop.names, given } : undefined
}

/** What an assertion looks at: the first argument of the call that its chain begins with. A comparison tells of no value that came. */
function lookedAt(source: Source, node: SyntaxNode): SyntaxNode | undefined {
  let call: SyntaxNode | undefined
  for (let here: SyntaxNode | null = node; here !== null; here = here.firstChild) {
    if (here.name === "CallExpression") call = here
    if (here.name === "VariableName") break
  }
  const list = call === undefined ? undefined : childOf(call, "ArgList")
  const [first] = list === undefined ? [] : partsOf(list)
  if (first?.name === "BinaryExpression" && childOf(first, "CompareOp") !== undefined) return undefined
  return first === undefined || textOf(source, first) === "" ? undefined : first
}

/** Texts and numbers that a piece of a test gives: no names of properties, of modules, or of types. */
function literalsGiven(source: Source, within: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = []
  walk(within, (node) => {
    if (/^(PropertyName|PropertyDefinition|TypeAnnotation|TypeArgList|ImportDeclaration|RegExp)$/.test(node.name))
      return false
    if (node.name === "CallExpression" && /^(require|import)\b/.test(textOf(source, node))) return false
    if (!/^(String|TemplateString|Number)$/.test(node.name)) return true
    if (node.parent?.name !== "MemberExpression" && literalOf(source, node) !== undefined) found.push(node)
    return false
  })
  return found
}

/** The test's own statements up to one expectation; what it expected before is done, and asserted no more. */
function bodyOf(source: Source, statements: readonly Statement[], at: number, edits: readonly Turn[]): string {
  const texts = statements.slice(0, at + 1).map((each, index) => {
    if (each.is === "prepares" || index === at) return edited(source, each.node, edits)
    if (each.tabled !== undefined) return ""
    const inner = edited(source, each.looked, edits)
    const isFunction = /^(ArrowFunction|FunctionExpression)$/.test(each.looked.name)
    return `try { ${each.waits ? "await " : ""}(${inner})${isFunction ? "()" : ""} } catch {}`
  })
  return `{\n${texts.join(";\n")}\n}`
}
