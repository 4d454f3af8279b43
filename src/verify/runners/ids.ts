import { isAbsolute, relative } from "node:path"
import type { Issue } from "../../core/evidence.ts"

/** Numbers what occurs more than once: the second `a` becomes `a (2)`. */
export function numbered<T>(items: readonly T[], idOf: (item: T) => string): { item: T; id: string }[] {
  const seen = new Map<string, number>()
  const taken = new Set(items.map(idOf))
  return items.map((item) => {
    const id = idOf(item)
    let count = (seen.get(id) ?? 0) + 1
    // A test that is really called "a (2)" keeps its name; the duplicate takes the next number.
    while (count > 1 && taken.has(`${id} (${count})`)) count++
    seen.set(id, count)
    return { item, id: count === 1 ? id : `${id} (${count})` }
  })
}

/** `file > suite > name`, each part on one line. */
export function testId(parts: readonly (string | undefined)[]): string {
  return parts
    .filter((part) => part !== undefined && part !== "")
    .map((part) => oneLine(part ?? ""))
    .join(" > ")
}

/** A path as the repository knows it: relative to the checkout, with forward slashes. */
export function repoPath(root: string, path: string): string {
  const plain = path.startsWith("file://") ? decodeURI(path.slice("file://".length)) : path
  const inside = isAbsolute(plain) ? relative(root, plain) : plain
  return inside.replaceAll("\\", "/").replace(/^(\.\/)+/, "")
}

export type RawIssue = Omit<Issue, "fingerprint">

/** Issues with fingerprints that survive moved lines; equal problems in one file are numbered in order of line. */
export function fingerprinted(issues: readonly RawIssue[], root: string): Issue[] {
  const ordered = [...issues].sort((a, b) => a.file.localeCompare(b.file) || (a.line ?? 0) - (b.line ?? 0))
  const idOf = (issue: RawIssue) => `${issue.rule} | ${issue.file} | ${stableMessage(issue.message, root)}`
  return numbered(ordered, idOf).map(({ item, id }) => ({ fingerprint: id, ...item }))
}

/** A message without what differs from run to run: where the checkout stood, lines, addresses, temporary names, times. */
export function stableMessage(message: string, root: string): string {
  return oneLine(message)
    .replaceAll(root === "" ? "\0" : `${root}/`, "")
    .replace(/(?:file:\/\/)?(?:\/private)?\/(?:tmp|var\/folders|var\/tmp)\/[^\s'"`)\]]+/g, "<tmp>")
    .replace(/(?<![\w.])\/(?:[\w.@+-]+\/){2,}([\w.@+-]+)/g, "<path>/$1")
    .replace(/\b0x[0-9a-fA-F]{4,}\b/g, "<hex>")
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<uuid>")
    .replace(/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?/g, "<time>")
    .replace(/([\w./-]+\.\w+):\d+(:\d+)?/g, "$1")
    .replace(
      /\bon lines? \d+\b|\((?:at )?lines? \d+(?:[,:]? ?(?:column|col)? ?\d+)?\)|\bline \d+(?:,? col(?:umn)? \d+)?\b/gi,
      "<line>",
    )
    .slice(0, 500)
}

function oneLine(text: string): string {
  return withoutColour(text).replace(/\s+/g, " ").trim()
}

/** Text without terminal escapes. */
export function withoutColour(text: string): string {
  return text.replace(/\u001b\[[0-9;?]*[a-zA-Z]/g, "")
}
