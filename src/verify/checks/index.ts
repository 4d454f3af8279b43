import type { ChangeCheck } from "./check.ts"
import { diffReasonable } from "./diff-reasonable.ts"
import { noSecrets } from "./no-secrets.ts"
import { protectedPaths } from "./protected-paths.ts"

/** The checks that read the change itself. One file each, and a line here. */
export const changeChecks: Readonly<Record<string, ChangeCheck>> = {
  diff_reasonable: diffReasonable,
  no_secrets: noSecrets,
  protected_paths: protectedPaths,
}
