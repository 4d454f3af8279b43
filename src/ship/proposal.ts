import type { Change } from "../core/change.ts"
import type { Evidence } from "../core/evidence.ts"
import { choiceOf, roundsOf } from "../core/round.ts"
import type { Spend } from "../core/spend.ts"
import { inMarkdown, inMessage } from "../core/untrusted.ts"

export type ProposalText = { title: string; body: string; message: string }

type Facts = { change: Change; loopName: string; runId: string; evidence: readonly Evidence[]; spend: Spend }

/** What a reviewer reads first: the title, a body with the evidence, and the commit message with its trailers. */
export function describeProposal(facts: Facts): ProposalText {
  const { finding } = facts.change
  const title = inMessage(finding.lessons === undefined ? `Fix: ${finding.title}` : finding.title, 72)
  const attempts = facts.change.attempts.length
  const lines = [
    `Found by \`${finding.source}\` in loop \`${facts.loopName}\`${finding.file === undefined ? "" : `, in ${inMarkdown(finding.file, 200)}`}.`,
    `Made in ${attempts} attempt${attempts === 1 ? "" : "s"} by ${makers(facts.change)}; ${money(facts.spend)}.`,
    ...chosen(facts.change),
    "",
    "| check | outcome | what it says |",
    "|---|---|---|",
    ...facts.evidence.map((each) => `| ${cell(each.check, 80)} | ${each.outcome} | ${cell(each.summary)} |`),
    ...caveats(facts.evidence),
  ]
  return { title, body: lines.join("\n"), message: `${title}\n\n${plain(facts)}\n\n${trailers(facts)}\n` }
}

/** From a commit back to the loop that wrote it: how `trace` finds the way. */
export function trailers({ change, loopName, runId }: Pick<Facts, "change" | "loopName" | "runId">): string {
  return [
    `Flyball-Loop: ${loopName}`,
    `Flyball-Run: ${runId}`,
    `Flyball-Change: ${change.id}`,
    `Flyball-Finding: ${change.finding.fingerprint}`,
  ].join("\n")
}

function plain({ evidence }: Facts): string {
  return evidence.map((each) => `${each.check}: ${each.outcome} (${inMessage(each.summary, 120)})`).join("\n")
}

function makers(change: Change): string {
  const names = change.attempts
    .map((attempt) => inMarkdown([attempt.agent, attempt.model].filter(Boolean).join(" "), 120))
    .filter((name) => name !== "(no text)")
  return [...new Set(names)].join(", ") || "no agent"
}

/** Which of several makers' work this is. */
function chosen({ attempts }: Change): string[] {
  const round = roundsOf(attempts).at(-1)
  const choice = round === undefined ? undefined : choiceOf(round)
  return choice === undefined ? [] : [`Best of ${choice.of}: attempt ${choice.attempt}, because ${choice.why}.`]
}

function money(spend: Spend): string {
  return spend.usd === 0 ? "no model cost" : `$${spend.usd.toFixed(2)} (${spend.basis})`
}

function caveats(evidence: readonly Evidence[]): string[] {
  const all = [...new Set(evidence.flatMap((each) => each.caveats))]
  return all.length === 0
    ? []
    : ["", "What this evidence cannot show:", ...all.map((caveat) => `- ${inMarkdown(caveat, 300)}`)]
}

/** Outside text in a cell of a table: a `|` would end it even in code. */
function cell(text: string, max = 200): string {
  return inMarkdown(text.replaceAll("|", "¦"), max)
}
