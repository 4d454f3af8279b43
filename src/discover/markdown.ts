import type { Nodes, Parent, Root } from "mdast"
import { fromMarkdown } from "mdast-util-from-markdown"
import { gfmTaskListItemFromMarkdown } from "mdast-util-gfm-task-list-item"
import { gfmTaskListItem } from "micromark-extension-gfm-task-list-item"

/** Markdown with task lists, as a tree with positions. */
export function parseMarkdown(text: string): Root {
  return fromMarkdown(text, { extensions: [gfmTaskListItem()], mdastExtensions: [gfmTaskListItemFromMarkdown()] })
}

/** The text a reader sees: no mark-up, no HTML, images by their description. */
export function textOf(node: Nodes): string {
  switch (node.type) {
    case "text":
    case "inlineCode":
    case "code":
      return node.value
    case "image":
    case "imageReference":
      return node.alt ?? ""
    case "break":
      return "\n"
    case "html":
    case "definition":
    case "yaml":
      return ""
    default:
      return "children" in node ? childrenText(node) : ""
  }
}

/** First and last offset of a node in its text. */
export function span(node: Nodes): { start: number; end: number } {
  return { start: node.position?.start.offset ?? 0, end: node.position?.end.offset ?? 0 }
}

function childrenText(node: Parent): string {
  const inline =
    node.type === "paragraph" ||
    node.type === "heading" ||
    node.type === "link" ||
    node.type === "emphasis" ||
    node.type === "strong"
  return node.children.map(textOf).join(inline ? "" : "\n")
}
