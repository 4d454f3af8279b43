import { z } from "zod"
import { asFailure, Failure } from "../../core/failure.ts"
import { type Halt, haltOf, liftHalt, readHalts } from "../../isolate/halts.ts"
import { readChanges } from "../../record/ledger.ts"
import { spentUsd } from "../../record/money.ts"
import { flyballHome } from "../home.ts"
import { openSession } from "../session.ts"
import { viewOf } from "../view.ts"
import { HaltView, scopeOf, viewOfHalt } from "./halt.ts"

export const ResumeReport = z.object({
  lifted: z.array(HaltView),
  /** Halts that still stand, wider or narrower. */
  standing: z.array(HaltView),
  /** What was under way and goes on with the loop's next run, as the same attempt. */
  changes: z.array(z.object({ id: z.string(), loop: z.string(), attempt: z.number(), usd: z.number() })),
  /** Spent on them already, US dollars. */
  usd: z.number(),
  /** Why it is not known what was under way: no repository here, or a database that does not answer. */
  unseen: z.string().optional(),
  /** What lets them go on, as command lines. */
  next: z.array(z.string()),
})
export type ResumeReport = z.infer<typeof ResumeReport>

export type ResumeOptions = {
  cwd: string
  what: string | undefined
  signal: AbortSignal
  env?: Readonly<Record<string, string | undefined>>
}

/** Lifts a halt, or all of them, and says what was under way and what it had cost by then. */
export async function resume({ cwd, what, signal, env = process.env }: ResumeOptions): Promise<ResumeReport> {
  const home = flyballHome(env)
  const before = readHalts(home)
  const lifted = what === undefined ? before : await named(what, before, cwd, home)
  if (lifted.length === 0)
    throw new Failure("NOT_HALTED", what === undefined ? "Nothing is halted." : `${what} is not halted.`, {
      hint: before.length === 0 ? "`flyball status` shows what is under way." : `Halted is: ${names(before)}.`,
    })
  for (const halt of lifted) liftHalt(home, halt.scope)
  const standing = readHalts(home)
  const views = { lifted: lifted.map(viewOfHalt), standing: standing.map(viewOfHalt) }
  // Lifted it is: what was under way is worth telling, and no reason to call it failed.
  const opened = await openSession({ cwd, signal, env }).catch((thrown: unknown) => asFailure(thrown))
  if (opened instanceof Failure) return { ...views, changes: [], usd: 0, unseen: opened.message, next: [] }
  await using session = opened
  const { repo, db } = session
  const changes = (await readChanges(db, { repo: repo.key })).filter(
    (change) =>
      change.finished === undefined &&
      haltOf(lifted, { repo: repo.key, loop: change.loop, run: change.run, change: change.id }) !== undefined,
  )
  const loops = [...new Set(changes.map((change) => change.loop))]
  return {
    ...views,
    changes: changes.map((change) => ({
      id: change.id,
      loop: change.loop,
      attempt: Math.max(1, change.attempts.length),
      usd: viewOf(change, false).usd,
    })),
    usd: await spentUsd(
      db,
      changes.map((change) => change.id),
    ),
    next: loops.map((loop) => `flyball run ${loop}`),
  }
}

async function named(what: string, halts: readonly Halt[], cwd: string, home: string): Promise<Halt[]> {
  const scope = await scopeOf(what, cwd, home)
  return halts.filter((halt) => JSON.stringify(halt.scope) === JSON.stringify(scope))
}

function names(halts: readonly Halt[]): string {
  return halts.map((halt) => viewOfHalt(halt).what).join(", ")
}
