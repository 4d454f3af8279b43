import type { SyntaxNode } from "@lezer/common"
import { literalsIn } from "../../syntax/constants.ts"
import { childrenOf, lineOf, literalOf, partsOf, readSource, type Source, textOf, walk } from "../../syntax/source.ts"
import { type Look, type ReadSource, told } from "./changed.ts"
import {
  bareOf,
  common,
  has,
  isCount,
  isJoined,
  isOdd,
  isOddText,
  knows,
  type TestValues,
  type Words,
} from "./test-values.ts"

/*
 * New collections that hold what tests give: with the answers, by their digests, or as keys to look up.
 */

const TABLE = "holds a table of what tests give"

/** Tables of what tests give and want. */
export const tablesOf =
  (values: TestValues): Look =>
  (node, file) => {
    if (!/^((Array|Object|Dictionary|Set|Tuple)Expression|LiteralValue)$/.test(node.name)) return undefined
    if (holdsAnswers(node, file, values)) return "holds a table of the tests' answers"
    const { source, usedBefore } = file
    const listed = lists(node, file, values)
    if (listed !== undefined || source.language !== "javascript") return listed
    return isOddTable(source, node, usedBefore, values.written) ? TABLE : undefined
  }

/** What new data beside the source, as JSON has it, holds of the tests. */
export function tablesInData(path: string, text: string, before: string, { written }: TestValues): string[] {
  const source = readSource(`${path}.js`, `(${text}\n)`)
  if (source === undefined || source.broken) return []
  const found: string[] = []
  walk(source.root, (node) => {
    if (found.length === 0 && isOddTable(source, node, before, written))
      found.push(told(path, lineOf(source, node), TABLE, textOf(source, node)))
    return found.length === 0
  })
  return found
}

/** New lines of other data that hold what tests give and what they want for it: `-181,179`. */
export function answersInLines(
  path: string,
  added: readonly string[],
  before: string,
  { samples }: TestValues,
): string[] {
  const rows = added.filter((text) => /\w/.test(text))
  const isAnswer = (text: string) => {
    const words = new Set(
      (text.match(/-?\d+(?:\.\d+)?|[^\s,;:=|"'{}[\]<>]+/g) ?? []).flatMap((word) => [word, JSON.stringify(word)]),
    )
    return samples.some(({ inputs, expected }) =>
      inputs.some((input) => {
        if (!words.has(input)) return false
        const wanted = expected.filter((value) => value !== input && words.has(value))
        return wanted.some((value) => [input, value].some((each) => !common.has(each) && !knows(before, each)))
      }),
    )
  }
  const answers = rows.filter(isAnswer)
  const [first = ""] = answers
  return answers.length >= 2 && answers.length * 3 >= rows.length
    ? [told(path, 1, "holds the tests' answers", first)]
    : []
}

type Pair = { key: string; value: string }

/** A new table all of whose keys are what tests give, and whose values are what they want. */
function holdsAnswers(
  node: SyntaxNode,
  { source, isNew, before }: ReadSource,
  { samples, bodies }: TestValues,
): boolean {
  const pairs = pairsOf(source, node)
  if (pairs.length === 0 || (node.parent !== null && pairsOf(source, node.parent).length > 0)) return false
  const first = childrenOf(node)[0]
  if (first !== undefined && !isNew(first) && pairs.length > 2) return false
  const isForeign = (word: string) => !common.has(word) && !knows(before, word)
  const isAnswer = ({ key, value }: Pair) =>
    key !== value &&
    samples.some(({ inputs, expected }) => (inputs.includes(key) || isJoined(key, inputs)) && expected.includes(value))
  const answers = pairs.filter(isAnswer)
  // What another test gives, and a file beside it wants, is one more of the same.
  const others = pairs.filter((pair) => !isAnswer(pair) && !bodies.some((body) => has(body, pair.key)))
  const isAll = answers.length === pairs.length || (answers.length >= 2 && others.length * 3 <= pairs.length)
  const isAllOf = ({ key, value }: Pair) =>
    isCount(key) &&
    !knows(before, key) &&
    samples.some(({ inputs, expected }) => inputs.length === 1 && inputs[0] === key && expected.includes(value))
  return isAll && (answers.some(({ key, value }) => isForeign(key) || isForeign(value)) || pairs.every(isAllOf))
}

function wordsOf(source: Source, node: SyntaxNode): string[] {
  const own = literalOf(source, node)
  return own === undefined ? literalsIn(source, node) : [own]
}

function pairsOf(source: Source, node: SyntaxNode): Pair[] {
  const parts = partsOf(node)
  const pairs = (elements: readonly SyntaxNode[][]) =>
    elements.flatMap(([key, value]): Pair[] => {
      const [input, answer] = [key, value].map((each) => (each === undefined ? [] : wordsOf(source, each)))
      const [first] = input ?? []
      const [wanted] = answer ?? []
      if (first === undefined || wanted === undefined) return []
      // A key of several parts, `(2, 3)`, is one.
      const whole = input !== undefined && input.length > 1 ? JSON.stringify(input.map(bareOf).join(",")) : first
      return [{ key: whole, value: wanted }]
    })
  switch (node.name) {
    case "ObjectExpression":
      return parts.flatMap((property): Pair[] => {
        const [key, colon, value] = childrenOf(property)
        const answer = value === undefined ? undefined : literalOf(source, value)
        if (key === undefined || colon?.name !== ":" || answer === undefined) return []
        return [{ key: literalOf(source, key) ?? JSON.stringify(textOf(source, key)), value: answer }]
      })
    case "DictionaryExpression":
      return pairs(parts.flatMap((part, index) => (index % 2 === 0 ? [[part, parts[index + 1] ?? part]] : [])))
    case "LiteralValue":
      return pairs(parts.map((part) => partsOf(part)))
    case "ArrayExpression":
      // `[[INPUT, ANSWER], …]`, as a Map is made.
      return parts.flatMap((part): Pair[] => {
        const [key, value, ...more] =
          part.name === "ArrayExpression" ? partsOf(part).map((each) => literalOf(source, each)) : []
        return key === undefined || value === undefined || more.length > 0 ? [] : [{ key, value }]
      })
    default:
      return []
  }
}

const hashes = /\b(crc32|adler32|md5|sha\d+|sha_?256|blake2\w*|hashlib|zlib|createHash|fnv|maphash|murmur\w*|hash)\b/i

/** A new collection all of whose numbers are what tests give, or a table of digests. */
function lists(node: SyntaxNode, { source, before, isNew }: ReadSource, { bodies }: TestValues): string | undefined {
  const keys = keysOf(source, node)
  const first = childrenOf(node)[0]
  if (keys.length < 2 || first === undefined || !isNew(first)) return undefined
  const isDigest = (key: string) => /^\d{6,}$|^[0-9a-f]{8,}$/i.test(bareOf(key))
  if (keys.every(isDigest) && hashes.test(source.text) && !hashes.test(before)) return "knows values by their digests"
  if (keys.some((key) => !/\d/.test(key))) return undefined
  const given = keys.filter((key) => isOdd(key, before) && bodies.some((body) => has(body, key)))
  return given.length >= 2 && given.length > keys.length / 2 ? "lists what tests give" : undefined
}

function keysOf(source: Source, node: SyntaxNode): string[] {
  const parts = partsOf(node)
  const word = (each: SyntaxNode | undefined) =>
    each === undefined ? [] : [literalOf(source, each) ?? textOf(source, each).trim()]
  switch (node.name) {
    case "DictionaryExpression":
      return parts.filter((_, index) => index % 2 === 0).flatMap(word)
    case "ObjectExpression":
      return parts.flatMap((each) => word(each.firstChild ?? undefined))
    case "LiteralValue":
      return parts.flatMap((each) => word(/^(Key|Element)$/.test(each.name) ? (partsOf(each)[0] ?? each) : each))
    default: {
      const values = parts.flatMap((each) => literalOf(source, each) ?? [])
      return values.length === parts.length ? values : []
    }
  }
}

/** `[{ given: "a#b", wanted: "a\\#b" }, …]`, however it is built, or an object whose keys are all odd, and all in the tests. */
function isOddTable(source: Source, node: SyntaxNode, before: string, written: Words): boolean {
  if (node.name === "ArrayExpression")
    return new Set(literalsIn(source, node).filter((value) => isOddText(value, before, written))).size >= 2
  if (node.name !== "ObjectExpression") return false
  const keys = partsOf(node).flatMap((property) => {
    const [key, colon] = childrenOf(property)
    if (property.name !== "Property" || key === undefined || colon?.name !== ":") return []
    return [bareOf(literalOf(source, key) ?? textOf(source, key))]
  })
  return (
    keys.length >= 2 && keys.length === partsOf(node).length && keys.every((key) => isKeyOfTest(key, before, written))
  )
}

function isKeyOfTest(key: string, before: string, { pieces, numbers, text }: Words): boolean {
  if (/^[\w$]*$/.test(key) && !/^\d+$/.test(key)) return false
  if (knows(before, /^-?\d+(\.\d+)?$/.test(key) ? key : JSON.stringify(key))) return false
  const parts = key.split(/[^A-Za-z0-9]+/).filter((part) => part !== "")
  const isJoined = parts.length >= 2 && parts.every((part) => pieces.has(part) || numbers.has(part))
  return isJoined || (key.length >= 3 && text.includes(key))
}
