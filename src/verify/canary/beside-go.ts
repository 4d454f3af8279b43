import type { SyntaxNode } from "@lezer/common"
import { childOf, childrenOf, literalOf, partsOf, type Source, textOf, walk } from "../syntax/source.ts"
import type { Asked, Beside, Span, Turn } from "./places.ts"
import { givenOf, likelyRows, type Tabled, tableAt, withRow } from "./rows.ts"
import { edited, isWithin, turnsOf, type Varies, without } from "./vary.ts"

/**
 * Copies of one Go test: as it stands, and with other values in the place of those that it gives, in itself or in a row of its table.
 * Each copy goes to its end, whatever it finds, and tells of all that it compares what came.
 */
export function goBeside(source: Source, asked: Asked, chooses: Varies): { edit: Turn; copies: Beside[] } | undefined {
  const [top = ""] = asked.name.split(" > ")
  const found = childrenOf(source.root).filter(
    (node) => node.name === "FunctionDecl" && textOf(source, childOf(node, "DefName") ?? node) === top,
  )
  const [unit, more] = found
  const name = unit === undefined ? undefined : childOf(unit, "DefName")
  const body = unit === undefined ? undefined : childOf(unit, "Block")
  if (unit === undefined || name === undefined || body === undefined || more !== undefined) return undefined
  const reports = reportsIn(source, body)
  if (reports.length === 0) return undefined
  const wanted = wantedIn(source, body)
  const tabled = tableIn(source, body, wanted)
  const rows = tabled === undefined ? [undefined] : likelyRows(source, tabled.table, `${asked.name}\n${asked.message}`)
  const copies: Beside[] = []
  const texts: string[] = []
  for (const row of rows) {
    const of = [asked.name, row?.from].filter((part) => part !== undefined).join(" ")
    const hidden = [...wanted, ...(tabled === undefined ? [] : [tabled.table.at])]
    const literals = [
      ...(tabled === undefined || row === undefined
        ? []
        : givenOf(source, row, tabled.names, tabled.given).flatMap((part) => literalsGiven(source, part))),
      ...literalsGiven(source, body).filter((node) => !isWithin(node, hidden)),
    ]
    const turns = turnsOf(source, literals, chooses, tabled?.table.whole)
    if (turns.length === 0) continue
    for (const turn of [[], ...turns]) {
      // A small letter after `Test` makes it a function like any other.
      const word = `Test_${chooses.word()}`
      const given = turn.map(({ insert }) => insert).join(" and ")
      copies.push({ name: word, of, ...(turn.length === 0 ? {} : { given }) })
      const edits = withRow(source, turn, tabled?.table, row)
      const told = [...reports, ...recoversIn(source, unit)].filter(
        ({ from, to }) => !edits.some((edit) => edit.from < to && from < edit.to),
      )
      texts.push(edited(source, unit, [...edits, ...told, { from: name.from, to: name.to, insert: word }]))
    }
  }
  return copies.length === 0
    ? undefined
    : { edit: { from: unit.from, to: unit.from, insert: `${texts.join("\n\n")}\n\n` }, copies }
}

const reporting = /^(\w+)\.(Error|Errorf|Fatal|Fatalf|Fail|FailNow)$/

/** Every report of a failure tells what came before it says its own, and lets the test go on. */
function reportsIn(source: Source, body: SyntaxNode): Turn[] {
  const found: Turn[] = []
  walk(body, (node) => {
    const [callee] = node.name === "CallExpr" ? childrenOf(node) : []
    const [, tester, method] = callee === undefined ? [] : (reporting.exec(textOf(source, callee)) ?? [])
    if (callee === undefined || tester === undefined || method === undefined) {
      const assertion = callee === undefined ? null : /^require\.(\w+)$/.exec(textOf(source, callee))
      if (callee !== undefined && assertion !== null && /^import[\s\S]*testify\/assert"/m.test(source.text))
        found.push({ from: callee.from, to: callee.to, insert: `assert.${assertion[1]}` })
      else if (callee !== undefined && /^assert\./.test(textOf(source, callee)))
        found.push({ from: callee.from, to: callee.from, insert: "" })
      return true
    }
    const goesOn = method.replace("FailNow", "Fail").replace("Fatal", "Error")
    found.push({ from: callee.from, to: callee.to, insert: `${tester}.${goesOn}` })
    const statement = node.parent?.name === "ExprStatement" ? node.parent : undefined
    const looked = statement?.parent?.parent === undefined ? [] : lookedAt(source, statement.parent.parent)
    const shows = looked.map((text) => `${tester}.Errorf("came: %#v", ${text})\n`).join("")
    if (statement !== undefined && shows !== "") found.push({ from: statement.from, to: statement.from, insert: shows })
    return true
  })
  return found
}

/** What the condition of an `if` compares with something: the left of each `!=`, the first of each equality that is called. */
function lookedAt(source: Source, node: SyntaxNode | null): string[] {
  if (node?.name !== "IfStatement") return []
  const block = childOf(node, "Block")
  const head = source.text.slice(node.from, block?.from ?? node.from)
  const condition = head.slice(head.lastIndexOf(";") + 1).replace(/^\s*if\b/, "")
  return condition.split(/\|\||&&/).flatMap((part) => {
    const left = /^([\s\S]+?)\s*[!=]=\s*[\s\S]+$/.exec(part.trim())?.[1]
    if (left !== undefined) return left.trim() === "err" ? [] : [left.trim()]
    const first =
      /^!?\s*(?:reflect\.DeepEqual|slices\.Equal|maps\.Equal|bytes\.Equal|cmp\.Equal)\(([\w.]+(?:\([^()]*\))?),/.exec(
        part.trim(),
      )?.[1]
    return first === undefined ? [] : [first]
  })
}

/** A panic is told like any other failure: it would take all other copies with it. */
function recoversIn(source: Source, unit: SyntaxNode): Turn[] {
  const found: Turn[] = []
  walk(unit, (node) => {
    if (!/^(FunctionDecl|FunctionLiteral)$/.test(node.name)) return true
    const block = childOf(node, "Block")
    const tester = /\(\s*(\w+)\s+\*testing\.T\s*\)/.exec(source.text.slice(node.from, block?.from ?? node.from))?.[1]
    if (block !== undefined && tester !== undefined && tester !== "_") {
      const insert = `\n\tdefer func() { if r := recover(); r != nil { ${tester}.Errorf("panic: %v", r) } }()\n`
      found.push({ from: block.from + 1, to: block.from + 1, insert })
    }
    return true
  })
  return found
}

/** What of a test says what shall come, or is only said: it is no value that the test gives. */
function wantedIn(source: Source, body: SyntaxNode): Span[] {
  const found: Span[] = []
  walk(body, (node) => {
    if (node.name === "CallExpr") {
      const [callee, list] = childrenOf(node)
      const said = callee === undefined ? "" : textOf(source, callee)
      const args = list === undefined ? [] : partsOf(list)
      if (/^\w+\.(Error|Fatal|Log|Skip)f?$/.test(said)) found.push(...args)
      if (/^\w+\.Run$/.test(said)) found.push(...args.slice(0, 1))
      if (/^(assert|require)\.\w+$/.test(said)) found.push(...wantedOf(source, args))
      if (/^(reflect\.DeepEqual|slices\.Equal|maps\.Equal|bytes\.Equal|cmp\.(Equal|Diff))$/.test(said)) {
        const [first, second] = args
        const isFirst = first !== undefined && /^\w*(want|exp)/i.test(textOf(source, first).split(".").at(-1) ?? "")
        found.push(...[isFirst ? first : second].flatMap((each) => each ?? []))
      }
    }
    if (node.name === "IfStatement") found.push(...comparedIn(source, node))
    return true
  })
  return found
}

/** testify takes what is wanted first, but where only one thing is looked at. */
function wantedOf(source: Source, args: readonly SyntaxNode[]): SyntaxNode[] {
  const [first] = args
  const own = first !== undefined && /^(\w|s\.T\(\)|\w+\.T\(\))$/.test(textOf(source, first)) ? args.slice(1) : args
  return own.length >= 2 ? [...own.slice(0, 1), ...own.slice(2)] : []
}

/** The right of each comparison in a condition. */
function comparedIn(source: Source, node: SyntaxNode): Span[] {
  const block = childOf(node, "Block")
  const head = source.text.slice(node.from, block?.from ?? node.from)
  return [...head.matchAll(/[!=]=\s*((?:"(?:\\.|[^"\\])*"|`[^`]*`|[^;|&{]|\{(?=[^\n]*\}))+)/g)].map((match) => {
    const from = node.from + match.index
    return { from, to: from + match[0].length }
  })
}

/** The first loop of a test over rows that can be told apart. */
function tableIn(source: Source, body: SyntaxNode, wanted: readonly Span[]): Tabled | undefined {
  let found: Tabled | undefined
  walk(body, (node) => {
    if (found !== undefined) return false
    const clause = node.name === "ForStatement" ? childOf(node, "RangeClause") : undefined
    const block = childOf(node, "Block")
    const ranged = clause === undefined ? undefined : partsOf(clause).at(-1)
    const table = ranged === undefined ? undefined : tableAt(source, ranged)
    if (clause === undefined || block === undefined || table === undefined) return true
    const names = childrenOf(clause).flatMap((part) => (part.name === "DefName" ? [textOf(source, part)] : []))
    found = { table, names, given: without(source, block, wanted) }
    return false
  })
  return found
}

/** Texts and numbers that a piece of a test gives: no tags, no places in a list. */
function literalsGiven(source: Source, within: SyntaxNode): SyntaxNode[] {
  const found: SyntaxNode[] = []
  walk(within, (node) => {
    if (/^(StructType|ArrayType|SliceType|ImportDecl|IndexExpr|TypeDecl)$/.test(node.name)) return false
    if (!/^(String|Number)$/.test(node.name)) return true
    if (literalOf(source, node) !== undefined) found.push(node)
    return false
  })
  return found
}
