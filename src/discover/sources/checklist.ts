import type { List, ListItem, Nodes } from "mdast"
import { Failure } from "../../core/failure.ts"
import type { Finding } from "../../core/finding.ts"
import type { Source } from "../../core/ports.ts"
import { findBase, readBase } from "../base-files.ts"
import { fingerprint, wordsOf } from "../fingerprint.ts"
import { parseMarkdown, textOf } from "../markdown.ts"
import { bodyOf, count, titleOf } from "../text.ts"
import { inLoopPath } from "../within-path.ts"
import { readJsonChecklist } from "./checklist-json.ts"

/** Nesting followed; deeper lists are text of their item. */
const DEPTH = 12

/** The open items of a Markdown task list, or of a list in JSON. */
export const checklist: Source = {
  name: "checklist",
  doc: "`checklist(TODO.md)`: one finding for each open item of a Markdown task list on the base; ticked items, and what is nested under them, are done. Also `prd.json` (user stories) and `feature_list.json` (features): those that don't pass yet.",
  async discover(context, args) {
    const [written] = args
    if (typeof written !== "string" || written === "") {
      throw new Failure("SOURCE_ARGUMENT", "`checklist` was called without a file.", {
        hint: "Write `checklist(TODO.md)`.",
      })
    }
    const path = inLoopPath(context, written.replace(/^\.\//, ""))
    const file = await findBase(context, path)
    if (file === undefined)
      return {
        findings: [],
        context: [],
        notes: [
          `checklist: ${context.base.branch} holds no file ${path} (a file that is not committed yet is not read).`,
        ],
      }
    const read = await readBase(context, file)
    if ("why" in read) return { findings: [], context: [], notes: [`checklist: ${path} was not read: ${read.why}.`] }
    const list = path.endsWith(".json") ? readJsonChecklist(read.text) : readChecklist(read.text)
    if (list === undefined)
      return {
        findings: [],
        context: [],
        notes: [`checklist: ${path} was not read: it is neither a list of user stories nor one of features.`],
      }
    const { open, done } = list
    const findings = open.map((item) => toFinding(item, file.path, context.base.sha))
    return { findings, context: [], notes: [`checklist ${path}: ${count(open.length, "open item")}, ${done} ticked.`] }
  },
}

/** An item that is still to be done: its text, what stands under it, and the items it is nested in. */
export type OpenItem = { text: string; detail: string; under: string[]; line: number }

/** The open items of all task lists in a text. An item with open items of its own is their heading, not a piece of work. */
export function readChecklist(markdown: string): { open: OpenItem[]; done: number } {
  const open: OpenItem[] = []
  let done = 0

  const visit = (nodes: readonly Nodes[], under: string[]): boolean => {
    if (under.length > DEPTH) return false
    let openBelow = false
    for (const node of nodes) {
      if (node.type === "list") openBelow = visitList(node, under) || openBelow
      else if (node.type === "blockquote") openBelow = visit(node.children, under) || openBelow
    }
    return openBelow
  }
  const visitList = (list: List, under: string[]): boolean => {
    let openHere = false
    for (const item of list.children) {
      if (item.checked === true) {
        done += 1
        continue
      }
      const text = headOf(item)
      const below = visit(item.children, text === "" ? under : [...under, text])
      openHere = openHere || below || item.checked === false
      if (item.checked !== false || below || text === "") continue
      open.push({ text, detail: detailOf(item), under, line: item.position?.start.line ?? 0 })
    }
    return openHere
  }

  visit(parseMarkdown(markdown).children, [])
  return { open, done }
}

function headOf(item: ListItem): string {
  const [first] = item.children
  return first?.type === "paragraph" ? textOf(first).replace(/\s+/g, " ").trim() : ""
}

function detailOf(item: ListItem): string {
  return item.children.slice(1).map(textOf).join("\n\n").trim()
}

function toFinding({ text, detail, under, line }: OpenItem, file: string, commit: string): Finding {
  const context = under.length === 0 ? "" : `Part of: ${under.join(" › ")}`
  return {
    fingerprint: fingerprint({ kind: "checklist", file, wrong: wordsOf([...under, text].join(" ")) }),
    source: "checklist",
    title: titleOf(text),
    body: bodyOf([text, context, detail].filter((part) => part !== "").join("\n\n")),
    severity: "medium",
    line,
    file,
    commit,
    attemptable: true,
    confidence: 0.5,
    size: "medium",
  }
}
