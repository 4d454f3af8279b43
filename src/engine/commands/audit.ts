import { resolve } from "node:path"
import { Failure } from "../../core/failure.ts"
import { openRepo } from "../../isolate/repo.ts"
import { entry } from "../../lib/entry.ts"
import { type AuditOptions, auditCorpus } from "../audit/audit-corpus.ts"
import { auditHistory } from "../audit/audit-history.ts"
import { corpusFolder } from "../audit/corpus.ts"
import type { AuditReport } from "../audit/report.ts"
import { flyballHome } from "../home.ts"

const MINUTE_MS = 60_000
const CORPUS_MS = 30 * MINUTE_MS
const HISTORY_MS = 10 * MINUTE_MS

export type AuditCommand = Omit<AuditOptions, "home" | "timeMs"> & {
  cwd: string
  /** A corpus's folder, or the one that comes with the package; undefined: the repository around `cwd`, if there is one. */
  corpus: string | undefined
  project: string | undefined
  timeMs: number | undefined
  /** Of a repository: at most so many of its fixes. */
  commits: number
  /** Brings the dependencies of older commits. */
  setup: string | undefined
}

/** Measures the gate against known answers: the corpus's, or those in a repository's own history. */
export async function audit(command: AuditCommand): Promise<AuditReport> {
  const { cwd, corpus, project } = command
  const home = flyballHome(process.env)
  const wantsCorpus = corpus !== undefined || project !== undefined
  if (!wantsCorpus) {
    const repo = await openRepo(cwd, home, { bareToo: true }).catch((thrown: unknown) => {
      if (thrown instanceof Failure && thrown.code === "NOT_A_REPOSITORY") return undefined
      throw thrown
    })
    if (repo !== undefined) return auditHistory({ ...command, home, repo, timeMs: command.timeMs ?? HISTORY_MS })
    command.say("There is no repository here: the gate is measured on Flyball's own corpus.")
  }
  const folder = corpus === undefined || corpus === "packaged" ? corpusFolder() : resolve(cwd, corpus)
  return auditCorpus({
    ...command,
    home,
    corpus: folder,
    timeMs: command.timeMs ?? CORPUS_MS,
    flyball: [process.execPath, entry("flyball.js")],
  })
}
