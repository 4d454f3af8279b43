import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  type Node,
  parseAllDocuments,
  visit,
  type YAMLError,
} from "yaml"
import { flowHint } from "./calls.ts"
import type { Diagnostic } from "./diagnostic.ts"
import { complainAt, openText, type Path, type SourceFile, type Span } from "./source-file.ts"

const LIMIT_CHARACTERS = 256 * 1024
/** More aliases than this in one document is an attack, or a program's output. */
const LIMIT_ALIASES = 100
const LIMIT_DEPTH = 200

/** A YAML text read: `data` is undefined where it can't be used at all; the problems stand in `source`. */
export type YamlFile = { source: SourceFile; data: Record<string, unknown> | undefined }

/** Reads one YAML mapping, with positions and with every problem named. `what` is what the file should hold, for messages. */
export function readYaml(file: string, written: string, what: string, diagnostics: Diagnostic[]): YamlFile {
  const text = written.startsWith("\ufeff") ? written.slice(1) : written
  const source = openText(file, text, diagnostics)
  const fail = (span: Span, code: string, message: string, hint?: string): YamlFile => {
    complainAt(source, span, { code, message, hint })
    return { source, data: undefined }
  }
  const start = { start: 0, end: 0 }
  if (text.length > LIMIT_CHARACTERS)
    return fail(start, "FILE_TOO_LARGE", `${what} is larger than ${LIMIT_CHARACTERS / 1024} KB.`)
  const binary = text.search(/[\u0000\ufffd]/)
  if (binary !== -1)
    return fail({ start: binary, end: binary + 1 }, "NOT_TEXT", "This is not UTF-8 text.", "Save the file as UTF-8.")
  const deep = tooDeep(text)
  if (deep !== -1)
    return fail(
      { start: deep, end: deep + 1 },
      "YAML_TOO_DEEP",
      `More than ${LIMIT_DEPTH} brackets stand inside each other.`,
    )
  let documents: Document.Parsed[]
  try {
    documents = parseDocuments(text)
  } catch (error) {
    // The parser is recursive: thousands of brackets exhaust the stack.
    return fail(
      start,
      "YAML_TOO_DEEP",
      `This YAML can't be read: ${error instanceof Error ? error.message : String(error)}.`,
    )
  }
  const [document, second] = documents
  if (document === undefined || (document.contents === null && document.errors.length === 0))
    return fail(
      start,
      "FILE_EMPTY",
      `The file is empty; ${what.charAt(0).toLowerCase()}${what.slice(1)} was expected.`,
      "Begin with `name:`, `trigger:` and `steps:`, or run `flyball init`.",
    )
  if (second !== undefined) {
    const range = second.contents?.range?.[0] ?? second.range[0]
    return fail(
      { start: range, end: range + 1 },
      "YAML_SEVERAL_DOCUMENTS",
      "The file holds more than one YAML document.",
      "One file, one loop: move what follows `---` to a file of its own.",
    )
  }
  if (!complainOfSyntax(source, document)) return { source, data: undefined }
  const root = document.contents
  if (!isMap(root))
    return fail(
      nodeSpan(root),
      "YAML_NOT_A_MAPPING",
      `${what} must be a mapping of keys to values, not ${isSeq(root) ? "a list" : "one value"}.`,
      /^\w+:\S/.test(text.trim()) ? "A space must follow the colon: `key: value`." : undefined,
    )
  source.span = (path, part) => spanOf(document, path, part)
  return { source, data: toData(source, document) }
}

/** Where brackets are nested deeper than any loop needs; the parser is recursive. */
function tooDeep(text: string): number {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const mark = text[at]
    if (mark === "[" || mark === "{") depth++
    else if (mark === "]" || mark === "}") depth = Math.max(0, depth - 1)
    else if (mark === "\n" && /^\S/.test(text.slice(at + 1, at + 2))) depth = 0
    if (depth > LIMIT_DEPTH) return at
  }
  return -1
}

function parseDocuments(text: string): Document.Parsed[] {
  const parsed = parseAllDocuments(text, {
    prettyErrors: false,
    merge: true,
    logLevel: "silent",
  })
  return Array.isArray(parsed) ? [...parsed] : []
}

function toData(source: SourceFile, document: Document.Parsed): Record<string, unknown> | undefined {
  try {
    const data: unknown = document.toJS({ maxAliasCount: LIMIT_ALIASES })
    return isRecord(data) ? data : undefined
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    complainAt(source, nodeSpan(document.contents), {
      code: "YAML_ALIASES",
      message: /excessive alias/i.test(message)
        ? `The aliases (\`*name\`) unfold to far more than a loop needs; ${LIMIT_ALIASES} are allowed.`
        : message,
      hint: "Write the values out.",
    })
    return undefined
  }
}

/** Whether a value is a mapping. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}

/** Reports what the parser found; false when the data can't be trusted. */
function complainOfSyntax(source: SourceFile, document: Document.Parsed): boolean {
  for (const error of telling(document.errors)) {
    const [start, end] = error.pos
    const { at = { start, end: Math.max(end, start + 1) }, ...said } = explainYaml(error, source.text)
    complainAt(source, at, said)
  }
  let sound = document.errors.length === 0
  for (const warning of document.warnings) {
    const [start, end] = warning.pos
    const written = source.text.slice(start, end)
    sound = false
    complainAt(
      source,
      { start, end },
      {
        code: "YAML_TAG",
        message: `YAML takes \`${written}\` for a tag, not for text.`,
        hint: `A value that begins with \`!\` needs quotes: "${written}".`,
        suggestion: JSON.stringify(written),
      },
    )
  }
  // Walking the whole tree costs as much as parsing it.
  if (!source.text.includes("*")) return sound
  visit(document, {
    Alias(_, node) {
      if (node.resolve(document) !== undefined) return
      sound = false
      const span = nodeSpan(node)
      complainAt(source, span, {
        code: "YAML_ALIASES",
        message: `YAML takes \`${source.text.slice(span.start, span.end)}\` for an alias, and nothing has that name.`,
        hint: "A glob or an expression that begins with `*` needs quotes.",
        suggestion: JSON.stringify(source.text.slice(span.start, span.end)),
      })
    },
  })
  return sound
}

/** Once the parser has lost its way it stumbles over every line that follows: the first of those says it all. */
function telling(errors: readonly YAMLError[]): YAMLError[] {
  const tabs = errors.filter(({ code }) => code === "TAB_AS_INDENT")
  const doubles = errors.filter(({ code }) => code === "DUPLICATE_KEY")
  const lost = errors.filter((error) => !tabs.includes(error) && !doubles.includes(error))
  return tabs.length > 0 ? [...doubles, ...tabs] : [...doubles, ...lost.slice(0, 1)]
}

type Explained = { code: string; message: string; hint?: string | undefined; at?: Span }

function explainYaml(error: YAMLError, text: string): Explained {
  const [start] = error.pos
  const line = text.slice(text.lastIndexOf("\n", start - 1) + 1).split("\n", 1)[0] ?? ""
  const mark = text[start] ?? ""
  switch (error.code) {
    case "DUPLICATE_KEY":
      return {
        code: "YAML_DUPLICATE_KEY",
        message: "This key stands here twice.",
        hint: "Keep one of the two; the second would silently win.",
      }
    case "TAB_AS_INDENT":
      return { code: "YAML_TAB", message: "YAML is indented by spaces; this is a tab." }
    case "BAD_SCALAR_START":
      return {
        code: "YAML_SYNTAX",
        message: `A value can't begin with \`${mark}\` unless it is quoted.`,
        hint: `Put it in quotes: "${mark}…".`,
      }
    case "BLOCK_AS_IMPLICIT_KEY":
      if ([...line.matchAll(/:(?=\s|$)/g)].length < 2)
        return {
          code: "YAML_SYNTAX",
          message: "This key has a value, and the line below is indented as if it belonged to it.",
          hint: "Keys of one mapping begin in the same column.",
        }
      return {
        code: "YAML_SYNTAX",
        message: "A second `key:` on one line.",
        hint: "Put the value in quotes if the colon belongs to it, else begin a new line or use { }.",
      }
    case "MULTILINE_IMPLICIT_KEY":
      return {
        code: "YAML_SYNTAX",
        message: "This line is no `key: value`.",
        hint: keyWithoutSpace(line) ?? "A colon and a space follow each key.",
        at: { start, end: start + Math.max(1, line.trim().length) },
      }
    case "BAD_INDENT": {
      const open = /end with a ([\]}])/.exec(error.message)?.[1]
      const at = open === undefined ? -1 : openedBy(text.slice(0, start))
      if (open !== undefined && at !== -1)
        return {
          code: "YAML_SYNTAX",
          message: `This \`${text[at]}\` is never closed.`,
          hint: `A \`${open}\` ends it.`,
          at: { start: at, end: at + 1 },
        }
      return {
        code: "YAML_SYNTAX",
        message: "This line's indentation fits nothing above it.",
        hint: "Keys of one mapping begin in the same column.",
      }
    }
    case "UNEXPECTED_TOKEN":
      return {
        code: "YAML_SYNTAX",
        message: "Text after the end of a value.",
        hint: /["'].*["'].*["']/.test(line)
          ? "Quotes inside quotes: use the other kind outside, 'cron(\"0 9 * * *\")', or none at all."
          : `${error.message}.`,
      }
    case "MISSING_CHAR":
      return {
        code: "YAML_SYNTAX",
        message: /must be followed by map values/.test(error.message)
          ? "This line is no `key: value`."
          : `${error.message.replace(/(closing .)quote/, "$1")}.`,
        ...(/must be followed/.test(error.message) && keyWithoutSpace(line) !== undefined
          ? { hint: keyWithoutSpace(line) }
          : {}),
        ...(/\w\(.*["',]/.test(line) ? { hint: flowHint } : {}),
      }
    default:
      return { code: "YAML_SYNTAX", message: `${error.message}.` }
  }
}

/** Where the innermost bracket stands that nothing closes. */
function openedBy(text: string): number {
  let depth = 0
  for (let at = text.length - 1; at >= 0; at--) {
    const mark = text[at] ?? ""
    if (mark === "]" || mark === "}") depth++
    else if ((mark === "[" || mark === "{") && depth-- === 0) return at
  }
  return -1
}

/** `name:first`: what is meant. */
function keyWithoutSpace(line: string): string | undefined {
  const [, dash = "", key, value] = /^\s*(- )?([\w-]+):(\S.*)$/.exec(line) ?? []
  return key === undefined ? undefined : `A space must follow the colon: \`${dash}${key}: ${value}\`.`
}

function spanOf(document: Document.Parsed, path: Path, part: "key" | "value"): Span {
  let node: unknown = document.contents
  let key: unknown
  for (const [depth, step] of path.entries()) {
    const holder = isAlias(node) ? node.resolve(document) : node
    let next: unknown
    let nextKey: unknown
    if (isMap(holder)) {
      const pair = holder.items.find(
        (item) => isPair(item) && String(isScalar(item.key) ? item.key.value : item.key) === String(step),
      )
      next = pair?.value ?? pair?.key
      nextKey = pair?.key
    } else if (isSeq(holder)) next = holder.items[Number(step)]
    // Not there (a merged or a missing key): the parent is marked, by its key so that the mark stays short.
    if (next === undefined) return depth === 0 ? firstKey(document) : nodeSpan(isNodeLike(key) ? key : node)
    ;[node, key] = [next, nextKey]
  }
  if (path.length === 0) return firstKey(document)
  return nodeSpan(part === "key" && key !== undefined ? key : node)
}

function firstKey(document: Document.Parsed): Span {
  const root = document.contents
  return isMap(root) ? nodeSpan(root.items[0]?.key) : nodeSpan(root)
}

function nodeSpan(node: unknown): Span {
  const range = isNodeLike(node) ? node.range : undefined
  return range ? { start: range[0], end: Math.max(range[1], range[0]) } : { start: 0, end: 0 }
}

function isNodeLike(node: unknown): node is Node {
  return typeof node === "object" && node !== null && "range" in node
}
