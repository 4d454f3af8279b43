import type { Nodes } from "mdast"
import { parseMarkdown } from "../../discover/markdown.ts"

/** Something of the project that a skill names, and where. */
export type Mention = { start: number; end: number } & (
  | { is: "link"; path: string }
  | { is: "path"; path: string }
  | { is: "script"; name: string }
  | { is: "target"; name: string }
  | { is: "flag"; flag: string; of: string }
)

/** What a skill's text surely names: in links, code spans and code blocks of a shell; nothing that is a pattern or a placeholder. */
export function mentionsOf(text: string): Mention[] {
  const found: Mention[] = []
  const visit = (node: Nodes): void => {
    const from = node.position?.start.offset ?? 0
    const end = node.position?.end.offset ?? from
    if (node.type === "link" || node.type === "image" || node.type === "definition") {
      const path = linkPath(node.url)
      if (path !== undefined) found.push({ is: "link", path, start: from, end })
    }
    if (node.type === "inlineCode") {
      const start = text.indexOf(node.value, from)
      if (/\s/.test(node.value)) found.push(...commandMentions(node.value, start))
      else found.push(...pathMention(node.value, start))
    }
    if (node.type === "code") found.push(...blockMentions(text, node.value, node.lang ?? undefined, from))
    if ("children" in node) for (const child of node.children) visit(child)
  }
  visit(parseMarkdown(text))
  return found.filter(({ start, end }) => start >= 0 && end > start).slice(0, MAX_MENTIONS)
}

function linkPath(url: string): string | undefined {
  if (/^[a-z][\w+.-]*:|^[#/?]|^\/\//i.test(url)) return undefined
  try {
    const path = decodeURIComponent(url.replace(/[#?].*$/, ""))
    return path === "" || unsure.test(path) ? undefined : path
  } catch {
    return undefined
  }
}

function pathMention(value: string, start: number): Mention[] {
  const path = value.replace(/(?::\d+(?:[:-]\d+)?|#L\d+.*)$/, "").replace(/^(?:\.\/)+/, "")
  if (path === "" || unsure.test(path) || /^[/~]|(?:^|\/)\.\.(?:\/|$)|:/.test(path)) return []
  if (/(?:^|\/)node_modules\//.test(path)) return []
  const named = /\.[A-Za-z][A-Za-z0-9]{0,7}$/.test(path) || (path.endsWith("/") && path.length > 1)
  return named ? [{ is: "path", path, start, end: start + value.length }] : []
}

function blockMentions(text: string, value: string, lang: string | undefined, from: number): Mention[] {
  if (lang !== undefined && !shells.has(lang.toLowerCase())) return []
  const found: Mention[] = []
  let at = text.indexOf("\n", from)
  for (const line of value.split("\n")) {
    const start = text.indexOf(line, Math.max(at, from))
    if (start === -1) return found
    at = start + line.length
    // Without a language it may be anything: output, a tree of files.
    if (lang !== undefined || /^\s*\$ /.test(line)) found.push(...commandMentions(line, start))
  }
  return found
}

/** The commands of one line, each up to its first quote, variable or redirection. */
function commandMentions(line: string, at: number): Mention[] {
  if (/^\s*#/.test(line)) return []
  return [...line.matchAll(/(?:[^&;|]|&(?!&))+/g)].flatMap((part) => {
    const words = [...part[0].matchAll(/\S+/g)].map((word) => ({
      text: word[0],
      start: at + part.index + word.index,
    }))
    const sure = words.findIndex(({ text }) => /["'`$<>(){}*\\#]/.test(text) && text !== "$")
    const clear = sure === -1 ? words : words.slice(0, sure)
    const first = clear.findIndex(({ text }) => text !== "$" && text !== ">" && !/^[A-Z_]+=/.test(text))
    return first === -1 ? [] : oneCommand(clear.slice(first))
  })
}

type Word = { text: string; start: number }

function oneCommand([program, ...rest]: Word[]): Mention[] {
  if (program === undefined) return []
  const [second, ...after] = rest
  if (/^(?:npm|pnpm|yarn|bun)$/.test(program.text)) {
    if (second === undefined || !/^run(?:-script)?$/.test(second.text)) return []
    // An option before the name may take a value.
    const [name] = after
    return name !== undefined && /^[A-Za-z][\w:.-]*$/.test(name.text)
      ? [{ is: "script", name: name.text, ...spanOf(name) }]
      : []
  }
  if (program.text === "make") {
    if (rest.some(({ text }) => text.startsWith("-"))) return []
    return rest
      .filter(({ text }) => /^[A-Za-z][\w.-]*$/.test(text))
      .map((word) => ({ is: "target" as const, name: word.text, ...spanOf(word) }))
  }
  const script = interpreters.has(program.text) ? second : program
  if (script === undefined || !(script.text.includes("/") || interpreters.has(program.text))) return []
  const paths = pathMention(script.text, script.start)
  const [path] = paths
  if (path?.is !== "path") return []
  const flags = rest.filter(({ text }) => /^--[a-z][a-z0-9-]+(?:=.*)?$/.test(text))
  return [
    ...paths,
    ...flags.map((word): Mention => {
      const flag = word.text.replace(/=.*$/, "")
      return { is: "flag", flag, of: path.path, start: word.start, end: word.start + flag.length }
    }),
  ]
}

function spanOf({ text, start }: Word): { start: number; end: number } {
  return { start, end: start + text.length }
}

const shells: ReadonlySet<string> = new Set(["sh", "bash", "shell", "zsh", "console", "shell-session"])
const interpreters: ReadonlySet<string> = new Set([
  "node",
  "sh",
  "bash",
  "python",
  "python3",
  "ruby",
  "tsx",
  "perl",
  "php",
])
/** Patterns, placeholders, packages with a scope, versions. */
const unsure = /[*?<>{}[\]$|=,…@%"'`\\\s]|\.\.\.|x{3,}|^(?:path|your|my)\//i
const MAX_MENTIONS = 500
