import type { SyntaxNode } from "@lezer/common"
import { type Bound, type Names, render } from "./render.ts"
import { lineOf, type Source, textOf } from "./source.ts"
import { type Expectation, MAX_EXPECTATIONS, type Mark, type TestCase, type TestFile } from "./test-model.ts"

/** What is being read, and the helpers of the file by name. */
export type Reader = {
  source: Source
  file: TestFile
  imports: Map<string, string>
  helpers: Map<string, SyntaxNode>
  /** Helpers whose expectations were counted where they are called. */
  inlined: Set<string>
  /** Names that are given a value more than once: what they stand for is not known. */
  reassigned: ReadonlySet<string>
}

/** Where in the file a reader is. */
export type Scope = {
  path: readonly string[]
  test: TestCase | undefined
  names: Names
  guards: readonly string[]
  /** Marks of the suites around. */
  marks: readonly Mark[]
  /** Calls of helpers within calls of helpers. */
  calls: number
  /** What tells the rows of a table apart that can't be put into the expectations themselves. */
  row: string
}

export function openReader(source: Source, reassigned: ReadonlySet<string>): Reader {
  const imports = new Map<string, string>()
  const file: TestFile = {
    path: source.path,
    text: source.text,
    language: source.language,
    cases: [],
    outside: [],
    marks: [],
    imports,
    mocks: [],
  }
  return { source, file, imports, helpers: new Map(), inlined: new Set(), reassigned }
}

export const outermost: Scope = {
  path: [],
  test: undefined,
  names: new Map(),
  guards: [],
  marks: [],
  calls: 0,
  row: "",
}

/** A test that begins here; what follows inside belongs to it. */
export function openTest(reader: Reader, node: SyntaxNode, name: string, scope: Scope, marks: readonly Mark[]): Scope {
  const path = [...scope.path, name]
  const test: TestCase = {
    name: path.join(" > "),
    line: lineOf(reader.source, node),
    marks: [...scope.marks, ...marks],
    expectations: [],
    body: textOf(reader.source, node).slice(0, 20_000),
  }
  reader.file.cases.push(test)
  return { ...scope, path, test, guards: [], marks: [...scope.marks, ...marks] }
}

export type Claim = Pick<Expectation, "subject" | "matcher" | "expected" | "negated">

/** Puts an expectation on record; one that can't fail is none. */
export function expect(reader: Reader, node: SyntaxNode, scope: Scope, claim: Claim): void {
  const { source, file } = reader
  if (cannotFail(claim)) return
  const list = scope.test?.expectations ?? file.outside
  if (list.length >= MAX_EXPECTATIONS) return
  list.push({
    ...claim,
    subject: `${claim.subject}${scope.row}`,
    line: lineOf(source, node),
    text: textOf(source, node).replace(/\s+/g, " ").trim(),
    guards: [...new Set(scope.guards)],
  })
}

/** `assert.equal(x, x)`, `assert.ok(true)`: nothing is looked at. */
function cannotFail({ subject, matcher, expected }: Claim): boolean {
  if (matcher === "plan" || matcher === "reached") return false
  if (subject !== "" && subject === expected) return true
  return (
    /^(true|True|1|-?[\d.]+|"(\\.|[^"\\])*"|\[\]|\{\})$/.test(subject) &&
    /^(|true|True|1|-?[\d.]+|"(\\.|[^"\\])*"|\[\]|\{\})$/.test(expected)
  )
}

export function markOf(reader: Reader, node: SyntaxNode, kind: string): Mark {
  return { kind, line: lineOf(reader.source, node), text: textOf(reader.source, node).split("\n")[0]?.trim() ?? "" }
}

/** A name bound to an expression, unless it is given other values elsewhere. */
export function bind(reader: Reader, names: Names, name: string, node: SyntaxNode): Names {
  if (reader.reassigned.has(name)) return names
  return new Map(names).set(name, { text: render(reader.source, node, names), node })
}

export function bindText(names: Names, name: string, bound: Bound): Names {
  return new Map(names).set(name, bound)
}

/** The scope inside a helper that is called: what it was given stands in the place of its parameters. */
export function enterHelper(
  { source }: Reader,
  params: readonly (SyntaxNode | undefined)[],
  args: readonly SyntaxNode[],
  scope: Scope,
): Scope {
  const names = new Map(scope.names)
  for (const [index, param] of params.entries()) {
    const given = args[index]
    if (param !== undefined && given !== undefined)
      names.set(textOf(source, param), { text: render(source, given, scope.names), node: given })
  }
  return { ...scope, names, calls: scope.calls + 1 }
}

/** How a language's statements are read. */
export type Statements = {
  visit: (reader: Reader, statement: SyntaxNode, scope: Scope) => void
  /** The scope of what follows. */
  declared: (reader: Reader, statement: SyntaxNode, scope: Scope) => Scope
  /** Of an `if` without an `else`: its condition, and the last that it does. */
  onlyIf: (statement: SyntaxNode) => readonly [condition: SyntaxNode | undefined, last: SyntaxNode | undefined]
}

/** Statements in order: what is declared holds for those after it, and after a `return` nothing counts. */
export function visitInOrder(
  reader: Reader,
  statements: readonly SyntaxNode[],
  given: Scope,
  { visit, declared, onlyIf }: Statements,
): void {
  let scope = given
  for (const statement of statements) {
    visit(reader, statement, scope)
    scope = declared(reader, statement, scope)
    const ends = endOf(reader, statement, onlyIf)
    if (ends !== undefined) scope = { ...scope, guards: [...scope.guards, ends] }
  }
}

/** Why what follows a statement may not be reached. */
function endOf({ source }: Reader, statement: SyntaxNode, onlyIf: Statements["onlyIf"]): string | undefined {
  if (/^(Return|Break|Continue)Statement$/.test(statement.name)) return "an earlier `return`"
  // What a test expects once it has said that it is done, nobody hears of.
  if (statement.name === "ExpressionStatement" && /^(done|end|finish(ed)?)\(\)\s*;?$/.test(textOf(source, statement)))
    return "an earlier `done()`"
  if (statement.name !== "IfStatement") return undefined
  const [condition, last] = onlyIf(statement)
  const leaves = /^(Return|Continue)Statement$/.test(last?.name ?? "")
  return condition === undefined || !leaves ? undefined : `unless ${render(source, condition, new Map())}`
}
