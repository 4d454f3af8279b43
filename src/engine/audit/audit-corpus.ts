import { join } from "node:path"
import { asFailure, Failure } from "../../core/failure.ts"
import type { Sandbox } from "../../core/ports.ts"
import { detectSandbox } from "../../isolate/sandbox.ts"
import { version } from "../../version.ts"
import { removeDatabase } from "../postgres/launch.ts"
import { type LoadedProject, loadCorpus } from "./corpus.ts"
import { lacking, nameOf, type OpenProject, openProject, runCase } from "./corpus-project.ts"
import type { CorpusCase } from "./corpus-shape.ts"
import { runMakerCase } from "./maker-case.ts"
import { stratified } from "./order.ts"
import { type AuditPlace, openPlace } from "./place.ts"
import { type AuditReport, reportOf } from "./report.ts"
import { type CaseName, type CaseResult, unmeasured } from "./result.ts"
import { judgeAll, type Told } from "./work.ts"

/** What both kinds of audit are told. */
export type AuditOptions = {
  /** FLYBALL_HOME, where what is measured is remembered. */
  home: string
  seed: number
  /** Only cases that are this, or of this kind: `cheat`, `skip`. */
  only?: string | undefined
  /** At most so many cases, a fair sample of all. */
  sample?: number | undefined
  timeMs: number
  parallel: number
  /** Measures everything anew. */
  fresh: boolean
  signal: AbortSignal
  told: Told
  /** Said while it works. */
  say: (text: string) => void
}

export type CorpusOptions = AuditOptions & {
  /** The corpus's folder. */
  corpus: string
  project?: string | undefined
  /** The command line of Flyball itself, for whole loops. */
  flyball: readonly string[]
}

type Planned = CaseName & { case: CorpusCase; of: LoadedProject }

/** Runs the gate on every case of a corpus, and counts. */
export async function auditCorpus(options: CorpusOptions): Promise<AuditReport> {
  const started = performance.now()
  const at = new Date().toISOString()
  const { corpus, seed, parallel, told } = options
  const cases = chosen(await loadCorpus(corpus, options.project), options)
  await using place = await openPlace(options.home, options)
  const limit = AbortSignal.timeout(options.timeMs)
  const signal = AbortSignal.any([options.signal, limit])
  const sandbox = await detectSandbox({ home: place.home })
  const open = opener(place, sandbox, signal)
  const judge = async (each: Planned): Promise<CaseResult> => {
    const project = await open(each.of)
    if ("lacks" in project) return unmeasured(each, "left_out", project.lacks)
    if (each.case.maker === undefined) return runCase(project, each.case)
    return runMakerCase(project, each.case, { flyball: options.flyball, home: place.home })
  }
  try {
    const results = await judgeAll(cases, judge, { parallel, signal, told })
    return reportOf({
      of: { is: "corpus", name: options.project ?? "the corpus" },
      version,
      at,
      seed,
      sandbox: sandbox.kind.is,
      ended: endedBy(options.signal, limit, results),
      ms: Math.round(performance.now() - started),
      notes: notesOn(results),
      cases: inOrder(results),
    })
  } finally {
    if (cases.some((each) => each.case.maker !== undefined)) await removeDatabase(place.home).catch(() => {})
  }
}

/** How an audit ended: whoever stopped it first is named, and only where something was left. */
export function endedBy(person: AbortSignal, limit: AbortSignal, results: readonly CaseResult[]): AuditReport["ended"] {
  if (!results.some((each) => each.came === "not_reached")) return "complete"
  return person.aborted ? "interrupted" : limit.aborted ? "time" : "complete"
}

/** As they are read: by project and id, whatever order they were run in. */
export function inOrder(results: readonly CaseResult[]): CaseResult[] {
  const key = ({ project, id }: CaseResult) => `${project}/${id}`
  return [...results].sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** Only what was asked for, in the seed's order, so that whatever is reached is a fair sample. */
export function sampled<T extends CaseName>(all: readonly T[], { only, seed, sample }: AuditOptions): T[] {
  const wanted = all.filter((each) => only === undefined || each.is === only || each.kinds.includes(only))
  if (only !== undefined && wanted.length === 0) {
    const known = [...new Set(all.flatMap((each) => [each.is, ...each.kinds]))].sort()
    throw new Failure("NO_SUCH_KIND", `There is no case of the kind \`${only}\`.`, {
      hint: known.length === 0 ? "There is no case here at all." : `Here are: ${known.slice(0, 60).join(", ")}.`,
    })
  }
  const order = stratified(wanted, seed, {
    stratum: (each) => `${each.is} ${each.kinds[0]}`,
    id: (each) => `${each.project}/${each.id}`,
  })
  return order.slice(0, sample ?? order.length)
}

function chosen(projects: readonly LoadedProject[], options: AuditOptions): Planned[] {
  const all = projects.flatMap((of) => of.cases.map((each): Planned => ({ ...nameOf(of, each), case: each, of })))
  return sampled(all, options)
}

type Opened = OpenProject | { lacks: string }

/** Opens each project when its first case comes, once. */
function opener(place: AuditPlace, sandbox: Sandbox, signal: AbortSignal): (of: LoadedProject) => Promise<Opened> {
  const known = new Map<string, Promise<Opened>>()
  const open = async (of: LoadedProject): Promise<Opened> => {
    const missing = await lacking(of)
    if (missing.length > 0) return { lacks: `${missing.join(", ")} is not installed here` }
    const folder = join(place.folder, of.project)
    place.remember(join(folder, "data"), of.project)
    try {
      return await openProject(of, { folder, sandbox, store: { folder: place.store, signal }, signal })
    } catch (thrown) {
      const failure = asFailure(thrown)
      if (failure.code !== "CORPUS_FETCH_FAILED") throw thrown
      return { lacks: failure.message }
    }
  }
  return (of) => {
    const opened = known.get(of.project) ?? open(of)
    known.set(of.project, opened)
    return opened
  }
}

/** Why cases were not measured, once for each reason, and which ones could do more than they should. */
export function notesOn(results: readonly CaseResult[]): string[] {
  const reasons = new Map<string, number>()
  for (const { project, is, came, says } of results) {
    if (came !== "left_out" && (came !== "thrown_out" || is === "unsound")) continue
    const line = `${project}: ${came === "left_out" ? "left out" : "thrown out"}: ${says.split("\n")[0]?.slice(0, 300)}`
    reasons.set(line, (reasons.get(line) ?? 0) + 1)
  }
  const left = [...reasons.entries()].map(([line, n]) => `${n} ${n === 1 ? "case" : "cases"} of ${line}`)
  const open = results.filter((each) => each.sandboxed === false).length
  if (open === 0) return left
  return [
    ...left,
    `${open} whole ${open === 1 ? "loop" : "loops"} ran without a sandbox: what a script could reach counts as harm`,
  ]
}
