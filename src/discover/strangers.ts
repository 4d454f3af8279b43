import type { Finding } from "../core/finding.ts"
import { type Author, type Comment, defaultTrust, trustedComments, trusts } from "../core/trust.ts"
import { inertLine } from "../core/untrusted.ts"
import { dedupe, workIn } from "./same-work.ts"
import { bodyOf, count } from "./text.ts"
import { leftToPerson } from "./triage.ts"

/**
 * One finding for each piece of work. What somebody wrote who is not trusted never mixes with what is: where both name the
 * same work, the stranger's words are left out, so that they can neither steer it nor hold it up; else they wait for a nod.
 */
export function withStrangersApart(
  findings: readonly Finding[],
  trust: readonly string[] = defaultTrust,
): { findings: Finding[]; merged: number } {
  const known = ({ author }: Finding) => author === undefined || trusts(trust, author)
  const ours = dedupe(findings.filter(known))
  const isOurs = workIn(ours.findings)
  const theirs = dedupe(findings.filter((finding) => !known(finding) && !isOurs(finding)).map(withoutCommand))
  const waiting = theirs.findings.map((finding) =>
    finding.author === undefined ? finding : waitingForNod(finding, finding.author),
  )
  const all = [...ours.findings, ...waiting]
  return { findings: all, merged: findings.length - all.length }
}

function waitingForNod(finding: Finding, author: Author): Finding {
  const who = shown(author)
  return leftToPerson(finding, {
    rule: "untrusted-author",
    why: `by ${who}, who is not trusted here (\`trust\` in .flyball/config.yaml); approve it, and its text goes to an agent`,
  })
}

/** What a stranger wrote never becomes a command, nod or not. */
function withoutCommand(finding: Finding): Finding {
  if (finding.reproduce?.command === undefined) return finding
  const { reproduce: _command, ...rest } = finding
  return rest
}

/** An issue's text with what trusted people wrote under it; that others wrote too is said, and what they wrote is not. */
export function withComments(
  body: string,
  comments: readonly Comment[],
  trust: readonly string[] = defaultTrust,
): string {
  const { comments: kept, leftOut } = trustedComments(trust, comments)
  const parts = [
    bodyOf(body),
    ...kept.map(({ author, text }) => `Comment by ${shown(author)}:\n${bodyOf(text, COMMENT_CHARS)}`),
    ...(leftOut === 0 ? [] : [`(${count(leftOut, "comment")} by people who are not trusted here left out.)`]),
  ]
  return parts.filter((part) => part !== "").join("\n\n")
}

const COMMENT_CHARS = 2_000

function shown({ name, association }: Author): string {
  const who = inertLine(name, 60) || "somebody"
  if (association === "COMMITTER") return who
  const at = who.includes("@") ? who : `@${who}`
  return association === undefined ? at : `${at} (${inertLine(association, 40)})`
}
