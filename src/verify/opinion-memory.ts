import { z } from "zod"
import { Evidence } from "../core/evidence.ts"
import { voteOf } from "../core/panel.ts"
import { NOTHING_SPENT } from "../core/spend.ts"
import { type FileMemory, memoryKey, openMemory } from "../lib/file-memory.ts"
import type { CheckerInput, Opinion } from "./checker.ts"
import type { Subject } from "./evidence.ts"

/** Raised when somebody who judges is asked something else, so that what was said before is forgotten. */
const VERSION = 1
const LIMITS = { entries: 1_000, bytes: 512 * 1024 }

const Given = z.object({ evidence: Evidence, ranModel: z.string().optional() })

/** The opinions that were given of a commit, for when its verification has to be done again. */
export type OpinionMemory = FileMemory<z.infer<typeof Given>>

/** A memory of opinions in a folder of its own. */
export function openOpinions(folder: string): OpinionMemory {
  return openMemory(folder, Given, LIMITS)
}

/** What somebody is asked, whatever it may cost. */
export type OpinionQuestion = Omit<CheckerInput, "limits">

/** What of the question an answer depends on: who is asked, of which commit, and all that he is told but how long things took. */
export function opinionKey(check: string, { head, base, tree }: Subject, question: OpinionQuestion): string {
  const { reviewer, maker, finding, change, attempt, diff, evidence, prompt, path, strict } = question
  const nothing = { reviewer, finding, diff: "", evidence: [], base, head, diffFile: "", evidenceFile: "" }
  const shown = evidence.map(({ check, outcome, ran, failing, preexisting }) => [
    check,
    outcome,
    ran,
    failing,
    preexisting,
  ])
  return memoryKey([
    [VERSION, check, change, attempt, head, base, tree, path, strict],
    [reviewer, maker?.spec, maker?.ranModel],
    [finding, diff, shown, prompt(nothing)],
  ])
}

/** Who gave an opinion of which commit on which base: known before the evidence that it depends on is there again. */
export type Giver = Pick<OpinionQuestion, "reviewer" | "maker" | "change" | "attempt" | "strict">

function giverKey(check: string, { base, head }: Pick<Subject, "base" | "head">, giver: Giver): string {
  const { reviewer, maker, change, attempt, strict } = giver
  return memoryKey([
    VERSION,
    "given",
    check,
    change,
    attempt,
    head,
    base,
    strict,
    reviewer,
    maker?.spec,
    maker?.ranModel,
  ])
}

/** Whether an opinion was given that will most likely stand; only `rememberedOpinion` says that it does. */
export async function wasGiven(
  memory: OpinionMemory,
  check: string,
  subject: Pick<Subject, "base" | "head">,
  giver: Giver,
): Promise<boolean> {
  return (await memory.get(giverKey(check, subject, giver))) !== undefined
}

/** What was said before of the very same, as it was said; nobody is paid for it twice. */
export async function rememberedOpinion(
  memory: OpinionMemory | undefined,
  key: string,
  { reviewer }: OpinionQuestion,
): Promise<Opinion | undefined> {
  const given = await memory?.get(key)
  if (given === undefined) return undefined
  const { evidence, ranModel } = given
  return {
    evidence: { ...evidence, caveats: [...evidence.caveats, AS_BEFORE] },
    spend: NOTHING_SPENT,
    ran: { spec: reviewer, ranModel },
  }
}

/** Keeps an opinion in the moment in which it is given; an error is none. What can't be kept is asked for again. */
export async function rememberOpinion(
  memory: OpinionMemory | undefined,
  key: string,
  { evidence, ran }: Opinion,
  giver: Giver,
): Promise<void> {
  if (voteOf(evidence) === "error") return
  const given = { evidence, ...(ran?.ranModel === undefined ? {} : { ranModel: ran.ranModel }) }
  for (const each of [key, giverKey(evidence.check, evidence, giver)]) await memory?.put(each, given).catch(() => {})
}

const AS_BEFORE = "Given when this commit was verified before; not asked again."
