import { createHash } from "node:crypto"
import type { AgentSpec } from "../core/loop.ts"
import type { AgentResult, AgentRole } from "../core/ports.ts"
import {
  type Asked,
  clearUnanswered,
  countUnanswered,
  explainUnanswered,
  forgiveUnanswered,
  readUnanswered,
} from "../record/unanswered.ts"
import type { Context } from "./context.ts"

/** So often in a row an agent is asked in vain before runs wait with asking it again. */
const MOST_IN_A_ROW = 2
/** Then an hour, and twice as long each time, up to a day. */
const FIRST_WAIT_MS = 60 * 60_000
const LONGEST_WAIT_MS = 24 * FIRST_WAIT_MS

type Who = { role: AgentRole; agent: AgentSpec }

/** Why an agent is not asked now: it fails time and again, and each time costs money; undefined where it is. */
export async function notAskedNow(context: Context, who: Who): Promise<string | undefined> {
  const known = await readUnanswered(context.db, askedOf(context, who))
  if (known === undefined || known.times < MOST_IN_A_ROW) return undefined
  const waitMs = Math.min(FIRST_WAIT_MS * 2 ** Math.min(known.times - MOST_IN_A_ROW, 10), LONGEST_WAIT_MS)
  // A clock that was set back must not make it wait for longer.
  if (known.agoMs < 0 || known.agoMs >= waitMs) return undefined
  const until = new Date(Date.now() + waitMs - known.agoMs).toISOString().slice(0, 16).replace("T", " ")
  return `it was asked ${known.times} times in a row and did not answer (${known.why}); it is asked again from ${until} UTC on, or once its definition changes.`
}

/**
 * Asks, and remembers in the ledger whether it was in vain: counted before it starts, so that a session that takes its process
 * along counts too, and taken back where nobody can blame the agent.
 */
export async function remembering<P extends { result: AgentResult }>(
  context: Context,
  who: Who,
  signal: AbortSignal,
  session: () => Promise<P>,
): Promise<P> {
  const { db } = context
  const asked = askedOf(context, who)
  await countUnanswered(db, asked, "its run died with it")
  const paid = await session().catch(async (thrown: unknown) => {
    const late = signal.reason instanceof DOMException && signal.reason.name === "TimeoutError"
    await (late ? explainUnanswered(db, asked, "it did not end in time") : forgiveUnanswered(db, asked)).catch(() => {})
    throw thrown
  })
  const { ended } = paid.result
  if (ended.is !== "failed") await clearUnanswered(db, asked)
  // Neither costs anything, and both mend themselves.
  else if (ended.code === "quota" || ended.code === "missing_agent") await forgiveUnanswered(db, asked)
  else await explainUnanswered(db, asked, `${ended.code}: ${ended.why}`.replace(/\s+/g, " ").slice(0, 200))
  return paid
}

function askedOf({ repo, loop }: Context, { role, agent }: Who): Asked {
  const digest = createHash("sha256").update(JSON.stringify(agent)).digest("hex").slice(0, 12)
  return { repo: repo.key, loop: loop.name, who: `${role}/${agent.name}/${digest}` }
}
