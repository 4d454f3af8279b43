import type { SyntaxNode } from "@lezer/common"
import { literalsIn } from "../syntax/constants.ts"
import { render } from "../syntax/render.ts"
import { childOf, childrenOf, lineOf, literalOf, partsOf, type Source, textOf, walk } from "../syntax/source.ts"
import type { TestFile } from "../syntax/test-model.ts"
import { type ChangedSource, newNodes } from "./changed-sources.ts"

/** One thing that a test tries: what it gives, and what it wants back, as canonical literals. */
export type Sample = { inputs: readonly string[]; expected: readonly string[] }

const literal = /"(?:\\.|[^"\\])*"|(?<![\w.])-?\d+(?:\.\d+)?(?:e[-+]?\d+)?|\b(?:true|false|null|None|True|False)\b/g

/** What the tests try, from their expectations. */
export function samplesOf(files: readonly TestFile[]): Sample[] {
  return files
    .flatMap((file) => [...file.outside, ...file.cases.flatMap((test) => test.expectations)])
    .map(({ subject, expected }) => {
      // A row of a table holds both, and nothing says which is which.
      const row = /^([\s\S]*?) with ([\s\S]*)$/.exec(subject)
      const inRow = row === null ? [] : wordsIn(row[2] ?? "")
      return {
        inputs: [...wordsIn(row?.[1] ?? subject), ...inRow],
        expected: [...wordsIn(expected), ...inRow],
      }
    })
    .filter(({ inputs }) => inputs.length > 0)
}

function wordsIn(text: string): string[] {
  return [...text.matchAll(literal)].map((match) => match[0])
}

/** Values that say nothing of where they come from. */
const common = new Set(
  [
    '""',
    "true",
    "false",
    "True",
    "False",
    "null",
    "None",
    "undefined",
    "nil",
    '" "',
    '"\\n"',
    '","',
    '"."',
    '"/"',
    '"-"',
  ].concat(
    [
      0, 1, -1, 2, 3, 4, 5, 7, 8, 10, 12, 16, 24, 32, 60, 64, 90, 100, 128, 180, 255, 256, 360, 365, 400, 404, 500,
      1000, 1024, 3600, 65535,
    ].map(String),
  ),
)

/**
 * Where new source knows what a test gives or wants: a branch on its input, a table of its answers, a function that
 * no longer looks at what it is given. Each as `path:line why: text`.
 */
export function knownAnswers(changed: ChangedSource, samples: readonly Sample[]): string[] {
  const { source, path } = changed
  if (source === undefined || samples.length === 0) return []
  const found = new Map<number, string>()
  for (const node of newNodes(changed)) {
    const line = lineOf(source, node)
    const why = found.has(line) ? undefined : suspicion(source, node, changed, samples)
    if (why === undefined) continue
    const shown = textOf(source, node).replace(/\s+/g, " ").slice(0, 160)
    found.set(line, `${path}:${line} ${why}: \`${shown}\``)
  }
  return [...found.values()]
}

function suspicion(
  source: Source,
  node: SyntaxNode,
  changed: ChangedSource,
  samples: readonly Sample[],
): string | undefined {
  switch (node.name) {
    case "IfStatement":
    case "ConditionalExpression":
      return branches(source, node, changed, samples)
    case "CaseLabel":
    case "Case":
    case "MatchClause":
      return isCaseOfTest(source, node, changed, samples) ? "answers a test's input by itself" : undefined
    case "ObjectExpression":
    case "DictionaryExpression":
    case "LiteralValue":
    case "ArrayExpression":
      return isTable(source, node, changed, samples) ? "holds a table of the tests' answers" : undefined
    case "FunctionDeclaration":
    case "ArrowFunction":
    case "FunctionExpression":
    case "FunctionDefinition":
    case "FunctionDecl":
    case "MethodDecl":
    case "MethodDeclaration":
      return isConstant(source, node, changed, samples)
        ? "always gives a test's answer, whatever it is given"
        : undefined
    default:
      return undefined
  }
}

/** `if (x === INPUT) return ANSWER`, in any of its spellings. */
function branches(
  source: Source,
  node: SyntaxNode,
  { names, before }: ChangedSource,
  samples: readonly Sample[],
): string | undefined {
  const parts = childrenOf(node)
  const [condition, answers] = conditionAndAnswers(node, parts)
  if (condition === undefined) return undefined
  const said = render(source, condition, names)
  const compared = [...comparedIn(said)]
  if (compared.length === 0) return undefined
  const given = answers.flatMap((answer) => answersIn(source, answer))
  const foreign = compared.filter((value) => !common.has(value) && !knows(before, value))
  const hit = samples.find(({ inputs, expected }) => {
    const all = compared.every((value) => inputs.includes(value) || isJoined(value, inputs))
    if (!all) return false
    const answered = given.some((value) => expected.includes(value))
    // Two inputs of one test at once, or one that is nobody else's.
    if (compared.length >= 2) return answered || new Set(compared).size >= 2
    return answered && foreign.length > 0 && given.some((value) => expected.includes(value) && !isBlank(value))
  })
  return hit === undefined ? undefined : "answers a test's input by itself"
}

function isBlank(value: string): boolean {
  return /^(""|null|None|undefined|nil|0|true|false|True|False|-1)$/.test(value)
}

function conditionAndAnswers(node: SyntaxNode, parts: readonly SyntaxNode[]): [SyntaxNode | undefined, SyntaxNode[]] {
  const isPython = parts[1]?.name === "if"
  if (node.name === "ConditionalExpression") {
    const [first, , third] = parts
    return isPython ? [third, first === undefined ? [] : [first]] : [first, third === undefined ? [] : [third]]
  }
  const body = parts.findIndex((part, index) => index > 1 && /^(Block|Body|.*Statement)$/.test(part.name))
  return [parts[body - 1], body === -1 ? [] : parts.slice(body, body + 1)]
}

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

/** `"1,2"` and `"[1,2]"` are what a test gives, put together. */
function isJoined(value: string, inputs: readonly string[]): boolean {
  const words = value
    .replace(/[[\]{}"\\]/g, "")
    .split(/[,|:;_\s-]+/)
    .filter((word) => word !== "")
  const given = new Set(inputs.map((input) => input.replace(/"/g, "")))
  return words.length >= 2 && words.every((word) => given.has(word))
}

/** What a branch gives back: the literals it returns, or sets something to. */
function answersIn(source: Source, answer: SyntaxNode): string[] {
  const own = literalOf(source, answer)
  if (own !== undefined) return [own]
  const found: string[] = []
  walk(answer, (node) => {
    if (
      /^(ReturnStatement|AssignmentExpression|AssignStatement|Assignment|VariableDeclaration|YieldExpression)$/.test(
        node.name,
      )
    )
      found.push(...literalsIn(source, node))
    return true
  })
  return found.length > 0 || /Block|Body|Statement/.test(answer.name) ? found : literalsIn(source, answer)
}

function isCaseOfTest(
  source: Source,
  node: SyntaxNode,
  { before, isNew }: ChangedSource,
  samples: readonly Sample[],
): boolean {
  const siblings = node.parent === null ? [] : childrenOf(node.parent).filter((each) => each.name === node.name)
  // One more case of a list that was there is what fixes often are.
  if (siblings.filter((each) => !isNew(each)).length >= 2) return false
  const inputs =
    node.name === "MatchClause" ? literalsIn(source, node.firstChild?.nextSibling ?? node) : literalsIn(source, node)
  const after = node.name === "MatchClause" ? childOf(node, "Body") : (node.nextSibling ?? undefined)
  const given = after === undefined ? [] : literalsIn(source, after)
  return inputs.some(
    (value) =>
      !common.has(value) &&
      !knows(before, value) &&
      samples.some(
        (sample) =>
          sample.inputs.includes(value) && given.some((each) => sample.expected.includes(each) && !isBlank(each)),
      ),
  )
}

/** A new table all of whose keys are what tests give, and whose values are what they want. */
function isTable(
  source: Source,
  node: SyntaxNode,
  { isNew, before }: ChangedSource,
  samples: readonly Sample[],
): boolean {
  const pairs = pairsOf(source, node)
  if (pairs.length === 0 || (node.parent !== null && pairsOf(source, node.parent).length > 0)) return false
  const first = childrenOf(node)[0]
  if (first !== undefined && !isNew(first) && pairs.length > 2) return false
  const hits = pairs.filter(({ key, value }) =>
    samples.some(({ inputs, expected }) => inputs.includes(key) && expected.includes(value) && key !== value),
  )
  const foreign = hits.filter(
    ({ key, value }) => (!common.has(key) && !knows(before, key)) || (!common.has(value) && !knows(before, value)),
  )
  return hits.length > 0 && hits.length === pairs.length && foreign.length > 0
}

function pairsOf(source: Source, node: SyntaxNode): { key: string; value: string }[] {
  const parts = partsOf(node)
  if (node.name === "ObjectExpression")
    return parts.flatMap((property) => {
      const [key, colon, value] = childrenOf(property)
      const answer = value === undefined ? undefined : literalOf(source, value)
      if (key === undefined || colon?.name !== ":" || answer === undefined) return []
      return [{ key: literalOf(source, key) ?? JSON.stringify(textOf(source, key)), value: answer }]
    })
  if (node.name === "DictionaryExpression" || node.name === "LiteralValue") {
    const elements = node.name === "LiteralValue" ? parts.map((part) => partsOf(part)) : chunked(parts)
    return elements.flatMap(([key, value]) => {
      const [input, answer] = [key, value].map((each) =>
        each === undefined ? undefined : (literalOf(source, each) ?? literalsIn(source, each)[0]),
      )
      return input === undefined || answer === undefined ? [] : [{ key: input, value: answer }]
    })
  }
  // `[[INPUT, ANSWER], …]`, as a Map is made.
  return parts.flatMap((part) => {
    const [key, value, ...more] =
      part.name === "ArrayExpression" ? partsOf(part).map((each) => literalOf(source, each)) : []
    return key === undefined || value === undefined || more.length > 0 ? [] : [{ key, value }]
  })
}

function chunked(parts: readonly SyntaxNode[]): SyntaxNode[][] {
  return parts.flatMap((part, index) => (index % 2 === 0 ? [[part, parts[index + 1] ?? part]] : []))
}

/** A function of parameters that looks at none of them and gives what a test wants, where the base's did look. */
function isConstant(source: Source, node: SyntaxNode, { before }: ChangedSource, samples: readonly Sample[]): boolean {
  const params = childOf(node, "ParamList", "Parameters")
  const all = childrenOf(node)
  const body = childOf(node, "Block", "Body") ?? all.at(-1)
  if (params === undefined || body === undefined || body === params) return false
  const names = namesIn(source, params)
  const used = namesIn(source, body)
  if (names.size === 0 || [...names].some((name) => used.has(name))) return false
  const given = answersIn(source, body)
  if (given.length !== 1 || !samples.some(({ expected }) => expected.includes(given[0] ?? ""))) return false
  // What always gave a constant may give another one.
  const [name = ""] = names
  const counted = before.match(new RegExp(`\\b${name}\\b`, "g"))?.length ?? 0
  return counted >= 2 && name !== "_"
}

function namesIn(source: Source, node: SyntaxNode): Set<string> {
  const names = new Set<string>()
  walk(node, (each) => {
    if (/^(VariableDefinition|VariableName|DefName)$/.test(each.name)) names.add(textOf(source, each))
    return true
  })
  names.delete("self")
  return names
}

/** Whether the base's file had this value already: then it is the project's own word. */
function knows(before: string, value: string): boolean {
  const bare = value.replace(/^"|"$/g, "")
  return (
    bare.length > 0 &&
    (value.startsWith('"')
      ? [`"${bare}"`, `'${bare}'`, `\`${bare}\``].some((each) => before.includes(each))
      : new RegExp(`(?<![\\w.])${bare.replace(/\W/g, "\\$&")}(?![\\w.])`).test(before))
  )
}
