import { type StepName, stepNames } from "../../src/engine/engine.ts"

/** Whom a kill hits: the process that carries the work, the maker's tree, or one of those that look after both. */
export const targets = ["cli", "agent", "watchdog", "postmaster", "supervisor"] as const
export type Target = (typeof targets)[number]

/** Where a run can die: at the steps of a change, and while it asks those who come before a change, or after it. */
export const places = [...stepNames, "triage", "learn"] as const
export type Place = StepName | "triage" | "learn"

export type Kill = {
  target: Target
  step: Place
  phase: "begun" | "acted"
  /** At which occurrence of this step and phase, from 1. */
  nth: number
  /** So long after it; 0 is in that very moment. */
  delayMs: number
}

/** Numbers between 0 and 1 that the same seed gives again. */
export type Dice = () => number

/** A small generator of its own (mulberry32), so that a seed means the same on every machine. */
export function openDice(seed: number): Dice {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Every step and phase in turn: none is hit more often than another, as far as runs come to it. */
export function* strata(steps: readonly Place[], dice: Dice): Generator<Pick<Kill, "step" | "phase">, never> {
  const all = steps.flatMap((step) => (["begun", "acted"] as const).map((phase) => ({ step, phase })))
  for (;;) for (const each of shuffled(all, dice)) yield each
}

/** What happens to one run: some of those beside it are killed, and then, most often, it itself. */
export function planRun(next: () => Pick<Kill, "step" | "phase">, dice: Dice): Kill[] {
  const kills: Kill[] = []
  for (const nth of [1, 2, 3, 4])
    if (dice() < 0.5) kills.push({ target: "agent", step: "make", phase: "begun", nth, delayMs: upTo(200, dice) })
  if (dice() < 0.3) kills.push({ target: "agent", ...late(dice() < 0.5 ? "plan" : "triage", dice) })
  if (dice() < 0.5) kills.push({ target: "watchdog", ...late("make", dice) })
  if (dice() < 0.25) kills.push({ target: "postmaster", ...next(), nth: 1, delayMs: soon(dice) })
  if (dice() < 0.2) kills.push({ target: "supervisor", ...next(), nth: 1, delayMs: soon(dice) })
  if (dice() < 0.9) kills.push({ target: "cli", ...once(next(), dice), delayMs: soon(dice) })
  return kills
}

/** At one of the first times; who is asked beside the changes is asked once in a run, and only its beginning is told. */
function once({ step, phase }: Pick<Kill, "step" | "phase">, dice: Dice): Pick<Kill, "step" | "phase" | "nth"> {
  return step === "triage" || step === "learn" ? { step, phase: "begun", nth: 1 } : { step, phase, nth: upTo(4, dice) }
}

/** What happens to an approval: it verifies and lands, and starts no agent. */
export function planLanding(dice: Dice): Kill[] {
  const steps = ["load", "verify", "ship", "ship", "finish"] as const
  const kill = (target: Target): Kill => ({
    target,
    step: steps[Math.floor(dice() * steps.length)] ?? "ship",
    phase: dice() < 0.5 ? "begun" : "acted",
    nth: 1,
    delayMs: dice() < 0.5 ? 0 : upTo(100, dice),
  })
  return [...(dice() < 0.2 ? [kill("postmaster")] : []), ...(dice() < 0.85 ? [kill("cli")] : [])]
}

function late(step: Place, dice: Dice): Omit<Kill, "target"> {
  return { step, phase: "begun", nth: 1, delayMs: 100 + upTo(100, dice) }
}

/** On the point itself half of the time, and else within a quarter of a second. */
function soon(dice: Dice): number {
  return dice() < 0.5 ? 0 : upTo(250, dice)
}

function upTo(most: number, dice: Dice): number {
  return 1 + Math.floor(dice() * most)
}

function shuffled<T>(items: readonly T[], dice: Dice): T[] {
  return items
    .map((item) => ({ item, at: dice() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
