import { z } from "zod"
import { asFailure, Failure } from "../../core/failure.ts"
import type { Progress, Repo } from "../../core/ports.ts"
import { openRepo } from "../../isolate/repo.ts"
import { detectSandbox } from "../../isolate/sandbox.ts"
import { openWorkspaces } from "../../isolate/workspaces.ts"
import { run } from "../../lib/process.ts"
import { hasErrors } from "../../spec/diagnostic.ts"
import { checkoutTree, loopFiles } from "../../spec/tree.ts"
import { agentsHere } from "../agents-here.ts"
import { ofTheDisk } from "../disk-failure.ts"
import { Readiness } from "../gate/readiness.ts"
import { readinessHere } from "../gate/readiness-here.ts"
import { flyballHome, openHome } from "../home.ts"
import { detectHere, loadHere } from "../load.ts"
import { openDatabase } from "../postgres/launch.ts"
import { NOT_CRASH_SAFE } from "../session.ts"
import { agentsItem } from "./agents-item.ts"
import { ProveReport, proveHere } from "./prove.ts"
import { lackingTools } from "./tools-here.ts"

export const DoctorItem = z.object({
  name: z.string(),
  /** `missing` keeps loops from running; `lacking` makes them weaker. */
  state: z.enum(["ok", "lacking", "missing"]),
  says: z.string(),
  /** What it would give, and how to have it. */
  advice: z.string().optional(),
})
export type DoctorItem = z.infer<typeof DoctorItem>
export const DoctorReport = z.object({
  items: z.array(DoctorItem),
  /** How ready the repository is for a loop; absent outside of one. */
  readiness: Readiness.optional(),
  /** With `--prove`: each check as it is, and what turned it red. */
  proof: ProveReport.optional(),
})
export type DoctorReport = z.infer<typeof DoctorReport>

/** Looks at everything a run needs, all at once. Nothing of the user's is changed. */
export async function examine(
  cwd: string,
  signal: AbortSignal,
  { prove = false, progress = () => {} }: { prove?: boolean; progress?: Progress } = {},
): Promise<DoctorReport> {
  const home = flyballHome(process.env)
  const bare = [guarded("git", gitItem), guarded("node", nodeItem), guarded("agents", () => agentsItem())]
  const kept = await guarded("data", async () => {
    openHome(home)
    return { state: "ok", says: home }
  })
  // All else writes there, and would say the same.
  if (kept.state !== "ok") return { items: [...(await Promise.all(bare)), kept] }
  const machine = [
    ...bare,
    guarded("sandbox", () => sandboxItem(home)),
    guarded("database", () => databaseItem(home, signal)),
  ]
  const [items, readiness] = await Promise.all([
    Promise.all([...machine, projectItems(cwd, home, signal)]),
    prove ? undefined : readyByFiles(cwd, home, signal),
  ])
  if (!prove)
    return { items: items.flat(), ...(readiness === undefined ? {} : { readiness: heldBack(readiness, items.flat()) }) }
  // Not beside the rest: what is timed should have the machine for itself.
  const proof = await proveHere({ cwd, commit: "HEAD", signal, progress })
  const held = heldBack(proof.readiness, items.flat())
  return { items: items.flat(), readiness: held, proof: { ...proof, readiness: held } }
}

/** What keeps a run from beginning keeps the repository from being ready, whatever its checks are. */
function heldBack(readiness: Readiness, items: readonly DoctorItem[]): Readiness {
  const missing = items.filter(({ state }) => state === "missing")
  const [first] = missing
  if (first === undefined) return readiness
  return {
    ...readiness,
    is: "not_yet",
    says: `${first.name}: ${first.says}`,
    raise: [...missing.map(({ name, says, advice }) => advice ?? `${name}: ${says}`), ...readiness.raise],
  }
}

/** By what the files promise: nothing is run. Where even that can't be seen, the items say why. */
async function readyByFiles(cwd: string, home: string, signal: AbortSignal): Promise<Readiness | undefined> {
  try {
    const repo = await openRepo(cwd, home)
    const [checks, agents] = await Promise.all([detectHere(repo), agentsHere({ versions: false })])
    const agent = agents.some(({ usable }) => usable)
    return await readinessHere({ repo, checks, agent, measureMs: 0, signal })
  } catch {
    signal.throwIfAborted()
    return undefined
  }
}

/** What only a repository has; without one, that is said once. */
async function projectItems(cwd: string, home: string, signal: AbortSignal): Promise<DoctorItem[]> {
  const repo = await openRepo(cwd, home).catch((thrown: unknown) => asFailure(thrown))
  if (repo instanceof Failure) {
    const nowhere = repo.code === "NOT_A_REPOSITORY"
    const says = nowhere ? `${cwd} is in none: remote, checks and loops were not looked at` : repo.message
    const state = nowhere ? "lacking" : "missing"
    return [{ name: "repository", state, says, ...(repo.hint === undefined ? {} : { advice: repo.hint }) }]
  }
  const surveyed: string[] = []
  const items = await Promise.all([
    guarded("repository", async () => ({ state: "ok", says: repo.root })),
    guarded("remote", () => remoteItem(repo, home, signal, (note) => surveyed.push(note))),
    guarded("checks", () => checksItem(repo)),
    guarded("loops", () => loopsItem(repo)),
  ])
  // What a run would say of the repository before it begins: submodules, LFS, signatures.
  const notes = surveyed.map((says): DoctorItem => ({ name: "workspaces", state: "lacking", says }))
  return [...items.slice(0, 2), ...notes, ...items.slice(2)]
}

type Item = Omit<DoctorItem, "name">

async function guarded(name: string, look: () => Promise<Item>): Promise<DoctorItem> {
  try {
    return { name, ...(await look()) }
  } catch (thrown) {
    const { message, hint } = asFailure(ofTheDisk(thrown))
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

/** As package.json's `engines` says. */
const OLDEST_NODE = [20, 19] as const

async function nodeItem(): Promise<Item> {
  const says = `Node ${process.versions.node}`
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  const old = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])
  return old
    ? { state: "missing", says, advice: `Node ${OLDEST_NODE.join(".")} or newer is needed.` }
    : { state: "ok", says }
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
    if (database.notCrashSafe !== undefined) {
      return {
        state: "lacking",
        says: `${NOT_CRASH_SAFE} (PostgreSQL ${database.version}): ${database.notCrashSafe}`,
        advice:
          "A kill at the wrong moment may damage it, and one process uses it at a time. Set DATABASE_URL to a PostgreSQL 15 or newer.",
      }
    }
    return {
      state: "ok",
      says: `${database.kind === "embedded" ? "embedded PostgreSQL" : "PostgreSQL at DATABASE_URL"} ${database.version}`,
    }
  } finally {
    await database.close()
  }
}

/** A remote that does not answer by then is taken for unreachable. */
const REMOTE_MS = 20_000

async function remoteItem(repo: Repo, home: string, signal: AbortSignal, note: (text: string) => void): Promise<Item> {
  const progress: Progress = ({ verb, text }) => (verb === "isolate" ? note(text) : undefined)
  const workspaces = openWorkspaces({ repo, sandbox: await detectSandbox({ home }), progress, announces: true })
  const limit = AbortSignal.timeout(REMOTE_MS)
  const base = await workspaces.base(AbortSignal.any([signal, limit])).catch((thrown: unknown) => {
    if (!limit.aborted) throw thrown
    throw new Failure("REMOTE_UNREACHABLE", `The remote did not answer within ${REMOTE_MS / 1000} s.`, {
      hint: "`git fetch` shows what it waits for; a run needs the remote's branch.",
    })
  })
  if (base.remote !== undefined)
    return { state: "ok", says: `${base.remote.name} answers; ${base.branch} is at ${base.sha.slice(0, 10)}` }
  return {
    state: "lacking",
    says: `no remote; runs work on the branch ${base.branch}`,
    advice: "With a remote, proposals are pushed as branches that others can review.",
  }
}

async function checksItem(repo: Repo): Promise<Item> {
  const checks = await detectHere(repo)
  const lacking = await lackingTools(repo, checks)
  const needs = (name: string) => lacking.find(({ check }) => check === name)?.needs
  const says = checks
    .map(({ name, format, from }) =>
      needs(name) === undefined
        ? `${name} (${format === undefined || format === "exit" ? "by its exit code" : format}, from ${from})`
        : `${name} (${needs(name)} is not installed, from ${from})`,
    )
    .join(", ")
  if (checks.length === 0)
    return {
      state: "lacking",
      says: "no tests, lint or types were found in the project",
      advice:
        "Without a check nothing can be proved: name a command under `checks:` in the loop, or in .flyball/checks.yaml.",
    }
  const missing = [...new Set(lacking.map(({ needs: program }) => program))]
  if (missing.length === 0) return { state: "ok", says }
  return {
    state: "lacking",
    says,
    advice: `With ${missing.join(" and ")} these can be measured; until then a loop that names them asks a person.`,
  }
}

async function loopsItem(repo: Repo): Promise<Item> {
  const files = await loopFiles(checkoutTree(repo.root))
  if (files.length === 0)
    return { state: "lacking", says: "no loops yet", advice: "`flyball init` writes a first one." }
  const loaded = await Promise.all(files.map((file) => loadHere(repo, file)))
  const broken = files.filter((_, index) => hasErrors(loaded[index]?.diagnostics ?? []))
  const says = files.map((file) => (broken.includes(file) ? `${file} (has errors)` : file)).join(", ")
  return broken.length === 0
    ? { state: "ok", says }
    : { state: "missing", says, advice: "`flyball validate` shows every problem with its place." }
}
