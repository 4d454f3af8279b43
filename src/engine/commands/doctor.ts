import { z } from "zod"
import { asFailure } from "../../core/failure.ts"
import { openRepo } from "../../isolate/repo.ts"
import { detectSandbox } from "../../isolate/sandbox.ts"
import { openWorkspaces } from "../../isolate/workspaces.ts"
import { run } from "../../lib/process.ts"
import { detectAgents } from "../../make/detect-agents.ts"
import { checkoutTree, loopFiles } from "../../spec/tree.ts"
import { flyballHome } from "../home.ts"
import { detectHere } from "../load.ts"
import { openDatabase } from "../postgres/launch.ts"

export const DoctorItem = z.object({
  name: z.string(),
  /** `missing` keeps loops from running; `lacking` makes them weaker. */
  state: z.enum(["ok", "lacking", "missing"]),
  says: z.string(),
  /** What it would give, and how to have it. */
  advice: z.string().optional(),
})
export type DoctorItem = z.infer<typeof DoctorItem>
export const DoctorReport = z.object({ items: z.array(DoctorItem) })
export type DoctorReport = z.infer<typeof DoctorReport>

/** Looks at everything a run needs, all at once. Nothing is changed. */
export async function examine(cwd: string, signal: AbortSignal): Promise<DoctorReport> {
  const home = flyballHome(process.env)
  const items = await Promise.all([
    guarded("git", gitItem),
    guarded("node", nodeItem),
    guarded("agents", agentsItem),
    guarded("sandbox", () => sandboxItem(home)),
    guarded("database", () => databaseItem(home, signal)),
    guarded("repository", () => repositoryItem(cwd, home)),
    guarded("remote", () => remoteItem(cwd, home, signal)),
    guarded("checks", () => checksItem(cwd, home)),
    guarded("loops", () => loopsItem(cwd, home)),
  ])
  return { items }
}

type Item = Omit<DoctorItem, "name">

async function guarded(name: string, look: () => Promise<Item>): Promise<DoctorItem> {
  try {
    return { name, ...(await look()) }
  } catch (thrown) {
    const { message, hint } = asFailure(thrown)
    return { name, state: "missing", says: message, ...(hint === undefined ? {} : { advice: hint }) }
  }
}

/** `merge-tree --write-tree`, by which changes are merged without a folder, came with 2.38. */
const OLDEST_GIT = [2, 38] as const

async function gitItem(): Promise<Item> {
  const ran = await run(["git", "--version"], { cwd: "/", env: { PATH: process.env.PATH ?? "" }, timeoutMs: 10_000 })
  const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(ran.stdout) ?? []
  if (ran.exitCode !== 0)
    return { state: "missing", says: "git is not on the PATH", advice: "Install git 2.38 or newer." }
  const old = Number(major) < OLDEST_GIT[0] || (Number(major) === OLDEST_GIT[0] && Number(minor) < OLDEST_GIT[1])
  const says = ran.stdout.trim()
  return old
    ? { state: "missing", says, advice: "git 2.38 or newer is needed to merge changes." }
    : { state: "ok", says }
}

async function nodeItem(): Promise<Item> {
  return { state: "ok", says: `Node ${process.versions.node}` }
}

async function agentsItem(): Promise<Item> {
  const agents = await detectAgents(process.env)
  const told = agents.map(
    ({ kind, version, usable }) => `${kind} ${version ?? "(unknown version)"}${usable ? "" : " (not supported yet)"}`,
  )
  if (agents.some((agent) => agent.usable)) return { state: "ok", says: told.join(", ") }
  return {
    state: "lacking",
    says: told.length === 0 ? "no coding agent is installed" : told.join(", "),
    advice: "Install claude or codex for `use: auto`; or name any program as the maker: `use: command`.",
  }
}

async function sandboxItem(home: string): Promise<Item> {
  const { kind } = await detectSandbox({ home })
  if (kind.is === "bubblewrap") return { state: "ok", says: `bubblewrap ${kind.version}` }
  return {
    state: "lacking",
    says: `not sandboxed: ${kind.why}`,
    advice:
      "A hostile agent can reach what you can reach. On Linux install bubblewrap; in containers and on Ubuntu 24.04 user namespaces may have to be allowed.",
  }
}

async function databaseItem(home: string, signal: AbortSignal): Promise<Item> {
  const database = await openDatabase({ home, signal })
  try {
    return {
      state: "ok",
      says: `${database.kind === "embedded" ? "embedded PostgreSQL" : "PostgreSQL at DATABASE_URL"} ${database.version}`,
    }
  } finally {
    await database.close()
  }
}

async function repositoryItem(cwd: string, home: string): Promise<Item> {
  const repo = await openRepo(cwd, home)
  return { state: "ok", says: repo.root }
}

async function remoteItem(cwd: string, home: string, signal: AbortSignal): Promise<Item> {
  const repo = await openRepo(cwd, home)
  const workspaces = openWorkspaces({ repo, sandbox: await detectSandbox({ home }), progress: () => {} })
  const base = await workspaces.base(signal)
  if (base.remote !== undefined)
    return { state: "ok", says: `${base.remote.name} answers; ${base.branch} is at ${base.sha.slice(0, 10)}` }
  return {
    state: "lacking",
    says: `no remote; runs work on the branch ${base.branch}`,
    advice: "With a remote, proposals are pushed as branches that others can review.",
  }
}

async function checksItem(cwd: string, home: string): Promise<Item> {
  const checks = await detectHere(await openRepo(cwd, home))
  if (checks.length > 0)
    return {
      state: "ok",
      says: checks.map((check) => `${check.name} (${check.format ?? "exit code"}, from ${check.from})`).join(", "),
    }
  return {
    state: "lacking",
    says: "no tests, lint or types were found in the project",
    advice:
      "Nothing can be accepted without evidence: name a command under `checks:` in the loop, or in .flyball/checks.yaml.",
  }
}

async function loopsItem(cwd: string, home: string): Promise<Item> {
  const files = await loopFiles(checkoutTree((await openRepo(cwd, home)).root))
  if (files.length > 0) return { state: "ok", says: files.join(", ") }
  return { state: "lacking", says: "no loops yet", advice: "`flyball init` writes a first one." }
}
