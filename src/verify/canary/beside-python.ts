import type { SyntaxNode } from "@lezer/common"
import { childOf, childrenOf, lineAt, lineOf, literalOf, partsOf, type Source, textOf, walk } from "../syntax/source.ts"
import type { Asked, Beside, Span, Turn } from "./places.ts"
import { assertionIn, type Helpers, helpersOf, looksAt, raisesIn, wantedIn } from "./python-wants.ts"
import { givenOf, likelyRows, type Tabled, tableAt, withRow } from "./rows.ts"
import { edited, isWithin, turnsOf, type Varies, without } from "./vary.ts"

const MAX_EXPECTATIONS = 2

type Statement =
  | { node: SyntaxNode; is: "prepares" }
  | { node: SyntaxNode; is: "expects"; tabled?: Tabled; looked?: SyntaxNode }

/** A test function, and its decorators. */
type Definition = { unit: SyntaxNode; definition: SyntaxNode; decorators: SyntaxNode[]; path: string[] }

/**
 * Copies of one Python test, each with one of its expectations: as it stands, and with other values in the place of those that it
 * gives, in itself or in its row of a table. What is compared is raised instead, so that base and change tell what came.
 */
export function pythonBeside(
  source: Source,
  asked: Asked,
  chooses: Varies,
): { edit: Turn; copies: Beside[] } | undefined {
  const found = definitionOf(source, asked.name.replace(/\[[\s\S]*\]$/, "").split(" > "))
  const body = found === undefined ? undefined : childOf(found.definition, "Body")
  if (found === undefined || body === undefined) return undefined
  const helpers = helpersOf(source)
  const wanted = wantedIn(source, body, helpers)
  const around = parametersOf(source, found.decorators, without(source, body, wanted))
  // What another decorator does with a copy nobody knows; of two tables one would have to be chosen.
  if (around === "unreadable") return undefined
  const statements = partsOf(body)
    .filter((node) => !isDocstring(node))
    .map((node) => statementOf(source, node, helpers))
  const expecting = statements.flatMap((each, index) => (each.is === "expects" ? [index] : []))
  const failed = (index: number) => isOn(source, statements[index]?.node, asked.failedAt)
  const ranked = [...expecting.filter(failed), ...expecting.filter((index) => !failed(index))]
  const indent = columnOf(source, found.unit)
  const copies: Beside[] = []
  const texts: string[] = []
  for (const at of ranked.slice(0, MAX_EXPECTATIONS)) {
    const expectation = statements[at]
    const tabled = around ?? (expectation?.is === "expects" ? expectation.tabled : undefined)
    const rows =
      tabled === undefined ? [undefined] : likelyRows(source, tabled.table, `${asked.name}\n${asked.message}`)
    for (const row of rows) {
      const of = [asked.name, at, row?.from].filter((part) => part !== undefined).join(" ")
      const hidden = [...wanted, ...(tabled === undefined ? [] : [tabled.table.at])]
      const literals = [
        ...(tabled === undefined || row === undefined
          ? []
          : givenOf(source, row, tabled.names, tabled.given).flatMap((part) => literalsGiven(source, part))),
        ...statements
          .slice(0, at + 1)
          .reverse()
          .flatMap(({ node }) => literalsGiven(source, node))
          .filter((node) => !isWithin(node, hidden)),
      ]
      const turns = turnsOf(source, literals, chooses, tabled?.table.whole)
      if (turns.length === 0) continue
      for (const turn of [[], ...turns]) {
        const word = `test_${chooses.word()}`
        const given = turn.map(({ insert }) => insert).join(" and ")
        copies.push({
          name: [...found.path.slice(0, -1), word].join(" > "),
          of,
          ...(turn.length === 0 ? {} : { given }),
        })
        const edits = withRow(source, turn, tabled?.table, row)
        const binds = around === undefined || row === undefined ? [] : [bindingOf(source, around, row, turn)]
        const lines = [...binds, ...bodyOf(source, statements, at, edits)]
        texts.push(definitionText(source, found, { word, indent, without: around?.names ?? [], lines }))
      }
    }
  }
  const start = source.text.lastIndexOf("\n", found.unit.from - 1) + 1
  return copies.length === 0 ? undefined : { edit: { from: start, to: start, insert: texts.join("") }, copies }
}

/** The one function of that name, in the classes that the name says. */
function definitionOf(source: Source, path: string[]): Definition | undefined {
  let inside: SyntaxNode | undefined = source.root
  for (const [index, name] of path.entries()) {
    const isLast = index === path.length - 1
    const all: Definition[] = (inside === undefined ? [] : childrenOf(inside)).flatMap((unit) => {
      const definition =
        unit.name === "DecoratedStatement" ? childOf(unit, "FunctionDefinition", "ClassDefinition") : unit
      const wanted = isLast ? "FunctionDefinition" : "ClassDefinition"
      const own = definition === undefined ? undefined : childOf(definition, "VariableName")
      if (definition?.name !== wanted || own === undefined || textOf(source, own) !== name) return []
      return [{ unit, definition, decorators: childrenOf(unit).filter((each) => each.name === "Decorator"), path }]
    })
    const [only, more] = all
    if (only === undefined || more !== undefined) return undefined
    if (isLast) return only
    inside = childOf(only.definition, "Body")
  }
  return undefined
}

/** The table of `@pytest.mark.parametrize`, where that is all that a test is decorated with. */
function parametersOf(
  source: Source,
  decorators: readonly SyntaxNode[],
  given: string,
): Tabled | "unreadable" | undefined {
  const [only, more] = decorators.filter((each) => !isPlainMark(source, each))
  if (only === undefined) return undefined
  const list = childOf(only, "ArgList")
  const [names, values] = list === undefined ? [] : partsOf(list)
  const isTable = /^@\s*(pytest\s*\.\s*)?(mark\s*\.\s*)?parametrize\s*\(/.test(textOf(source, only))
  if (!isTable || more !== undefined || names === undefined || values === undefined) return "unreadable"
  if (/\bindirect\s*=/.test(textOf(source, only))) return "unreadable"
  const table = tableAt(source, values)
  if (table === undefined) return "unreadable"
  const rows = table.rows.map((row) => paramOf(source, row))
  return { table: { ...table, rows }, names: [...textOf(source, names).matchAll(/\w+/g)].map(([word]) => word), given }
}

/** A mark that a copy may have too: `asyncio`, `unit`, `usefixtures`. */
function isPlainMark(source: Source, decorator: SyntaxNode): boolean {
  const mark = /^@\s*pytest\s*\.\s*mark\s*\.\s*(\w+)/.exec(textOf(source, decorator))?.[1]
  return mark !== undefined && !/^(parametrize|skip|skipif|xfail|flaky|repeat)$/.test(mark)
}

/** `pytest.param(a, b, id="…")`: its arguments. */
function paramOf(source: Source, row: SyntaxNode): SyntaxNode {
  const isParam = row.name === "CallExpression" && /^(pytest\s*\.\s*)?param\s*\(/.test(textOf(source, row))
  return (isParam ? childOf(row, "ArgList") : undefined) ?? row
}

/** What the parameters of a test stand for in one row. */
function bindingOf(source: Source, { names }: Tabled, row: SyntaxNode, turn: readonly Turn[]): string {
  const target = names.join(", ")
  if (row.name !== "ArgList") return `${names.length === 1 ? target : `(${target})`} = ${edited(source, row, turn)}`
  const parts = partsOf(row)
  const values = parts.filter((part, index) => index < names.length && !/AssignOp/.test(part.nextSibling?.name ?? ""))
  return `(${target},) = (${values.map((value) => edited(source, value, turn)).join(", ")},)`
}

function statementOf(source: Source, node: SyntaxNode, helpers: Helpers): Statement {
  if (node.name === "ForStatement") {
    const tabled = loopOf(source, node, helpers)
    return tabled === undefined ? { node, is: "prepares" } : { node, is: "expects", tabled }
  }
  if (node.name === "WithStatement") return raisesIn(source, node) ? { node, is: "expects" } : { node, is: "prepares" }
  const looked = looksAt(source, node)
  if (looked !== undefined) return { node, is: "expects", looked }
  return assertionIn(source, node, helpers) === undefined ? { node, is: "prepares" } : { node, is: "expects" }
}

/** `for a, b in TABLE:` with one expectation inside. */
function loopOf(source: Source, node: SyntaxNode, helpers: Helpers): Tabled | undefined {
  const body = childOf(node, "Body")
  const parts = partsOf(node).filter((part) => !/^(for|async|Body)$/.test(part.name))
  const at = parts.findIndex((part) => part.name === "in")
  const expression = parts[at + 1]
  const table = expression === undefined || at === -1 ? undefined : tableAt(source, expression)
  if (body === undefined || table === undefined) return undefined
  let count = 0
  walk(body, (each) => {
    const expects = assertionIn(source, each, helpers) !== undefined
    if (expects) count++
    return !expects
  })
  const names = parts.slice(0, at).flatMap((part) => [...textOf(source, part).matchAll(/\w+/g)].map(([word]) => word))
  return count === 1 ? { table, names, given: without(source, body, wantedIn(source, body, helpers)) } : undefined
}

function isDocstring(node: SyntaxNode): boolean {
  return node.name === "ExpressionStatement" && /^(String|ContinuedString)$/.test(node.firstChild?.name ?? "")
}

function isOn(source: Source, node: SyntaxNode | undefined, line: number | undefined): boolean {
  return node !== undefined && line !== undefined && lineOf(source, node) <= line && line <= lineAt(source, node.to)
}

function columnOf({ text }: Source, node: SyntaxNode): string {
  const start = text.lastIndexOf("\n", node.from - 1) + 1
  return /^\s*/.exec(text.slice(start, node.from))?.[0] ?? ""
}

/** Texts and numbers that a piece of a test gives: no names of keys, of modules, of arguments. */
function literalsGiven(source: Source, within: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = []
  walk(within, (node) => {
    if (/^(ImportStatement|TypeDef|FormatString|Decorator)$/.test(node.name)) return false
    if (!/^(String|Number)$/.test(node.name)) return true
    const isKey = node.nextSibling?.name === ":" && /^["']\w+["']$/.test(textOf(source, node))
    if (!isKey && node.parent?.name !== "MemberExpression" && literalOf(source, node) !== undefined) found.push(node)
    return false
  })
  return found
}

/** The test's own statements up to one expectation; what it expected before is done, and asserted no more. */
function bodyOf(source: Source, statements: readonly Statement[], at: number, edits: readonly Turn[]): string[] {
  return statements.slice(0, at + 1).flatMap((each, index): string[] => {
    if (each.is === "prepares") return [edited(source, each.node, edits)]
    if (index === at)
      return [
        each.looked === undefined
          ? edited(source, each.node, edits)
          : `raise AssertionError("came: " + repr((${edited(source, each.looked, edits)})))`,
      ]
    if (each.looked === undefined) return []
    return [`try: (${edited(source, each.looked, edits)})`, "except Exception: pass"]
  })
}

/** A definition under another name, without some of its parameters, and with another body. */
function definitionText(
  source: Source,
  { definition, decorators }: Definition,
  {
    word,
    indent,
    without: bound,
    lines,
  }: { word: string; indent: string; without: readonly string[]; lines: string[] },
): string {
  const name = childOf(definition, "VariableName") ?? definition
  const params = childOf(definition, "ParamList") ?? definition
  const body = childOf(definition, "Body") ?? definition
  const [first] = partsOf(body)
  const own = first === undefined || lineOf(source, first) === lineOf(source, definition) ? "" : columnOf(source, first)
  const inside = own === "" ? `${indent}    ` : own
  const kept = paramsOf(source, params).filter((param) => !bound.includes(/^\**(\w+)/.exec(param)?.[1] ?? ""))
  const head = `${source.text.slice(definition.from, name.from)}${word}(${kept.join(", ")})${source.text.slice(params.to, body.from)}`
  const marks = decorators
    .filter((each) => isPlainMark(source, each))
    .map((each) => `${indent}${textOf(source, each).trim()}\n`)
  return `${marks.join("")}${indent}${head.trimEnd()}:\n${lines.map((line) => `${inside}${line}\n`).join("")}\n`
}

function paramsOf(source: Source, params: SyntaxNode): string[] {
  const commas: Span[] = childrenOf(params).filter((part) => part.name === ",")
  const edges = [params.from + 1, ...commas.flatMap(({ from, to }) => [from, to]), params.to - 1]
  const found: string[] = []
  for (let index = 0; index + 1 < edges.length; index += 2)
    found.push(source.text.slice(edges[index], edges[index + 1]).trim())
  return found.filter((param) => param !== "")
}
