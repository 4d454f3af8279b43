import type { Nodes } from "mdast"
import { expect } from "vitest"
import { parseMarkdown } from "../../src/discover/markdown.ts"

/*
 * What must hold wherever outside text ends up. Each of these compares with the same thing made from a harmless text: what the
 * text may change is words, and nothing else.
 */

export const HARMLESS = "NEUTRAL"

/** What nobody sees, apart from line breaks and tabs. */
const UNSEEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Co}\p{Default_Ignorable_Code_Point}]|[\u2028\u2029]/u

export function expectSeen(text: string, what: string): void {
  const at = UNSEEN.exec(text)
  expect(at === null ? "" : `${what}: U+${at[0].codePointAt(0)?.toString(16)} at ${at.index}`).toBe("")
  expect(text.isWellFormed(), what).toBe(true)
}

/** The lines of a prompt that stand in no fence, by CommonMark's rule for fences. */
function outsideOfFences(prompt: string): string {
  let fence: string | undefined
  const outside: string[] = []
  for (const line of prompt.split(/\r\n|[\n\r\u2028\u2029\u0085\v\f]/)) {
    const [, bar = "", info = ""] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? []
    if (fence === undefined) {
      if (bar !== "" && !(bar.startsWith("`") && info.includes("`"))) fence = bar
      else outside.push(line)
    } else if (bar[0] === fence[0] && bar.length >= fence.length && info.trim() === "") fence = undefined
  }
  if (fence !== undefined) outside.push("(a fence that is never closed)")
  return outside.join("\n")
}

export function expectPrompt(prompt: string, harmless: string, what: string): void {
  expectSeen(prompt, what)
  expect(outsideOfFences(prompt), what).toBe(outsideOfFences(harmless))
  expect(prompt.length, what).toBeLessThan(200_000)
}

/** Markdown as a reader sees its shape: blocks, and no inline but words and code. */
function shapeOf(markdown: string): string[] {
  const shape: string[] = []
  const visit = (node: Nodes): void => {
    if (node.type === "text" || node.type === "inlineCode") return
    shape.push(node.type === "html" ? `html ${node.value.replace(/[0-9a-f]{8,}/g, "#")}` : node.type)
    if ("children" in node) for (const child of node.children) visit(child)
  }
  visit(parseMarkdown(markdown))
  return shape
}

export function expectMarkdown(markdown: string, harmless: string, what: string): void {
  expectSeen(markdown, what)
  expect(shapeOf(markdown), what).toEqual(shapeOf(harmless))
  expect(markdown.split("\n").length, what).toBe(harmless.split("\n").length)
  // What forges make of bare words, in tables as elsewhere.
  const bare = markdown.replace(/(`+)[^`](?:(?!\1)[\s\S])*?\1/g, "")
  expect(bare, what).not.toMatch(/www\.|:\/\/|(?:^|\s)@\w|#\d|\bGH-\d|<\w/)
  expect(cellsOf(markdown), what).toEqual(cellsOf(harmless))
  expect(markdown, what).not.toMatch(/^\/\w/m)
}

/** How many cells each row of its tables has. */
function cellsOf(markdown: string): number[] {
  return markdown.split("\n").flatMap((line) => (line.startsWith("|") ? [line.match(/\|/g)?.length ?? 0] : []))
}

/** A page's tags and attributes, without the words in and between them. */
export function skeletonOf(html: string): string {
  return html
    .replace(/="[^"]*"/g, '=""')
    .replace(/>[^<]*</g, "><")
    .replace(/<pre[\s\S]*?<\/pre>/g, "<pre></pre>")
}

export function expectTerminal(text: string, what: string): void {
  expect(text, what).not.toMatch(/[^\P{Cc}\n\t]|[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/u)
}
