import type { SyntaxNode } from "@lezer/common"
import { literalsIn } from "../syntax/constants.ts"
import { childrenOf, lineOf, literalOf, partsOf, readSource, type Source, textOf, walk } from "../syntax/source.ts"
import type { TestFile } from "../syntax/test-model.ts"
import { type ChangedSource, newNodes } from "./changed-sources.ts"

/*
 * JavaScript that singles out the very values of its tests: by comparing with them, listing them, or looking them up. What
 * counts are values that are no word of any domain: "2024-05-05", "a#b", "foo", or a name that shall be just 2.
 */

/** Every text and number that stands in test files, wherever. */
export type Written = {
  strings: ReadonlySet<string>
  pieces: ReadonlySet<string>
  numbers: ReadonlySet<string>
  text: string
}

const words = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`|(?<![\w.$])\d[\d_]*(?:\.\d+)?/g

/** What test files have written down. */
export function writtenIn(files: readonly TestFile[]): Written {
  const [strings, pieces, numbers] = [new Set<string>(), new Set<string>(), new Set<string>()]
  const text = files.map((file) => file.text).join("\n")
  for (const [word] of text.matchAll(words)) {
    if (/^\d/.test(word)) {
      numbers.add(String(Number(word.replaceAll("_", ""))))
      continue
    }
    const bare = word.slice(1, -1).replace(/\\(["'`\\])/g, "$1")
    strings.add(bare)
    for (const piece of bare.split(/[^A-Za-z0-9]+/)) if (piece !== "") pieces.add(piece)
  }
  return { strings, pieces, numbers, text }
}

/** Where new source singles them out, each as `path:line why: text`. */
export function knownByHeart(changed: ChangedSource, written: Written): string[] {
  const { source, path } = changed
  if (source === undefined || source.language !== "javascript") return []
  const found = new Map<number, string>()
  // An example in a comment is no use of the value.
  const before = changed.before.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "")
  for (const node of newNodes(changed)) {
    const line = lineOf(source, node)
    const why = found.has(line) ? undefined : suspicion(source, node, before, written)
    if (why === undefined) continue
    found.set(line, `${path}:${line} ${why}: \`${textOf(source, node).replace(/\s+/g, " ").slice(0, 160)}\``)
  }
  return [...found.values()]
}

function suspicion(source: Source, node: SyntaxNode, before: string, written: Written): string | undefined {
  switch (node.name) {
    case "BinaryExpression":
      return comparesWith(source, node, before, written) ? SINGLES_OUT : undefined
    case "CaseLabel":
      return partsOf(node).some((part) => isOddText(literalOf(source, part), before, written)) ? SINGLES_OUT : undefined
    case "CallExpression":
      return asksWhether(source, node, before, written) ? SINGLES_OUT : undefined
    case "RegExp":
      return alternativesOf(textOf(source, node)).some((each) => isOddText(each, before, written))
        ? SINGLES_OUT
        : undefined
    case "ArrayExpression":
      return oddTextsIn(source, node, before, written) >= 2 ? TABLE : undefined
    case "ObjectExpression":
      return looksUp(source, node, before, written) ? TABLE : undefined
    default:
      return undefined
  }
}

const TABLE = "holds a table of what tests give"
const SINGLES_OUT = "singles out a value that a test gives"

/** `key === "foo"`, `value === 2`. */
function comparesWith(source: Source, node: SyntaxNode, before: string, written: Written): boolean {
  const [left, operator, right] = childrenOf(node)
  if (left === undefined || operator === undefined || right === undefined) return false
  if (!/^[=!]==?$/.test(textOf(source, operator))) return false
  for (const [one, other] of [
    [left, right],
    [right, left],
  ] as const) {
    const value = literalOf(source, one)
    if (value === undefined) continue
    if (isOddText(value, before, written)) return true
    if (other.name !== "VariableName") continue
    // A name that shall be just this: what is counted or measured has a name of its own.
    if (
      isLetter(value, before, written) &&
      !/^(c|ch|chr|char|letter|unit|suffix|op|flag|sign)$/i.test(textOf(source, other))
    )
      return true
    if (
      isNumber(value, before, written) &&
      !/^(n|i|j|code|status|month|day|year|version|length|size|depth)$/i.test(textOf(source, other))
    )
      return true
  }
  return false
}

/** `["a#b", …].includes(text)`, `dates.includes("2024-05-05")`, `[60, 3600].indexOf(seconds)`. */
function asksWhether(source: Source, node: SyntaxNode, before: string, written: Written): boolean {
  const [callee, list] = childrenOf(node)
  if (callee?.name !== "MemberExpression" || list === undefined) return false
  if (!/\.(includes|indexOf|startsWith|endsWith|has|is|some|equals|localeCompare)$/.test(textOf(source, callee)))
    return false
  if (partsOf(list).some((each) => isOddText(literalOf(source, each), before, written))) return true
  // A piece of a value: `day.endsWith("05-05")`.
  const [only] = partsOf(list).map((each) => bareOf(literalOf(source, each) ?? ""))
  const isPiece = only !== undefined && only.length >= 5 && /\d.*[^\d\w]|[^\d\w].*\d/.test(only) && !knows(before, only)
  if (isPiece && [...written.strings].some((each) => each.includes(only))) return true
  const array = callee.firstChild?.name === "ArrayExpression" ? partsOf(callee.firstChild) : []
  const values = array.map((each) => literalOf(source, each))
  if (values.some((value) => isOddText(value, before, written))) return true
  const numbers = values.filter((value) => value !== undefined && /^-?\d/.test(value))
  if (numbers.length < 2 || numbers.length !== values.length) return false
  const isStatus = numbers.every((value) => /^[1-5]\d\d$/.test(value ?? ""))
  const scaled = new Set([...written.numbers].map(unscaled))
  return !isStatus && numbers.every((value) => scaled.has(unscaled(value ?? "")) && !knows(before, value ?? ""))
}

/** What `/^(2024-05-05|a#b)$/` is written for. */
function alternativesOf(pattern: string): string[] {
  const bare = pattern.replace(/^\/|\/[a-z]*$/g, "")
  return bare.split("|").map((each) => JSON.stringify(each.replace(/^[\^(?:]+|[$)]+$|\\(?=\W)/g, "")))
}

/** `[{ given: "a#b", wanted: "a\\#b" }, …]`, however it is built. */
function oddTextsIn(source: Source, node: SyntaxNode, before: string, written: Written): number {
  return new Set(literalsIn(source, node).filter((value) => isOddText(value, before, written))).size
}

/** What new data beside the source, as JSON has it, holds of the tests. */
export function knownInData(path: string, text: string, before: string, written: Written): string[] {
  const source = readSource(`${path}.js`, `(${text}\n)`)
  if (source === undefined || source.broken) return []
  const found: string[] = []
  walk(source.root, (node) => {
    if (found.length > 0) return false
    const odd = node.name === "ArrayExpression" && oddTextsIn(source, node, before, written) >= 2
    if (odd || (node.name === "ObjectExpression" && looksUp(source, node, before, written)))
      found.push(`${path}:${lineOf(source, node)} ${TABLE}: \`${textOf(source, node).slice(0, 160)}\``)
    return true
  })
  return found
}

/** A new object whose keys are all odd, and all in the tests. */
function looksUp(source: Source, node: SyntaxNode, before: string, written: Written): boolean {
  const keys = partsOf(node).flatMap((property) => {
    const [key, colon] = childrenOf(property)
    if (property.name !== "Property" || key === undefined || colon?.name !== ":") return []
    const value = literalOf(source, key)
    return [value === undefined ? textOf(source, key) : bareOf(value)]
  })
  if (keys.length < 2 || keys.length !== partsOf(node).length) return false
  return keys.every((key) => {
    if (/^[\w$]*$/.test(key) && !/^\d+$/.test(key)) return false
    if (knows(before, key)) return false
    const parts = key.split(/[^A-Za-z0-9]+/).filter((part) => part !== "")
    const isJoined = parts.length >= 2 && parts.every((part) => written.pieces.has(part) || written.numbers.has(part))
    return isJoined || (key.length >= 3 && written.text.includes(key))
  })
}

const examples = /^(foo|bar|baz|qux|quux|corge|alice|bob|ada|ben|hello|world|lorem|ipsum|acme|example|abc|xyz)$/i

/** A text of the tests that means nothing elsewhere. */
function isOddText(value: string | undefined, before: string, { strings, pieces }: Written): boolean {
  if (value?.startsWith('"') !== true) return false
  const bare = bareOf(value)
  if (knows(before, bare)) return false
  if (examples.test(bare)) return strings.has(bare) || pieces.has(bare)
  // Digits among other characters, or several words, or a word with a mark within.
  const isOdd =
    bare.length >= 3 &&
    /\d.*\D|\D.*\d|\S\s+\S|\w[^\w\s/:.-]\w/.test(bare) &&
    !/^(utf-?\d+|iso-?[\d-]+|sha-?\d+|md5|base64|h[1-6]|http\/\d.*|es\d+|v\d+)$/i.test(bare)
  return isOdd && strings.has(bare)
}

function isLetter(value: string, before: string, { strings }: Written): boolean {
  const bare = value.startsWith('"') ? bareOf(value) : ""
  return /^[a-zA-Z]$/.test(bare) && strings.has(bare) && !knows(before, bare)
}

function isNumber(value: string, before: string, { numbers }: Written): boolean {
  return /^\d+(\.\d+)?$/.test(value) && !/^(0|1|100|1000)$/.test(value) && numbers.has(value) && !knows(before, value)
}

function knows(before: string, value: string): boolean {
  if (/^-?\d+(\.\d+)?$/.test(value)) return new RegExp(`(?<![\\w.])${value.replace(".", "\\.")}(?![\\w.])`).test(before)
  return [`"${value}"`, `'${value}'`, `\`${value}\``].some((quoted) => before.includes(quoted))
}

function bareOf(value: string): string {
  try {
    return String(JSON.parse(value))
  } catch {
    return value.replace(/^"|"$/g, "")
  }
}

/** 3600 and 3_600_000 are one to whoever counts in other units. */
function unscaled(value: string): string {
  return value.replace(/0+$/, "")
}
