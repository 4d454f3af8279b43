import type { Action } from "../../core/ports.ts"
import { openPr } from "./open-pr.ts"

/** The actions that `ship.run` may name and that need no connector. A new one is one file and one line here. */
export const actions: Record<string, Action> = { open_pr: openPr }

/** Actions of connectors that a later version brings: recorded as skipped, with what they need. */
export const unconnected: Record<string, string> = {
  link_issue: "no issue tracker is connected",
  notify_slack: "no Slack connector is configured",
  notify: "no connector for notifications is configured",
  comment: "no issue tracker is connected",
  close_issue: "no issue tracker is connected",
}
