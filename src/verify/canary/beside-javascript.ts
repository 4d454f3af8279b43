import type { SyntaxNode } from "@lezer/common"
import { childOf, childrenOf, lineAt, lineOf, literalOf, partsOf, type Source, textOf, walk } from "../syntax/source.ts"
import { otherLiterals } from "./other-values.ts"
import { type Beside, type Chooses, callbackOf, type Turn } from "./places.ts"

/** So many other values are tried for one expectation. */
const MAX_EACH = 8
const MAX_EXPECTATIONS = 2

type Statement =
  | { node: SyntaxNode; is: "prepares" }
  | { node: SyntaxNode; is: "expects"; looked: SyntaxNode; waits: boolean }

/**
 * Copies of one JavaScript or TypeScript test, each with one of its expectations: as it stands, and with other values in the place of those
 * that it gives. Undefined where the test has no form that can be read.
 */
export function javascriptBeside(
  source: Source,
  { name, line, failedAt }: { name: string; line: number; failedAt: number | undefined },
  chooses: Chooses & { isKnown: (word: string) => boolean },
): { edit: Turn; copies: Beside[] } | undefined {
  const call = callAt(source, line)
  const body = call === undefined ? undefined : childOf(callbackOf(call) ?? call, "Block")
  const title = call === undefined ? undefined : partsOf(childOf(call, "ArgList") ?? call)[0]
  const said = title === undefined ? undefined : literalOf(source, title)
  if (call === undefined || body === undefined || title === undefined || said === undefined) return undefined
  const own = plainTitle(said)
  if (own === "" || !name.endsWith(own)) return undefined
  const suite = name.slice(0, name.length - own.length)
  const statements = partsOf(body).map((node) => statementOf(source, node))
  const copies: Beside[] = []
  const texts: string[] = []
  const expecting = statements.flatMap((each, index) => (each.is === "expects" ? [index] : []))
  const failed = (index: number) => isOn(source, statements[index]?.node, failedAt)
  for (const at of [...expecting.filter(failed), ...expecting.filter((index) => !failed(index))].slice(
    0,
    MAX_EXPECTATIONS,
  )) {
    const of = `${name} ${at}`
    const edits = editsOf(source, statements, at, chooses)
    if (edits.length === 0) continue
    for (const edit of [[], ...edits]) {
      const word = chooses.word()
      const given = edit.map(({ insert }) => insert).join(" and ")
      copies.push({ name: suite + word, of, ...(edit.length === 0 ? {} : { given }) })
      const head = source.text.slice(call.from, title.from) + JSON.stringify(word)
      texts.push(
        `${head}${source.text.slice(title.to, body.from)}${bodyOf(source, statements, at, edit)}${source.text.slice(body.to, call.to)}`,
      )
    }
  }
  return copies.length === 0 ? undefined : { edit: { from: call.from, to: call.to, insert: texts.join(";\n") }, copies }
}

function isOn(source: Source, node: SyntaxNode | undefined, line: number | undefined): boolean {
  return node !== undefined && line !== undefined && lineOf(source, node) <= line && line <= lineAt(source, node.to)
}

/** The call that opens a test, without table or mark. */
function callAt(source: Source, line: number): SyntaxNode | undefined {
  let found: SyntaxNode | undefined
  walk(source.root, (node) => {
    const opens = node.name === "CallExpression" && lineOf(source, node) === line && callbackOf(node) !== undefined
    if (found === undefined && opens) found = node
    return found === undefined
  })
  const callee = found === undefined ? undefined : childrenOf(found)[0]
  const isPlain = callee !== undefined && /^(it|test|specify)$/.test(textOf(source, callee))
  return isPlain && found?.parent?.name === "ExpressionStatement" ? found : undefined
}

function plainTitle(literal: string): string {
  try {
    return String(JSON.parse(literal))
  } catch {
    return ""
  }
}

const asserts = /^(await\s+)?(assert|expect|t)\b/

function statementOf(source: Source, node: SyntaxNode): Statement {
  const inner = node.name === "ExpressionStatement" ? partsOf(node)[0] : undefined
  if (inner === undefined || !asserts.test(textOf(source, inner))) return { node, is: "prepares" }
  const waits = inner.name === "AwaitExpression"
  const looked = lookedAt(source, (waits ? partsOf(inner).at(-1) : inner) ?? inner)
  return looked === undefined ? { node, is: "prepares" } : { node, is: "expects", looked, waits }
}

/** What an assertion looks at: the first argument of the call that its chain begins with. */
function lookedAt(source: Source, node: SyntaxNode): SyntaxNode | undefined {
  let call: SyntaxNode | undefined
  for (let here: SyntaxNode | null = node; here !== null; here = here.firstChild) {
    if (here.name === "CallExpression") call = here
    if (here.name === "VariableName") break
  }
  const list = call === undefined ? undefined : childOf(call, "ArgList")
  const [first] = list === undefined ? [] : partsOf(list)
  return first === undefined || textOf(source, first) === "" ? undefined : first
}

/** For each copy other values in the place of all that the test gives up to there, of what is said twice the same one. */
function editsOf(
  source: Source,
  statements: readonly Statement[],
  at: number,
  chooses: Chooses & { isKnown: (word: string) => boolean },
): Turn[][] {
  const given = statements.slice(0, at + 1).reverse()
  const literals = given.flatMap((each) => literalsGiven(source, each.is === "expects" ? each.looked : each.node))
  const others = new Map<string, string[]>()
  const texts = [...new Set(literals.map((node) => textOf(source, node)))]
  const isShared = sharedIn(source, texts)
  for (const text of texts) {
    const found = otherLiterals(text, { ...chooses, isShared })
    if (found.length > 0) others.set(text, found)
  }
  if (others.size === 0) return []
  return Array.from({ length: MAX_EACH }, (_, copy) =>
    literals.flatMap((node): Turn[] => {
      const found = others.get(textOf(source, node))
      const insert = found?.[copy % found.length]
      return insert === undefined ? [] : [{ from: node.from, to: node.to, insert }]
    }),
  )
}

/** Words that stand in more than one of the values, or in what the file says for all its tests: they name one thing. */
function sharedIn(source: Source, texts: readonly string[]): (word: string) => boolean {
  const wordsOf = (text: string): string[] => [...new Set(text.match(/\w+/g) ?? [])]
  const common = new Set(
    source.text
      .split("\n")
      .filter((line) => /^(const|let|var|export)\b/.test(line))
      .flatMap(wordsOf),
  )
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const word of texts.flatMap(wordsOf)) (seen.has(word) ? twice : seen).add(word)
  return (word) => twice.has(word) || (common.has(word) && !/^\d+$/.test(word))
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
    const inner = edited(source, each.looked, edits)
    const isFunction = /^(ArrowFunction|FunctionExpression)$/.test(each.looked.name)
    return `try { ${each.waits ? "await " : ""}(${inner})${isFunction ? "()" : ""} } catch {}`
  })
  return `{\n${texts.join(";\n")}\n}`
}

function edited(source: Source, { from, to }: SyntaxNode, edits: readonly Turn[]): string {
  const own = edits.filter((edit) => edit.from >= from && edit.to <= to).sort((a, b) => b.from - a.from)
  return own.reduce(
    (text, edit) => text.slice(0, edit.from - from) + edit.insert + text.slice(edit.to - from),
    source.text.slice(from, to),
  )
}
