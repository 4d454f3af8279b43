import type { Measurement, NumberSeries } from "./evidence.ts"
import type { Judgement } from "./judge-measured.ts"

/** Less than this is no regression that anybody would act on, however well it is measured. */
const LEAST_MARGIN = 0.05
/** A margin above this hides what people would call a regression: nothing is claimed then. */
const MOST_MARGIN = 0.2
/** So many standard errors of the two medians are noise. */
const STANDARD_ERRORS = 3
/** So many pairs of a head's and a base's run must agree before one is called worse than the other. */
const AGREEING = 0.95
const MAX_LISTED = 20

/** One number beside the same number of the base. `worse` is the ratio of medians, 1.2 for a fifth worse, whichever way is better. */
type Compared = {
  id: string
  is: "worse" | "fine" | "unclear" | "gone"
  worse: number
  margin: number
  text: string
}

/**
 * Judges numbers that were measured in turn on base and head: worse beyond the noise that the runs themselves show is the
 * maker's to mend, too noisy to tell is a person's question, and never a pass.
 */
export function judgeNumbers(base: readonly Measurement[], head: readonly Measurement[]): Judgement {
  const before = seriesOf(base)
  const after = seriesOf(head)
  const check = head[0]?.check ?? ""
  if (before.size === 0)
    return unmeasured("infrastructure", "It could not be measured on the base, so there is nothing to compare with.")
  const compared = [...before].map(([id, series]) => compare(id, series, after.get(id)))
  const fresh = [...after.keys()].filter((id) => !before.has(id))
  const of = (is: Compared["is"]) => compared.filter((each) => each.is === is)
  const bad = [...of("gone"), ...of("worse")]
  const rounds = Math.min(base.length, head.length)
  const caveats = [
    ...(rounds < 2 ? ["Measured once on each side: how much it varies from run to run is not known."] : []),
    ...(fresh.length === 0 ? [] : [`Not on the base, so compared with nothing: ${listed(fresh)}.`]),
  ]
  const facts = { ran: compared.length, preexisting: [], caveats }
  if (bad.length > 0) {
    const lines = bad.slice(0, MAX_LISTED).map(({ id, text }) => `- ${id} ${text}`)
    return {
      ...facts,
      outcome: "fail",
      blame: "maker",
      summary: `worse than the base: ${bad
        .slice(0, 3)
        .map(({ id, text }) => `${id} ${text}`)
        .join("; ")}`,
      feedback: [`\`${check}\` is worse with your change than on the base:`, ...lines].join("\n"),
      failing: bad.map(({ id }) => id).sort(),
    }
  }
  const unclear = of("unclear")
  if (unclear.length > 0) {
    const first = unclear[0]
    return {
      ...unmeasured(
        "person",
        `too noisy to tell: ${unclear.length} of ${compared.length}, such as ${first?.id} ${first?.text}`,
      ),
      ran: compared.length,
      caveats,
    }
  }
  const widest = Math.max(...compared.map(({ margin }) => margin))
  const most = compared.reduce((a, b) => (b.worse > a.worse ? b : a))
  return {
    ...facts,
    outcome: "pass",
    summary: `${count(compared.length, "number")}, ${count(rounds, "round")} on each side: none worse beyond the noise (${most.id} ${most.text})`,
    failing: [],
    caveats: [...caveats, `What is worse by less than ${percent(widest)} would not be seen.`],
  }
}

function compare(id: string, base: Pooled, head: Pooled | undefined): Compared {
  if (head === undefined) return { id, is: "gone", worse: 1, margin: 0, text: "is gone; the base measures it" }
  const lower = base.better === "lower"
  const from = median(base.values)
  const to = median(head.values)
  const worse = lower ? ratio(to, from) : ratio(from, to)
  const margin = Math.max(
    LEAST_MARGIN,
    STANDARD_ERRORS * Math.hypot(standardError(base.values), standardError(head.values)),
  )
  const unit = base.unit === undefined ? "" : ` ${base.unit}`
  const change =
    from === 0 ? "" : ` (${to >= from ? "+" : "−"}${percent(Math.abs(to / from - 1))}, noise ±${percent(margin)})`
  const text = `${short(from)} → ${short(to)}${unit}${change}`
  const pairs = head.values.flatMap((mine) => base.values.map((theirs) => (lower ? mine - theirs : theirs - mine)))
  const share = (holds: (difference: number) => boolean) => pairs.filter(holds).length / pairs.length
  const clearlyWorse = worse > 1 + margin && share((difference) => difference > 0) >= AGREEING
  if (clearlyWorse) return { id, is: "worse", worse, margin, text }
  const neverWorse = share((difference) => difference <= 0) >= AGREEING
  const unclear = !neverWorse && (worse > 1 + margin || margin > MOST_MARGIN)
  return { id, is: unclear ? "unclear" : "fine", worse, margin, text }
}

type Pooled = Pick<NumberSeries, "better" | "unit"> & { values: number[] }

/** One value for each run of the tool; a single run's own samples where there is no other. */
function seriesOf(measurements: readonly Measurement[]): Map<string, Pooled> {
  const pooled = new Map<string, Pooled>()
  for (const { result } of measurements) {
    if (result.is !== "report" || result.report.kind !== "numbers") continue
    for (const { id, unit, better, samples } of result.report.numbers) {
      const known = pooled.get(id) ?? { better, ...(unit === undefined ? {} : { unit }), values: [] }
      known.values.push(...(measurements.length === 1 ? samples : [median(samples)]))
      pooled.set(id, known)
    }
  }
  return pooled
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2
}

/** The relative standard error of a median, from the median absolute deviation: one wild run does not widen it. */
function standardError(values: readonly number[]): number {
  const centre = median(values)
  if (values.length < 2 || centre === 0) return 0
  const deviation = 1.4826 * median(values.map((value) => Math.abs(value - centre)))
  return (1.2533 * deviation) / Math.abs(centre) / Math.sqrt(values.length)
}

function ratio(a: number, b: number): number {
  if (a === b) return 1
  return b === 0 ? Number.POSITIVE_INFINITY : a / b
}

function unmeasured(blame: "infrastructure" | "person", summary: string): Judgement {
  return { outcome: "error", blame, ran: 0, summary, failing: [], preexisting: [], caveats: [] }
}

function short(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`
}

function listed(ids: readonly string[]): string {
  return `${ids.slice(0, 5).join(", ")}${ids.length > 5 ? `, and ${ids.length - 5} more` : ""}`
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`
}
