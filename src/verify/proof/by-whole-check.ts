import type { Measurement } from "../../core/evidence.ts"
import type { Judgement } from "../../core/judge-measured.ts"
import type { CheckSpec } from "../../core/loop.ts"
import { fails, passes } from "../checks/check.ts"
import { treeReverted } from "../edit-tree.ts"
import { runsTests } from "../judge-check.ts"
import type { ProofInput } from "./index.ts"
import { asks, onRecord, type Runs, runOn, sourceEntries } from "./runs.ts"

/**
 * A finding that a linter, a compiler or an exit code shows: red on the base, green on the change, red again with its source
 * taken back.
 */
export async function provedOtherwise(check: CheckSpec, input: ProofInput): Promise<Judgement> {
  const { subject, facts, overlay, signal } = input
  const runs: Runs = { input, check, seen: [] }
  const ids = facts.finding?.reproduce?.ids ?? []
  const landing = runsTests(check) ? overlay.tree : subject.tree
  const back = await treeReverted(landing, sourceEntries(input), { repo: facts.repo, signal })
  const sides = {
    "on the base": await runOn(runs, subject.base, { purpose: "base" }),
    "with the change": await runOn(runs, landing, { purpose: "head" }),
    "with its source taken back": await runOn(runs, back, { purpose: "fix-taken-back" }),
  }
  const unread = Object.entries(sides).find(([, measured]) => measured.result.is === "error")
  if (unread !== undefined) {
    const [where, { result }] = unread
    return onRecord(asks(`\`${check.name}\` can't be read ${where}: ${result.is === "error" ? result.why : ""}`), runs)
  }
  return onRecord(judged(check, sides, ids), runs)
}

type Sides = Record<"on the base" | "with the change" | "with its source taken back", Measurement>

function judged(check: CheckSpec, sides: Sides, ids: readonly string[]): Judgement {
  if (isRed(sides["with the change"], ids)) {
    const summary = `\`${check.name}\` still shows the finding with the change`
    return fails(summary, `${summary}.`, ids.length > 0 ? [...ids] : [check.name], 1)
  }
  if (!isRed(sides["on the base"], ids))
    return asks(`\`${check.name}\` does not show the finding on the base: there is nothing to prove`)
  if (!isRed(sides["with its source taken back"], ids)) {
    const summary = `\`${check.name}\` does not show the finding with the source of the change taken back either`
    return fails(summary, `${summary}. Mend the source.`, [`not by the source: ${check.name}`], 1)
  }
  const caveat = `Proved by \`${check.name}\`, and by no test.`
  return passes(`\`${check.name}\` shows the finding without the source of the change, and not with it`, 1, [caveat])
}

function isRed({ result }: Measurement, ids: readonly string[]): boolean {
  if (result.is === "error") return true
  const { report } = result
  switch (report.kind) {
    case "exit":
      return report.exitCode !== 0
    case "issues":
      return report.issues.some((issue) => ids.length === 0 || ids.includes(issue.fingerprint))
    case "tests":
      return report.tests.some((test) => test.status === "failed" && (ids.length === 0 || ids.includes(test.id)))
    case "numbers":
      return false
  }
}
