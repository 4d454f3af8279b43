import type { Action } from "../../core/ports.ts"
import { ensureBranch } from "../branch.ts"

/** Opens a proposal: pushes `flyball/<change>` to the remote, or makes it a local branch where there is none. */
export const openPr: Action = {
  name: "open_pr",
  doc: "Pushes the change's branch and opens a proposal in the inbox.",
  async perform(context) {
    await ensureBranch(context)
    const where = context.base.remote === undefined ? "local branch" : `${context.base.remote.name}:`
    return { action: "open_pr", outcome: "done", detail: `${where} ${context.branch}`.replace(": ", ":") }
  },
}
