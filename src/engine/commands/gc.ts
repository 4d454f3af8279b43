import { existsSync } from "node:fs"
import { z } from "zod"
import { asFailure, Failure } from "../../core/failure.ts"
import type { Progress, Repo } from "../../core/ports.ts"
import { detectSandbox } from "../../isolate/sandbox.ts"
import { endOrphan } from "../../isolate/watchdog.ts"
import { openWorkspaces } from "../../isolate/workspaces.ts"
import { readChanges } from "../../record/ledger.ts"
import { pruneLedger } from "../../record/prune.ts"
import { type Diagnostic, hasErrors } from "../../spec/diagnostic.ts"
import { readConfig } from "../../spec/project-files.ts"
import type { Retention } from "../../spec/retention.ts"
import { checkoutTree } from "../../spec/tree.ts"
import { deadClusters } from "../gc/clusters.ts"
import { sizeOf } from "../gc/disk.ts"
import {
  deadFolders,
  deadOwners,
  deadRepositories,
  deadSessions,
  deadSupervisors,
  oldArtefacts,
  oldCaches,
} from "../gc/folders.ts"
import { type Dead, GcItem, type Kept } from "../gc/item.ts"
import { oldPlugins } from "../gc/plugins.ts"
import { isOver, oldRefs } from "../gc/refs.ts"
import { flyballHome } from "../home.ts"
import { readLeases } from "../leases.ts"
import { openSession, type Session } from "../session.ts"

export const GcReport = z.object({
  dryRun: z.boolean(),
  removed: z.array(GcItem),
  /** What could not be removed, and why. */
  failed: z.array(z.object({ what: z.string(), why: z.string() })),
  kept: z.array(z.object({ what: z.string(), why: z.string() })),
  /** What it gave, or would give. */
  bytes: z.number(),
})
export type GcReport = z.infer<typeof GcReport>

export type GcOptions = {
  cwd: string
  dryRun: boolean
  /** What is over stays this long: for this call, instead of the configuration's `retention.keep`. */
  keepMs?: number
  /** Clusters too that do not say whose they are. */
  unowned: boolean
  signal: AbortSignal
  progress: Progress
  env?: Readonly<Record<string, string | undefined>>
}

/** Finds what the dead left on this machine and in this repository, and removes it: never a commit that no ref keeps. */
export async function gc(options: GcOptions): Promise<GcReport> {
  const { cwd, dryRun, signal, env = process.env } = options
  const home = flyballHome(env)
  const clusters = await deadClusters(homesOf(env), options)
  await using session = await openSession({ cwd, signal, env }).catch(() => undefined)
  const here =
    session === undefined
      ? { dead: [], kept: [{ what: cwd, why: "it is no repository, or its database does not answer" }] }
      : await ofRepository(session, options)
  const all = [
    ...(await deadSupervisors()),
    ...clusters.dead,
    ...(await deadOwners(home, endOrphan)),
    ...(await deadSessions(home)),
    ...(await deadRepositories(home)),
    ...here.dead,
  ]
  const removed: GcItem[] = []
  const failed: Kept[] = []
  for (const { kind, what, why, path, remove } of all) {
    signal.throwIfAborted()
    const bytes = path === undefined ? 0 : await sizeOf(path)
    try {
      if (!dryRun) await remove()
      removed.push({ kind, what, why, bytes })
    } catch (thrown) {
      failed.push({ what, why: asFailure(thrown).message })
    }
  }
  return {
    dryRun,
    removed,
    failed,
    kept: [...clusters.kept, ...here.kept],
    bytes: removed.reduce((sum, each) => sum + each.bytes, 0),
  }
}

/** Every home that a cluster may belong to without saying so: this one, and the default of whoever asks. */
function homesOf(env: Readonly<Record<string, string | undefined>>): string[] {
  return [flyballHome(env), flyballHome({ ...env, FLYBALL_HOME: undefined })].filter((home) => existsSync(home))
}

async function ofRepository(
  session: Session,
  { dryRun, keepMs: asked, signal, progress }: GcOptions,
): Promise<{ dead: Dead[]; kept: Kept[] }> {
  const { db, pool, repo, home } = session
  const changes = await readChanges(db, { repo: repo.key }, 100_000)
  const driven = new Set((await readLeases(pool)).map((lease) => lease.change))
  const live = new Set(
    changes.filter((change) => change.finished === undefined || driven.has(change.id)).map((change) => change.id),
  )
  const keepMs = asked ?? (await retentionOf(repo)).keepMs
  const before = Date.now() - keepMs
  const over = new Set(
    changes.filter((change) => isOver(change) && Date.parse(change.updatedAt) < before).map((change) => change.id),
  )
  const sandbox = await detectSandbox({ home, hidden: [repo.root] })
  const workspaces = openWorkspaces({ repo, sandbox, progress })
  // One sweep does them all, and knows what must be rescued first.
  let swept: Promise<unknown> | undefined
  const sweep = async () => {
    swept ??= workspaces.sweep(live, signal)
    await swept
  }
  const rows = await pruneLedger(db, { before: new Date(before), dryRun })
  const plugins = await oldPlugins(home, repo.root, before)
  return {
    dead: [
      ...plugins.dead,
      ...(await deadFolders(repo, live, sweep)),
      ...(await oldCaches(repo, before)),
      ...(await oldArtefacts(repo, over)),
      ...(await oldRefs(repo, changes, before, signal)),
      ...rows.map(
        ({ what, count }): Dead => ({
          kind: "ledger",
          what: `${count} ${what}`,
          why: "over for long, and prove nothing",
          remove: async () => {},
        }),
      ),
    ],
    kept: plugins.kept,
  }
}

/** What the project says of how long things stay. One that can't be read removes nothing: it may have said "for ever". */
async function retentionOf({ root }: Repo): Promise<Retention> {
  const diagnostics: Diagnostic[] = []
  const { retention } = await readConfig(checkoutTree(root), diagnostics)
  if (!hasErrors(diagnostics)) return retention
  throw new Failure("CONFIG_INVALID", ".flyball/config.yaml can't be read, so it is not known how long things stay.", {
    hint: "Mend it, or say it: `flyball gc --keep 30d`. Nothing was removed.",
    facts: { diagnostics },
  })
}
