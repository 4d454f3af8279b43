import type { ChangeCheck } from "./check.ts"
import { dependenciesOk } from "./dependencies-ok.ts"
import { diffReasonable } from "./diff-reasonable.ts"
import { hardcoded } from "./hardcoded.ts"
import { noLargeFiles } from "./no-large-files.ts"
import { noSecrets } from "./no-secrets.ts"
import { protectedPaths } from "./protected-paths.ts"

/** The checks that read the change itself. One file each, and a line here. */
export const changeChecks: Readonly<Record<string, ChangeCheck>> = {
  dependencies_ok: dependenciesOk,
  diff_reasonable: diffReasonable,
  hardcoded,
  no_large_files: noLargeFiles,
  no_secrets: noSecrets,
  protected_paths: protectedPaths,
}
