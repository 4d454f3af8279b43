import { parse as parseYaml } from "yaml"
import { z } from "zod"
import { type Finding, Severity } from "../../core/finding.ts"
import type { CheckSpec } from "../../core/loop.ts"
import type { Author, Comment } from "../../core/trust.ts"
import { fingerprint } from "../fingerprint.ts"
import { parseMarkdown, span, textOf } from "../markdown.ts"
import { withComments } from "../strangers.ts"
import { oneLine, titleOf } from "../text.ts"
import { issueGuess, issueNeedsPerson, leftToPerson, moduleOf } from "../triage.ts"

const Words = z.union([
  z.array(z.string()),
  z.string().transform((text) =>
    text
      .split(",")
      .map((word) => word.trim())
      .filter((word) => word !== ""),
  ),
])

/** The head of an issue file. Everything is optional: a plain Markdown file with a heading is an issue too. */
const Head = z.object({
  title: z.string().optional(),
  state: z.enum(["open", "closed"]).default("open"),
  severity: Severity.default("medium"),
  module: z.string().optional(),
  file: z.string().optional(),
  labels: Words.default([]),
  size: z.enum(["small", "medium", "large"]).optional(),
  /** A check of the loop, one of its tests or problems, or a shell command that fails as long as the issue stands. */
  reproduce: z
    .union([z.string().min(1), z.object({ check: z.string(), ids: z.array(z.string()).default([]) })])
    .optional(),
  url: z.string().optional(),
  /** Who wrote it, where that is not whoever committed the file: an issue that was exported from a tracker. */
  author: z.string().min(1).optional(),
  association: z.string().optional(),
  comments: z
    .array(z.object({ author: z.string().min(1), association: z.string().optional(), body: z.string() }))
    .default([]),
})
type Head = z.infer<typeof Head>

export type IssueFile = { path: string; text: string }
export type ReadIssue = { is: "open"; finding: Finding } | { is: "closed" } | { is: "unreadable"; why: string }

/** An issue kept as a Markdown file of the base, as a finding. */
export function readIssue(
  { path, text }: IssueFile,
  checks: Readonly<Record<string, CheckSpec>>,
  commit: string,
  trust?: readonly string[],
): ReadIssue {
  const parts = splitHead(text)
  const head = readHead(parts.head)
  if ("why" in head) return { is: "unreadable", why: head.why }
  if (head.state === "closed") return { is: "closed" }
  const { heading, body } = readBody(parts.body)
  const title = head.title ?? heading
  if (title === undefined || title.trim() === "")
    return { is: "unreadable", why: "neither a `title` in its head nor a heading" }

  const reproduce = reproduceOf(head, checks, path)
  const issue = { title, body, labels: head.labels, reproducible: reproduce !== undefined }
  const guess = issueGuess(issue)
  const person = issueNeedsPerson(issue)
  const module = head.module ?? moduleOf(head.file)
  const finding: Finding = {
    // By its file: a title or text that is edited leaves the issue the same issue.
    fingerprint: fingerprint({ kind: "issue", rule: path, wrong: "" }),
    source: "open_issues",
    title: titleOf(title),
    body: withComments(body, commentsOf(head), trust),
    author: authorOf(head.author, head.association),
    severity: head.severity,
    ...(module === undefined ? {} : { module: oneLine(module, 80) }),
    ...(head.file === undefined ? {} : { file: oneLine(head.file, 200) }),
    commit,
    url: head.url ?? path,
    ...(reproduce === undefined ? {} : { reproduce }),
    attemptable: true,
    confidence: guess.confidence,
    size: head.size ?? guess.size,
  }
  return { is: "open", finding: person === undefined ? finding : leftToPerson(finding, person) }
}

/** By whom a file says it is; one that doesn't is by whoever committed it. What is by somebody else is no committer's. */
function authorOf(name: string | undefined, association: string | undefined): Author {
  if (name === undefined) return { name: "whoever committed it", association: "COMMITTER" }
  return { name, ...(association === undefined || association === "COMMITTER" ? {} : { association }) }
}

function commentsOf({ comments }: Head): Comment[] {
  return comments.map(({ author, association, body }) => ({ author: authorOf(author, association), text: body }))
}

/** A string that names a check means that check; any other is a command, allowed because the base holds the file. */
function reproduceOf(head: Head, checks: Readonly<Record<string, CheckSpec>>, path: string): Finding["reproduce"] {
  const { reproduce } = head
  if (reproduce === undefined) return undefined
  if (typeof reproduce !== "string") return { check: reproduce.check, ids: reproduce.ids }
  if (Object.hasOwn(checks, reproduce)) return { check: reproduce, ids: [] }
  return { check: `reproduce ${path}`, ids: [], command: reproduce }
}

function splitHead(text: string): { head: string; body: string } {
  const match = /^\uFEFF?---[ \t]*\r?\n([\s\S]*?)(?:^|\r?\n)---[ \t]*(?:\r?\n|$)/.exec(text)
  return match === null
    ? { head: "", body: text.replace(/^\uFEFF/, "") }
    : { head: match[1] ?? "", body: text.slice(match[0].length) }
}

function readHead(yaml: string): Head | { why: string } {
  let raw: unknown
  try {
    raw = parseYaml(yaml, { maxAliasCount: 10 }) ?? {}
  } catch (error) {
    return { why: `its head is not YAML: ${oneLine(error instanceof Error ? error.message : String(error), 160)}` }
  }
  const head = Head.safeParse(raw)
  return head.success ? head.data : { why: `its head: ${oneLine(z.prettifyError(head.error), 200)}` }
}

/** The first heading, and the text without it; HTML comments, which readers never see, are gone. */
function readBody(markdown: string): { heading: string | undefined; body: string } {
  const root = parseMarkdown(markdown)
  const [first] = root.children
  const heading = first?.type === "heading" ? first : undefined
  const hidden = root.children
    .filter((node) => node === heading || (node.type === "html" && node.value.startsWith("<!--")))
    .map(span)
  let body = ""
  let from = 0
  for (const { start, end } of hidden) {
    body += markdown.slice(from, start)
    from = end
  }
  return { heading: heading === undefined ? undefined : textOf(heading), body: (body + markdown.slice(from)).trim() }
}
