import { readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import ts from "typescript"

/*
 * Writes docs/errors.md from the source: every code of a Failure and of a loop file's diagnostic, with what it says and
 * what it advises. Names are permanent; the texts are the source's own, with … where it fills something in.
 */

type Entry = { code: string; says: string; hint: string }

/** Called by scripts/run-ts.mjs. */
export function main(): void {
  writeFileSync("docs/errors.md", errorsPage())
}

/** The whole page. */
export function errorsPage(): string {
  const failures: Entry[] = []
  const diagnostics: Entry[] = []
  for (const file of sources("src")) {
    const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true)
    const see = (node: ts.Node): void => {
      if (ts.isNewExpression(node) && node.expression.getText() === "Failure") failures.push(...failure(node))
      else if (ts.isObjectLiteralExpression(node))
        (file.startsWith("src/spec/") ? diagnostics : failures).push(...described(node))
      ts.forEachChild(node, see)
    }
    see(source)
  }
  return `${head}\n${table(failures)}\n${middle}\n${table(diagnostics)}`
}

const head = `# Errors

Written from the source by \`npm run docs\`. A code never changes its meaning; the words may. … stands for what is filled in.

## What a command may say
| code | says | what to do |
|---|---|---|`

/** What to do where the source has no better advice. */
const byRetry: Record<string, string> = {
  now: "Nothing: it is tried again, or starts again when you run it.",
  later: "Try again later.",
  person: "Look at what it names, then try again.",
}

const middle = `
## What \`flyball validate\` may say of a loop file
| code | says | what to do |
|---|---|---|`

function failure({ arguments: args = ts.factory.createNodeArray() }: ts.NewExpression): Entry[] {
  const [code, message, facts] = args
  if (code === undefined || !ts.isStringLiteralLike(code)) return []
  const given = facts !== undefined && ts.isObjectLiteralExpression(facts) ? facts : undefined
  const hint = given === undefined ? "" : words(property(given, "hint"))
  const retry = given === undefined ? "" : words(property(given, "retry"))
  return [{ code: code.text, says: words(message), hint: hint === "" ? (byRetry[retry] ?? "") : hint }]
}

/** \`{ code: "…", message: … }\`: what becomes a Failure or a diagnostic elsewhere. */
function described(node: ts.ObjectLiteralExpression): Entry[] {
  const code = property(node, "code")
  const message = property(node, "message")
  if (code === undefined || message === undefined) return []
  if (!ts.isStringLiteralLike(code) || !/^[A-Z][A-Z0-9_]+$/.test(code.text)) return []
  return [{ code: code.text, says: words(message), hint: words(property(node, "hint")) }]
}

function property(node: ts.ObjectLiteralExpression, name: string): ts.Expression | undefined {
  const found = node.properties.find((each) => each.name?.getText() === name)
  if (found === undefined) return undefined
  if (ts.isPropertyAssignment(found)) return found.initializer
  return ts.isShorthandPropertyAssignment(found) ? found.name : undefined
}

/** A text as it will read, with … for all that is not known before. */
function words(node: ts.Expression | undefined): string {
  if (node === undefined) return ""
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node))
    return node.head.text + node.templateSpans.map((span) => `…${span.literal.text}`).join("")
  if (ts.isConditionalExpression(node)) {
    const either = [words(node.whenTrue), words(node.whenFalse)].filter((text) => text !== "" && text !== "…")
    return either.length === 0 ? "…" : either.join(" / ")
  }
  if (ts.isBinaryExpression(node)) return words(node.left) + words(node.right)
  return ts.isIdentifier(node) && node.text === "undefined" ? "" : "…"
}

/** One row for each code; a code that is thrown with several texts shows each of them. */
function table(entries: readonly Entry[]): string {
  const codes = [...new Set(entries.map(({ code }) => code))].sort()
  const unique = (texts: string[]) => [...new Set(texts.filter((text) => text !== ""))].map(cell).join("<br>")
  return codes
    .map((code) => {
      const of = entries.filter((entry) => entry.code === code)
      // A fallback beside real advice only confuses.
      if (of.some(({ hint }) => isAdvice(hint))) for (const entry of of) if (!isAdvice(entry.hint)) entry.hint = ""
      return `| \`${code}\` | ${unique(of.map(({ says }) => says))} | ${unique(of.map(({ hint }) => hint).filter((hint) => hint !== "…"))} |\n`
    })
    .join("")
}

function isAdvice(hint: string): boolean {
  return hint !== "" && hint !== "…" && !Object.values(byRetry).includes(hint)
}

function cell(text: string): string {
  return text.replace(/\s+/g, " ").replaceAll("|", "\\|").replaceAll("<", "&lt;").trim()
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return entry.name === "fixtures" ? [] : sources(path)
      return path.endsWith(".ts") && !path.endsWith(".test.ts") ? [path] : []
    })
}
