import type { Evidence } from "../core/evidence.ts"
import { type Independence, independence, type Resolved } from "../core/independence.ts"
import type { Judgement } from "../core/judge-measured.ts"
import { type PanelOutcome, panelOutcome, type Vote, voteOf } from "../core/panel.ts"
import { addSpend, NOTHING_SPENT, type Spend } from "../core/spend.ts"
import { inert } from "../core/untrusted.ts"
import { failed, type Opinion } from "./checker.ts"
import { evidenceOf, type Subject } from "./evidence.ts"

export type PanelInput = {
  /** The panel's own check, and its members with theirs. */
  check: string
  members: readonly PanelMember[]
  quorum: number
  /** Whether all may be asked at once; else one after the other, each with what the others left. */
  together: boolean
  /** Two that are one opinion are an error, not a caveat. */
  strict: boolean
}

/** `known` is what it said of the very same before: then nobody asks it. */
export type PanelMember = { name: string; known: Opinion | undefined; ask: (spent: Spend) => Promise<Opinion> }

/** The word of each reviewer, and last the panel's own. */
export type PanelOpinion = { evidence: Evidence[]; spend: Spend }

/** Asks every reviewer of a panel for itself, and counts. None hears what another says. */
export async function askPanel(subject: Subject, input: PanelInput): Promise<PanelOpinion> {
  const { members, quorum, check } = input
  const spoken = input.together ? await atOnce(input) : await inTurn(input)
  const alike = sameOpinions(spoken, input.strict)
  const heard = spoken.map(({ name, opinion }): Heard => {
    const copy = alike.refused.get(name)
    const isCopy = copy !== undefined && opinion.evidence.outcome === "pass"
    const evidence = isCopy ? { ...opinion.evidence, ...unheard(copy) } : opinion.evidence
    return { name, vote: voteOf(evidence), evidence }
  })
  const unasked = members.slice(spoken.length).map((): Vote => "error")
  const votes = [...heard.map(({ vote }) => vote), ...unasked]
  const judged = judgePanel(panelOutcome(votes, quorum), heard, { of: members.length, quorum })
  const evidence = heard.map((each) => each.evidence)
  const own = evidenceOf(
    check,
    subject,
    { ...judged, caveats: [...judged.caveats, ...alike.caveats] },
    factsOf(evidence),
  )
  return {
    evidence: [...evidence, own],
    spend: spoken.reduce((sum, { opinion }) => addSpend(sum, opinion.spend), NOTHING_SPENT),
  }
}

type Spoken = { name: string; opinion: Opinion }

/** All end before any counts, also where one throws: what they opened is closed by then. */
async function atOnce({ members }: PanelInput): Promise<Spoken[]> {
  const settled = await Promise.allSettled(
    members.map(async ({ name, known, ask }) => ({ name, opinion: known ?? (await ask(NOTHING_SPENT)) })),
  )
  return settled.map((each) => {
    if (each.status === "rejected") throw each.reason
    return each.value
  })
}

/** What can't change the panel's word any more is not paid for; what is known already comes first. */
async function inTurn({ members, quorum }: PanelInput): Promise<Spoken[]> {
  const spoken = members.flatMap(({ name, known }) => (known === undefined ? [] : [{ name, opinion: known }]))
  let spent = NOTHING_SPENT
  for (const { name, known, ask } of members) {
    if (known !== undefined) continue
    const rejects = spoken.filter(({ opinion }) => voteOf(opinion.evidence) === "reject").length
    if (rejects > members.length - quorum) break
    const opinion = await ask(spent)
    spent = addSpend(spent, opinion.spend)
    spoken.push({ name, opinion })
  }
  return spoken
}

/** T5, among themselves: two copies of one opinion are no quorum. The later of two is refused where the loop is strict. */
function sameOpinions(spoken: readonly Spoken[], strict: boolean): { refused: Map<string, string>; caveats: string[] } {
  const refused = new Map<string, string>()
  const caveats: string[] = []
  for (const [at, b] of spoken.entries())
    for (const a of spoken.slice(0, at)) {
      const found = between(a.opinion.ran, b.opinion.ran)
      if (found === undefined || found.is === "independent") continue
      const pair = `\`${a.name}\` and \`${b.name}\``
      if (found.is === "same" && strict) refused.set(b.name, `It is no second opinion: ${pair} are one, ${found.why}.`)
      caveats.push(
        found.is === "same"
          ? `${pair} are one opinion: ${found.why}.`
          : `${pair} may share their blind spots: ${found.why}.`,
      )
    }
  return { refused, caveats }
}

function between(a: Resolved | undefined, b: Resolved | undefined): Independence | undefined {
  return a === undefined || b === undefined ? undefined : independence(a, b)
}

function unheard(why: string): Pick<Evidence, "outcome" | "blame" | "ran" | "summary"> {
  const { outcome, ran, summary } = failed(why)
  return { outcome, ran, summary, blame: "infrastructure" }
}

/** Of each reviewer, in what the panel says: a long one must not crowd out the other side. */
const WORD_CHARS = 2_000

type Heard = { name: string; vote: Vote; evidence: Evidence }
type Count = { of: number; quorum: number }

function judgePanel(outcome: PanelOutcome, heard: readonly Heard[], { of, quorum }: Count): Judgement {
  const words = (vote: Vote) =>
    heard
      .filter((each) => each.vote === vote)
      .map(({ name, evidence }) => `\`${name}\` ${inert(evidence.summary, WORD_CHARS)}`)
  const [accepts, rejects, asks, errors] = [words("accept"), words("reject"), words("ask"), words("error")]
  const count = `${accepts.length} of ${of} ${accepts.length === 1 ? "accepts" : "accept"}, ${quorum} must`
  const facts = { ran: heard.length - errors.length, failing: [], preexisting: [], caveats: [] }
  const silent = errors.map((each) => `Not heard: ${each}`)
  const asking = { ...facts, outcome: "fail", blame: "person" } as const
  switch (outcome) {
    case "accept":
      return { ...facts, outcome: "pass", summary: count, caveats: silent }
    case "retry":
      return {
        ...facts,
        outcome: "fail",
        blame: "maker",
        summary: `${count}: ${rejects.join("; ")}`,
        feedback: heard
          .filter(({ vote }) => vote === "reject")
          .map(({ name, evidence }) => `\`${name}\`: ${evidence.feedback ?? evidence.summary}`)
          .join("\n\n"),
        failing: ["panel: rejected"],
        caveats: silent,
      }
    case "disagree":
      return {
        ...asking,
        summary: ["the reviewers disagree", ...accepts, ...rejects, ...asks, ...errors].join("\n- "),
        failing: ["panel: disagreement"],
      }
    case "ask":
      return { ...asking, summary: [count, ...asks, ...rejects, ...accepts, ...errors].join("\n- ") }
    case "unheard":
      return failed([`${count}, and not all could be heard`, ...errors, ...rejects, ...accepts].join("\n- "))
  }
}

function factsOf(evidence: readonly Evidence[]): Partial<Evidence> {
  return {
    command: evidence.flatMap(({ command }) => command ?? []).join(", "),
    ms: Math.max(0, ...evidence.map(({ ms }) => ms)),
    sandboxed: evidence.every(({ sandboxed }) => sandboxed),
  }
}
