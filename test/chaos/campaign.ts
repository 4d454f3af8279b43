import { tmpdir } from "node:os"
import { bundle } from "../programs.ts"
import type { Finding } from "./inspect.ts"
import { type Kill, openDice, places, strata, targets } from "./plan.ts"
import { flavours } from "./project.ts"
import { chaosHome, playRound } from "./round.ts"

export type Campaign = { seed: number; kills: number; minutes: number; say: (text: string) => void }
export type Outcome = {
  kills: number
  rounds: number
  minutes: number
  byTarget: Record<string, number>
  byStep: Record<string, number>
  wrong: (Finding & { round: number })[]
}

/** Kills until there were enough or the time is over. What is wrong is told with the seed, the story and the ledger. */
export async function campaign({ seed, kills, minutes, say }: Campaign): Promise<Outcome> {
  const programs = await bundle(
    "test/chaos/fixtures/chaos-worker.ts",
    "replay=src/make/replay-main.ts",
    "watchdog=src/isolate/watchdog-main.ts",
  )
  const worker = programs.path("chaos-worker")
  const home = await chaosHome(tmpdir(), worker)
  const dice = openDice(seed)
  const kinds = strata(places, dice)
  const started = performance.now()
  const spent = () => (performance.now() - started) / 60_000
  const outcome: Outcome = {
    kills: 0,
    rounds: 0,
    minutes: 0,
    byTarget: counts(targets),
    byStep: counts(places),
    wrong: [],
  }
  try {
    const goesOn = () => outcome.kills < kills && spent() < minutes
    while (goesOn()) {
      const killed = (kill: Kill) => {
        outcome.kills++
        outcome.byTarget[kill.target] = (outcome.byTarget[kill.target] ?? 0) + 1
        outcome.byStep[kill.step] = (outcome.byStep[kill.step] ?? 0) + 1
      }
      outcome.rounds++
      const flavour = flavours[(seed + outcome.rounds) % flavours.length] ?? flavours[0]
      if (flavour === undefined) break
      const chaos = { home: home.path, worker, dice, next: () => kinds.next().value, goesOn, killed }
      const round = await playRound(chaos, flavour)
      outcome.wrong.push(...round.wrong.map((each) => ({ ...each, round: outcome.rounds })))
      say(
        `round ${outcome.rounds} (${flavour.name}): ${outcome.kills} kills in ${spent().toFixed(1)} min, ${round.wrong.length} wrong`,
      )
      if (round.wrong.length === 0) continue
      say(
        `seed ${seed}, round ${outcome.rounds}: ${round.wrong.map((each) => `${each.is}: ${each.what}`).join("\n  ")}`,
      )
      say([...round.said, "ledger:", ...(round.facts?.ledger ?? [])].join("\n"))
    }
  } finally {
    await home.remove()
    await programs.remove()
  }
  return { ...outcome, minutes: spent() }
}

/** What must be zero, and how often it was not; and what was killed where. */
export function report({ kills, rounds, minutes, byTarget, byStep, wrong }: Outcome, seed: number): string {
  const of = (is: Finding["is"]) => wrong.filter((each) => each.is === is).length
  const told = (all: Record<string, number>) =>
    Object.entries(all)
      .map(([name, count]) => `${name} ${count}`)
      .join(", ")
  return [
    `${kills} kills in ${rounds} rounds and ${minutes.toFixed(1)} minutes (${(kills / minutes).toFixed(0)} a minute), seed ${seed}`,
    `  killed: ${told(byTarget)}`,
    `  at: ${told(byStep)}`,
    `  findings lost ${of("finding_lost")}, proposals doubled ${of("proposal_doubled")}, money uncounted ${of("money_uncounted")}`,
    `  workspaces and files left ${of("left_behind")}, processes left ${of("process_left")}, work without an end ${of("unfinished")}`,
  ].join("\n")
}

function counts(names: readonly string[]): Record<string, number> {
  return Object.fromEntries(names.map((name) => [name, 0]))
}
