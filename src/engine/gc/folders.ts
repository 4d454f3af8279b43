import { existsSync, readFileSync } from "node:fs"
import { readdir, rm, stat } from "node:fs/promises"
import { join } from "node:path"
import { z } from "zod"
import type { Repo } from "../../core/ports.ts"
import { isGone, isReplaced, knownRepositories } from "../../isolate/known-repositories.ts"
import { leavingOf } from "../../isolate/leaving.ts"
import { isOfTheDead } from "../../isolate/owned.ts"
import { unusedInPool } from "../../isolate/pool.ts"
import { discard } from "../../isolate/trash.ts"
import { liveness } from "../../lib/alive.ts"
import { identify, isAlive } from "../../lib/process-tree.ts"
import type { Dead } from "./item.ts"

const Owner = z.object({ host: z.string(), pid: z.number(), started: z.string() })

/** Folders of sessions whose process is gone. */
export async function deadSessions(home: string): Promise<Dead[]> {
  const folder = join(home, "sessions")
  const found = await Promise.all(
    (await list(folder)).map(async (name): Promise<Dead[]> => {
      const path = join(folder, name)
      const owner = Owner.safeParse(json(join(path, "owner.json")))
      if (!owner.success || (await liveness(owner.data)) !== "dead") return []
      return [folderOf("session", path, `its process ${owner.data.pid} is gone`)]
    }),
  )
  return found.flat()
}

/** Process trees whose owner died together with its watchdog, and the owner's folder. */
export async function deadOwners(home: string, end: (folder: string) => void): Promise<Dead[]> {
  const folder = join(home, "run")
  return (await list(folder)).flatMap((name): Dead[] => {
    const path = join(folder, name)
    const owner = z.object({ pid: z.number(), startedAt: z.string() }).safeParse(json(join(path, "owner.json")))
    if (!owner.success || isAlive(owner.data)) return []
    const what = `what process ${owner.data.pid} left`
    return [{ kind: "process", what, why: "its owner and its watchdog are gone", path, remove: async () => end(path) }]
  })
}

/** Supervisors of databases whose home is gone: they would end by themselves a minute after their last client. */
export async function deadSupervisors(): Promise<Dead[]> {
  if (process.platform !== "linux") return []
  return (await readdir("/proc")).flatMap((name): Dead[] => {
    const pid = /^\d+$/.test(name) ? Number(name) : 0
    const [, entry = "", home = ""] = commandOf(pid)
    const own = identify(pid)
    if (own === undefined || !/\/postgres-supervisor\.js$/.test(entry) || home === "" || existsSync(home)) return []
    const remove = async () => {
      if (isAlive(own)) process.kill(pid, "SIGTERM")
    }
    return [{ kind: "process", what: `database supervisor ${pid}`, why: `${home} is gone`, remove }]
  })
}

/** Data of repositories that are gone from this machine. */
export async function deadRepositories(home: string): Promise<Dead[]> {
  const dead: Dead[] = []
  for (const repository of knownRepositories(home)) {
    const { root, dataDir } = repository
    if (isGone(repository)) dead.push(folderOf("repository", dataDir, `its repository ${root} is gone`))
    else if (await isReplaced(repository))
      dead.push(folderOf("repository", dataDir, `another history lies in ${root} by now`))
  }
  return dead
}

/** Workspaces of changes that are over, checkouts of dead processes, and the trash. */
export async function deadFolders(repo: Repo, live: ReadonlySet<string>, sweep: () => Promise<void>): Promise<Dead[]> {
  const dead: Dead[] = []
  const remove = sweep
  for (const name of await list(join(repo.dataDir, "workspaces"))) {
    const path = join(repo.dataDir, "workspaces", name)
    if (!live.has(name)) dead.push({ kind: "workspace", what: path, why: "its change is over", path, remove })
  }
  for (const name of await list(join(repo.dataDir, "checkouts"))) {
    const [pid, startedAt] = name.split(".").slice(-3)
    const path = join(repo.dataDir, "checkouts", name)
    if (isAlive({ pid: Number(pid), startedAt: decodeURIComponent(startedAt ?? "") })) continue
    dead.push({ kind: "checkout", what: path, why: `process ${pid} is gone`, path, remove })
  }
  for (const name of await list(leavingOf(repo))) {
    const path = join(leavingOf(repo), name)
    if (isOfTheDead(name)) dead.push({ kind: "workspace", what: path, why: "it was given back already", path, remove })
  }
  for (const path of unusedInPool(repo)) {
    const why = "it was checked out ahead, and is made again when it is needed"
    dead.push({ kind: "cache", what: path, why, path, remove: () => discard(repo, path) })
  }
  for (const name of await list(join(repo.dataDir, "trash"))) {
    const path = join(repo.dataDir, "trash", name)
    dead.push(folderOf("cache", path, "it was thrown away already"))
  }
  return dead
}

/** Files of caches that nothing asked for since; what they hold can be made again. */
export async function oldCaches(repo: Repo, before: number): Promise<Dead[]> {
  const found: Dead[] = []
  for (const kind of [
    "measure",
    "checks",
    "runs",
    "goals",
    "explorations",
    "triage",
    "evaluations",
    "opinions",
    "cache/go-build",
  ]) {
    for (const name of await list(join(repo.dataDir, kind))) {
      const path = join(repo.dataDir, kind, name)
      if ((await stat(path)).mtimeMs < before) found.push(folderOf("cache", path, "nobody asked for it for long"))
    }
  }
  return found
}

/** Prompts, logs and outputs of changes that are over for long; their evidence stays in the ledger. */
export async function oldArtefacts(repo: Repo, over: ReadonlySet<string>): Promise<Dead[]> {
  const folder = join(repo.dataDir, "changes")
  return (await list(folder))
    .filter((name) => over.has(name))
    .map((name) => folderOf("artefacts", join(folder, name), "its change is over for long; the evidence stays"))
}

function folderOf(kind: Dead["kind"], path: string, why: string): Dead {
  return { kind, what: path, why, path, remove: () => rm(path, { recursive: true, force: true }) }
}

function commandOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")
  } catch {
    return []
  }
}

function json(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"))
  } catch {
    return undefined
  }
}

async function list(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => [])
}
