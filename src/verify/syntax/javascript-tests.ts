import type { SyntaxNode } from "@lezer/common"
import { type Chain, chainOf, expectationOf, textOfCall } from "./javascript-expectations.ts"
import { readDeclarations, readHelpers } from "./javascript-names.ts"
import { bindRow, type Row, rowsOf } from "./javascript-rows.ts"
import { render } from "./render.ts"
import { childOf, childrenOf, literalOf, partsOf, type Source, textOf, walk } from "./source.ts"
import type { Mark, TestFile } from "./test-model.ts"
import {
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

const suites = /^[fx]?(describe|context|suite)$/
const tests = /^[fx]?(it|test|specify)$|^bench$/
const functions = /^(ArrowFunction|FunctionExpression)$/

/** The tests of a JavaScript or TypeScript file: vitest, jest, mocha, node:test, ava, tap and their like. */
export function readJavaScriptTests(source: Source): TestFile {
  const reader = openReader(source, assignedNames(source))
  visitStatements(reader, source.root, outermost)
  for (const [name, helper] of reader.helpers) {
    if (!reader.inlined.has(name)) visitBody(reader, helper, { ...outermost, path: [name] })
  }
  return reader.file
}

function assignedNames(source: Source): Set<string> {
  const names = new Set<string>()
  walk(source.root, (node) => {
    if (node.name !== "AssignmentExpression" && node.name !== "PostfixExpression" && node.name !== "UpdateExpression")
      return true
    const target = node.firstChild
    if (target?.name === "VariableName") names.add(textOf(source, target))
    return true
  })
  return names
}

function visitStatements(reader: Reader, block: SyntaxNode, scope: Scope): void {
  // Helpers may stand below the tests that call them.
  for (const statement of childrenOf(block)) readHelpers(reader, statement)
  visitInOrder(reader, childrenOf(block), scope, { visit, declared, onlyIf })
}

function declared(reader: Reader, statement: SyntaxNode, scope: Scope): Scope {
  return { ...scope, names: readDeclarations(reader, statement, scope.names) }
}

function onlyIf(statement: SyntaxNode) {
  if (childOf(statement, "else") !== undefined) return [undefined, undefined] as const
  const [, condition, body] = childrenOf(statement)
  return [condition, body?.name === "Block" ? partsOf(body).at(-1) : body] as const
}

function visit(reader: Reader, node: SyntaxNode, scope: Scope): void {
  switch (node.name) {
    case "Block":
      visitStatements(reader, node, scope)
      return
    case "CallExpression":
      visitCall(reader, node, scope)
      return
    case "IfStatement":
      visitIf(reader, node, scope)
      return
    case "TryStatement":
      visitTry(reader, node, scope)
      return
    case "ForStatement":
      visitFor(reader, node, scope)
      return
    case "FunctionDeclaration":
      return
    case "VariableDeclaration":
      for (const value of partsOf(node)) if (!functions.test(value.name)) visit(reader, value, scope)
      return
    case "ConditionalExpression":
    case "BinaryExpression": {
      const [condition, operator, ...rest] = childrenOf(node)
      if (condition === undefined || operator?.name !== "LogicOp") break
      visit(reader, condition, scope)
      const guards = [...scope.guards, `if ${render(reader.source, condition, scope.names)}`]
      for (const each of rest) visit(reader, each, { ...scope, guards })
      return
    }
    case "ExpressionStatement": {
      const [inner] = partsOf(node)
      const property = inner?.name === "MemberExpression" ? expectationOf(reader, inner, scope.names) : undefined
      if (inner !== undefined && property !== undefined) {
        expect(reader, inner, scope, property)
        return
      }
      break
    }
  }
  for (const child of childrenOf(node)) visit(reader, child, scope)
}

function visitIf(reader: Reader, node: SyntaxNode, scope: Scope): void {
  const [, condition, then, , otherwise] = childrenOf(node)
  if (condition === undefined || then === undefined) return
  const said = render(reader.source, condition, scope.names)
  const only = then.name === "Block" ? partsOf(then) : [then]
  if (scope.test !== undefined && only.length === 1 && only[0]?.name === "ThrowStatement")
    expect(reader, node, scope, { subject: said, matcher: "throws if", expected: "", negated: false })
  const within = (guard: string): Scope => ({ ...scope, guards: [...scope.guards, guard] })
  visit(reader, then, within(`if ${said}`))
  if (otherwise !== undefined) visit(reader, otherwise, within(`unless ${said}`))
}

function visitTry(reader: Reader, node: SyntaxNode, scope: Scope): void {
  const caught = childOf(node, "CatchClause")
  const handler = caught === undefined ? undefined : childOf(caught, "Block")
  // A handler that throws on, or looks at the error itself, hides nothing.
  const hides =
    handler !== undefined &&
    !/\bthrow\b|\bexpect\b|\bassert|\bfail\b|\breject\(|\bt\.\w+\(/.test(textOf(reader.source, handler))
  const inner = hides ? { ...scope, guards: [...scope.guards, "a `catch` that hides its failure"] } : scope
  for (const child of childrenOf(node)) visit(reader, child, child.name === "Block" ? inner : scope)
}

function visitFor(reader: Reader, node: SyntaxNode, scope: Scope): void {
  const spec = childOf(node, "ForOfSpec")
  const body = node.lastChild
  if (body === null) return
  if (spec === undefined) {
    for (const child of childrenOf(node)) visit(reader, child, scope)
    return
  }
  const parts = partsOf(spec).filter((part) => !/^(const|let|var|of|await)$/.test(part.name))
  const [pattern, table] = parts
  if (pattern === undefined || table === undefined) return
  for (const row of rowsOf(reader, table, scope.names)) visit(reader, body, bindRow(reader, [pattern], row, scope))
}

function visitCall(reader: Reader, node: SyntaxNode, scope: Scope): void {
  const chain = chainOf(reader.source, node)
  if (chain !== undefined && opens(reader, node, chain, scope)) return
  if (chain !== undefined && told(reader, node, chain, scope)) return
  const claim = expectationOf(reader, node, scope.names)
  if (claim !== undefined) {
    const waits = /^(resolves|rejects)\b/.test(claim.matcher) && !/^(Await|Return|Arrow)/.test(node.parent?.name ?? "")
    const guards = waits ? [...scope.guards, "an `await` that is not there"] : scope.guards
    expect(reader, node, { ...scope, guards }, claim)
    return
  }
  if (chain !== undefined && (inlines(reader, node, chain, scope) || iterates(reader, node, chain, scope))) return
  for (const child of childrenOf(node)) visit(reader, child, scope)
}

/** `.forEach` over a table. */
function iterates(reader: Reader, node: SyntaxNode, chain: Chain, scope: Scope): boolean {
  const callback = chain.args.find((each) => functions.test(each.name))
  const receiver = node.firstChild?.firstChild
  if (callback === undefined || receiver === null || receiver === undefined) return false
  if (!/^(forEach|map)$/.test(chain.links.at(-1)?.name ?? "")) return false
  for (const row of rowsOf(reader, receiver, scope.names))
    visitBody(reader, callback, bindRow(reader, paramsOf(callback).slice(0, 1), row, scope))
  return true
}

/** A call that opens a suite or a test; false for any other. */
function opens(reader: Reader, node: SyntaxNode, chain: Chain, scope: Scope): boolean {
  const names = chain.links.map((link) => link.name)
  const nested = /^(t|st|tt|ctx|context)$/.test(chain.root) && /^(test|it|describe)$/.test(names[0] ?? "")
  const root = nested
    ? (names[0] ?? "")
    : /^(Deno|QUnit|test|tap)$/.test(chain.root) && tests.test(names[0] ?? "")
      ? (names[0] ?? "")
      : printsTap.test(reader.imports.get(chain.root) ?? "") && names.every((name) => ofTest.test(name))
        ? "test"
        : chain.root
  const isSuite = suites.test(root) || (tests.test(root) && names.includes("describe"))
  if (!isSuite && !tests.test(root)) return false
  const callback = chain.args.find((each) => functions.test(each.name))
  const title = chain.args[0]
  if (title === undefined || (callback === undefined && !names.some((name) => /^(todo|skip|each)$/.test(name))))
    return false
  if (/^(each|for)$/.test(names.at(-1) ?? "") && callback === undefined) return false
  const marks = marksOf(reader, node, chain, root)
  const name = functions.test(title.name) ? "" : render(reader.source, title, scope.names).replace(/^"|"$/g, "")
  const inside = isSuite
    ? { ...scope, path: [...scope.path, name], marks: [...scope.marks, ...marks] }
    : openTest(reader, node, name, scope, marks)
  const limit = timeoutOf(reader.source, chain)
  if (!isSuite && limit !== undefined && inside.test !== undefined) inside.test.timeoutMs = limit
  if (callback === undefined) return true
  const rows: Row[] = chain.table === undefined ? [{ values: [] }] : rowsOf(reader, chain.table, scope.names)
  for (const row of rows) {
    const bound = chain.table === undefined ? inside : bindRow(reader, paramsOf(callback), row, inside)
    visitBody(reader, callback, bound)
  }
  return true
}

/** Libraries whose tests are opened by whatever name they are imported under. */
const printsTap = /^(tape|tape-promise\/tape|blue-tape|fresh-tape|tap|ava|zora|brittle)$/
const ofTest = /^(only|skip|todo|serial|failing|test|solo)$/

const words: Record<string, string> = {
  only: "only",
  skip: "skip",
  skipIf: "skip",
  runIf: "skip",
  todo: "todo",
  fails: "fails",
  failing: "fails",
  fixme: "skip",
  if: "skip",
}

function marksOf(reader: Reader, node: SyntaxNode, chain: Chain, root: string): Mark[] {
  const named = chain.links.flatMap(({ name }) => words[name] ?? [])
  const prefix = /^x/.test(root) ? ["skip"] : /^f(it|describe)/.test(root) ? ["only"] : []
  const options = chain.args
    .filter((each) => each.name === "ObjectExpression")
    .flatMap((each) => childrenOf(each).filter((child) => child.name === "Property"))
  const set = options.flatMap((option) => {
    const [key, , value] = childrenOf(option)
    const name = key === undefined ? "" : textOf(reader.source, key).replace(/["']/g, "")
    const off = value !== undefined && /^(false|undefined|null|0)$/.test(textOf(reader.source, value))
    return off ? [] : /^(skip|only|todo|fails)$/.test(name) ? [name] : /^(retry|retries)$/.test(name) ? ["retry"] : []
  })
  return [...named, ...prefix, ...set].map((kind) => markOf(reader, node, kind))
}

function timeoutOf(source: Source, chain: Chain, name = "timeout"): number | undefined {
  const last = chain.args.at(-1)
  const option = chain.args
    .filter((each) => each.name === "ObjectExpression")
    .flatMap((each) => childrenOf(each))
    .find((each) => new RegExp(`^["']?${name}["']?\\s*:`).test(textOf(source, each)))
  const value = option === undefined ? last : (option.lastChild ?? undefined)
  const number = value === undefined ? Number.NaN : Number(literalOf(source, value) ?? Number.NaN)
  return Number.isNaN(number) ? undefined : number
}

/** Calls that say something of the run as a whole: they end it, skip it, repeat it, or replace modules. */
function told(reader: Reader, node: SyntaxNode, chain: Chain, scope: Scope): boolean {
  const { source, file } = reader
  const call = textOfCall(chain)
  const marks = scope.test?.marks ?? file.marks
  if (/^(process\.(exit|abort|kill)|(t|ctx|context|this)\.skip)$/.test(call)) {
    marks.push(markOf(reader, node, call.endsWith("skip") ? "skip" : "exit"))
    return true
  }
  if (/^(jest|vi)\.retryTimes$|^this\.retries$/.test(call)) {
    marks.push(markOf(reader, node, "retry"))
    return true
  }
  if (/^(this\.timeout|jest\.setTimeout|vi\.setConfig)$/.test(call)) {
    const limit = call === "vi.setConfig" ? timeoutOf(source, chain, "testTimeout") : timeoutOf(source, chain)
    // Nought is without end.
    if (limit !== undefined) (scope.test ?? file).timeoutMs = limit === 0 ? Number.POSITIVE_INFINITY : limit
    return true
  }
  if (/^(jest|vi|mock|td)\.(mock|doMock|module|setMock|replaceEsm|replace)$|^proxyquire$/.test(call)) {
    const target = chain.args[0]
    if (target !== undefined) file.mocks.push(render(source, target, scope.names))
  }
  return false
}

/** A helper of this file, called: its expectations count here, with what it was given in the place of its parameters. */
function inlines(reader: Reader, node: SyntaxNode, chain: Chain, scope: Scope): boolean {
  const helper = chain.links.length === 0 ? reader.helpers.get(chain.root) : undefined
  if (helper === undefined || scope.calls >= 3) return false
  reader.inlined.add(chain.root)
  const params = paramsOf(helper).map((param) => (param.name === "VariableDefinition" ? param : undefined))
  visitBody(reader, helper, enterHelper(reader, params, chain.args, scope))
  for (const each of chain.args) visit(reader, each, scope)
  return node.name === "CallExpression"
}

function visitBody(reader: Reader, callback: SyntaxNode, scope: Scope): void {
  const body = callback.lastChild
  if (body !== null) visit(reader, body, scope)
}

function paramsOf(callback: SyntaxNode): SyntaxNode[] {
  const list = childOf(callback, "ParamList")
  return list === undefined
    ? []
    : partsOf(list).filter((part) => /^(VariableDefinition|ArrayPattern|ObjectPattern)$/.test(part.name))
}
