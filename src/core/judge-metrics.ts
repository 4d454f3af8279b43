import type { Judgement } from "./judge-measured.ts"
import type { Metric } from "./loop.ts"

/** One metric as it stands on both sides, or why it could not be read there. */
export type MetricReading = { metric: Metric; base: Reading; head: Reading }
export type Reading = { is: "number"; value: number } | { is: "error"; why: string }

type Target = { value: number; met(value: number): boolean }

/**
 * Judges a goal's metrics: the head never moves one away from its target, and takes at least one of those that are not
 * met nearer to it. What can't be read on the head alone is the maker's, on both sides the infrastructure's.
 */
export function judgeMetrics(readings: readonly MetricReading[]): Judgement {
  const told: string[] = []
  const bad: { name: string; text: string }[] = []
  const broken: { text: string; blame: "maker" | "infrastructure" | "person" }[] = []
  let open = 0
  let nearer = 0
  for (const { metric, base, head } of readings) {
    const target = readTarget(metric, base)
    if (target === undefined) {
      broken.push({ blame: "person", text: `${metric.name}: its target \`${metric.target}\` can't be read` })
    } else if (head.is === "error") {
      const both = base.is === "error"
      broken.push({ blame: both ? "infrastructure" : "maker", text: `${metric.name}: ${head.why}` })
    } else {
      const was = base.is === "number" ? base.value : undefined
      const text = `${metric.name} ${was ?? "unread"} → ${head.value} (target ${metric.target})`
      told.push(text)
      if (target.met(head.value)) continue
      open += 1
      if (was === undefined) bad.push({ name: metric.name, text: `${text}: not met, and the base could not be read` })
      else if (target.met(was) || distance(head.value, target) > distance(was, target))
        bad.push({ name: metric.name, text: `${text}: it moves away from its target` })
      else if (distance(head.value, target) < distance(was, target)) nearer += 1
    }
  }
  return verdict({ told, bad, broken, open, nearer, ran: readings.length })
}

type Counted = {
  told: string[]
  bad: { name: string; text: string }[]
  broken: { text: string; blame: "maker" | "infrastructure" | "person" }[]
  open: number
  nearer: number
  ran: number
}

function verdict({ told, bad, broken, open, nearer, ran }: Counted): Judgement {
  const facts = { ran, preexisting: [], caveats: [] }
  if (ran === 0)
    return { ...facts, outcome: "skipped", blame: "person", summary: "The goal declares no metrics.", failing: [] }
  const [stuck] = broken.filter(({ blame }) => blame !== "maker")
  if (stuck !== undefined) return { ...facts, outcome: "error", blame: stuck.blame, summary: stuck.text, failing: [] }
  const [lost] = broken
  if (lost !== undefined) {
    const feedback = `A metric of the goal can be read on the base, and not with your change: ${lost.text}`
    return { ...facts, outcome: "error", blame: "maker", summary: lost.text, feedback, failing: [] }
  }
  if (bad.length > 0) {
    const lines = bad.map(({ text }) => `- ${text}`)
    return {
      ...facts,
      outcome: "fail",
      blame: "maker",
      summary: bad.map(({ text }) => text).join("; "),
      feedback: ["The goal's metrics:", ...lines].join("\n"),
      failing: bad.map(({ name }) => `metric: ${name}`).sort(),
    }
  }
  if (open > 0 && nearer === 0) {
    const summary = `no metric of the goal comes nearer to its target: ${told.join("; ")}`
    return { ...facts, outcome: "fail", blame: "maker", summary, feedback: summary, failing: ["metric: none nearer"] }
  }
  const left = open === 0 ? "every target met" : `${open} not met yet, ${nearer} nearer`
  return { ...facts, outcome: "pass", summary: `${left}: ${told.join("; ")}`, failing: [] }
}

function distance(value: number, target: Target): number {
  return target.met(value) ? 0 : Math.abs(value - target.value)
}

const COMPARISON = /^\s*(<=|>=|<|>|==?|≤|≥)?\s*(-?\d+(?:[_,]\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?)\s*(?:%|[a-zµ/]+)?\s*$/i

/** `0`, `"<= 200ms"`, `"80%"`: a number and which way is good; unsaid, the way that leads there from the base. */
export function readTarget(
  { target, direction }: Pick<Metric, "target" | "direction">,
  base?: Reading,
): Target | undefined {
  const match = COMPARISON.exec(String(target))
  const value = Number((match?.[2] ?? "").replace(/[_,]/g, ""))
  if (match === null || match[2] === undefined || !Number.isFinite(value)) return undefined
  const operator = match[1] ?? operatorFor(direction, value, base)
  switch (operator) {
    case "<":
      return { value, met: (number) => number < value }
    case "<=":
    case "≤":
      return { value, met: (number) => number <= value }
    case ">":
      return { value, met: (number) => number > value }
    case ">=":
    case "≥":
      return { value, met: (number) => number >= value }
    default:
      return { value, met: (number) => number === value }
  }
}

function operatorFor(direction: Metric["direction"], value: number, base: Reading | undefined): string {
  if (direction !== undefined) return direction === "down" ? "<=" : ">="
  if (base?.is !== "number" || base.value === value) return "="
  return base.value > value ? "<=" : ">="
}

/** The last number that a command printed; undefined where it printed none. */
export function lastNumber(text: string): number | undefined {
  const found = text.match(/(?<![\w.])[-+]?(?:\d+(?:,\d{3})+|\d+)(?:\.\d+)?(?:e[-+]?\d+)?/gi)?.at(-1)
  const value = found === undefined ? Number.NaN : Number(found.replaceAll(",", ""))
  return Number.isFinite(value) ? value : undefined
}
