import type { SyntaxNode } from "@lezer/common"
import { textOf } from "../syntax/source.ts"
import type { ChangedSource } from "./changed-sources.ts"
import { REMEMBERS } from "./reaching-source.ts"

/** Module-level state that is new, is counted up in functions, and decides. */
export function remembers({ source, isNew, before }: ChangedSource): { node: SyntaxNode; why: string }[] {
  if (source === undefined || source.language !== "javascript") return []
  const found: { node: SyntaxNode; why: string }[] = []
  const top = (node: SyntaxNode) => {
    for (let child = node.firstChild; child !== null; child = child.nextSibling) {
      if (child.name === "ExportDeclaration") top(child)
      if (child.name !== "VariableDeclaration" || !isNew(child)) continue
      const text = textOf(source, child)
      const [, name = "", value = ""] = /^(?:let|var|const)\s+([\w$]+)(?:\s*:[^=]+)?\s*=\s*([^;]*)/.exec(text) ?? []
      if (name === "" || new RegExp(`\\b${name.replace(/\$/g, "\\$")}\\b`).test(before)) continue
      if (decides(source.text, name.replace(/\$/g, "\\$"), value.trim())) found.push({ node: child, why: REMEMBERS })
    }
  }
  top(source.root)
  return found
}

function decides(text: string, name: string, value: string): boolean {
  const is = (shape: string) => new RegExp(shape).test(text)
  if (/^(\d+n?|true|false)$/.test(value)) {
    const changes = is(
      `\\b${name}\\s*(\\+\\+|--|[-+*|&^?]{1,2}=)|(\\+\\+|--)\\s*${name}\\b|\\b${name}\\s*=[^=>][^\\n]*`,
    )
    const again = (text.match(new RegExp(`\\b${name}\\b`, "g"))?.length ?? 0) >= 3
    const asked = is(
      `\\b${name}(\\+\\+|--)?\\s*([=!]==?|[<>]=?|%|&&|\\|\\||\\?)|([=!]==?|[<>]=?|&&|\\|\\||!)\\s*(\\+\\+|--)?${name}\\b|\\b(if|while)\\s*\\(\\s*!?(\\+\\+|--)?${name}(\\+\\+|--)?\\s*\\)|\\[${name}`,
    )
    return changes && again && asked
  }
  if (/^(\{[^{}]*:\s*(\d+|true|false)\b[^{}]*\})$/.test(value))
    return is(`\\b${name}\\.\\w+\\s*(\\+\\+|--|[-+*]=)|(\\+\\+|--)\\s*${name}\\.`)
  if (/^(\[\]|new (Set|Map|WeakSet)\b)/.test(value))
    return is(`\\b${name}\\.(size|length)\\s*([=!]==?|[<>]=?|%)\\s*\\d`)
  return false
}
