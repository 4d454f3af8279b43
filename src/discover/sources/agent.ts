import { type Explored, MOST_EXPLORED, parseExplored } from "../../core/explore.ts"
import { Failure } from "../../core/failure.ts"
import type { Finding } from "../../core/finding.ts"
import type { Source } from "../../core/ports.ts"
import { findBase } from "../base-files.ts"
import { fingerprint, wordsOf } from "../fingerprint.ts"
import { bodyOf, count, oneLine, titleOf } from "../text.ts"
import { moduleOf } from "../triage.ts"
import { fileNamedIn } from "../within-path.ts"

/** Findings of an agent that looks around the base: its words are outside text, and none of them becomes a command. */
export const agent: Source = {
  name: "agent",
  doc: `\`agent(NAME)\`: an agent of the loop looks around a read-only checkout of the base and answers with findings by schema; at most ${MOST_EXPLORED}, or fewer: \`agent(scout, 5)\`. It costs what an attempt may cost, within the loop's budget.`,
  async discover(context, args) {
    const [name, wanted] = args
    if (typeof name !== "string" || name === "")
      throw new Failure("SOURCE_ARGUMENT", "`agent` was called without a name.", { hint: "Write `agent(scout)`." })
    const most = typeof wanted === "number" ? Math.max(1, Math.min(MOST_EXPLORED, Math.floor(wanted))) : MOST_EXPLORED
    const shown = `agent(${oneLine(name, 60)})`
    if (context.explore === undefined)
      return { findings: [], context: [], notes: [`${shown} was left out: a rehearsal starts no agent.`] }
    context.progress({ verb: "discover", text: `${shown} looks around ${context.base.branch}` })
    const answer = await context.explore(name)
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
      findings.push(toFinding(each, { name, file: known?.path, commit: context.base.sha }))
    }
    const over = parsed.findings.length - findings.length
    return {
      findings,
      context: [],
      notes: [
        `${shown}: ${count(findings.length, "finding")}${over > 0 ? `, ${over} more left out` : ""}, $${answer.usd.toFixed(2)}.`,
      ],
    }
  },
}

/** A path that could only be one of the repository's. */
function isInside(path: string): boolean {
  return !/^[/:]|[\0\n\\]/.test(path) && !path.split("/").includes("..")
}

type Placed = { name: string; file: string | undefined; commit: string }

function toFinding(each: Explored["findings"][number], { name, file, commit }: Placed): Finding {
  const module = moduleOf(file)
  const title = titleOf(each.title)
  return {
    // An agent words the same thing anew each time: what it calls it, in words alone, is all there is to go by.
    fingerprint: fingerprint({ kind: "agent", rule: name, file, wrong: wordsOf(title) }),
    source: `agent(${oneLine(name, 60)})`,
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
