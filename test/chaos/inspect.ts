import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { git } from "../../src/lib/git.ts"
import { processesOf, type SmallRepo } from "../small-repo.ts"
import { type Flavour, USD_PER_ATTEMPT, works } from "./project.ts"
import { endsWell, type Facts, isWork } from "./round.ts"

/** What must never be, with the words that say where it was. */
export type Finding = {
  is: "finding_lost" | "proposal_doubled" | "money_uncounted" | "left_behind" | "process_left" | "unfinished"
  what: string
}

/** Looks at everything a round left, once it is over. */
export async function inspect(repo: SmallRepo, home: string, facts: Facts, flavour: Flavour): Promise<Finding[]> {
  return [
    ...lost(facts),
    ...(await doubled(repo, facts)),
    ...taught(facts),
    ...uncounted(facts, flavour),
    ...(await left(repo, home, facts)),
    ...(await running(repo)),
  ]
}

function lost({ changes, leases }: Facts): Finding[] {
  const wrong: Finding[] = []
  for (const work of works) {
    const mine = changes.filter((view) => view.title.startsWith(`${work} `))
    if (mine.length !== 1) wrong.push({ is: "finding_lost", what: `${work} has ${mine.length} changes` })
    for (const view of mine)
      if (!endsWell(view))
        wrong.push({ is: "unfinished", what: `${view.id}: ${view.stage}, ${view.says}, ${view.question ?? ""}` })
  }
  if (leases.length > 0) wrong.push({ is: "unfinished", what: `changes without an end: ${leases.join(", ")}` })
  return wrong
}

/** One branch for each proposal, one commit on it with its own file alone; and what landed, landed once. */
async function doubled(repo: SmallRepo, { changes }: Facts): Promise<Finding[]> {
  const wrong: Finding[] = []
  const proposed = changes.filter((view) => view.outcome === "proposed")
  const merged = changes.filter((view) => view.outcome === "merged")
  const branches = (await repo.branches()).filter((name) => name !== "main" && name !== "flyball-state").sort()
  const expected = proposed.map((view) => `flyball/${view.id}`).sort()
  if (branches.join() !== expected.join())
    wrong.push({ is: "proposal_doubled", what: `branches ${branches.join(", ")}; proposed ${expected.join(", ")}` })
  const landed = (await git(["log", "--format=%s", "main"], { cwd: repo.remote })).trim().split("\n")
  if (landed.length !== merged.length + 1)
    wrong.push({ is: "proposal_doubled", what: `main holds ${landed.join(" | ")}; merged are ${merged.length}` })
  for (const branch of branches) {
    const base = (await git(["merge-base", "main", branch], { cwd: repo.remote })).trim()
    const commits = (await git(["rev-list", `${base}..${branch}`], { cwd: repo.remote })).trim().split("\n")
    const files = (await git(["diff", "--name-only", base, branch], { cwd: repo.remote })).trim().split("\n")
    if (commits.length !== 1 || files.length !== 1)
      wrong.push({ is: "proposal_doubled", what: `${branch}: ${commits.length} commits, files ${files.join()}` })
  }
  return wrong
}

/** One proposal of lessons at a time: the next one waits until a person has answered it. */
function taught({ changes }: Facts): Finding[] {
  const lessons = changes.filter((view) => !isWork(view))
  const open = lessons.filter((view) => view.stage !== "done")
  const wrong: Finding[] = open
    .filter((view) => view.stage !== "needs_a_person")
    .map((view) => ({ is: "unfinished", what: `${view.id}: ${view.stage}, ${view.says}` }))
  if (open.length > 1) wrong.push({ is: "proposal_doubled", what: `${open.length} proposals of lessons` })
  return wrong
}

/** Every maker that began is paid for, in the table of money as in the changes themselves, and nothing stays reserved. */
function uncounted({ changes, starts, unsettled, moneyUsd, besideUsd }: Facts, { exact }: Flavour): Finding[] {
  const wrong: Finding[] = []
  const folded = changes.reduce((usd, view) => usd + view.usd, 0)
  const due = starts * USD_PER_ATTEMPT
  // What reviewers cost comes on top.
  if (exact ? Math.abs(moneyUsd - due) > 1e-6 : moneyUsd < due - 1e-6)
    wrong.push({
      is: "money_uncounted",
      what: `${starts} starts are $${due}, and the table of money says $${moneyUsd}`,
    })
  if (Math.abs(folded - moneyUsd) > 1e-6)
    wrong.push({ is: "money_uncounted", what: `the changes say $${folded}, the table of money $${moneyUsd}` })
  const odd = besideUsd.filter((usd) => usd !== 0 && Math.abs(usd - USD_PER_ATTEMPT) > 1e-6)
  if (odd.length > 0) wrong.push({ is: "money_uncounted", what: `sessions beside changes cost ${odd.join(", ")}` })
  if (unsettled > 0) wrong.push({ is: "money_uncounted", what: `${unsettled} reserves were never settled` })
  return wrong
}

async function left(repo: SmallRepo, home: string, { dataDir }: Facts): Promise<Finding[]> {
  const of = async (folder: string) => (await readdir(folder).catch(() => [])).map((name) => join(folder, name))
  const found = [
    ...(await Promise.all(["workspaces", "checkouts", "trash"].map((kind) => of(join(dataDir, kind))))).flat(),
    ...(await of(join(home, "sessions"))),
    ...(await of(join(home, "run"))).filter((path) => !/\/(lifelines|stage|calls\.bpf)$/.test(path)),
    ...(await readdir(join(repo.root, ".git"), { recursive: true })).filter((name) => name.endsWith(".lock")),
  ]
  return found.map((what) => ({ is: "left_behind", what }))
}

async function running(repo: SmallRepo): Promise<Finding[]> {
  const until = Date.now() + 5_000
  let found = await processesOf(repo.folder)
  // What a watchdog or a dying sandbox still does is over in a moment.
  while (found.length > 0 && Date.now() < until) {
    await new Promise((again) => setTimeout(again, 100))
    found = await processesOf(repo.folder)
  }
  // The database serves all rounds; whichever process began it.
  return found.filter((each) => !/postgres/.test(each)).map((what) => ({ is: "process_left", what }))
}
