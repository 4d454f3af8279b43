import { MOST_EXPLORED } from "../../core/explore.ts"
import { Failure } from "../../core/failure.ts"
import type { Source } from "../../core/ports.ts"
import { oneLine } from "../text.ts"
import { exploredBy } from "./explored.ts"

/** What an agent of the loop finds by itself. */
export const agent: Source = {
  name: "agent",
  doc: `\`agent(NAME)\`: an agent of the loop looks around a read-only checkout of the base and answers with findings by schema; at most ${MOST_EXPLORED}, or fewer: \`agent(scout, 5)\`. It costs what an attempt may cost, within the loop's budget.`,
  async discover(context, [name, wanted]) {
    if (typeof name !== "string" || name === "")
      throw new Failure("SOURCE_ARGUMENT", "`agent` was called without a name.", { hint: "Write `agent(scout)`." })
    const { explore } = context
    return exploredBy(context, {
      shown: `agent(${oneLine(name, 60)})`,
      rule: name,
      wanted,
      ask: explore === undefined ? undefined : () => explore(name),
    })
  },
}
