import type { SyntaxNode } from "@lezer/common"
import { render } from "./render.ts"
import { childOf, childrenOf, partsOf, type Source, textOf, walk } from "./source.ts"
import type { TestFile } from "./test-model.ts"
import {
  bind,
  bindText,
  type Claim,
  enterHelper,
  expect,
  markOf,
  openReader,
  openTest,
  outermost,
  type Reader,
  type Scope,
  visitInOrder,
} from "./test-reader.ts"

/** The tests of a Go file: the standard library's, and testify's assertions. */
export function readGoTests(source: Source): TestFile {
  const reader = openReader(source, assigned(source))
  const tag = /^\s*\/\/(?:go:build|\s*\+build)\b.*$/m.exec(source.text.slice(0, 4_000))
  if (tag !== null) reader.file.marks.push({ kind: "skip", line: 1, text: tag[0].trim() })
  for (const match of source.text.matchAll(/^import\s+(?:(\w+)\s+)?"([^"]+)"|^[ \t]+(?:(\w+)[ \t]+)?"([^"\s]+)"$/gm)) {
    const module = match[2] ?? match[4] ?? ""
    reader.imports.set(match[1] ?? match[3] ?? module.split("/").at(-1) ?? "", module)
  }
  const functions = childrenOf(source.root).filter((node) => node.name === "FunctionDecl")
  for (const node of functions) if (!isTest(reader, node)) reader.helpers.set(nameOf(reader, node), node)
  for (const node of functions) {
    const name = nameOf(reader, node)
    const body = childOf(node, "Block")
    if (body === undefined) continue
    if (isTest(reader, node)) {
      const inside = openTest(reader, node, name, outermost, [])
      readOutput(reader, node, inside)
      visit(reader, body, inside)
    } else if (/^(init|TestMain)$/.test(name)) visit(reader, body, outermost)
  }
  for (const [name, helper] of reader.helpers) {
    const body = childOf(helper, "Block")
    if (!reader.inlined.has(name) && body !== undefined && !/^(init|TestMain)$/.test(name))
      visit(reader, body, { ...outermost, path: [name] })
  }
  return reader.file
}

function nameOf({ source }: Reader, node: SyntaxNode): string {
  const name = childOf(node, "DefName")
  return name === undefined ? "" : textOf(source, name)
}

function isTest(reader: Reader, node: SyntaxNode): boolean {
  const name = nameOf(reader, node)
  return /^(Test|Fuzz|Example|Benchmark)/.test(name) && name !== "TestMain"
}

function assigned(source: Source): Set<string> {
  const names = new Set<string>()
  walk(source.root, (node) => {
    const target = node.firstChild
    if (/^(Assignment|IncDecStatement)$/.test(node.name) && target?.name === "VariableName")
      names.add(textOf(source, target))
    return true
  })
  return names
}

/** An example's expected output is a comment. */
function readOutput(reader: Reader, node: SyntaxNode, scope: Scope): void {
  const output = /\/\/\s*(?:Unordered o|O)utput:([\s\S]*)$/.exec(textOf(reader.source, node))
  if (output === null) return
  const expected = (output[1] ?? "").replace(/^\s*\/\/ ?|\s*\}\s*$/gm, "").trim()
  expect(reader, node, scope, {
    subject: scope.test?.name ?? "",
    matcher: "output",
    expected: JSON.stringify(expected),
    negated: false,
  })
}

function onlyIf(statement: SyntaxNode) {
  if (childOf(statement, "else") !== undefined) return [undefined, undefined] as const
  const body = childOf(statement, "Block")
  return [conditionOf(statement), body === undefined ? undefined : partsOf(body).at(-1)] as const
}

function conditionOf(statement: SyntaxNode): SyntaxNode | undefined {
  const parts = partsOf(statement)
  const block = parts.findIndex((part) => part.name === "Block")
  return block > 0 ? parts[block - 1] : undefined
}

function declared(reader: Reader, statement: SyntaxNode, scope: Scope): Scope {
  if (statement.name !== "VarDecl") return scope
  const parts = childrenOf(childOf(statement, "VarSpec") ?? statement)
  const at = parts.findIndex((part) => part.name === ":=" || part.name === "=")
  const defined = parts.slice(0, at).filter((part) => part.name === "DefName")
  const values = parts.slice(at + 1).filter((part) => part.name !== "," && part.name !== ";")
  let names = scope.names
  defined.forEach((name, index) => {
    const text = textOf(reader.source, name)
    const value = values[index] ?? (values.length === 1 ? values[0] : undefined)
    if (at === -1 || text === "_" || value === undefined) return
    if (values.length === defined.length) names = bind(reader, names, text, value)
    // Of several results of one call each is told apart by its place.
    else if (!reader.reassigned.has(text))
      names = bindText(names, text, { text: `${render(reader.source, value, names)}[${index}]`, node: value })
  })
  return { ...scope, names }
}

function visit(reader: Reader, node: SyntaxNode, scope: Scope): void {
  switch (node.name) {
    case "Block":
    case "SwitchBlock":
      visitInOrder(reader, partsOf(node), scope, { visit, declared, onlyIf })
      return
    case "IfStatement":
      visitIf(reader, node, scope)
      return
    case "ForStatement":
      visitFor(reader, node, scope)
      return
    case "CallExpr":
      visitCall(reader, node, scope)
      return
  }
  for (const child of childrenOf(node)) visit(reader, child, scope)
}

const reports = /^\w+\.(Error|Errorf|Fatal|Fatalf|Fail|FailNow)$/

function visitIf(reader: Reader, node: SyntaxNode, given: Scope): void {
  const { source } = reader
  const condition = conditionOf(node)
  const init = childOf(node, "VarDecl")
  const scope = init === undefined ? given : declared(reader, init, given)
  const [then, otherwise] = partsOf(node).filter((part) => /^(Block|IfStatement)$/.test(part.name))
  if (condition === undefined || then === undefined) return
  const said = render(source, condition, scope.names)
  const calls = childrenOf(then)
    .filter((part) => part.name === "ExprStatement")
    .map((part) => part.firstChild)
  const reported = calls.find((call) => call?.name === "CallExpr" && reports.test(calleeOf(reader, call)))
  if (reported !== undefined) {
    for (const claim of ofCondition(reader, condition, scope)) expect(reader, node, scope, claim)
  } else visit(reader, then, { ...scope, guards: [...scope.guards, `if ${said}`] })
  // A chain of conditions that each report is one list of expectations.
  const guards = reported === undefined ? [...scope.guards, `unless ${said}`] : scope.guards
  if (otherwise !== undefined) visit(reader, otherwise, { ...scope, guards })
}

/** `a || b` reports for each: two expectations. */
function ofCondition(reader: Reader, node: SyntaxNode, scope: Scope): Claim[] {
  const { source } = reader
  const [left, operator, right] = childrenOf(node)
  const say = (each: SyntaxNode) => render(source, each, scope.names)
  if (node.name !== "BinaryExp" || left === undefined || operator === undefined || right === undefined)
    return [{ subject: say(node), matcher: "unless", expected: "", negated: false }]
  const word = textOf(source, operator)
  if (word === "||") return [...ofCondition(reader, left, scope), ...ofCondition(reader, right, scope)]
  if (/^(==|!=|<|>|<=|>=)$/.test(word))
    return [{ subject: say(left), matcher: `fails if ${word}`, expected: say(right), negated: false }]
  return [{ subject: say(node), matcher: "unless", expected: "", negated: false }]
}

function visitFor(reader: Reader, node: SyntaxNode, scope: Scope): void {
  const { source } = reader
  const clause = childOf(node, "RangeClause")
  const body = childOf(node, "Block")
  if (body === undefined) return
  const table = clause === undefined ? undefined : partsOf(clause).at(-1)
  if (clause === undefined || table === undefined) {
    visit(reader, body, scope)
    return
  }
  const literal = table.name === "VariableName" ? (scope.names.get(textOf(source, table))?.node ?? table) : table
  const values = childOf(literal, "LiteralValue")
  const rows =
    values === undefined
      ? [undefined]
      : childrenOf(values)
          .filter((each) => each.name === "Element")
          .slice(0, 500)
  const [, item] = childrenOf(clause).filter((part) => part.name === "DefName")
  for (const row of rows) {
    // A table that can't be read into rows tells itself apart as a whole.
    const text = render(source, row ?? literal, scope.names)
    const names =
      item === undefined || row === undefined
        ? scope.names
        : bindText(scope.names, textOf(source, item), { text: "row", node: row })
    visit(reader, body, { ...scope, names, row: `${scope.row} with ${text}` })
  }
}

function calleeOf({ source }: Reader, call: SyntaxNode): string {
  return call.firstChild === null ? "" : textOf(source, call.firstChild)
}

function visitCall(reader: Reader, node: SyntaxNode, scope: Scope): void {
  const { source, file, helpers } = reader
  const callee = calleeOf(reader, node)
  const list = childOf(node, "Arguments")
  const args = list === undefined ? [] : partsOf(list)
  const marks = scope.test?.marks ?? file.marks
  const body = args.at(-1)?.name === "FunctionLiteral" ? childOf(args.at(-1) ?? node, "Block") : undefined
  if (/^\w+\.Run$/.test(callee) && body !== undefined && args[0] !== undefined) {
    const name = render(source, args[0], scope.names).replace(/^"|"$/g, "")
    visit(reader, body, scope.row === "" ? openTest(reader, node, name, scope, []) : scope)
    return
  }
  if (/^(\w+\.Skip(f|Now)?|testing\.Short)$/.test(callee)) marks.push(markOf(reader, node, "skip"))
  // `os.Exit(m.Run())` is how a TestMain ends.
  if (callee === "os.Exit" && !/\.Run\(\)|^[a-z_]\w*$/i.test(args[0] === undefined ? "" : textOf(source, args[0])))
    marks.push(markOf(reader, node, "exit"))
  if (reports.test(callee) && scope.test !== undefined) {
    expect(reader, node, scope, {
      subject: scope.guards.join(" "),
      matcher: "reached",
      expected: "",
      negated: false,
    })
    return
  }
  const testify = /^(assert|require|is|suite)\.([A-Z]\w*)$/.exec(callee)
  if (testify !== null && !/^(New)$/.test(testify[2] ?? "")) {
    const given = /^\w$|^s\.T\(\)$|^\w+\.T\(\)$/.test(args[0] === undefined ? "" : textOf(source, args[0]))
      ? args.slice(1)
      : args
    const single = /^(True|False|Nil|NotNil|NoError|Error|Empty|NotEmpty|Zero|NotZero|Panics|NotPanics)f?$/.test(
      testify[2] ?? "",
    )
    const [first = "", second = ""] = given.slice(0, single ? 1 : 2).map((arg) => render(source, arg, scope.names))
    // testify takes what is expected first.
    const claim = single ? { subject: first, expected: "" } : { subject: second, expected: first }
    expect(reader, node, scope, { ...claim, matcher: testify[2] ?? "", negated: false })
    return
  }
  const helper = helpers.get(callee)
  const block = helper === undefined ? undefined : childOf(helper, "Block")
  if (helper !== undefined && block !== undefined && scope.calls < 3) {
    reader.inlined.add(callee)
    const params = childOf(helper, "Parameters")
    const keys =
      params === undefined
        ? []
        : childrenOf(params).flatMap((param) => childrenOf(param).filter((part) => part.name === "DefName"))
    visit(reader, block, enterHelper(reader, keys, args, scope))
  }
  for (const child of childrenOf(node)) visit(reader, child, scope)
}
