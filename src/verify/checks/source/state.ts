import { textOf } from "../../syntax/source.ts"
import type { Look } from "./changed.ts"

/** State between calls. */
export const REMEMBERS = "remembers from one call to the next how often, or that, it was called"

/** Module-level state of JavaScript that is new, is counted up in functions, and decides. */
export const state: Look = (node, { source, before }) => {
  if (source.language !== "javascript" || node.name !== "VariableDeclaration") return undefined
  const around = node.parent?.name === "ExportDeclaration" ? node.parent.parent : node.parent
  if (around?.name !== "Script") return undefined
  const text = textOf(source, node)
  const [, given = "", value = ""] = /^(?:let|var|const)\s+([\w$]+)(?:\s*:[^=]+)?\s*=\s*([^;]*)/.exec(text) ?? []
  const name = given.replace(/\$/g, "\\$")
  if (name === "" || new RegExp(`\\b${name}\\b`).test(before)) return undefined
  return decides(source.text, name, value.trim()) ? REMEMBERS : undefined
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
