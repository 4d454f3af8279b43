import { MOST_EXPLORED } from "../../core/explore.ts"
import { Failure } from "../../core/failure.ts"
import type { Source } from "../../core/ports.ts"
import { oneLine } from "../text.ts"
import { exploredBy } from "./explored.ts"

/** What the loop's triager finds when it does what a skill says. */
export const skill: Source = {
  name: "skill",
  doc: `\`skill(NAME)\`: the loop's triager looks for what a skill describes, on a read-only checkout of the base, and answers with findings by schema; at most ${MOST_EXPLORED}, or fewer: \`skill(triage, 5)\`. It costs what an attempt may cost, within the loop's budget.`,
  async discover(context, [name, wanted]) {
    if (typeof name !== "string" || name === "")
      throw new Failure("SOURCE_ARGUMENT", "`skill` was called without a name.", { hint: "Write `skill(triage)`." })
    const { exploreBy } = context
    const shown = `skill(${oneLine(name, 60)})`
    return exploredBy(context, {
      shown,
      rule: shown,
      wanted,
      ask: exploreBy === undefined ? undefined : () => exploreBy(name),
    })
  },
}
