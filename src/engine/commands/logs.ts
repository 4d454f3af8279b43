import { join } from "node:path"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import { readChanges } from "../../record/ledger.ts"
import { artifactDir } from "../artifacts.ts"
import { pickChange, type Session } from "../session.ts"
import { SkillUse, useOf } from "../skills/used.ts"

export const LogReport = z.object({
  change: z.string(),
  attempt: z.number(),
  agent: z.string().optional(),
  /** Path of the raw log, and of the prompt. */
  log: z.string(),
  prompt: z.string(),
  /** Whether the agent's session is over. */
  ended: z.boolean(),
  /** Skills that the agent was offered, and those whose files its lines show it read; absent where there were none. */
  skills: SkillUse.pick({ offered: true, read: true }).optional(),
})
export type LogReport = z.infer<typeof LogReport>

/** Where the log and the prompt of an attempt are: of the named change, or of the one that moved last. */
export async function findLog(
  { db, repo }: Session,
  wanted: string | undefined,
  n: number | undefined,
): Promise<LogReport> {
  const changes = (await readChanges(db, { repo: repo.key })).filter((change) =>
    change.attempts.some((attempt) => attempt.agent !== undefined),
  )
  const newest = [...changes].sort((a, b) => a.updatedAt.localeCompare(b.updatedAt)).at(-1)
  const picked =
    wanted === undefined
      ? newest?.id
      : pickChange(
          changes.map((change) => ({ id: change.id, title: change.finding.title })),
          wanted,
        ).id
  const change = changes.find((each) => each.id === picked)
  if (change === undefined)
    throw new Failure("NO_LOG", "No agent has run here yet.", { hint: "`flyball run LOOP` starts one." })
  const attempt =
    n === undefined
      ? change.attempts.findLast((each) => each.agent !== undefined)
      : change.attempts.find((each) => each.n === n)
  if (attempt === undefined) {
    throw new Failure("NO_SUCH_ATTEMPT", `${change.id} has no attempt ${n}.`, {
      hint: `It has ${change.attempts.length}.`,
    })
  }
  const folder = artifactDir(repo, change.id, attempt.n)
  const use = await useOf(folder, "maker")
  return {
    change: change.id,
    attempt: attempt.n,
    ...(attempt.agent === undefined ? {} : { agent: attempt.agent }),
    log: join(folder, "maker.log"),
    prompt: join(folder, "maker.prompt.md"),
    ended: attempt.made !== undefined,
    ...(use === undefined ? {} : { skills: { offered: use.offered, read: use.read } }),
  }
}
