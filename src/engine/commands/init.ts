import { existsSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { stringify } from "yaml"
import { z } from "zod"
import type { CheckSpec } from "../../core/loop.ts"
import type { Progress, Repo } from "../../core/ports.ts"
import { openRepo } from "../../isolate/repo.ts"
import { type DetectedAgent, detectAgents } from "../../make/detect-agents.ts"
import { checkoutTree, loopFiles } from "../../spec/tree.ts"
import { flyballHome } from "../home.ts"
import { detectHere } from "../load.ts"

export const InitReport = z.object({
  repo: z.string(),
  agents: z.array(z.string()),
  checks: z.array(z.string()),
  /** Files written; none that were there already. */
  written: z.array(z.string()),
  kept: z.array(z.string()),
  /** Up to three findings that are really there. */
  findings: z.array(z.object({ title: z.string(), source: z.string(), severity: z.string() })),
  notes: z.array(z.string()),
})
export type InitReport = z.infer<typeof InitReport>

export type InitPlan = {
  repo: Repo
  agents: DetectedAgent[]
  checks: CheckSpec[]
  files: { path: string; text: string }[]
  kept: string[]
  loop: string
}

const NAME = "daily-triage"

/** What `init` would write here, from what it found. `maker`: an agent's name, or a command line. */
export async function planInit(cwd: string, maker: string | undefined): Promise<InitPlan> {
  const repo = await openRepo(cwd, flyballHome(process.env))
  const [agents, checks, loops] = await Promise.all([
    detectAgents(process.env),
    detectHere(repo),
    loopFiles(checkoutTree(repo.root)),
  ])
  const wanted = [
    { path: `.flyball/loops/${NAME}.yaml`, text: loopText(repo, checks, agents, maker) },
    ...makerFile(maker),
  ]
  // A first loop is proposed to those who have none; nobody's file is overwritten.
  const missing = wanted.filter(({ path }) => !existsSync(join(repo.root, path)))
  const files = loops.length > 0 ? [] : missing
  const kept = [
    ...loops,
    ...wanted.filter((file) => !missing.includes(file) && !loops.includes(file.path)).map(({ path }) => path),
  ]
  return { repo, agents, checks, files, kept, loop: NAME }
}

/** Writes the plan's files. */
export async function writeInit({ repo, files }: InitPlan): Promise<void> {
  for (const { path, text } of files) {
    await mkdir(dirname(join(repo.root, path)), { recursive: true })
    await writeFile(join(repo.root, path), text, { flag: "wx" })
  }
}

/** Up to three findings that a run of the new loop would find, at no cost: no agent is started. */
export async function firstFindings(
  cwd: string,
  loop: string,
  signal: AbortSignal,
  progress: Progress,
): Promise<{ findings: InitReport["findings"]; notes: string[] }> {
  const { runLoop } = await import("../run/run.ts")
  const report = await runLoop({ cwd, loop, trigger: "manual", dryRun: true, signal, progress })
  const findings = report.findings.slice(0, 3).map(({ title, source, severity }) => ({ title, source, severity }))
  const more = report.findings.length - findings.length
  return { findings, notes: [...report.notes, ...(more > 0 ? [`and ${more} more`] : [])] }
}

const known: ReadonlySet<string> = new Set(["claude", "codex"])

function makerFile(maker: string | undefined): { path: string; text: string }[] {
  if (maker === undefined) return []
  const front = known.has(maker)
    ? { name: "implementer", description: "Makes the change for one finding.", use: maker }
    : { name: "implementer", description: "Makes the change for one finding.", use: "command", command: maker }
  return [
    {
      path: ".flyball/agents/implementer.md",
      text: `---\n${stringify(front)}---\n\nFix the one finding you are given. Keep the change small.\n`,
    },
  ]
}

function loopText(
  repo: Repo,
  checks: readonly CheckSpec[],
  agents: readonly DetectedAgent[],
  maker: string | undefined,
): string {
  const names = ["tests_pass", "lint_clean", "types"].filter((name) => checks.some((check) => check.name === name))
  const reviewed = agents.some((agent) => agent.usable)
  const setup = setupOf(repo)
  const lines = [
    "# What Flyball does here. Check it with `flyball validate`, try it with `flyball run daily-triage --dry-run`.",
    `name: ${NAME}`,
    'trigger: cron("0 9 * * MON-FRI")   # fired by `flyball up`',
    "isolation: worktree",
    ...(setup === undefined ? [] : [`setup: ${setup}   # in each workspace, before the maker begins`]),
    "",
    "steps:",
    "  - discover:",
    "      run: scan_ci_failures + open_issues + recent_commits",
    "      write_to: state/triage.md",
    "  - act:",
    "      for_each: finding in state/triage.md",
    `      spawn: implementer(finding)${maker === undefined ? "   # the best installed agent; see .flyball/agents" : ""}`,
    "  - verify:",
    ...(reviewed
      ? ["      agent: reviewer   # another model than the maker"]
      : ["      # agent: reviewer   # once claude or codex is installed: somebody other than the maker looks"]),
    `      check: ${[...names, "diff_reasonable"].join(" AND ")}`,
    "  - ship:",
    "      if: verified",
    "      run: open_pr",
    "",
    "guardrails:",
    "  max_iterations: 3",
    "  budget: $5/run",
    "  halt_on: no_progress(2)",
  ]
  return `${lines.join("\n")}\n`
}

const lockFiles: readonly (readonly [string, string])[] = [
  ["package-lock.json", "npm ci --prefer-offline"],
  ["pnpm-lock.yaml", "pnpm install --frozen-lockfile --prefer-offline"],
  ["yarn.lock", "yarn install --frozen-lockfile --prefer-offline"],
]

/** How dependencies come into a workspace, where the checkout has none to lend. */
function setupOf({ root }: Repo): string | undefined {
  if (existsSync(join(root, "node_modules"))) return undefined
  return lockFiles.find(([file]) => existsSync(join(root, file)))?.[1]
}
