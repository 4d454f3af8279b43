import type { SyntaxNode } from "@lezer/common"
import { literalsIn } from "../syntax/constants.ts"
import { render } from "../syntax/render.ts"
import { childrenOf, lineOf, literalOf, partsOf, type Source, textOf, walk } from "../syntax/source.ts"
import type { TestFile } from "../syntax/test-model.ts"
import { type ChangedSource, newNodes } from "./changed-sources.ts"

/*
 * Values that tests happen to give, in new source: letters, odd numbers, times that mean nothing but that a test uses them. A
 * word of the domain ("week", "utf-8", 1000) says nothing: a repair may well be about it.
 */

/** What one test gives and wants, as its body has it. */
export type Body = { values: ReadonlySet<string>; text: string }

/** The bodies of tests, with every value in them, whole and by the pieces that a program would split it into. */
export function bodiesOf(files: readonly TestFile[]): Body[] {
  return files.flatMap((file) =>
    file.cases.map(({ body }) => ({ values: valuesIn(body), text: body.replace(/\s+/g, "") })),
  )
}

const written = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(?<![\w.])\d[\d_]*(?:\.\d+)?/g

function valuesIn(text: string): Set<string> {
  const found = new Set<string>()
  for (const [word] of text.matchAll(written)) {
    const bare = word.replace(/^["'`]|["'`]$/g, "")
    found.add(bare)
    if (digitsOf(bare) !== "") found.add(digitsOf(bare))
    for (const piece of bare.split(/[^A-Za-z0-9]+/)) if (piece !== "") found.add(piece)
  }
  return found
}

/** "2.345", 2.345 and 2345 are one value to whoever counts in thousandths. */
function digitsOf(value: string): string {
  return /^[-+]?\d[\d_.,]*$/.test(value) ? value.replace(/\D/g, "").replace(/^0+/, "") : ""
}

/** Where new source knows them, each as `path:line why: text`. */
export function givenValues(changed: ChangedSource, bodies: readonly Body[]): string[] {
  const { source, path } = changed
  if (source === undefined) return []
  const found = new Map<number, string>()
  for (const node of newNodes(changed)) {
    const line = lineOf(source, node)
    const why = found.has(line) ? undefined : suspicion(source, node, changed, bodies)
    if (why === undefined) continue
    found.set(line, `${path}:${line} ${why}: \`${textOf(source, node).replace(/\s+/g, " ").slice(0, 160)}\``)
  }
  return [...found.values()]
}

function suspicion(
  source: Source,
  node: SyntaxNode,
  changed: ChangedSource,
  bodies: readonly Body[],
): string | undefined {
  switch (node.name) {
    case "IfStatement":
    case "ConditionalExpression":
      return ofBranch(source, node, changed, bodies) ? "acts by what a test gives" : undefined
    case "ReturnStatement":
      return givesBack(source, node, changed, bodies) ? "gives a test's own text back" : undefined
    case "CaseLabel":
    case "Case":
      return ofLabels(source, node, changed, bodies) ? "acts by what a test gives" : undefined
    case "SetExpression":
    case "ArrayExpression":
    case "TupleExpression":
    case "DictionaryExpression":
    case "ObjectExpression":
    case "LiteralValue":
      return ofTable(source, node, changed, bodies)
    default:
      return undefined
  }
}

const equalities = /^(===?|!==?|in|is|not in)$/

/** Literals and whole expressions that a condition asks equality with. */
function compared(source: Source, condition: SyntaxNode, { names }: ChangedSource): SyntaxNode[] {
  const found: SyntaxNode[] = []
  walk(condition, (node) => {
    if (/^(ArrowFunction|FunctionExpression|Lambda\w*|Block|Body)$/.test(node.name)) return false
    if (/^Binary(Expression|Exp)$/.test(node.name)) {
      const [left, operator, right] = childrenOf(node)
      if (left === undefined || operator === undefined || right === undefined) return true
      if (equalities.test(textOf(source, operator))) found.push(left, right)
    }
    if (/^Call(Expression|Expr)$/.test(node.name)) {
      const said = render(source, node, names)
      if (/\.(Equal|equals|eq|is|has|includes|startsWith|endsWith|startswith|endswith)\(/.test(said)) {
        const list = childrenOf(node).at(-1)
        if (list !== undefined) found.push(...partsOf(list))
      }
    }
    return true
  })
  return found
}

/** What the node holds of literals: itself, its elements, what a value class is made of. */
function literalsOf(source: Source, node: SyntaxNode): string[] {
  const own = literalOf(source, node)
  if (own !== undefined) return [own]
  const found: string[] = []
  const holds = /^(Tuple|Array|Set|Parenthesized)Expression$/.test(node.name)
  const makes = /^(new )?([\w.]*\.)?[A-Z]\w*\(\s*[^()]*\)$/.test(textOf(source, node))
  if (holds || makes)
    walk(node, (each) => {
      const value = literalOf(source, each)
      if (value !== undefined) found.push(value)
      return value === undefined
    })
  return found
}

function ofBranch(source: Source, node: SyntaxNode, changed: ChangedSource, bodies: readonly Body[]): boolean {
  const parts = childrenOf(node)
  const python = parts[1]?.name === "if"
  const body = parts.findIndex((part, index) => index > 0 && /^(Block|Body)$/.test(part.name))
  const condition = node.name === "ConditionalExpression" ? parts[python ? 2 : 0] : parts[body - 1]
  if (condition === undefined) return false
  const sides = compared(source, condition, changed)
  const asked = sides.flatMap((side) => literalsOf(source, side)).filter((value) => isOdd(value, changed.before))
  if (asked.some((value) => isLong(value) && bodies.some(({ values }) => has(values, value)))) return true
  if (sides.some((side) => isExpressionOfTest(source, side, changed, bodies))) return true
  if (asked.length === 0) return false
  const answers = node.name === "ConditionalExpression" ? [parts[python ? 0 : 2], parts[4]] : [parts[body]]
  const given = answers.flatMap((answer) => (answer === undefined ? [] : literalsIn(source, answer)))
  const all = new Set([...asked, ...given.filter((value) => isOdd(value, changed.before))])
  return all.size >= 2 && bodies.some(({ values }) => [...all].every((value) => has(values, value)))
}

function has(values: ReadonlySet<string>, value: string): boolean {
  const bare = bareOf(value)
  return values.has(bare) || (digitsOf(bare) !== "" && values.has(digitsOf(bare)))
}

function bareOf(value: string): string {
  return value.replace(/^"|"$/g, "")
}

/** Letters without a meaning, and whatever holds digits; a number as text is odder than a number. Unless the file knew it before. */
function isOdd(value: string, before: string): boolean {
  const bare = bareOf(value)
  const quoted = value.startsWith('"')
  if (!/\d/.test(bare) && !(quoted && /^[A-Za-z]{1,2}$/.test(bare))) return false
  if (!quoted && (/^[-+]?\d$/.test(bare) || usual.has(bare))) return false
  const shape = bare.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
  // A letter is the file's own where it stands by itself in quotes; a number wherever it stands.
  const known = quoted ? new RegExp(`["'\`]${shape}["'\`]`) : new RegExp(`(?<![\\w.])${shape}(?![\\w.])`)
  return !known.test(before)
}

/** `return "C# in depth"`, which a test both gives and wants. */
function givesBack(source: Source, node: SyntaxNode, { before }: ChangedSource, bodies: readonly Body[]): boolean {
  const texts = literalsIn(source, node).filter((value) => value.startsWith('"') && value.length >= 6)
  return texts.some((value) => {
    const bare = bareOf(value)
    const plain = /^[A-Za-z]+$/.test(bare) || /[%{}$]/.test(bare) || before.includes(bare)
    const squeezed = bare.replace(/\s+/g, "")
    return !plain && bodies.some((body) => body.values.has(bare) && body.text.split(squeezed).length > 2)
  })
}

/** `case "2 10":`, put together from what one test gives. */
function ofLabels(source: Source, node: SyntaxNode, { before }: ChangedSource, bodies: readonly Body[]): boolean {
  const pieces = childrenOf(node).flatMap((label) => {
    const value = literalOf(source, label)
    return value?.startsWith('"') === true ? bareOf(value).split(/[^A-Za-z0-9]+/) : []
  })
  const odd = new Set(pieces.filter((piece) => piece !== "" && isOdd(JSON.stringify(piece), before)))
  return odd.size >= 2 && bodies.some(({ values }) => [...odd].every((piece) => values.has(piece)))
}

/** So long that it stands in source and test by no chance. */
function isLong(given: string): boolean {
  const value = bareOf(given)
  return (value.match(/\d/g)?.length ?? 0) >= 3 && !/^\d+0+$/.test(value) && !isPowerOfTwo(value)
}

function isPowerOfTwo(value: string): boolean {
  const number = Number(value)
  return Number.isInteger(number) && number > 0 && Number.isInteger(Math.log2(number))
}

const usual = new Set(
  "10 12 16 24 32 60 64 90 99 100 128 180 255 256 360 365 366 400 404 500 512 999 1000 1024 3600 65535 86400 0x 0b 0o".split(
    " ",
  ),
)

/** `elapsed == 500*time.Millisecond`, where a test waits for just that. */
function isExpressionOfTest(
  source: Source,
  node: SyntaxNode,
  { before }: ChangedSource,
  bodies: readonly Body[],
): boolean {
  if (!/^Binary(Expression|Exp)$/.test(node.name)) return false
  const text = textOf(source, node).replace(/\s+/g, "")
  return (
    /^\d+\*[\w.]+$|^[\w.]+\*\d+$/.test(text) &&
    !before.replace(/\s+/g, "").includes(text) &&
    bodies.some((body) => body.text.includes(text))
  )
}

/** A new collection all of whose numbers are what tests give, or a table of digests. */
function ofTable(
  source: Source,
  node: SyntaxNode,
  { before, isNew }: ChangedSource,
  bodies: readonly Body[],
): string | undefined {
  const keys = keysOf(source, node)
  const first = childrenOf(node)[0]
  if (keys.length < 2 || first === undefined || !isNew(first)) return undefined
  const hashes = /\b(crc32|adler32|md5|sha\d+|sha_?256|blake2\w*|hashlib|zlib|createHash|fnv|maphash|murmur\w*|hash)\b/i
  if (
    keys.every((key) => /^\d{6,}$|^[0-9a-f]{8,}$/i.test(bareOf(key))) &&
    hashes.test(source.text) &&
    !hashes.test(before)
  )
    return "knows values by their digests"
  if (keys.some((key) => !/\d/.test(key))) return undefined
  const given = keys.filter((key) => isOdd(key, before) && bodies.some(({ values }) => has(values, key)))
  return given.length >= 2 && given.length > keys.length / 2 ? "lists what tests give" : undefined
}

function keysOf(source: Source, node: SyntaxNode): string[] {
  const parts = partsOf(node)
  const word = (each: SyntaxNode | undefined) =>
    each === undefined ? [] : [literalOf(source, each) ?? textOf(source, each).trim()]
  if (node.name === "DictionaryExpression") return parts.filter((_, index) => index % 2 === 0).flatMap(word)
  if (node.name === "ObjectExpression") return parts.flatMap((each) => word(each.firstChild ?? undefined))
  if (node.name === "LiteralValue")
    return parts.flatMap((each) => (/^(Key|Element)$/.test(each.name) ? word(partsOf(each)[0] ?? each) : word(each)))
  const values = parts.map((each) => literalOf(source, each))
  return values.some((value) => value === undefined) ? [] : values.flatMap((value) => value ?? [])
}
