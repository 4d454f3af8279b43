import type { SyntaxNode } from "@lezer/common"
import { claimsOf, pythonClaim } from "./python-expectations.ts"
import { render } from "./render.ts"
import { childOf, childrenOf, partsOf, type Source, textOf, walk } from "./source.ts"
import type { Mark, TestFile } from "./test-model.ts"
import {
  bind,
  bindText,
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

/** The tests of a Python file: pytest and unittest. */
export function readPythonTests(source: Source): TestFile {
  const reader = openReader(source, assignedTwice(source))
  for (const statement of childrenOf(source.root)) {
    const name = statement.name === "FunctionDefinition" ? nameOf(reader, statement) : ""
    if (name !== "" && !isTestName(name)) reader.helpers.set(name, statement)
  }
  visitInOrder(reader, living(reader, childrenOf(source.root)), outermost, { visit, declared, onlyIf })
  for (const [name, helper] of reader.helpers) {
    if (!reader.inlined.has(name)) visitBody(reader, helper, { ...outermost, path: [name] })
  }
  return reader.file
}

function isTestName(name: string): boolean {
  return /^test/.test(name)
}

function nameOf({ source }: Reader, node: SyntaxNode): string {
  const name = childOf(node, "VariableName")
  return name === undefined ? "" : textOf(source, name)
}

/** Without definitions that a later statement beside them takes the name of: nothing ever runs them. */
function living(reader: Reader, statements: readonly SyntaxNode[]): SyntaxNode[] {
  const last = new Map<string, SyntaxNode>()
  const given = statements.map((statement) => ({ statement, names: namesGiven(reader, statement) }))
  for (const { statement, names } of given) for (const name of names) last.set(name, statement)
  return given.flatMap(({ statement, names: [name] }) => {
    const isDead = isDefinition(statement) && name !== undefined && last.get(name) !== statement
    return isDead ? [] : [statement]
  })
}

function isDefinition({ name }: SyntaxNode): boolean {
  return /^(DecoratedStatement|FunctionDefinition|ClassDefinition)$/.test(name)
}

/** The names of tests that a statement gives a meaning, in its branches too. */
function namesGiven(reader: Reader, statement: SyntaxNode): string[] {
  if (statement.name === "AssignStatement") {
    const name = textOf(reader.source, statement.firstChild ?? statement)
    return /^test/i.test(name) ? [name] : []
  }
  if (/^(If|Try|With)Statement$/.test(statement.name))
    return childrenOf(statement)
      .filter((part) => part.name === "Body")
      .flatMap((body) => childrenOf(body).flatMap((each) => namesGiven(reader, each)))
  if (!isDefinition(statement)) return []
  const definition = statement.name === "DecoratedStatement" ? statement.lastChild : statement
  const name = definition === null ? "" : nameOf(reader, definition)
  return /^test/i.test(name) ? [name] : []
}

/** Names that any one function gives more than one value. */
function assignedTwice(source: Source): Set<string> {
  const seen = new Set<string>()
  const twice = new Set<string>()
  walk(source.root, (node) => {
    if (node.name !== "AssignStatement" && node.name !== "UpdateStatement") return true
    const owner = ownerOf(node)
    for (const part of childrenOf(node)) {
      if (/^(Assign|Update)Op$/.test(part.name)) break
      if (part.name !== "VariableName") continue
      const name = textOf(source, part)
      const key = `${owner} ${name}`
      if (seen.has(key) || node.name === "UpdateStatement") twice.add(name)
      seen.add(key)
    }
    return true
  })
  return twice
}

function ownerOf(node: SyntaxNode): number {
  for (let at = node.parent; at !== null; at = at.parent) if (at.name === "FunctionDefinition") return at.from
  return -1
}

function onlyIf(statement: SyntaxNode) {
  const [, condition, body, more] = childrenOf(statement)
  return [more === undefined ? condition : undefined, body === undefined ? undefined : partsOf(body).at(-1)] as const
}

function declared(reader: Reader, statement: SyntaxNode, scope: Scope): Scope {
  const { source } = reader
  const parts = childrenOf(statement)
  if (statement.name === "ImportStatement") {
    readImport(reader, statement)
    return scope
  }
  const [name, ...rest] = parts.filter((part) => part.name !== "TypeDef")
  if (statement.name !== "AssignStatement" || name?.name !== "VariableName" || rest[0]?.name !== "AssignOp")
    return scope
  const value = rest[1]
  if (value === undefined || rest.length > 2) return scope
  if (textOf(source, name) === "pytestmark") return scope
  return { ...scope, names: bind(reader, scope.names, textOf(source, name), value) }
}

function readImport({ source, imports }: Reader, statement: SyntaxNode): void {
  const match = /^(?:from\s+([\w.]+)\s+)?import\s+([\s\S]*)$/.exec(textOf(source, statement))
  if (match === null) return
  for (const each of (match[2] ?? "").replace(/[()]/g, "").split(",")) {
    const [name = "", alias] = each.trim().split(/\s+as\s+/)
    imports.set(alias ?? name, match[1] ?? name)
  }
}

function visit(reader: Reader, node: SyntaxNode, scope: Scope): void {
  const { source } = reader
  switch (node.name) {
    case "DecoratedStatement":
      visitDefinition(reader, node, scope)
      return
    case "FunctionDefinition":
    case "ClassDefinition":
      visitDefinition(reader, node, scope)
      return
    case "Body":
      visitInOrder(reader, living(reader, childrenOf(node)), scope, { visit, declared, onlyIf })
      return
    case "AssertStatement":
      for (const claim of claimsOf(reader, node, scope.names)) expect(reader, node, scope, claim)
      return
    case "WithStatement":
      visitWith(reader, node, scope)
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
    case "CallExpression":
      visitCall(reader, node, scope)
      return
    case "AssignStatement":
      if (/^pytestmark\s*=/.test(textOf(source, node)))
        reader.file.marks.push(markOf(reader, node, kindOf(textOf(source, node)) ?? "mark"))
      break
  }
  for (const child of childrenOf(node)) visit(reader, child, scope)
}

function visitDefinition(reader: Reader, node: SyntaxNode, scope: Scope): void {
  const { source } = reader
  const definition = node.name === "DecoratedStatement" ? childOf(node, "FunctionDefinition", "ClassDefinition") : node
  if (definition === undefined) return
  const decorators = childrenOf(node).filter((child) => child.name === "Decorator")
  const marks = decorators.flatMap((each): Mark[] => {
    const kind = kindOf(textOf(source, each))
    return kind === undefined ? [] : [markOf(reader, each, kind)]
  })
  const name = nameOf(reader, definition)
  const body = childOf(definition, "Body")
  if (body === undefined) return
  if (definition.name === "ClassDefinition") {
    visit(reader, body, { ...scope, path: [...scope.path, name], marks: [...scope.marks, ...marks] })
    return
  }
  if (!isTestName(name) || scope.test !== undefined) {
    if (!reader.helpers.has(name)) visit(reader, body, { ...scope, path: [...scope.path, name] })
    return
  }
  const inside = openTest(reader, node, name, scope, marks)
  for (const row of parametrized(reader, decorators, inside)) visit(reader, body, row)
}

function kindOf(decorator: string): string | undefined {
  if (/\bxfail\b|expectedFailure/.test(decorator)) return "xfail"
  if (/\bskip(if|If|Unless)?\b/.test(decorator)) return "skip"
  return /\bflaky\b|\brerun/.test(decorator) ? "retry" : undefined
}

/** One scope for each row of the tables around a test. */
function parametrized(reader: Reader, decorators: readonly SyntaxNode[], scope: Scope): Scope[] {
  const { source } = reader
  return decorators.reduce<Scope[]>(
    (scopes, decorator) => {
      const args = childOf(decorator, "ArgList")
      if (!/parametrize\s*\(/.test(textOf(source, decorator)) || args === undefined) return scopes
      const [names, table] = partsOf(args)
      if (names === undefined || table === undefined) return scopes
      const keys = [...textOf(source, names).matchAll(/\w+/g)].map((match) => match[0])
      return scopes
        .flatMap((each) => tableOf(reader, table, each).map((row) => bindRow(reader, keys, row, each)))
        .slice(0, 1_000)
    },
    [scope],
  )
}

function tableOf({ source }: Reader, table: SyntaxNode, scope: Scope): (SyntaxNode | undefined)[] {
  const node = table.name === "VariableName" ? (scope.names.get(textOf(source, table))?.node ?? table) : table
  return /^(Array|Tuple|Set)Expression$/.test(node.name) ? partsOf(node) : [node]
}

function bindRow(reader: Reader, keys: readonly string[], given: SyntaxNode | undefined, scope: Scope): Scope {
  const { source } = reader
  if (given === undefined) return scope
  const isParam = given.name === "CallExpression" && /^pytest\s*\.\s*param\b/.test(textOf(source, given))
  const list = isParam ? childOf(given, "ArgList") : given
  const text = render(source, given, scope.names)
  if (isParam && scope.test !== undefined && /\bmarks\s*=/.test(textOf(source, given))) {
    const kind = kindOf(textOf(source, given))
    if (kind !== undefined) scope.test.marks.push(markOf(reader, given, kind))
  }
  if (
    list === undefined ||
    (keys.length > 1 && list.name !== "TupleExpression" && list.name !== "ArrayExpression" && !isParam)
  )
    return { ...scope, row: `${scope.row} with ${text}` }
  const values = keys.length === 1 && !isParam ? [list] : partsOf(list)
  const names = keys.reduce((known, key, index) => {
    const value = values[index]
    return value === undefined ? known : bindText(known, key, { text: render(source, value, scope.names), node: value })
  }, scope.names)
  return { ...scope, names }
}

function visitWith(reader: Reader, node: SyntaxNode, scope: Scope): void {
  const body = childOf(node, "Body")
  const guards = /\bsuppress\s*\(/.test(textOf(reader.source, node).split("\n")[0] ?? "")
    ? [...scope.guards, "`suppress`"]
    : scope.guards
  for (const item of partsOf(node).filter((part) => part.name === "CallExpression")) {
    const claim = pythonClaim(reader, item, scope.names)
    if (claim === undefined) continue
    const subject = body === undefined ? "" : render(reader.source, body, scope.names)
    expect(reader, item, scope, { ...claim, subject: `${subject}${claim.subject}` })
  }
  if (body !== undefined) visit(reader, body, { ...scope, guards })
}

function visitIf(reader: Reader, node: SyntaxNode, scope: Scope): void {
  const parts = childrenOf(node)
  const [, condition, then] = parts
  if (condition === undefined || then === undefined) return
  const said = render(reader.source, condition, scope.names)
  const only = partsOf(then)
  const raises =
    only.length === 1 &&
    /^(raise\s+AssertionError|(pytest|self)\s*\.\s*fail\()/.test(textOf(reader.source, only[0] ?? then))
  if (scope.test !== undefined && raises)
    expect(reader, node, scope, { subject: said, matcher: "fails if", expected: "", negated: false })
  for (const [index, part] of parts.entries()) {
    if (part.name !== "Body") continue
    const guard = index === 2 ? `if ${said}` : `unless ${said}`
    visit(reader, part, { ...scope, guards: [...scope.guards, guard] })
  }
}

function visitTry(reader: Reader, node: SyntaxNode, scope: Scope): void {
  const parts = childrenOf(node)
  const handlers = parts.filter((part, index) => part.name === "Body" && index > 2)
  const hides = handlers.some((body) => !/\braise\b|\bassert|\bfail\(/.test(textOf(reader.source, body)))
  const catches = parts.some((part) => part.name === "except")
  for (const [index, part] of parts.entries()) {
    if (part.name !== "Body") continue
    const guards =
      index === 1 && hides && catches ? [...scope.guards, "an `except` that hides its failure"] : scope.guards
    visit(reader, part, { ...scope, guards })
  }
}

function visitFor(reader: Reader, node: SyntaxNode, scope: Scope): void {
  const { source } = reader
  const body = childOf(node, "Body")
  const parts = partsOf(node).filter((part) => !/^(for|async|Body)$/.test(part.name))
  const at = parts.findIndex((part) => part.name === "in")
  const table = parts[at + 1]
  if (body === undefined || table === undefined || at === -1) return
  const keys = parts.slice(0, at).flatMap((part) => [...textOf(source, part).matchAll(/\w+/g)].map((match) => match[0]))
  for (const row of tableOf(reader, table, scope).slice(0, 500)) visit(reader, body, bindRow(reader, keys, row, scope))
}

function visitCall(reader: Reader, node: SyntaxNode, scope: Scope): void {
  const { source, file, helpers } = reader
  const callee = node.firstChild === null ? "" : textOf(source, node.firstChild).replace(/\s+/g, "")
  const list = childOf(node, "ArgList")
  const args = list === undefined ? [] : partsOf(list)
  const marks = scope.test?.marks ?? file.marks
  if (
    /^(pytest\.(skip|importorskip|xfail|exit)|(self|cls)\.skipTest|unittest\.SkipTest|SkipTest|os\._exit|sys\.exit)$/.test(
      callee,
    )
  )
    marks.push(markOf(reader, node, /exit/.test(callee) ? "exit" : /xfail/.test(callee) ? "xfail" : "skip"))
  if (
    /^((mock|unittest\.mock)\.)?patch(\.object)?$|^monkeypatch\.setattr$|^mocker\.patch(\.object)?$/.test(callee) &&
    args[0] !== undefined
  )
    file.mocks.push(
      args
        .slice(0, 2)
        .map((arg) => render(source, arg, scope.names))
        .join("."),
    )
  const claim = pythonClaim(reader, node, scope.names)
  if (claim !== undefined) {
    expect(reader, node, scope, claim)
    return
  }
  const helper = helpers.get(callee)
  if (helper !== undefined && scope.calls < 3) {
    reader.inlined.add(callee)
    const params = childOf(helper, "ParamList")
    const keys = params === undefined ? [] : partsOf(params).filter((part) => part.name === "VariableName")
    visitBody(reader, helper, enterHelper(reader, keys, args, scope))
  }
  for (const child of childrenOf(node)) visit(reader, child, scope)
}

function visitBody(reader: Reader, definition: SyntaxNode, scope: Scope): void {
  const body = childOf(definition, "Body")
  if (body !== undefined) visit(reader, body, scope)
}
