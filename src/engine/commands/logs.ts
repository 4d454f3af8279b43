import { join } from "node:path"
import { z } from "zod"
import type { Change } from "../../core/change.ts"
import { Failure } from "../../core/failure.ts"
import type { Repo } from "../../core/ports.ts"
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
  /** Of the planner that was asked before the change was made: paths of what it said and was told. */
  plan: z.object({ log: z.string(), prompt: z.string() }).optional(),
  /** Skills that the agent was offered, and those whose files its lines show it read; absent where there were none. */
  skills: SkillUse.pick({ offered: true, read: true }).optional(),
})
export type LogReport = z.infer<typeof LogReport>

/** Where the log and the prompt of an attempt are: of the named change, or of the one that moved last. */
export async function findLog(
  { db, repo }: Session,
  wanted: string | undefined,
  n: number | undefined,
  of: "maker" | "planner" = "maker",
): Promise<LogReport> {
  const changes = (await readChanges(db, { repo: repo.key })).filter((change) =>
    of === "planner"
      ? change.planned?.agent !== undefined
      : change.attempts.some((attempt) => attempt.agent !== undefined),
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
    throw new Failure("NO_LOG", `No ${of === "planner" ? "planner" : "agent"} has run here yet.`, {
      hint:
        of === "planner"
          ? "A loop with `- plan: { spawn: planner(finding) }` has one."
          : "`flyball run LOOP` starts one.",
    })
  const plan = planFiles(repo, change)
  if (of === "planner" && plan !== undefined)
    return { change: change.id, ended: change.planned?.came !== undefined, ...plan }
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
    ...(plan === undefined ? {} : { plan: { log: plan.log, prompt: plan.prompt } }),
    ...(use === undefined ? {} : { skills: { offered: use.offered, read: use.read } }),
  }
}

/** Where the planner's log and prompt lie; undefined where none was asked. */
function planFiles(repo: Repo, { id, planned }: Change) {
  if (planned?.agent === undefined || planned.attempt === undefined) return undefined
  const folder = artifactDir(repo, id, planned.attempt)
  const { attempt, agent } = planned
  return { attempt, agent, log: join(folder, "planner.log"), prompt: join(folder, "planner.prompt.md") }
}
