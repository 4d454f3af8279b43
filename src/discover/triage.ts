import type { Finding } from "../core/finding.ts"

/** Folders that hold modules rather than being one. */
const containers = new Set([
  "src",
  "lib",
  "app",
  "apps",
  "packages",
  "services",
  "crates",
  "cmd",
  "internal",
  "pkg",
  "modules",
  "plugins",
  "components",
  "test",
  "tests",
  "spec",
  "__tests__",
])

/** The module a file belongs to: its top-level folder, or the one below where that only holds modules. */
export function moduleOf(file: string | undefined): string | undefined {
  if (file === undefined) return undefined
  const folders = file.replaceAll("\\", "/").replace(/^\.\//, "").split("/").slice(0, -1)
  const [top, second] = folders
  if (top === undefined || top === "" || top === "..") return undefined
  return containers.has(top) && second !== undefined ? `${top}/${second}` : top
}

/** Labels by which people say that something is not for an agent to settle. */
const labelRules: [rule: string, labels: RegExp, why: string][] = [
  [
    "needs-decision",
    /^(?:needs?[ -_]?(?:a[ -_]?)?(?:decision|discussion|design|human|person|triage)|question|discussion|rfc|decision|proposal)$/,
    "is labelled as a question for people",
  ],
  [
    "needs-info",
    /^(?:needs?[ -_]?(?:more[ -_]?)?info(?:rmation)?|waiting[ -_]?for[ -_]?\w+|cannot[ -_]?reproduce)$/,
    "waits for information",
  ],
  [
    "not-wanted",
    /^(?:wont[ -_]?fix|won't[ -_]?fix|invalid|duplicate|on[ -_]?hold|blocked)$/,
    "is labelled as not to be worked on",
  ],
  ["too-large", /^(?:epic|size[ -_:/]*(?:l|xl|large)|large|tracking)$/, "is labelled as too large for one change"],
]

/** What an issue of whatever tracker says, as far as rules can judge it. */
export type IssueText = { title: string; body: string; labels: readonly string[]; reproducible: boolean }

/** Why a person is needed, by a named rule; undefined: nothing speaks against an attempt. */
export type NeedsPerson = { rule: string; why: string }

/** Judges an issue by its labels, then by its text; no model is asked. */
export function issueNeedsPerson({ title, body, labels, reproducible }: IssueText): NeedsPerson | undefined {
  for (const label of labels) {
    const rule = labelRules.find(([, pattern]) => pattern.test(label.trim().toLowerCase()))
    if (rule !== undefined) return { rule: rule[0], why: `it ${rule[2]} (\`${label.trim()}\`)` }
  }
  const asks = isQuestion(title) || lastLineAsks(body)
  if (asks && !reproducible && !hasAcceptance(body)) {
    return {
      rule: "open-question",
      why: "it asks a question and says neither what would settle it nor how to reproduce it",
    }
  }
  return undefined
}

/** What an issue lets one expect: how clear it is, and how much work. */
export function issueGuess(issue: IssueText): { confidence: number; size: "small" | "medium" | "large" } {
  const clear = issue.reproducible ? 0.4 : hasAcceptance(issue.body) ? 0.25 : 0
  const described = issue.body.length > 80 ? 0.15 : 0
  const tasks = issue.body.match(/^\s*[-*+] \[[ xX]\]/gm)?.length ?? 0
  const size = tasks > 5 || issue.body.length > 6_000 ? "large" : "medium"
  return { confidence: Math.round((0.4 + clear + described) * 100) / 100, size }
}

/** Below this a finding is shown but left to a person, whatever the loop's `attempt_if` says. */
const MIN_CONFIDENCE = 0.3

/** The rules that hold for findings of every source; the first that speaks wins. */
export function needsPerson(finding: Finding): NeedsPerson | undefined {
  if (finding.size === "large") return { rule: "too-large", why: "it is too large for one change" }
  if (finding.confidence !== undefined && finding.confidence < MIN_CONFIDENCE) {
    return { rule: "low-confidence", why: `too little is known of it (confidence ${finding.confidence})` }
  }
  return undefined
}

/** The rule of what waits for the triager: no person is asked of it. */
export const NOT_TRIAGED = "not-triaged"

/** Whether a run leaves it where it is and opens nothing: a person said so, or the next run knows more. */
export function leavesAlone({ attemptable, reason = "" }: Finding): boolean {
  return !attemptable && (/^state-/.test(reason) || reason.startsWith(`${NOT_TRIAGED}:`))
}

/** The finding as one that is shown and never attempted; `reason` names the rule. */
export function leftToPerson(finding: Finding, { rule, why }: NeedsPerson): Finding {
  return { ...finding, attemptable: false, reason: `${rule}: ${why}` }
}

function isQuestion(line: string): boolean {
  return (
    /\?\s*$/.test(line) ||
    /^(?:should|shall|do|does|can|could|would|which|what|how|why|who|when)\b.*\b(?:we|i|it|you|the)\b/i.test(line)
  )
}

function lastLineAsks(body: string): boolean {
  const lines = body
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("```"))
  return /\?\s*$/.test(lines.at(-1) ?? "") || /^#{1,6}\s+(?:open )?questions?\b/im.test(body)
}

/** A heading, a phrase or a list that says when the work is done. */
function hasAcceptance(body: string): boolean {
  return (
    /^\s*(?:#{1,6}\s+|\*\*)?(?:acceptance(?: criteri(?:a|on))?|done when|definition of done|expected(?: behaviou?r| result)?|steps to reproduce|to reproduce)\b/im.test(
      body,
    ) ||
    /\b(?:expected|should (?:return|be|give|print|accept|reject|throw|round|show)|must (?:return|be|give|print|accept|reject|throw|round|show))\b/i.test(
      body,
    )
  )
}
