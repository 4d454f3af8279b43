import { mkdir, readdir, rm } from "node:fs/promises"
import { join, resolve } from "node:path"
import { z } from "zod"
import type { Progress } from "../../core/ports.ts"
import { flyballHome } from "../home.ts"
import { RunReport } from "../report.ts"
import { type RunOptions, runLoop } from "../run/run.ts"
import type { ChangeView } from "../view.ts"
import { buildStage, type Cast, examplesFolder, landOnMain } from "./stage.ts"
import { Ending, readStory, type Story } from "./story.ts"

export const DemoReport = z.object({
  project: z.string(),
  /** False with a real maker or reviewer. */
  replayed: z.boolean(),
  outcomes: z.array(
    z.object({
      name: z.string(),
      title: z.string(),
      expected: Ending,
      came: Ending.or(z.literal("other")),
      change: z.string().optional(),
      says: z.string(),
    }),
  ),
  asExpected: z.boolean(),
  run: RunReport,
})
export type DemoReport = z.infer<typeof DemoReport>

export type DemoOptions = Cast & {
  keep?: string | undefined
  signal: AbortSignal
  progress: Progress
  announce: NonNullable<RunOptions["announce"]>
}

/** Plays the story on the example: an ordinary run of an ordinary loop, in a repository made for it. */
export async function playDemo(options: DemoOptions): Promise<DemoReport> {
  const { signal, progress, announce, agent, reviewer } = options
  const story = await readStory(join(examplesFolder(), "shop-demo"))
  const folder = options.keep === undefined ? await newFolder() : resolve(options.keep)
  progress({ verb: "trigger", text: `an example project and its remote, in ${folder}` })
  const stage = await buildStage(folder, story, { agent, reviewer }, (text) => progress({ verb: "isolate", text }))
  const run = await runLoop({
    cwd: stage.project,
    loop: "daily-triage",
    trigger: "manual",
    dryRun: false,
    signal,
    progress,
    announce,
    onDiscovered: async () => {
      await landOnMain(stage, story)
      progress({
        verb: "discover",
        text: `meanwhile ${story.lands.author.replace(/ <.*/, "")} pushes to main: ${story.lands.message}`,
      })
    },
  })
  const outcomes = story.findings.map((expected) => judgeOutcome(expected, run.changes))
  return {
    project: stage.project,
    replayed: agent === undefined && reviewer === undefined,
    outcomes,
    asExpected: outcomes.every((each) => each.came === each.expected) && run.changes.length === outcomes.length,
    run,
  }
}

const KEPT_DEMOS = 2

/** A folder that stays, so that its inbox can be looked at; demos before the last are removed. */
async function newFolder(): Promise<string> {
  const all = join(flyballHome(process.env), "demo")
  await mkdir(all, { recursive: true, mode: 0o700 })
  const old = (await readdir(all)).sort().slice(0, -(KEPT_DEMOS - 1))
  for (const each of old) await rm(join(all, each), { recursive: true, force: true })
  return join(all, new Date().toISOString().replace(/[-:]/g, "").replace("T", "-").slice(0, 19).replace(".", "-"))
}

function judgeOutcome(
  { name, test, issue, ends }: Story["findings"][number],
  changes: readonly ChangeView[],
): DemoReport["outcomes"][number] {
  const change = changes.find((view) => belongs(view, test, issue))
  if (change === undefined)
    return { name, title: test ?? issue ?? name, expected: ends, came: "other", says: "was not found" }
  return {
    name,
    title: change.title,
    expected: ends,
    came: endingOf(change),
    change: change.id,
    says: change.question ?? change.says,
  }
}

function belongs(
  { title, source, attempts: _ }: ChangeView,
  test: string | undefined,
  issue: string | undefined,
): boolean {
  if (test !== undefined) return title.includes(test.slice(test.lastIndexOf(" > ") + 3).slice(0, 40))
  return issue !== undefined && source === "open_issues"
}

/** What really happened to a change, told from its evidence. */
export function endingOf(view: ChangeView): Ending | "other" {
  if (view.says.startsWith("already fixed")) return "fixed_on_main"
  if (view.stage === "awaiting_review") return view.attempts.length === 1 ? "fixed_at_once" : "fixed_after_feedback"
  if (view.stage !== "needs_a_person") return "other"
  if (view.attempts.length === 0) return view.reason === "triage" ? "needs_a_person" : "other"
  const caught = view.attempts.some((attempt) =>
    attempt.evidence.some(
      (each) =>
        (each.check === "no_weakened_tests" || each.check === "protected_paths" || each.check === "tests_pass") &&
        each.outcome === "fail",
    ),
  )
  const editsTests = view.attempts.some((attempt) =>
    attempt.evidence.some((each) => each.check === "no_weakened_tests" && each.outcome !== "pass"),
  )
  return caught && editsTests ? "cheat_caught" : "other"
}
