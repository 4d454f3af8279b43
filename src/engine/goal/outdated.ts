import type { Repo } from "../../core/ports.ts"
import { readChanges } from "../../record/ledger.ts"
import { answerChange } from "../commands/answer.ts"
import type { LoopText } from "../load.ts"
import { openSession } from "../session.ts"
import { keptGoal } from "./kept.ts"
import type { GoalOptions } from "./pursue.ts"

/**
 * Who types a goal again with another maker, budget or number of attempts means another try: what a guardrail stopped under the old
 * terms is closed, with that as the reason, and its record stays. Under the same terms the stop stands.
 */
export async function closeOutdated(
  { cwd, signal, progress }: GoalOptions,
  repo: Repo,
  { file, text }: LoopText,
): Promise<void> {
  const name = file.replace(/^.*\//, "").replace(/\.yaml$/, "")
  const before = await keptGoal(repo, name)
  if (before === undefined || before.text === text) return
  const stopped = await stoppedIn(repo, name, { cwd, signal })
  for (const change of stopped) {
    const said = { is: "close" as const, why: "the goal is pursued anew, under other terms" }
    progress({
      verb: "record",
      text: `${change} was stopped under other terms: it is closed, and the goal pursued anew`,
    })
    await answerChange({ cwd, change, said, now: false, signal, progress })
  }
}

async function stoppedIn(
  repo: Repo,
  loop: string,
  { cwd, signal }: { cwd: string; signal: AbortSignal },
): Promise<string[]> {
  await using session = await openSession({ cwd, signal })
  const changes = await readChanges(session.db, { repo: repo.key, loop })
  return changes.filter(({ finished }) => finished === "stopped").map(({ id }) => id)
}
