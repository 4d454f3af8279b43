import { z } from "zod"
import { MakerStop, type Plan, type Planning } from "./event.ts"
import { closingJson } from "./review.ts"
import { inert, inertLine, repositoryPath } from "./untrusted.ts"

/*
 * What a planner answers before a maker's money is spent, as the last line of its last message. It stands in core because
 * make/ asks agents for it and engine/ reads it.
 */

const words = (most: number) => z.array(z.string().trim().min(1).max(1_000)).max(most)

/** One flat object, since not every provider holds a model to a choice of two: a plan, or a stop with its reason. */
export const PlanAnswer = z.strictObject({
  approach: words(20).nullish(),
  /** Files and folders that will be touched, from the repository's root. */
  scope: z.array(z.string().max(400)).max(50).nullish(),
  size: z.enum(["small", "medium", "large"]).nullish(),
  risks: words(20).nullish(),
  /** How it will be known to be done. */
  done: words(20).nullish(),
  stop: MakerStop.nullish(),
  reason: z.string().trim().max(8_000).nullish(),
})

/** Reads a planner's answer from the end of what it said; anything but exactly the agreed object is no plan, and why. */
export function parsePlan(said: string): Planning {
  const value = closingJson(said)
  if (value === undefined) return none("its last line is not the agreed JSON")
  const parsed = PlanAnswer.safeParse(value)
  if (!parsed.success) return none(`its answer is malformed: ${inertLine(z.prettifyError(parsed.error), 300)}`)
  const { approach, scope, size, risks, done, stop, reason } = parsed.data
  if (stop !== undefined && stop !== null) {
    if ((approach ?? []).length > 0) return none("its answer is malformed: a plan, and a stop too")
    if (reason === undefined || reason === null || reason === "") return none("its answer is malformed: no reason")
    return { is: "stop", stop, reason: inert(reason, 4_000) }
  }
  const steps = linesOf(approach)
  if (steps.length === 0 || size === undefined || size === null)
    return none("its answer is malformed: a plan has an approach and a size")
  const paths = (scope ?? []).map((path) => ({ path, known: placeOf(path) }))
  const bad = paths.find(({ known }) => known === undefined)
  if (bad !== undefined) return none(`its answer is malformed: no path of the repository: ${inertLine(bad.path, 120)}`)
  return {
    is: "plan",
    plan: {
      approach: steps,
      scope: [...new Set(paths.flatMap(({ known }) => known ?? []))],
      size,
      risks: linesOf(risks),
      done: linesOf(done),
    },
  }
}

/** The paths that a plan did not speak of; none where it named no scope. */
export function outsideOf({ scope }: Plan, paths: readonly string[]): string[] {
  if (scope.length === 0 || scope.includes(".")) return []
  return paths.filter((path) => !scope.some((place) => path === place || path.startsWith(`${place}/`)))
}

/** A plan in lines, for a prompt's fence or a terminal. */
export function planLines({ approach, scope, size, risks, done }: Plan): string[] {
  const listed = (title: string, items: readonly string[]) =>
    items.length === 0 ? [] : [`${title}:`, ...items.map((item) => `- ${item}`)]
  return [
    `size: ${size}`,
    ...listed("approach", approach),
    ...listed("files and folders", scope),
    ...listed("risks", risks),
    ...listed("done when", done),
  ]
}

function none(why: string): Planning {
  return { is: "none", why }
}

function linesOf(texts: readonly string[] | null | undefined): string[] {
  return (texts ?? []).map((text) => inertLine(text, 500)).filter((text) => text !== "")
}

/** A file, or a folder however it is written: `src`, `src/`, `src/**`; the whole repository is `.`. */
function placeOf(path: string): string | undefined {
  const place = path.trim().replace(/(?:\/\**)+$/, "")
  return place === "." || place === "*" || place === "**" ? "." : repositoryPath(place)
}
