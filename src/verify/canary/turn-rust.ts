import type { Chooses, Places } from "./places.ts"

/*
 * Rust has no parser here: what is code, and how deep it lies, is told by its brackets, once texts and comments are blanked.
 */

/** What of a Rust test can be turned: what `assert_eq!` wants, the assertions themselves, its first line. */
export function rustPlaces(text: string, name: string, { word }: Chooses): Places | undefined {
  const code = blanked(text)
  const own = name.split("::").at(-1) ?? name
  const heads = [...code.matchAll(HEAD)].filter((match) => match[2] === own)
  const [head] = heads
  // Two of one name in modules of one file can't be told apart; where a panic is wanted, or nothing runs, nothing is shown.
  if (head === undefined || heads.length > 1 || !isPlainTest(head[1] ?? "")) return undefined
  const opening = code.indexOf("{", head.index + head[0].length)
  const body = opening === -1 ? undefined : endOf(code, opening)
  if (body === undefined) return undefined
  const places: Places = {
    wants: [],
    compares: [],
    begins: { from: opening + 1, to: opening + 1, insert: ` assert_eq!("${word()}", "");` },
  }
  for (const call of callsIn(code, opening, body)) ofCall(text, code, call, places)
  return places
}

const HEAD = /((?:#\[[^\]]*\]\s*)+)(?:pub(?:\([\w:\s]*\))?\s+)?(?:async\s+)?fn\s+(\w+)\s*\(/g

function isPlainTest(attributes: string): boolean {
  return /#\[(\w+::)*test\b/.test(attributes) && !/#\[\s*(should_panic|ignore|cfg_attr)\b/.test(attributes)
}

type Call = { macro: string; at: number; open: number; close: number }

/** Assertions that every run of the test comes to: statements of the body itself, up to a `return`. */
function callsIn(code: string, opening: number, end: number): Call[] {
  const found: Call[] = []
  let depth = 0
  for (let at = opening + 1; at < end; at++) {
    const letter = code[at] ?? ""
    if ("([{".includes(letter)) depth++
    else if (")]}".includes(letter)) depth--
    if (depth !== 0) continue
    const rest = code.slice(at, at + 40)
    const begins = !/\w/.test(code[at - 1] ?? "")
    if (begins && /^return\b/.test(rest)) break
    const macro = begins ? /^(assert|assert_eq|assert_ne)!\s*\(/.exec(rest) : null
    if (macro === null || !/[;{}]\s*$/.test(code.slice(opening, at))) continue
    const open = at + macro[0].length - 1
    const close = endOf(code, open)
    if (close === undefined) break
    found.push({ macro: macro[1] ?? "", at, open, close })
    at = close
  }
  return found
}

function ofCall(text: string, code: string, { macro, at, open, close }: Call, { wants, compares }: Places): void {
  const parts = argumentsIn(code, open, close)
  const [first, second] = parts
  if (first === undefined) return
  if (macro === "assert") {
    compares.push({ from: first.from, to: first.to, insert: `!(${text.slice(first.from, first.to)})` })
    return
  }
  if (second === undefined) return
  compares.push({
    from: at,
    to: at + macro.length,
    insert: macro === "assert_eq" ? "assert_ne" : "assert_eq",
  })
  const literals = [second, first].filter((part) => isLiteral(text.slice(part.from, part.to)))
  // Two literals are equal by what the compiler knows: then nothing of the change is looked at.
  if (macro === "assert_eq" && literals.length === 1) wants.push(...literals)
}

/** A text, a number or a truth that may be another one without being too large for its type. */
function isLiteral(text: string): boolean {
  if (/^(true|false|"[^"\\]*")$/.test(text)) return true
  return /^-?\d+(\.\d+)?$/.test(text) && !/(?:^|\D)(?:12[78]|25[56]|3276[78]|6553[56]|\d{10,})$/.test(text)
}

/** The arguments between two brackets, without the space around them. */
function argumentsIn(code: string, open: number, close: number): { from: number; to: number }[] {
  const found: { from: number; to: number }[] = []
  let depth = 0
  let from = open + 1
  for (let at = open + 1; at <= close; at++) {
    const letter = code[at] ?? ""
    if (at === close || (letter === "," && depth === 0)) {
      const part = code.slice(from, at)
      const lead = part.length - part.trimStart().length
      if (part.trim() !== "") found.push({ from: from + lead, to: from + lead + part.trim().length })
      from = at + 1
    } else if ("([{".includes(letter)) depth++
    else if (")]}".includes(letter)) depth--
  }
  return found
}

/** Where the bracket that opens here is closed. */
function endOf(code: string, open: number): number | undefined {
  let depth = 0
  for (let at = open; at < code.length; at++) {
    const letter = code[at] ?? ""
    if ("([{".includes(letter)) depth++
    else if (")]}".includes(letter) && --depth === 0) return at
  }
  return undefined
}

const TOKENS =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|b?r(#*)"[\s\S]*?"\1|b?"(?:\\[\s\S]|[^"\\])*"|b?'(?:\\[^\n]{1,10}?|[^'\\\n])'/g

/** The same length, with comments and what stands in quotes blanked; the quotes themselves stay, as a word. */
function blanked(text: string): string {
  return text.replace(TOKENS, (token) =>
    token.startsWith("/") ? token.replace(/[^\n]/g, " ") : token.replace(/[^\n]/g, "_"),
  )
}
