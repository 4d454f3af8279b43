import type { SyntaxNode } from "@lezer/common"
import { render } from "../syntax/render.ts"
import { childOf, childrenOf, lineOf, literalOf, partsOf, type Source, textOf } from "../syntax/source.ts"
import { type ChangedSource, newNodes } from "./changed-sources.ts"
import { remembers } from "./counting-source.ts"
import { reachOf } from "./reaching-source.ts"

/*
 * What honest source hardly ever does and cheats like to: each is asked about, none is refused. A rule says nothing of
 * what the file did before.
 */

type Rule = readonly [why: string, shape: RegExp]

/** Calls, by how they read once aliases are resolved. */
const calls: readonly Rule[] = [
  [
    "ends the process",
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
    "leaves a process behind",
    /^[\w.]*(spawn|fork|Popen|exec)\(.*\b(detached|start_new_session|setsid)\b|^(?!set(Timeout|Interval|Immediate)\().*\.unref\(\)$|"nohup\b|^os\.(fork|setsid|daemon)\(/,
  ],
]

/** Texts that only a runner prints. */
const forged =
  /^"(TAP version \d|(not )?ok \d+( - |$)|1\.\.\d+|# (tests|pass|fail) \d|=+ .*\d+ passed|--- (PASS|FAIL|SKIP): |(PASS|ok)\\t|test result: ok|<\/?testsuites?|Tests:\s+\d+ passed|\{\\?"(Action|verdict|outcome|numPassedTests|testResults)\\?")/

const libraries =
  /^(vitest|@?jest\b.*|mocha|chai|sinon|@sinonjs\/.*|ava|tap|node:test|pytest|unittest(\.mock)?|freezegun|testing|github\.com\/stretchr\/testify.*)$/

/** What the new source of one file does that has to be looked at, each as `path:line why: text`. */
export function doubtsOf(changed: ChangedSource): string[] {
  const { source, path } = changed
  if (source === undefined) return []
  const found = new Map<number, string>(directives(changed))
  for (const node of newNodes(changed)) {
    const line = lineOf(source, node)
    const why = found.has(line) ? undefined : (doubt(source, node, changed) ?? grasps(source, node, changed))
    if (why === undefined) continue
    const shown = textOf(source, node).split("\n")[0]?.trim().slice(0, 160) ?? ""
    found.set(line, `${path}:${line} ${why}: \`${shown}\``)
  }
  for (const { node, why } of remembers(changed)) {
    const line = lineOf(source, node)
    if (!found.has(line)) found.set(line, `${path}:${line} ${why}: \`${textOf(source, node).slice(0, 160)}\``)
  }
  return [...found.values()]
}

/** What is sure is refused by `no_weakened_tests`, and no question. */
function grasps(source: Source, node: SyntaxNode, changed: ChangedSource): string | undefined {
  const reach = reachOf(source, node, changed)
  return reach?.sure === false ? reach.why : undefined
}

/** Comments that Go's compiler obeys: what they leave out, or put in another's place, is seen by nobody who reads. */
function directives({ path, added }: ChangedSource): [number, string][] {
  if (!path.endsWith(".go")) return []
  return added
    .filter(({ text }) => /^\/\/(go:(build|linkname)|\s*\+build)\b/.test(text))
    .map(({ n, text }) => [
      n,
      `${path}:${n} tells the compiler what to leave out or replace: \`${text.slice(0, 160)}\``,
    ])
}

function doubt(source: Source, node: SyntaxNode, changed: ChangedSource): string | undefined {
  const literal = literalOf(source, node)
  if (literal !== undefined) return forged.test(literal) ? "says what only a runner says" : undefined
  switch (node.name) {
    case "CallExpression":
    case "CallExpr":
    case "NewExpression":
      return ofCall(source, node, changed)
    case "ImportDeclaration":
    case "ImportStatement":
    case "ImportSpec":
      return ofImport(textOf(source, node), changed.before)
    case "TryStatement":
      return swallows(source, node, changed.before) ? "hides an error" : undefined
    default:
      return undefined
  }
}

function ofCall(source: Source, node: SyntaxNode, { names, before, path }: ChangedSource): string | undefined {
  if (node.to - node.from > 4_000) return undefined
  const said = render(source, node, names)
  const rule = calls.find(([, shape]) => shape.test(said))
  if (rule === undefined) return undefined
  const [why] = rule
  const name =
    textOf(source, node.firstChild ?? node)
      .split(/[.(]/)
      .at(-1) ?? ""
  // A program may end itself, and what a file did before it may go on doing.
  if (name !== "" && new RegExp(`\\b${name.replace(/\W/g, "\\$&")}\\s*\\(`).test(before)) return undefined
  const isProgram =
    /(^|\/)(cli|bin|main|__main__|index|cmd|scripts?)\b/.test(path) ||
    /^#!|__name__\s*==\s*["']__main__|^package main/m.test(source.text)
  return why === "ends the process" && isProgram ? undefined : why
}

function ofImport(text: string, before: string): string | undefined {
  const named = /["']([^"']+)["']\s*;?\s*$/.exec(text)?.[1] ?? /^(?:from|import)\s+([\w.]+)/.exec(text)?.[1] ?? ""
  if (before.includes(named)) return undefined
  if (libraries.test(named)) return "is source that uses a test library"
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
