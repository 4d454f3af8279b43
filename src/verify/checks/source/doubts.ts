import type { SyntaxNode } from "@lezer/common"
import { render } from "../../syntax/render.ts"
import { childOf, childrenOf, literalOf, partsOf, type Source, textOf, walk } from "../../syntax/source.ts"
import type { Look, ReadSource } from "./changed.ts"

/*
 * What honest source of any language hardly ever does and cheats like to: it ends the process, hides an error, asks who calls
 * it or since when it runs, says itself what it is equal to. Each is asked about, none is refused.
 */

type Rule = readonly [why: string, shape: RegExp]

const ENDS = "ends the process"
const NETWORK = "talks to the network, which it did not before"

/** Calls, by how they read once aliases are resolved. */
const calls: readonly Rule[] = [
  [
    ENDS,
    /^(process\.(exit|abort|reallyExit|kill)|os\._exit|sys\.exit|exit|quit|os\.Exit|syscall\.Exit|os\.kill|os\.abort|Deno\.exit)\(/,
  ],
  [
    "acts when the process ends",
    /^(process\.(on|once|prependListener)\("(exit|beforeExit|uncaughtException|unhandledRejection)"|atexit\.register\(|signal\.signal\()/,
  ],
  [
    "runs git",
    /^[\w.]*(exec|execSync|execFile|execFileSync|spawn|spawnSync|fork|run|call|check_output|check_call|Popen|system|popen|Command)\((\["git"|"git\b|\["?git\b)/,
  ],
  [
    "reads tests or git's folder",
    /^[\w.]*(read\w*|open|require|import|import_module|Open|ReadFile|Glob|glob|globSync|readdir\w*|listdir|Path|createRequire)\(.*"[^"]*((^|\/|")(tests?|__tests__|__snapshots__|testdata|spec)\/|\.(test|spec)\.|test_\w+\.py|_test\.(go|py)|\.snap\b|(^|\/|")\.git\/)/,
  ],
  [
    "runs text as code",
    /^(eval|Function|exec|compile|vm\.\w+|__import__|new Function|importlib\.import_module|builtins\.exec)\(/,
  ],
  [
    "hides what it says",
    /^(atob|Buffer\.from|base64\.b64decode|bytes\.fromhex|codecs\.decode|base64\.StdEncoding\.DecodeString|String\.fromCharCode|hex\.DecodeString)\(.*"[A-Za-z0-9+/=]{12,}"|^String\.fromCharCode\(\d+(, ?\d+)+/,
  ],
  [
    NETWORK,
    /^(((globalThis|window|self)\.)?fetch|new (WebSocket|XMLHttpRequest|EventSource)|navigator\.sendBeacon|https?\.(get|request)|http2\.connect|net\.(connect|createConnection)|tls\.connect|dgram\.createSocket|dns\.(promises\.)?(lookup|resolve\w*)|(urllib\.request\.)?urlopen|(requests|httpx)\.(get|post|put|patch|head|delete|request|stream|Session|Client|AsyncClient)|aiohttp\.\w+|socket\.(socket|create_connection|getaddrinfo|gethostbyname)|(http\.client\.)?HTTPS?Connection|(smtplib\.)?SMTP(_SSL)?|http\.(Get|Head|Post|PostForm|NewRequest\w*)|net\.(Dial\w*|Lookup\w+)|tls\.Dial\w*|smtp\.SendMail)\(/,
  ],
  [
    "leaves a process behind",
    /^[\w.]*(spawn|fork|Popen|exec)\(.*\b(detached|start_new_session|setsid)\b|^(?!set(Timeout|Interval|Immediate)\().*\.unref\(\)$|"nohup\b|^os\.(fork|setsid|daemon)\(/,
  ],
]

const networked = /^\s*(?:import|from)\s+(?:urllib|requests|httpx|aiohttp|socket|http|smtplib)\b/m

/** Texts that only a runner prints. */
const forged =
  /^"(TAP version \d|(not )?ok \d+( - |$)|1\.\.\d+|# (tests|pass|fail) \d|=+ .*\d+ passed|--- (PASS|FAIL|SKIP): |(PASS|ok)\\t|test result: ok|<\/?testsuites?|Tests:\s+\d+ passed|\{\\?"(Action|verdict|outcome|numPassedTests|testResults)\\?")/

const libraries =
  /^(vitest|@?jest\b.*|mocha|chai|sinon|@sinonjs\/.*|ava|tap|node:test|pytest|unittest(\.mock)?|freezegun|testing|github\.com\/stretchr\/testify.*)$/

const frames =
  /^(sys\._(getframe|current_frames)|inspect\.(stack|currentframe|getouterframes|trace)|traceback\.(extract_stack|format_stack|walk_stack|print_stack)|debug\.(Stack|PrintStack)|runtime\.(Callers?|CallersFrames|Stack|FuncForPC)|gc\.get_(objects|referrers))$/
const started = /^(os\.Args|sys\.(argv|orig_argv)|process\.(argv|execArgv|title|argv0))$/
const clocks =
  /\b(time\.(time|monotonic|perf_counter|process_time|time_ns|monotonic_ns|Now)|datetime\.(now|utcnow|today)|date\.today|Date\.now|performance\.now|process\.(hrtime|uptime)|new Date)\s*\(\s*\)|\bnew Date\b(?!\s*\()/

/** A node that is larger says what it says in its parts. */
const MAX_CHARS = 4_000

/** What new source does that has to be looked at. */
export const doubts: Look = (node, file) => {
  const { source, before } = file
  const literal = literalOf(source, node)
  if (literal !== undefined && forged.test(literal)) return "says what only a runner says"
  switch (node.name) {
    case "LineComment":
      return ofDirective(node, source)
    case "ImportDeclaration":
    case "ImportStatement":
    case "ImportSpec":
      return ofImport(textOf(source, node), before)
    case "TryStatement":
      return swallows(source, node, before) ? "hides an error" : undefined
  }
  if (node.to - node.from > MAX_CHARS) return undefined
  switch (node.name) {
    case "CallExpression":
    case "CallExpr":
      return ofCall(node, file) ?? (comparesWithItself(source, node) ? ITSELF : undefined)
    case "NewExpression":
      return ofCall(node, file)
    case "MemberExpression":
    case "SelectorExpr":
      return ofMember(node, file)
    case "AssignStatement":
    case "VarDecl":
    case "VariableDeclaration":
      return remembersStart(source, node, before) ? "remembers when the process began" : undefined
    case "BinaryExpression":
    case "BinaryExp":
      return ofComparison(source, node)
    case "ClassDefinition":
      return saysItsEquality(source, node, before) ? EQUALITY : undefined
    case "MethodDeclaration":
    case "Property":
      return /^(async\s+)?(asymmetricMatch|\[Symbol\.(toPrimitive|hasInstance|toStringTag)\])/.test(
        textOf(source, node),
      ) && !/asymmetricMatch|Symbol\.(toPrimitive|hasInstance|toStringTag)/.test(before)
        ? EQUALITY
        : undefined
    default:
      return undefined
  }
}

const ITSELF = "compares a thing with itself"
const EQUALITY = "says by itself what it is equal to"

/** A program may end itself and read its arguments; so may what a package is entered by. */
function isEntry({ path, source }: ReadSource): boolean {
  return (
    /(^|\/)(cli|bin|main|__main__|index|cmd|scripts?)\b/.test(path) ||
    /^#!|__name__\s*==\s*["']__main__|^package main/m.test(source.text)
  )
}

/** Comments that Go's compiler obeys: what they leave out, or put in another's place, is seen by nobody who reads. */
function ofDirective(node: SyntaxNode, source: Source): string | undefined {
  const isDirective = source.language === "go" && /^\/\/(go:(build|linkname)|\s*\+build)\b/.test(textOf(source, node))
  return isDirective && source.lineStarts.includes(node.from)
    ? "tells the compiler what to leave out or replace"
    : undefined
}

function ofCall(node: SyntaxNode, file: ReadSource): string | undefined {
  const { source, names, before } = file
  const said = render(source, node, names)
  const [why] = calls.find(([, shape]) => shape.test(said)) ?? []
  if (why === undefined) return undefined
  const name =
    textOf(source, node.firstChild ?? node)
      .split(/[.(]/)
      .at(-1) ?? ""
  // What a file did before it may go on doing.
  if (name !== "" && new RegExp(`\\b${name.replace(/\W/g, "\\$&")}\\s*\\(`).test(before)) return undefined
  // A dictionary may be called `requests`.
  if (why === NETWORK && source.language === "python" && !networked.test(source.text)) return undefined
  return why === ENDS && isEntry(file) ? undefined : why
}

/** `tests.answers`, `..test_money`, `shop.tests.helpers`; other people's `django.test` is none. */
const PYTHON_TESTS = /^\.*(tests?|testdata|test_\w+|\w+_tests?)(\.|$)|\.(tests|conftest|test_\w+)(\.|$)|^\.*conftest$/

function ofImport(text: string, before: string): string | undefined {
  const named = /["']([^"']+)["']\s*;?\s*$/.exec(text)?.[1] ?? /^(?:from|import)\s+([\w.]+)/.exec(text)?.[1] ?? ""
  if (before.includes(named)) return undefined
  if (libraries.test(named)) return "is source that uses a test library"
  const isPython = !/["']/.test(text)
  if (isPython) return PYTHON_TESTS.test(named) ? "is source that reads tests" : undefined
  return /(^|\/)(tests?|__tests__|__mocks__|testdata|fixtures)\/|[._-](test|spec)(\.\w+)?$/.test(named)
    ? "is source that reads tests"
    : undefined
}

/** A new handler around what the base did without one, that says nothing and does nothing. */
function swallows(source: Source, node: SyntaxNode, before: string): boolean {
  const parts = childrenOf(node)
  const clause = childOf(node, "CatchClause")
  const silent = clause === undefined ? silentExcept(source, parts) : isEmpty(childOf(clause, "Block"))
  const tried = childOf(node, "Block", "Body")
  if (!silent || tried === undefined) return false
  const known = before.replace(/\s+/g, "")
  return partsOf(tried).some((each) => {
    const text = textOf(source, each).replace(/\s+/g, "")
    return text.length > 8 && known.includes(text)
  })
}

function isEmpty(block: SyntaxNode | undefined): boolean {
  return block !== undefined && partsOf(block).length === 0
}

/** `except: pass` of everything; a handler of one kind of error says what it expects. */
function silentExcept(source: Source, parts: readonly SyntaxNode[]): boolean {
  return parts.some((part, index) => {
    if (part.name !== "except") return false
    const body = parts.slice(index).find((each) => each.name === "Body")
    const kind = source.text.slice(part.to, body?.from ?? part.to).trim()
    const only = body === undefined ? [] : partsOf(body)
    return /^((Base)?Exception(\s+as\s+\w+)?)?$/.test(kind) && only.length === 1 && only[0]?.name === "PassStatement"
  })
}

function ofMember(node: SyntaxNode, file: ReadSource): string | undefined {
  const said = render(file.source, node, file.names).replace(/\s+/g, "")
  if (file.before.includes(said.split(".").at(-1) ?? said)) return undefined
  if (frames.test(said)) return "asks who calls it"
  return started.test(said) && !isEntry(file) ? "asks how it was started" : undefined
}

/** A clock read once, when the module is loaded. */
function remembersStart(source: Source, node: SyntaxNode, before: string): boolean {
  if (!/^(Script|SourceFile|ExportDeclaration)$/.test(node.parent?.name ?? "")) return false
  const text = textOf(source, node)
  if (!clocks.test(text) || /=>|\bfunction\b|\bfunc\b|\blambda\b/.test(text)) return false
  return !before.includes(text.trim())
}

const age = /\b(st_[amc]time|getmtime|getctime|mtime(Ms)?|ctimeMs|birthtime(Ms)?|ModTime)\b/
const comparisons = /^(===?|!==?|<=?|>=?|is)$/

function ofComparison(source: Source, node: SyntaxNode): string | undefined {
  const [left, operator, right] = childrenOf(node)
  if (left === undefined || operator === undefined || right === undefined) return undefined
  if (!comparisons.test(textOf(source, operator))) return undefined
  const [a, b] = [left, right].map((side) => textOf(source, side).replace(/\s+/g, ""))
  if (a === b && /\(/.test(a ?? "")) return ITSELF
  if (clocks.test(textOf(source, node)) && age.test(textOf(source, node))) return "acts by the age of a file"
  const year = [left, right].some((side) => /^20\d\d$/.test(literalOf(source, side) ?? ""))
  const calendar = /(\b(get(UTC)?(Full)?Year|Year)\(\)|\.year\b)/
  return year && [a, b].some((side) => calendar.test(side ?? "")) ? "acts by the calendar" : undefined
}

/** `now().Equal(now())`, `Object.is(f(), f())`. */
function comparesWithItself(source: Source, node: SyntaxNode): boolean {
  const [callee, list] = childrenOf(node)
  const [only, second, more] = list === undefined ? [] : partsOf(list)
  if (callee === undefined || only === undefined || more !== undefined) return false
  const said = textOf(source, callee).replace(/\s+/g, "")
  const given = textOf(source, only).replace(/\s+/g, "")
  if (!given.includes("(")) return false
  if (second !== undefined)
    return /^(Object\.is|isDeepStrictEqual)$/.test(said) && given === textOf(source, second).replace(/\s+/g, "")
  const match = /^([\s\S]+)\.(Equal|Compare|equals|__eq__|Before|After)$/.exec(said)
  return match !== null && match[1] === given
}

const values = /\b(str|int|float|bytes|tuple|list|dict|set|frozenset|Decimal|Fraction|datetime|date|timedelta)\b/

/** A value class of the language that is equal to more than itself, or equality within a tolerance. */
function saysItsEquality(source: Source, node: SyntaxNode, before: string): boolean {
  const bases = childOf(node, "ArgList")
  const body = childOf(node, "Body")
  if (body === undefined || before.includes("__eq__")) return false
  const isValue = bases !== undefined && values.test(textOf(source, bases))
  let found = false
  walk(body, (each) => {
    if (each.name !== "FunctionDefinition") return true
    const text = textOf(source, each)
    if (/^(async\s+)?def\s+__(eq|ne)__\b/.test(text))
      found ||= isValue || /\babs\(|\bisclose\(|\bround\(|startswith|endswith|\breturn True\b/.test(text)
    return false
  })
  return found
}
