import { once } from "node:events"
import { mkdtemp } from "node:fs/promises"
import { join } from "node:path"
import { z } from "zod"
import { ChangeView } from "../../src/engine/view.ts"
import { type Program, start } from "../programs.ts"
import { type SmallRepo, smallRepo } from "../small-repo.ts"
import { type Finding, inspect } from "./inspect.ts"
import type { Dice, Kill } from "./plan.ts"
import { planLanding, planRun } from "./plan.ts"
import { chaosProject, type Flavour, works } from "./project.ts"

export const Facts = z.object({
  dataDir: z.string(),
  changes: z.array(ChangeView),
  findings: z.number(),
  /** Makers that were paid for, as the ledger tells it. */
  starts: z.number(),
  /** What each session cost that belongs to no change: sorting, and looking back. */
  besideUsd: z.array(z.number()),
  unsettled: z.number(),
  moneyUsd: z.number(),
  leases: z.array(z.string()),
  ledger: z.array(z.string()),
})
export type Facts = z.infer<typeof Facts>

export type Chaos = {
  /** FLYBALL_HOME of the whole campaign: one database for all rounds. */
  home: string
  worker: string
  dice: Dice
  next: () => Pick<Kill, "step" | "phase">
  /** False when enough was killed, or the time is over. */
  goesOn: () => boolean
  /** Told of each kill that hit. */
  killed: (kill: Kill) => void
}

export type Round = { wrong: Finding[]; said: string[]; facts?: Facts }

/** One repository from the first run to the last proposal, with kills all the way; then everything is looked at. */
export async function playRound(chaos: Chaos, flavour: Flavour): Promise<Round> {
  await using repo = await smallRepo(chaosProject(flavour))
  const said: string[] = []
  const worker = (asked: object) => follow(chaos, repo, asked, said)
  for (let run = 0; run < MOST_RUNS && chaos.goesOn(); run++) {
    const ran = await worker({ do: "run", kills: planRun(chaos.next, chaos.dice) })
    // It came to its end, so there is nothing left to kill it over: unless somebody answers.
    const facts = factsIn(ran)
    if (facts !== undefined && (await goOn(worker, facts))) break
  }
  const proposed = (await settle(worker)).changes.filter((view) => view.outcome === "proposed")
  for (const view of proposed.slice(1)) if (chaos.goesOn()) await land(chaos, worker, view.id)
  // The last one finds nothing to do, and clears up what dead runs left.
  await settle(worker)
  const facts = await factsOf(worker)
  return { wrong: await inspect(repo, chaos.home, facts, flavour), said, facts }
}

/** A round has so many pieces of work that far fewer do; the rest is for runs that were killed before they did anything. */
const MOST_RUNS = 60

type Worker = (asked: object) => Promise<Program>

/** Approves with kills until it has landed. */
async function land(chaos: Chaos, worker: Worker, change: string): Promise<void> {
  for (let tries = 0; tries < 4; tries++) {
    const ran = await worker({ do: "answer", change, approve: true, kills: planLanding(chaos.dice) })
    if (ran.lines.some((line) => line.startsWith('{"answered"'))) return
    // It had been said before the kill: then the next run lands it.
    const facts = factsIn(await worker({ do: "run", kills: planLanding(chaos.dice) })) ?? (await factsOf(worker))
    if (facts.changes.find((view) => view.id === change)?.stage !== "awaiting_review") return
  }
}

/** Runs in peace until nothing is under way, and what a kill made wait for a person goes on by their word. */
async function settle(worker: Worker): Promise<Facts> {
  for (let run = 0; ; run++) {
    const facts = factsIn(await worker({ do: "run" }))
    if (facts !== undefined && (await goOn(worker, facts))) return facts
    if (run === 8) return facts ?? (await factsOf(worker))
  }
}

/** True where all has ended well; a person's word lets the rest go on. */
async function goOn(worker: Worker, { changes }: Facts): Promise<boolean> {
  for (const view of changes.filter(isWork))
    if (view.stage === "needs_a_person" && !endsWell(view)) await worker({ do: "answer", change: view.id })
  const mine = changes.filter(isWork)
  return mine.length === works.length && mine.every(endsWell)
}

/** What a run learned is a change too, and waits for a person until the end. */
export function isWork(view: Pick<ChangeView, "source">): boolean {
  return view.source !== "lessons"
}

/** As the work would have ended without any kill, or, for those that can't be fixed, with a person. */
export function endsWell(view: ChangeView): boolean {
  if (/^n[78] /.test(view.title)) return view.stage === "needs_a_person"
  return view.outcome === "proposed" || view.outcome === "merged"
}

async function factsOf(worker: Worker): Promise<Facts> {
  const ran = await worker({ do: "facts" })
  const facts = factsIn(ran)
  if (facts === undefined) throw new Error(`no facts: ${ran.lines.join("\n")}${ran.stderr()}`)
  return facts
}

/** What it told of the ledger, if it came so far. */
function factsIn({ lines }: Program): Facts | undefined {
  const line = lines.find((each) => each.startsWith('{"facts"'))
  return line === undefined ? undefined : z.object({ facts: Facts }).parse(JSON.parse(line)).facts
}

const WORKER_MS = 90_000

async function follow(
  { home, worker, killed }: Chaos,
  repo: SmallRepo,
  asked: object,
  said: string[],
): Promise<Program> {
  said.push(`--- ${JSON.stringify(asked)}`)
  const program = start(worker, [JSON.stringify({ cwd: repo.root, ...asked })], {
    env: { FLYBALL_HOME: home, HOME: repo.folder, PATH: process.env.PATH ?? "" },
  })
  const timer = setTimeout(() => {
    said.push(`HUNG for ${WORKER_MS / 1000} s`)
    program.child.kill("SIGKILL")
  }, WORKER_MS)
  const exit = await program.exit
  clearTimeout(timer)
  for (const line of program.lines) {
    if (!line.startsWith("{")) continue
    const told = JSON.parse(line)
    if (told.killed !== undefined) killed(told.killed)
    if (told.facts === undefined) said.push(line.slice(0, 2_000))
  }
  said.push(`exit ${exit.code ?? exit.signal}`, program.stderr())
  return program
}

/** A folder for FLYBALL_HOME, and how to be rid of it and its database. */
export async function chaosHome(parent: string, worker: string): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(parent, "flyball-chaos-"))
  return {
    path,
    async remove() {
      const { child } = start(worker, [JSON.stringify({ do: "remove", cwd: "/" })], {
        env: { FLYBALL_HOME: path, HOME: path },
      })
      await once(child, "close")
    },
  }
}
