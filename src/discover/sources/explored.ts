import { type Explored, MOST_EXPLORED, parseExplored } from "../../core/explore.ts"
import { Failure } from "../../core/failure.ts"
import type { Finding } from "../../core/finding.ts"
import type { Found, Said, SourceContext } from "../../core/ports.ts"
import { findBase } from "../base-files.ts"
import { fingerprint, wordsOf } from "../fingerprint.ts"
import { bodyOf, count, oneLine, titleOf } from "../text.ts"
import { moduleOf } from "../triage.ts"
import { fileNamedIn } from "../within-path.ts"

type Exploring = {
  /** Who looks, as notes and findings name it. */
  shown: string
  /** What tells its findings from another's. */
  rule: string
  /** How many are taken, as the loop says it. */
  wanted: string | number | boolean | undefined
  ask: (() => Promise<Said>) | undefined
}

/**
 * Findings of an agent that looks around the base: its words are outside text, and none of them becomes a command. Throws
 * Failure SOURCE_UNAVAILABLE where it finds nothing out.
 */
export async function exploredBy(context: SourceContext, { shown, rule, wanted, ask }: Exploring): Promise<Found> {
  const most = typeof wanted === "number" ? Math.max(1, Math.min(MOST_EXPLORED, Math.floor(wanted))) : MOST_EXPLORED
  if (ask === undefined)
    return { findings: [], context: [], notes: [`${shown} was left out: a rehearsal starts no agent.`] }
  context.progress({ verb: "discover", text: `${shown} looks around ${context.base.branch}` })
  const answer = await ask()
  if (answer.is === "nothing")
    throw new Failure("SOURCE_UNAVAILABLE", `${shown} found nothing out: ${answer.why}`, { retry: "later" })
  const parsed = parseExplored(answer.said)
  if (parsed.is === "error")
    throw new Failure("SOURCE_UNAVAILABLE", `${shown} gave no findings that can be read: ${parsed.why}.`, {
      retry: "later",
    })
  const findings: Finding[] = []
  for (const each of parsed.findings.slice(0, most)) {
    const path = each.file?.replace(/^\.\//, "")
    const known =
      path === undefined || !isInside(path) ? undefined : await findBase(context, await fileNamedIn(context, path))
    findings.push(toFinding(each, { shown, rule, file: known?.path, commit: context.base.sha }))
  }
  const over = parsed.findings.length - findings.length
  return {
    findings,
    context: [],
    notes: [
      `${shown}: ${count(findings.length, "finding")}${over > 0 ? `, ${over} more left out` : ""}, $${answer.usd.toFixed(2)}.`,
    ],
  }
}

/** A path that could only be one of the repository's. */
function isInside(path: string): boolean {
  return !/^[/:]|[\0\n\\]/.test(path) && !path.split("/").includes("..")
}

type Placed = { shown: string; rule: string; file: string | undefined; commit: string }

function toFinding(each: Explored["findings"][number], { shown, rule, file, commit }: Placed): Finding {
  const module = moduleOf(file)
  const title = titleOf(each.title)
  return {
    // An agent words the same thing anew each time: what it calls it, in words alone, is all there is to go by.
    fingerprint: fingerprint({ kind: "agent", rule, file, wrong: wordsOf(title) }),
    source: shown,
    title,
    body: bodyOf(each.body),
    severity: each.severity,
    ...(module === undefined ? {} : { module }),
    ...(file === undefined ? {} : { file }),
    ...(file === undefined || typeof each.line !== "number" ? {} : { line: each.line }),
    commit,
    ...(typeof each.suggested === "string" && each.suggested !== "" ? { suggested: oneLine(each.suggested, 500) } : {}),
    attemptable: true,
    // What an agent is sure of is worth less than what a tool has seen.
    confidence: Math.min(each.confidence ?? 0.5, 0.7),
    size: each.size ?? "medium",
  }
}
