import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, expect } from "vitest"
import type { Progress } from "../src/core/ports.ts"
import { inbox } from "../src/engine/commands/inbox.ts"
import { removeDatabase } from "../src/engine/postgres/launch.ts"
import { RunReport } from "../src/engine/report.ts"
import { runLoop } from "../src/engine/run/run.ts"
import { openSession, type Session } from "../src/engine/session.ts"
import type { ChangeView } from "../src/engine/view.ts"
import { git } from "../src/lib/git.ts"
import type { SmallRepo } from "./small-repo.ts"

/*
 * A project that a few milliseconds can judge: files that are broken until they hold the word `fixed`, each with a check
 * of its own. Git, database, processes, gate and sandbox are the real ones.
 */

export type QuickLoop = {
  /** A shell line; `$item` names the file without its folder and ending. */
  maker: string
  usdPerAttempt?: number
  /** A shell line, and then the loop has an `agent: reviewer` layer. */
  reviewer?: string
  items?: number
  discover?: string
  act?: string
  verify?: string
  ship?: string | null
  guardrails?: string
  top?: string
}

/** Files for `smallRepo`: `items` findings, and the loop `fix` over them. */
export function quickProject(loop: QuickLoop): Record<string, string> {
  const names = Array.from({ length: loop.items ?? 1 }, (_, index) => `n${index + 1}`)
  const cost = loop.usdPerAttempt === undefined ? "" : `\ncost: $${loop.usdPerAttempt}/attempt`
  return {
    "find.sh": `for f in work/*.txt; do n=$(basename $f .txt); grep -q fixed $f || echo "{\\"title\\":\\"$n is broken\\",\\"file\\":\\"$f\\",\\"severity\\":\\"medium\\",\\"reproduce\\":\\"$n\\"}"; done\n`,
    ...Object.fromEntries(names.map((name) => [`work/${name}.txt`, `${name} is broken\n`])),
    ...agent("implementer", `${itemOfFinding}\n${loop.maker}`, cost),
    ...(loop.reviewer === undefined ? {} : agent("reviewer", loop.reviewer, "")),
    ".flyball/checks.yaml": names
      .map((name) => `${name}: { run: grep -q fixed work/${name}.txt, kind: exit }\n`)
      .join(""),
    ".flyball/loops/fix.yaml": loopFile(loop),
  }
}

const itemOfFinding = `item=$(grep -o 'work/n[0-9]*' "$FLYBALL_FINDING" | head -1 | cut -d/ -f2)`

function agent(name: string, command: string, more: string): Record<string, string> {
  const yaml = `---\nname: ${name}\ndescription: a script\nuse: command\ncommand: ${JSON.stringify(command)}${more}\n---\n`
  return { [`.flyball/agents/${name}.md`]: yaml }
}

function loopFile({ reviewer, discover, act, verify, ship, guardrails, top }: QuickLoop): string {
  const layers = verify ?? `{ ${reviewer === undefined ? "" : "agent: reviewer, "}check: diff_reasonable }`
  return `name: fix
${top ?? ""}
steps:
  - discover: { run: sh("sh find.sh"), write_to: state/fix.md${discover === undefined ? "" : `, ${discover}`} }
  - act: { for_each: finding in state/fix.md, spawn: implementer(finding)${act === undefined ? "" : `, ${act}`} }
  - verify: ${layers}
${ship === null ? "" : `  - ship: ${ship ?? "{ if: verified, run: open_pr }"}\n`}guardrails: { ${guardrails ?? "max_iterations: 3, budget: $5/run"} }
`
}

/** What makers do, as shell lines. */
export const fixes = "echo fixed > work/$item.txt"

/** FLYBALL_HOME, and with it one database, for all tests of a file. */
export function sharedHome(): { readonly path: string } {
  let path = ""
  beforeAll(async () => {
    path = await mkdtemp(join(tmpdir(), "flyball-home-"))
    process.env.FLYBALL_HOME = path
  })
  afterAll(async () => {
    await removeDatabase(path)
    await rm(path, { recursive: true, force: true })
  })
  return {
    get path() {
      return path
    },
  }
}

export type Ran = { report: RunReport; said: string[]; resumed: RunReport["resumed"] }
export type RunsWith = Partial<Parameters<typeof runLoop>[0]>

/** One run of the loop `fix` in this process; its report has the documented shape. */
export async function runFix({ root }: Pick<SmallRepo, "root">, options: RunsWith = {}): Promise<Ran> {
  const said: string[] = []
  let resumed = { changes: 0, usd: 0 }
  const progress: Progress = ({ verb, change, text }) => said.push(`${verb} ${change ?? ""} ${text}`)
  const report = await runLoop({
    cwd: root,
    loop: "fix",
    trigger: "manual",
    dryRun: false,
    signal: AbortSignal.timeout(60_000),
    progress,
    announce: (_, facts) => {
      resumed = facts.resumed
    },
    ...options,
  })
  return { report: RunReport.parse(report), said, resumed }
}

/** The one change that a run worked on. */
export function only({ report, said }: Pick<Ran, "report" | "said">): ChangeView {
  expect(report.changes, said.join("\n")).toHaveLength(1)
  const [view] = report.changes
  if (view === undefined) throw new Error("no change")
  return view
}

/** A look into the ledger. */
export async function look<T>({ root }: Pick<SmallRepo, "root">, at: (session: Session) => Promise<T>): Promise<T> {
  await using session = await openSession({ cwd: root, signal: AbortSignal.timeout(30_000) })
  return await at(session)
}

export const waiting = (repo: Pick<SmallRepo, "root">) => look(repo, async (session) => (await inbox(session)).items)

/** A file of the remote's branch, or of the checkout's where there is no remote. */
export const shown = async (cwd: string, spec: string) => (await git(["show", spec], { cwd })).trim()

/** The state file's text. */
export const stateOf = ({ root }: Pick<SmallRepo, "root">) => readFile(join(root, ".flyball/state/fix.md"), "utf8")

/** Everything a person can see of a checkout: files, index, stash, refs, configuration, hooks. */
export async function seenByUser({ root }: Pick<SmallRepo, "root">): Promise<Record<string, string>> {
  const ask = (...args: string[]) => git(args, { cwd: root })
  return {
    status: await ask("status", "--porcelain", "--untracked-files=all", "--ignored", "--", ".", ":!.flyball/state"),
    index: await ask("ls-files", "--stage", "-v"),
    diff: await ask("diff"),
    stash: await ask("stash", "list"),
    refs: (await ask("for-each-ref")).replace(/^.*refs\/flyball\/.*\n?/gm, ""),
    head: await ask("rev-parse", "--symbolic-full-name", "HEAD"),
    config: await readFile(join(root, ".git/config"), "utf8"),
    hooks: await ask("-c", "core.hooksPath=/dev/null", "rev-parse", "--git-path", "hooks"),
    reflog: await ask("reflog", "--all"),
  }
}

/** Lets every maker of this home go, until the run has ended. */
export async function letGo<T>(home: string, run: Promise<T>): Promise<T> {
  let over = false
  const ended = run.finally(() => {
    over = true
  })
  const repos = join(home, "repos")
  while (!over) {
    for (const repo of await readdir(repos)) {
      const folder = join(repos, repo, "workspaces")
      for (const name of await readdir(folder).catch(() => []))
        await writeFile(join(folder, name, "tree", "go"), "").catch(() => {})
    }
    await new Promise((again) => setTimeout(again, 20))
  }
  return ended
}
