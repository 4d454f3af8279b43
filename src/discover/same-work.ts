import type { Finding, Severity } from "../core/finding.ts"

const bySeverity: Severity[] = ["critical", "high", "medium", "low"]

/**
 * Keys of the work a finding asks for: two findings that share one are the same work, whatever their fingerprints.
 * A test that fails with another message after half a fix gets a new fingerprint, but names the same test.
 */
export function workKeys(finding: Finding): string[] {
  const keys = [`finding ${finding.fingerprint}`]
  const { reproduce } = finding
  if (reproduce === undefined) return keys
  const check = reproduce.command === undefined ? `check ${reproduce.check}` : `command ${reproduce.command}`
  if (reproduce.ids.length === 0) keys.push(check)
  for (const id of reproduce.ids) keys.push(`${check} ${id}`)
  return keys
}

/** Whether a change for one of them already does the work of the other. */
export function sameWork(a: Finding, b: Finding): boolean {
  const keys = new Set(workKeys(a))
  return workKeys(b).some((key) => keys.has(key))
}

/** Whether a finding is the same work as one of these; for asking of many. */
export function workIn(findings: readonly Finding[]): (finding: Finding) => boolean {
  const keys = new Set(findings.flatMap(workKeys))
  return (finding) => workKeys(finding).some((key) => keys.has(key))
}

/** One finding for each piece of work: the first seen stays, and takes over what the others knew. */
export function dedupe(findings: readonly Finding[]): { findings: Finding[]; merged: number } {
  const kept: Finding[] = []
  const owner = new Map<string, number>()
  for (const finding of findings) {
    const keys = workKeys(finding)
    const known = keys.map((key) => owner.get(key)).find((index) => index !== undefined)
    const first = known === undefined ? undefined : kept[known]
    const index = known ?? kept.length
    kept[index] = first === undefined ? finding : absorb(first, finding)
    for (const key of keys) if (!owner.has(key)) owner.set(key, index)
  }
  return { findings: kept, merged: findings.length - kept.length }
}

/** The higher severity and the stricter word win: what one source leaves to a person, no other opens again. */
function absorb(first: Finding, other: Finding): Finding {
  const also = `Also seen by ${other.source}: ${other.title}`
  const news = first.fingerprint !== other.fingerprint && !first.body.includes(also)
  const held = first.attemptable && !other.attemptable ? other : first
  const higher = bySeverity.indexOf(other.severity) < bySeverity.indexOf(first.severity)
  return {
    ...first,
    severity: higher ? other.severity : first.severity,
    body: news ? `${first.body}\n\n${also}`.trim() : first.body,
    attemptable: held.attemptable,
    ...(held.reason === undefined ? {} : { reason: held.reason }),
    ...(first.url === undefined && other.url !== undefined ? { url: other.url } : {}),
    ...(first.suggested === undefined && other.suggested !== undefined ? { suggested: other.suggested } : {}),
    ...(first.reproduce === undefined && other.reproduce !== undefined ? { reproduce: other.reproduce } : {}),
  }
}
