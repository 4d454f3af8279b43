import { z } from "zod"

/** One thing to say about a file, at the place where it stands. Lines and columns count from 1. */
export const Diagnostic = z.object({
  severity: z.enum(["error", "warning", "info"]),
  /** Permanent and upper-snake; branch on it, never on `message`. */
  code: z.string(),
  message: z.string(),
  file: z.string(),
  line: z.number().int(),
  column: z.number().int(),
  /** Exclusive; absent where only a point is known. */
  endColumn: z.number().int().optional(),
  hint: z.string().optional(),
  /** Text that may take the marked text's place as it is. */
  suggestion: z.string().optional(),
  /** The line and the one before it, for the frame. */
  excerpt: z.array(z.object({ line: z.number().int(), text: z.string() })),
})
export type Diagnostic = z.infer<typeof Diagnostic>

/** Whether a file with these diagnostics may run. */
export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((diagnostic) => diagnostic.severity === "error")
}

/** Errors first, then by place; what was said twice of the same place is said once. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const order = { error: 0, warning: 1, info: 2 }
  const seen = new Set<string>()
  return [...diagnostics]
    .sort(
      (a, b) =>
        order[a.severity] - order[b.severity] || compareText(a.file, b.file) || a.line - b.line || a.column - b.column,
    )
    .filter((d) => {
      const key = [d.file, d.line, d.column, d.code, d.message].join("\0")
      return seen.has(key) ? false : Boolean(seen.add(key))
    })
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

type Paint = (text: string, style: "red" | "yellow" | "cyan" | "bold" | "dim") => string

const codes = { red: 31, yellow: 33, cyan: 36, bold: 1, dim: 2 }

/** All diagnostics as people read them: place, message, code frame, hint. */
export function renderDiagnostics(diagnostics: readonly Diagnostic[], { color }: { color: boolean }): string {
  const paint: Paint = (text, style) => (color ? `\u001b[${codes[style]}m${text}\u001b[0m` : text)
  const blocks = sortDiagnostics(diagnostics).map((diagnostic) => renderOne(diagnostic, paint))
  return blocks.length === 0 ? "" : `${blocks.join("\n\n")}\n`
}

function renderOne(d: Diagnostic, paint: Paint): string {
  const style = d.severity === "error" ? "red" : d.severity === "warning" ? "yellow" : "cyan"
  const lines = [
    `${paint(`${d.file}:${d.line}:${d.column}`, "bold")}  ${paint(d.severity, style)}  ${d.message}  ${paint(d.code, "dim")}`,
  ]
  const gutter = String(d.line).length
  for (const { line, text } of d.excerpt) {
    const shown = window(text, d.column)
    lines.push(`  ${paint(`${String(line).padStart(gutter)} │`, "dim")} ${shown.text}`)
    if (line !== d.line) continue
    const length = Math.max(1, Math.min((d.endColumn ?? d.column + 1) - d.column, shown.text.length - shown.column + 1))
    lines.push(
      `  ${" ".repeat(gutter)} ${paint("│", "dim")} ${" ".repeat(Math.max(0, shown.column - 1))}${paint("^".repeat(length), style)}`,
    )
  }
  if (d.hint !== undefined) lines.push(`  ${paint("hint:", "cyan")} ${d.hint}`)
  return lines.join("\n")
}

/** Long lines are cut around the column; tabs and control characters must not move the caret or the terminal. */
function window(text: string, column: number): { text: string; column: number } {
  const inert = text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, " ")
  if (inert.length <= 140) return { text: inert, column }
  const from = Math.max(0, column - 70)
  return { text: `${from > 0 ? "…" : ""}${inert.slice(from, from + 138)}…`, column: column - from + (from > 0 ? 1 : 0) }
}
