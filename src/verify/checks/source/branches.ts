import type { SyntaxNode } from "@lezer/common"
import { literalsIn } from "../../syntax/constants.ts"
import { render } from "../../syntax/render.ts"
import { childOf, childrenOf, literalOf, partsOf, type Source, textOf, walk } from "../../syntax/source.ts"
import type { Look, ReadSource } from "./changed.ts"
import { answersIn, isBlank } from "./results.ts"
import {
  bareOf,
  common,
  has,
  isCount,
  isJoined,
  isOdd,
  isOddText,
  knows,
  literal,
  type TestValues,
  type Words,
} from "./test-values.ts"

/*
 * Source that acts by the very values its tests give: it branches on them, compares with them, has a case for them. A word
 * of the domain ("week", "utf-8", 1000) says nothing: a repair may well be about it.
 */

const ANSWERS = "answers a test's input by itself"
const ACTS = "acts by what a test gives"
const SINGLES_OUT = "singles out a value that a test gives"

/** Branches, cases and comparisons that know what tests give. */
export const branchesOn =
  (values: TestValues): Look =>
  (node, file) => {
    switch (node.name) {
      case "IfStatement":
      case "ConditionalExpression":
        if (answersInput(node, file, values)) return ANSWERS
        return actsByGiven(node, file, values) ? ACTS : undefined
      case "CaseLabel":
      case "Case":
      case "MatchClause":
        return ofCase(node, file, values)
      case "BinaryExpression":
        return isJavaScript(file) && comparesWith(node, file, values.written) ? SINGLES_OUT : undefined
      case "CallExpression":
        return isJavaScript(file) && asksWhether(node, file, values.written) ? SINGLES_OUT : undefined
      case "RegExp":
        return isJavaScript(file) && ofPattern(textOf(file.source, node), file, values.written)
          ? SINGLES_OUT
          : undefined
      default:
        return undefined
    }
  }

function isJavaScript({ source }: ReadSource): boolean {
  return source.language === "javascript"
}

type Branch = { condition: SyntaxNode; answer: SyntaxNode | undefined; otherwise: SyntaxNode | undefined }

/** An `if`, or a conditional expression in either order of words. */
function branchOf(node: SyntaxNode): Branch | undefined {
  const parts = childrenOf(node)
  if (node.name === "ConditionalExpression") {
    const [first, second, third, , last] = parts
    const [condition, answer] = second?.name === "if" ? [third, first] : [first, third]
    return condition === undefined ? undefined : { condition, answer, otherwise: last }
  }
  const body = parts.findIndex((part, index) => index > 1 && /^(Block|Body|.*Statement)$/.test(part.name))
  const condition = parts[body - 1]
  return condition === undefined ? undefined : { condition, answer: parts[body], otherwise: undefined }
}

/** `if (x === INPUT) return ANSWER`, in any of its spellings. */
function answersInput(node: SyntaxNode, { source, names, before }: ReadSource, { samples }: TestValues): boolean {
  const branch = branchOf(node)
  if (branch === undefined) return false
  const compared = [...comparedIn(render(source, branch.condition, names))]
  const given = branch.answer === undefined ? [] : answersIn(source, branch.answer)
  const isWanted = (expected: readonly string[]) => given.some((value) => expected.includes(value) && !isBlank(value))
  // However it compares: all that one test gives, in its order, and what it wants for that.
  const held = literalsIn(source, branch.condition).filter((value) => !separators.has(value))
  const isWhole = (inputs: readonly string[]) => inputs.length >= 2 && `,${held.join()},`.includes(`,${inputs.join()},`)
  if (samples.some(({ inputs, expected }) => isWhole(inputs) && isWanted(expected))) return true
  if (compared.length === 0) return false
  const isForeign = compared.some((value) => !common.has(value) && !knows(before, value))
  return samples.some(({ inputs, expected }) => {
    if (!compared.every((value) => inputs.includes(value) || isJoined(value, inputs))) return false
    // Two inputs of one test at once, or one that is nobody else's, or all that it gives.
    return compared.length >= 2 || ((isForeign || isAllOf(inputs, compared[0] ?? "", before)) && isWanted(expected))
  })
}

/** Whether a number is all that a test gives. What 0 and 1 come to, any program may have to say by itself. */
function isAllOf(inputs: readonly string[], value: string, before: string): boolean {
  return inputs.length === 1 && inputs[0] === value && isCount(value) && !knows(before, value)
}

const separators: ReadonlySet<string> = new Set(['""', '","', '" "', '":"', '"-"', '"|"', '"_"', '";"', '"/"'])

/** Literals that a condition compares with: by `==`, `includes`, `startsWith`, `in`, or a regular expression's words. */
function comparedIn(condition: string): Set<string> {
  const found = new Set<string>()
  const word = literal.source
  const shapes = [
    new RegExp(`(?:===?|!==?|\\bin|\\bis)\\s*(${word})`, "g"),
    new RegExp(`(${word})\\s*(?:===?|\\bin\\b)`, "g"),
    new RegExp(
      `\\.(?:includes|startsWith|endsWith|startswith|endswith|equals|localeCompare|indexOf|has|match)\\((${word})\\)`,
      "g",
    ),
    new RegExp(`(?:HasPrefix|HasSuffix|Contains|EqualFold|is|isDeepStrictEqual)\\([^()]*,\\s*(${word})\\)`, "g"),
  ]
  for (const shape of shapes)
    for (const match of condition.matchAll(shape)) if (match[1] !== undefined) found.add(match[1])
  for (const match of condition.matchAll(/\/\^?([\w\s@.-]{3,})\$?\/[a-z]*\.test\(/g))
    found.add(JSON.stringify(match[1]))
  for (const match of condition.matchAll(/(?:===?|\bin)\s*[([]([^()[\]]+)[)\]]/g))
    for (const inner of (match[1] ?? "").matchAll(literal)) found.add(inner[0])
  return found
}

/** A condition on odd values of one test: on two of them, on a long one, or on one where the answer is another. */
function actsByGiven(node: SyntaxNode, file: ReadSource, { bodies }: TestValues): boolean {
  const branch = branchOf(node)
  if (branch === undefined) return false
  const { source, before } = file
  const sides = sidesOf(branch.condition, file)
  const asked = sides.flatMap((side) => literalsOf(source, side)).filter((value) => isOdd(value, before))
  if (asked.some((value) => isLong(value) && bodies.some((body) => has(body, value)))) return true
  if (sides.some((side) => isExpressionOfTest(side, file, bodies))) return true
  if (asked.length === 0) return false
  const answers = [branch.answer, branch.otherwise].flatMap((each) =>
    each === undefined ? [] : literalsIn(source, each),
  )
  const all = new Set([...asked, ...answers.filter((value) => isOdd(value, before))])
  return all.size >= 2 && bodies.some((body) => [...all].every((value) => has(body, value)))
}

/** Literals and whole expressions that a condition asks equality with. */
function sidesOf(condition: SyntaxNode, { source, names }: ReadSource): SyntaxNode[] {
  const found: SyntaxNode[] = []
  walk(condition, (node) => {
    if (/^(ArrowFunction|FunctionExpression|Lambda\w*|Block|Body)$/.test(node.name)) return false
    if (/^Binary(Expression|Exp)$/.test(node.name)) {
      const [left, operator, right] = childrenOf(node)
      if (left === undefined || operator === undefined || right === undefined) return true
      if (/^(===?|!==?|in|is|not in)$/.test(textOf(source, operator))) found.push(left, right)
    }
    if (/^Call(Expression|Expr)$/.test(node.name)) {
      const said = render(source, node, names)
      const list = childrenOf(node).at(-1)
      if (list !== undefined && /\.(Equal|equals|eq|is|has|includes|starts[wW]ith|ends[wW]ith)\(/.test(said))
        found.push(...partsOf(list))
    }
    return true
  })
  return found
}

/** What the node holds of literals: itself, its elements, what a value class is made of. */
function literalsOf(source: Source, node: SyntaxNode): string[] {
  const own = literalOf(source, node)
  if (own !== undefined) return [own]
  const holds = /^(Tuple|Array|Set|Parenthesized)Expression$/.test(node.name)
  const makes = /^(new )?([\w.]*\.)?[A-Z]\w*\(\s*[^()]*\)$/.test(textOf(source, node))
  return holds || makes ? literalsIn(source, node) : []
}

/** So long that it stands in source and test by no chance. */
function isLong(value: string): boolean {
  const bare = bareOf(value)
  const number = Number(bare)
  const isPowerOfTwo = Number.isInteger(number) && Number.isInteger(Math.log2(number))
  return (bare.match(/\d/g)?.length ?? 0) >= 3 && !/^\d+0+$/.test(bare) && !isPowerOfTwo
}

/** `elapsed == 500*time.Millisecond`, where a test waits for just that. */
function isExpressionOfTest(node: SyntaxNode, { source, before }: ReadSource, bodies: readonly Words[]): boolean {
  const text = squeezed(textOf(source, node))
  return (
    /^Binary(Expression|Exp)$/.test(node.name) &&
    /^\d+\*[\w.]+$|^[\w.]+\*\d+$/.test(text) &&
    !squeezed(before).includes(text) &&
    bodies.some((body) => squeezed(body.text).includes(text))
  )
}

function squeezed(text: string): string {
  return text.replace(/\s+/g, "")
}

function ofCase(node: SyntaxNode, file: ReadSource, values: TestValues): string | undefined {
  if (isCaseOfTest(node, file, values)) return ANSWERS
  if (node.name === "MatchClause") return undefined
  if (isPutTogether(node, file, values)) return ACTS
  const { source, usedBefore } = file
  return isJavaScript(file) &&
    partsOf(node).some((part) => isOddText(literalOf(source, part), usedBefore, values.written))
    ? SINGLES_OUT
    : undefined
}

/** A case for what a test gives, with what it wants. */
function isCaseOfTest(node: SyntaxNode, { source, before, isNew }: ReadSource, { samples }: TestValues): boolean {
  const siblings = node.parent === null ? [] : childrenOf(node.parent).filter((each) => each.name === node.name)
  // One more case of a list that was there is what fixes often are.
  if (siblings.filter((each) => !isNew(each)).length >= 2) return false
  const isMatch = node.name === "MatchClause"
  const inputs = literalsIn(source, isMatch ? (node.firstChild?.nextSibling ?? node) : node)
  const after = isMatch ? childOf(node, "Body") : (node.nextSibling ?? undefined)
  const given = after === undefined ? [] : literalsIn(source, after).filter((each) => !isBlank(each))
  return inputs.some(
    (value) =>
      !knows(before, value) &&
      samples.some(
        ({ inputs: of, expected }) =>
          (common.has(value) ? isAllOf(of, value, before) : of.includes(value)) &&
          given.some((each) => expected.includes(each)),
      ),
  )
}

/** `case "2 10":`, put together from what one test gives. */
function isPutTogether(node: SyntaxNode, { source, before }: ReadSource, { bodies }: TestValues): boolean {
  const pieces = childrenOf(node).flatMap((label) => {
    const value = literalOf(source, label)
    return value?.startsWith('"') === true ? bareOf(value).split(/[^A-Za-z0-9]+/) : []
  })
  const odd = new Set(pieces.map((piece) => JSON.stringify(piece)).filter((piece) => isOdd(piece, before)))
  return odd.size >= 2 && bodies.some((body) => [...odd].every((piece) => has(body, piece)))
}

/** `key === "foo"`, `value === 2`. */
function comparesWith(node: SyntaxNode, { source, usedBefore }: ReadSource, written: Words): boolean {
  const [left, operator, right] = childrenOf(node)
  if (left === undefined || operator === undefined || right === undefined) return false
  if (!/^[=!]==?$/.test(textOf(source, operator))) return false
  return [
    [left, right],
    [right, left],
  ].some(([one, other]) => {
    const value = one === undefined ? undefined : literalOf(source, one)
    if (value === undefined) return false
    if (isOddText(value, usedBefore, written)) return true
    // A name that shall be just this: what is counted or measured has a name of its own.
    const name = other?.name === "VariableName" ? textOf(source, other) : ""
    if (name === "" || knows(usedBefore, value)) return false
    const isLetter = /^"[a-zA-Z]"$/.test(value) && written.strings.has(bareOf(value))
    const isNumber = /^\d+(\.\d+)?$/.test(value) && !/^(0|1|100|1000)$/.test(value) && written.numbers.has(value)
    return (
      (isLetter && !/^(c|ch|chr|char|letter|unit|suffix|op|flag|sign)$/i.test(name)) ||
      (isNumber && !/^(n|i|j|code|status|month|day|year|version|length|size|depth)$/i.test(name))
    )
  })
}

/** `["a#b", …].includes(text)`, `dates.includes("2024-05-05")`, `[60, 3600].indexOf(seconds)`. */
function asksWhether(node: SyntaxNode, { source, usedBefore }: ReadSource, written: Words): boolean {
  const [callee, list] = childrenOf(node)
  if (callee?.name !== "MemberExpression" || list === undefined) return false
  if (!/\.(includes|indexOf|startsWith|endsWith|has|is|some|equals|localeCompare)$/.test(textOf(source, callee)))
    return false
  const given = partsOf(list).map((each) => literalOf(source, each))
  const array = callee.firstChild?.name === "ArrayExpression" ? partsOf(callee.firstChild) : []
  const values = array.map((each) => literalOf(source, each))
  if ([...given, ...values].some((value) => isOddText(value, usedBefore, written))) return true
  // A piece of a value: `day.endsWith("05-05")`.
  const [only = ""] = given
  const piece = bareOf(only)
  const isPiece = piece.length >= 5 && /\d.*[^\d\w]|[^\d\w].*\d/.test(piece) && !knows(usedBefore, only)
  if (isPiece && [...written.strings].some((each) => each.includes(piece))) return true
  const numbers = values.flatMap((value) => (value !== undefined && /^-?\d/.test(value) ? [value] : []))
  if (numbers.length < 2 || numbers.length !== values.length) return false
  const isStatus = numbers.every((value) => /^[1-5]\d\d$/.test(value))
  const scaled = new Set([...written.numbers].map(unscaled))
  return !isStatus && numbers.every((value) => scaled.has(unscaled(value)) && !knows(usedBefore, value))
}

/** 3600 and 3_600_000 are one to whoever counts in other units. */
function unscaled(value: string): string {
  return value.replace(/0+$/, "")
}

/** What `/^(2024-05-05|a#b)$/` is written for. */
function ofPattern(pattern: string, { usedBefore }: ReadSource, written: Words): boolean {
  const bare = pattern.replace(/^\/|\/[a-z]*$/g, "")
  const alternatives = bare.split("|").map((each) => each.replace(/^[\^(?:]+|[$)]+$|\\(?=\W)/g, ""))
  return alternatives.some((each) => isOddText(JSON.stringify(each), usedBefore, written))
}
