import { join } from "node:path"
import type { Repo } from "../core/ports.ts"

/** The folder of one attempt's prompts, logs and outputs: `maker.prompt.md`, `maker.log`, `reviewer.*`. */
export function artifactDir(repo: Repo, change: string, attempt: number): string {
  return join(repo.dataDir, "changes", change, String(attempt))
}
