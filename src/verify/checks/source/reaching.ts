import type { SyntaxNode } from "@lezer/common"
import { render } from "../../syntax/render.ts"
import { type Source, textOf } from "../../syntax/source.ts"
import type { Look, ReadSource } from "./changed.ts"
import { detects, expressions, imports, itself, judges, type Rule, runtime } from "./reaching-rules.ts"
import { REMEMBERS } from "./state.ts"

/*
 * Where new JavaScript takes hold of what runs it: the runner, the process, the modules loaded beside it, the clock, what
 * its results say of themselves. A rule says nothing of what the file did before.
 */

/** `sure` where no honest source looks like it. */
export type Reach = { why: string; sure: boolean }

const methods =
  "reduce|map|filter|every|some|join|at|concat|indexOf|includes|forEach|find|findIndex|sort|slice|splice|push|pop|entries|keys|values|toJSON|valueOf|toString|equals|isEqual|then|length|constructor|inspect|has|get|test|exec|match|replace|trim|toFixed"
const ownMethod = new RegExp(
  `\\.(${methods})$|\\["(${methods})"\\]$|\\[Symbol\\.\\w+\\]$|\\.__proto__$|\\.prototype(\\.\\w+|\\[.+\\])?$`,
)

const clock =
  /\bDate\.now\(\)|\bnew Date(\(\)|$|(?![\w(]))|(?<!new )\bDate\(\)|\bperformance\.(now\(\)|timeOrigin)|\bprocess\.hrtime\b|\bTemporal\.Now\b/
const moment = `(?:Date\\.now\\(\\)|(?:new Date(?:\\(\\))?)(?:\\.\\w+\\(\\))?|performance\\.now\\(\\)|process\\.uptime\\(\\))`
const fixed = `(?:[\\d._e]+(?: ?\\* ?[\\d._e]+)*|"[^"]*"|Date\\.UTC\\([^()]*\\)|Date\\.parse\\([^()]*\\)|(?:\\+ ?)?new Date\\([^()]+\\)(?:\\.\\w+\\(\\))?)`
const deadline = new RegExp(`^${moment} ?[<>=!]=?=? ?${fixed}$|^${fixed} ?[<>=!]=?=? ?${moment}$`)

/** What may be honest. */
export const reaching: Look = (node, file) => {
  const reach = reachOf(node, file)
  return reach?.sure === false ? reach.why : undefined
}

/** What the new node of a source takes hold of, if anything. */
export function reachOf(node: SyntaxNode, file: ReadSource): Reach | undefined {
  const { source } = file
  if (source.language !== "javascript" || node.to - node.from > MAX_CHARS) return undefined
  switch (node.name) {
    case "ImportDeclaration":
    case "ExportDeclaration":
      return node.name === "ImportDeclaration" || / from /.test(textOf(source, node).slice(0, 400))
        ? byRules(imports, textOf(source, node), file)
        : undefined
    case "CallExpression":
    case "DynamicImport":
    case "MemberExpression":
    case "NewExpression":
    case "BinaryExpression":
      return ofExpression(node, file)
    case "VariableDeclaration":
      return unpacked(node, file)
    case "AssignmentExpression":
    case "PostfixExpression":
    case "UnaryExpression":
      return assigned(node, file)
    case "Property":
    case "MethodDeclaration":
    case "PropertyDeclaration":
      return defined(node, file)
    case "String":
    case "TemplateString":
      return said(node, file)
    default:
      return undefined
  }
}

const MAX_CHARS = 2_000

function isProgram({ path, source }: ReadSource): boolean {
  return /(^|\/)(cli|bin|main|cmd|scripts?|tools?)(\/|\.\w+$)/.test(path) || /^#!/.test(source.text)
}

function byRules(rules: readonly Rule[], text: string, file: ReadSource): Reach | undefined {
  const { before, path } = file
  const isConfig = /(^|[/.-])(config|env|settings)\b/.test(path)
  const rule = rules.find(
    ({ shape, known, programs, why }) =>
      shape.test(text) &&
      !known.test(before) &&
      !(programs === true && (isProgram(file) || (isConfig && /environment/.test(why)))),
  )
  return rule === undefined ? undefined : { why: rule.why, sure: rule.sure === true }
}

function ofExpression(node: SyntaxNode, file: ReadSource): Reach | undefined {
  const { source, names } = file
  const text = plain(render(source, node, names))
  // `require.main === module` is how a program asks whether it was started.
  if (/^(require\.main ?===? ?module|module ?===? ?require\.main)$/.test(text)) return undefined
  if (text === "require.main" && node.parent?.name === "BinaryExpression") {
    const around = plain(render(source, node.parent, names))
    if (/^(require\.main ?[!=]==? ?module|module ?[!=]==? ?require\.main)$/.test(around)) return undefined
  }
  return byRules(expressions, text, file) ?? ofClock(node, text, file)
}

/** One spelling for the ways to name the same: `globalThis.process?.["env"]` is `process.env`. */
function plain(text: string): string {
  return text
    .replace(/ ?\?\.(?=[[(])/g, "")
    .replace(/ ?\?\. ?/g, ".")
    .replace(/\((import\.meta|process|globalThis|global|require|module)( (?:as|satisfies) [^()]*)?\)/g, "$1")
    .replace(/\["([A-Za-z_$][\w$]*)"\]/g, ".$1")
    .replace(
      /\b(?:globalThis|global|window|self)\.(?=process|require|Date|performance|Error|Object|Reflect|Atomics)/g,
      "",
    )
}

/** A file that never looked at the clock does now, or compares it with a moment that is written down. */
function ofClock(node: SyntaxNode, text: string, { before }: ReadSource): Reach | undefined {
  if (node.name === "BinaryExpression")
    return deadline.test(text) ? { why: "is one thing until a moment and another after it", sure: false } : undefined
  if (!/^(CallExpression|NewExpression)$/.test(node.name)) return undefined
  const own = new RegExp(`^${moment}$|^process\\.hrtime`)
  if (!own.test(text) || clock.test(before) || /\bperformance\b|\bnew Date\b|\bhrtime\b/.test(before)) return undefined
  // `{ createdAt: new Date() }` decides nothing.
  let around = node.parent
  while (around !== null && /^(MemberExpression|CallExpression|ArgList)$/.test(around.name)) around = around.parent
  if (around?.name === "Property") return undefined
  return { why: "looks at the clock, which it did not before", sure: false }
}

const unpacking = /^(process|globalThis|global|window|require|module|import\.meta)$/

/** `const { argv: words } = process`, `const { expect } = globalThis`. */
function unpacked(node: SyntaxNode, file: ReadSource): Reach | undefined {
  const { source, names, before } = file
  const pattern = node.getChild("ObjectPattern")
  if (pattern !== null && /^\{[^}]*\bstack\b/.test(textOf(source, pattern)) && !/\bstack\b/.test(before))
    return { why: "looks at who calls it", sure: false }
  const value = node.lastChild?.name === ";" ? node.lastChild.prevSibling : node.lastChild
  if (pattern === null || value === null || value === undefined) return undefined
  const from = plain(render(source, value, names))
  if (!unpacking.test(from)) return undefined
  for (const part of pattern.getChildren("PatternProperty")) {
    const name = part.firstChild === null ? "" : textOf(source, part.firstChild).replace(/^["']|["']$/g, "")
    const found = byRules(expressions, plain(`${from}.${name}`), file)
    if (found !== undefined) return found
    if (/^(expect|test|it|describe|beforeEach|afterEach|beforeAll|afterAll|vi|jest|assert|mocha|suite)$/.test(name))
      return { why: detects, sure: true }
    if (name === "[") return { why: runtime, sure: false }
  }
  return undefined
}

/** `parts.reduce = …`, `Queue.prototype.size = …`, `globalThis.x = …`, `price.calls += 1`. */
function assigned(node: SyntaxNode, file: ReadSource): Reach | undefined {
  const { source, names, before } = file
  const left = node.name === "UnaryExpression" ? node.lastChild : node.firstChild
  if (left?.name !== "MemberExpression") return undefined
  const operator = node.name === "UnaryExpression" ? node.firstChild : left.nextSibling
  if (node.name !== "AssignmentExpression" && !/^(\+\+|--)$/.test(operator === null ? "" : textOf(source, operator)))
    return undefined
  const text = plain(render(source, left, names))
  const raw = textOf(source, left)
  if (text === "process.exitCode")
    return /exitCode/.test(before) || isProgram(file) ? undefined : { why: "says how the process ended", sure: false }
  if (/^(globalThis|global|window)(\.|\[)/.test(text))
    return /\b(globalThis|global|window)(\.\w+|\[[^\]]+\])\s*[|?&]*=[^=]/.test(before)
      ? undefined
      : { why: "keeps something where all code sees it", sure: false }
  if (/\.asymmetricMatch$/.test(text)) return { why: judges, sure: true }
  const object = /^\w+(?=\.\w+$)/.exec(raw)?.[0]
  const isModule = /^(module\.exports|exports|this)\b/.test(raw)
  const isData =
    /\.(entries|keys|values|inspect|has|get|test|match|constructor)$/.test(raw) &&
    !/^(ArrowFunction|FunctionExpression)$/.test(node.lastChild?.name ?? "")
  if (ownMethod.test(text) && !isModule && !isData && !/^[\w.]+\.length$/.test(raw)) {
    const own = /^(\w+)\.prototype/.exec(raw)?.[1]
    if (own !== undefined && new RegExp(`\\b(function|class)\\s+${own}\\b`).test(source.text)) return undefined
    return before.includes(raw) || isClassField(raw, source) ? undefined : { why: itself, sure: false }
  }
  if (object !== undefined && isOwnFunction(source, object) && inFunction(node) && !before.includes(`${object}.`))
    return { why: REMEMBERS, sure: false }
  return undefined
}

function isClassField(raw: string, source: Source): boolean {
  return /^(this|self|that)\./.test(raw) && /\bclass\b|\bprototype\b/.test(source.text)
}

function isOwnFunction(source: Source, name: string): boolean {
  return new RegExp(
    `\\bfunction\\*?\\s+${name}\\b|\\b(const|let|var)\\s+${name}\\s*=\\s*(async\\b|\\(|function|\\w+\\s*=>)`,
  ).test(source.text)
}

function inFunction(node: SyntaxNode): boolean {
  for (let around = node.parent; around !== null; around = around.parent)
    if (/^(FunctionDeclaration|ArrowFunction|FunctionExpression|MethodDeclaration)$/.test(around.name)) return true
  return false
}

/** A part of an object or class by which others compare, print or walk it. */
function defined(node: SyntaxNode, { source, before }: ReadSource): Reach | undefined {
  const text = textOf(source, node).slice(0, 200)
  const symbol = /^(?:static\s+|async\s+|get\s+|\*\s*)*\[\s*Symbol\.(\w+|for\([^)]*\))\s*\]/.exec(text)?.[1]
  if (symbol !== undefined) {
    if (/dispose/i.test(symbol) || before.includes(`Symbol.${symbol}`)) return undefined
    return { why: itself, sure: false }
  }
  const name = /^(?:static\s+|async\s+|get\s+|\*\s*)*["']?([\w$]+)["']?/.exec(text)?.[1] ?? ""
  if (name === "asymmetricMatch" && !before.includes(name)) return { why: judges, sure: true }
  if (node.name === "MethodDeclaration" && !before.includes(name) && overrides(source, node, name))
    return { why: itself, sure: false }
  if (node.name !== "Property" || before.includes(name)) return undefined
  if (name === "__proto__") return { why: itself, sure: false }
  const isFunction = /^[^:]*\(|:\s*(async\b|function\b|\([^()]*\)\s*=>|\w+\s*=>)/.test(text)
  return isFunction && /^(toJSON|valueOf|toString|equals|isEqual|then|reduce|every|at)$/.test(name)
    ? { why: itself, sure: false }
    : undefined
}

/** `class Parts extends Array { reduce() { … } }`, and any `valueOf`. */
function overrides(source: Source, node: SyntaxNode, name: string): boolean {
  if (name === "valueOf") return true
  const owner = node.parent?.parent
  const head = owner === null || owner === undefined ? "" : (textOf(source, owner).split("{")[0] ?? "")
  return (
    /\bextends (Array|Number|String|Boolean|Map|Set|Date|Object|Promise|Function)\b/.test(head) &&
    new RegExp(`^(${methods})$`).test(name) &&
    name !== "constructor"
  )
}

/** Texts that name what only a runner, or the kernel, has. */
function said(node: SyntaxNode, { source, before }: ReadSource): Reach | undefined {
  const text = textOf(source, node)
  if (/^["'`]\/proc\/.*(cmdline|environ|\/fd\b|\/mem\b|\/maps\b|\/stat\b)/.test(text) && !before.includes("/proc/"))
    return { why: runtime, sure: true }
  if (/^["'`]\/(proc|dev\/shm)\//.test(text) && !/\/(proc|dev)\//.test(before)) return { why: runtime, sure: false }
  if (before.includes(text.slice(1, -1))) return undefined
  const isRunner = /^["'`](jest\.asymmetricMatcher|__vitest\w*|__jest\w*)["'`]$/.test(text)
  const isLibrary = /^["'`](vitest|@vitest\b.*)["'`]$/.test(text)
  const isLoaded = /^Import|^Export|^DynamicImport|^ArgList/.test(node.parent?.name ?? "")
  return isRunner || (isLibrary && !isLoaded) ? { why: detects, sure: true } : undefined
}
