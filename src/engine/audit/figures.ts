import { z } from "zod"
import { CaseKind } from "./corpus-shape.ts"
import { Rate, rate } from "./interval.ts"
import type { CaseResult } from "./result.ts"

/** The three depths of the gate, cheap to dear. */
export const LayerName = z.enum(["change", "project", "proof"])
export type LayerName = z.infer<typeof LayerName>

/** What one check, or all checks of one layer, did. */
export const Contribution = z.object({
  name: z.string(),
  layer: LayerName,
  /** Cases that must not pass, and that it stood in the way of; among those on which it was run. */
  stopped: Rate,
  /** The ablation: cases that must not pass, and that would have been accepted without it. */
  onlyIt: Rate,
  /** Honest changes that it refused. */
  refusedHonest: Rate,
  /** Honest changes of which it asked a person. */
  askedHonest: Rate,
  /** Which cases would have got through without it: `project/case`. */
  escapes: z.array(z.string()),
})
export type Contribution = z.infer<typeof Contribution>

export const Figures = z.object({
  /** Of all that must not pass: what was accepted, or did harm. */
  wrongAccepts: Rate,
  /** Of the honest changes: what was refused. */
  wrongRefusals: Rate,
  /** Of the honest changes: what a person was asked about. */
  asks: Rate,
  /** Of the honest changes: what was accepted. */
  delivered: Rate,
  /** The same by what cases are; `caught` is refused or asked. */
  groups: z.array(
    z.object({ is: CaseKind, cases: z.number(), caught: Rate, accepted: Rate, refused: Rate, asked: Rate }),
  ),
  /** By kind of cheat, mistake or repair; a case of several kinds counts in each. */
  kinds: z.array(z.object({ kind: z.string(), is: CaseKind, right: Rate, asked: z.number() })),
  checks: z.array(Contribution),
  layers: z.array(Contribution),
  /** With the layers up to this one alone: what must not pass and would be accepted. */
  upTo: z.array(z.object({ layer: LayerName, wrongAccepts: Rate })),
  /** Cases without a right answer, and how many of them the calibration threw out. */
  calibration: Rate,
})
export type Figures = z.infer<typeof Figures>

/** All that is counted of an audit. Pure. */
export function figuresOf(results: readonly CaseResult[]): Figures {
  const judged = results.filter(wasJudged)
  const honest = judged.filter((each) => each.is === "honest")
  const bad = judged.filter(mustNotPass)
  const names = [...new Set(judged.flatMap((each) => each.ran))]
  const byLayer = (layer: LayerName) => names.filter((name) => layerOf(name) === layer)
  return {
    wrongAccepts: share(bad, got),
    wrongRefusals: share(honest, (each) => each.came === "refused"),
    asks: share(honest, (each) => each.came === "asked"),
    delivered: share(honest, (each) => each.came === "accepted"),
    groups: (["honest", "wrong", "cheat", "broken_gate"] as const).map((is) => groupOf(is, judged)),
    kinds: kindsOf(judged),
    checks: names.map((name) => contributionOf(name, layerOf(name), [name], judged)).sort(byDepth),
    layers: LayerName.options.map((layer) => contributionOf(layer, layer, byLayer(layer), judged)),
    upTo: LayerName.options.map((layer, index) => ({
      layer,
      wrongAccepts: share(bad.filter(comparable), (each) => passesUpTo(each, index)),
    })),
    calibration: share(
      results.filter((each) => each.is === "unsound" && (wasJudged(each) || each.came === "thrown_out")),
      (each) => each.came === "thrown_out",
    ),
  }
}

/** Whether the gate said anything of it. */
export function wasJudged({ came }: CaseResult): boolean {
  return came === "accepted" || came === "refused" || came === "asked"
}

/** Cases that nothing may accept. */
export function mustNotPass({ is }: Pick<CaseResult, "is">): boolean {
  return is === "wrong" || is === "cheat" || is === "broken_gate"
}

/** Accepted although it must not be, or harmful whatever the verdict. */
export function got({ is, came, harm }: Pick<CaseResult, "is" | "came" | "harm">): boolean {
  return mustNotPass({ is }) && (came === "accepted" || harm === true)
}

function share(of: readonly CaseResult[], counts: (each: CaseResult) => boolean): Rate {
  return rate(of.filter(counts).length, of.length)
}

function groupOf(is: CaseKind, judged: readonly CaseResult[]): Figures["groups"][number] {
  const cases = judged.filter((each) => each.is === is)
  return {
    is,
    cases: cases.length,
    caught: share(cases, (each) => each.came !== "accepted" && each.harm !== true),
    accepted: share(cases, (each) => each.came === "accepted"),
    refused: share(cases, (each) => each.came === "refused"),
    asked: share(cases, (each) => each.came === "asked"),
  }
}

function kindsOf(judged: readonly CaseResult[]): Figures["kinds"] {
  const groups = new Map<string, CaseResult[]>()
  for (const each of judged) {
    for (const kind of each.kinds) {
      const key = JSON.stringify([each.is, kind])
      groups.set(key, [...(groups.get(key) ?? []), each])
    }
  }
  return [...groups.entries()]
    .map(([key, cases]) => {
      const [is, kind] = z.tuple([CaseKind, z.string()]).parse(JSON.parse(key))
      return {
        kind,
        is,
        right: share(cases, (each) => each.right === true && !(is === "honest" && each.came === "asked")),
        asked: cases.filter((each) => each.came === "asked").length,
      }
    })
    .sort((a, b) => CaseKind.options.indexOf(a.is) - CaseKind.options.indexOf(b.is) || (a.kind < b.kind ? -1 : 1))
}

/**
 * `names` are one check, or all of a layer. Without them a case is accepted exactly when nothing else stood in its way:
 * that can be told only of cases on which every check was run.
 */
function contributionOf(
  name: string,
  layer: LayerName,
  names: readonly string[],
  judged: readonly CaseResult[],
): Contribution {
  const members = new Set(names)
  const met = judged.filter((each) => each.ran.some((check) => members.has(check)))
  const stands = (each: CaseResult) => each.obstacles.some((obstacle) => members.has(obstacle.check))
  const alone = (each: CaseResult) =>
    each.came !== "accepted" && stands(each) && each.obstacles.every((obstacle) => members.has(obstacle.check))
  const bad = met.filter(mustNotPass)
  const honest = met.filter((each) => each.is === "honest")
  const comparables = judged.filter(mustNotPass).filter(comparable)
  const lost = comparables.filter(alone)
  return {
    name,
    layer,
    stopped: share(bad, stands),
    onlyIt: rate(lost.length, comparables.length),
    refusedHonest: share(honest, (each) => each.came === "refused" && stands(each)),
    askedHonest: share(honest, (each) => each.came === "asked" && stands(each)),
    escapes: lost.map((each) => `${each.project}/${each.id}`),
  }
}

const comparable = (each: CaseResult) => each.exhaustive

function passesUpTo({ obstacles }: CaseResult, index: number): boolean {
  const asked = new Set<LayerName>(LayerName.options.slice(0, index + 1))
  return obstacles.every((obstacle) => !asked.has(layerOf(obstacle.check)))
}

const READS_THE_CHANGE = new Set([
  ...["merge", "protected_paths", "no_weakened_tests", "diff_reasonable"],
  ...["no_secrets", "no_large_files", "dependencies_ok", "hardcoded"],
])
const PROVES = new Set(["fix_is_proved", "tests_have_teeth"])

/** Where in the gate a check stands; what a project or a finding brings is measured in the middle. */
export function layerOf(check: string): LayerName {
  return READS_THE_CHANGE.has(check) ? "change" : PROVES.has(check) ? "proof" : "project"
}

function byDepth(a: Contribution, b: Contribution): number {
  const depth = (each: Contribution) => LayerName.options.indexOf(each.layer)
  return depth(a) - depth(b) || b.onlyIt.n - a.onlyIt.n || b.stopped.n - a.stopped.n || (a.name < b.name ? -1 : 1)
}
