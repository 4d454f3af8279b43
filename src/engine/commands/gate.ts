import { Failure } from "../../core/failure.ts"
import type { Finding } from "../../core/finding.ts"
import { layerCheck } from "../../core/judge.ts"
import type { CheckSpec, Layer } from "../../core/loop.ts"
import type { Progress } from "../../core/ports.ts"
import { readChanges } from "../../record/ledger.ts"
import { writeWords } from "../../spec/check-words.ts"
import { nearest } from "../../spec/nearest.ts"
import { changedPaths, commitNamed, refuseIncomplete, uncommitted } from "../gate/commits.ts"
import { checkOf, writtenFinding } from "../gate/given.ts"
import type { Definitions } from "../gate/offered.ts"
import { type Judged, type OpenGate, openGate } from "../gate/open-gate.ts"
import { placesOf } from "../gate/places.ts"
import type { GateReport } from "../gate/report.ts"
import { workingChecks } from "../gate/working.ts"
import { openSession, pickChange } from "../session.ts"
import { lackingTools } from "./tools-here.ts"

export type GateOptions = {
  cwd: string
  base: string
  head: string
  /** A JSON file, `CHECK:ID`, or a change of the ledger. */
  finding?: string
  loop?: string
  /** Commands that take the place of what the project offers. */
  checks?: readonly string[]
  setup?: string
  /** Leaves out what only an agent or a person could say. */
  checksOnly?: boolean
  signal: AbortSignal
  progress: Progress
}

/** Judges one change by hand. Nothing of the repository is written, and no database is needed unless a change is named. */
export async function judgeByHand(options: GateOptions): Promise<GateReport> {
  const { cwd, signal, progress, loop, setup } = options
  const started = performance.now()
  const unlent = new Set<string>()
  const heard: Progress = (said) => {
    if (NOT_LENT.test(said.text)) unlent.add(said.text)
    progress(said)
  }
  await using gate = await openGate({ cwd, loop, setup, progress: heard, signal })
  const [base, head] = [
    await commitNamed(gate.source, cwd, options.base, signal),
    await commitNamed(gate.source, cwd, options.head, signal),
  ]
  await refuseIncomplete(cwd, base.sha, head.sha, signal)
  const notes = [base.note, head.note].flatMap((note) => note ?? [])
  const dirty = await uncommitted(cwd, signal)
  if (dirty > 0)
    notes.push(`Your checkout has ${dirty === 1 ? "a change" : `${dirty} changes`} that no commit holds: not judged.`)
  const definitions = await definitionsFor(gate, base.sha, options, notes)
  const finding = options.finding === undefined ? undefined : await findingOf(options.finding, definitions, options)
  const judged = await gate.gate(base.sha, head.sha, finding, { definitions, lastWord: true })
  signal.throwIfAborted()
  notes.push(...unseenIds(finding, judged))
  if (judged.asks === "infrastructure")
    notes.push(...[...unlent].map((text) => `${text}. \`--setup "npm ci"\`, or whatever installs them, brings them.`))
  const paths = await changedPaths(gate.repo.gitDir, base.sha, head.sha, signal)
  return reportOf(judged, { gate, base, head, finding, paths, notes, ms: Math.round(performance.now() - started) })
}

async function definitionsFor(
  gate: OpenGate,
  base: string,
  options: GateOptions,
  notes: string[],
): Promise<Definitions> {
  const { loop, checks = [], checksOnly = false } = options
  const found = await gate.definitionsAt(base)
  if (loop !== undefined) {
    if (!checksOnly || found.layers === undefined) return found
    const left = found.layers.filter((layer) => layer.by !== "check")
    notes.push(...left.map((layer) => `Left out: ${wordsOf(layer)}, which the loop requires.`))
    return { ...found, layers: found.layers.filter((layer) => layer.by === "check") }
  }
  if (checks.length > 0) {
    const given = await Promise.all(checks.map((command) => checkOf(command, gate.source, base)))
    return { ...found, checks: byName(given) }
  }
  const lacking = await lackingTools(gate.source, Object.values(found.checks))
  const left = lacking.filter(({ check }) => ["lint", "types"].includes(found.checks[check]?.kind ?? ""))
  notes.push(...left.map(({ check, needs }) => `\`${check}\` is left out: ${needs} is not installed here.`))
  const here = Object.values(found.checks).filter(({ name }) => !left.some(({ check }) => check === name))
  const { prober } = gate.toolsFor(found)
  const { kept, left: broken } = await workingChecks(here, (check) => prober.measure(check, base, options.signal))
  options.signal.throwIfAborted()
  notes.push(...broken.map(({ check, why }) => `\`${check}\` is left out: it can't be measured on the base (${why}).`))
  if (!kept.some(({ kind }) => kind === "tests"))
    notes.push(
      "The project offers no tests: nothing shows that what worked still works. Name a command with `--check`.",
    )
  return { ...found, checks: byName(kept) }
}

function byName(checks: readonly CheckSpec[]): Record<string, CheckSpec> {
  return Object.fromEntries(checks.map((check) => [check.name, check]))
}

async function findingOf(wanted: string, { checks }: Definitions, { cwd, signal }: GateOptions): Promise<Finding> {
  const written = await writtenFinding(wanted, cwd, checks)
  if (written !== undefined) return written
  if (/[/\\]|\.json$/.test(wanted))
    throw new Failure("NO_SUCH_FINDING", `There is no file ${wanted}, and no change of that name.`, {
      hint: "A JSON file, `CHECK:ID` (`tests_pass:test/cart.test.js > adds up`), or the id of a change.",
    })
  await using session = await openSession({ cwd, signal })
  const changes = await readChanges(session.db, { repo: session.repo.key })
  return pickChange(changes, wanted).finding
}

/** A finding's ids that nothing measured knows: a name that was mistyped reads as a test that is gone. */
function unseenIds(finding: Finding | undefined, { measurements }: Judged): string[] {
  const { check, ids = [] } = finding?.reproduce ?? {}
  const reports = measurements.flatMap((each) =>
    each.check === check && each.result.is === "report" && each.result.report.kind === "tests"
      ? [each.result.report.tests.map(({ id }) => id)]
      : [],
  )
  const seen = new Set(reports.flat())
  if (seen.size === 0) return []
  return ids
    .filter((id) => !seen.has(id))
    .map((id) => {
      const near = nearest(id, [...seen])
      const meant =
        near === undefined ? ` There are: ${[...seen].slice(0, 3).join("; ")}.` : ` Did you mean \`${near}\`?`
      return `\`${id}\` is no test that ran, on the base or on the change.${meant}`
    })
}

/** Of dependencies: said where a tree asks for others than are installed in the checkout. */
const NOT_LENT = / is not lent to the checkout: /

type Facts = {
  gate: OpenGate
  base: { name: string; sha: string }
  head: { name: string; sha: string }
  finding: Finding | undefined
  paths: readonly string[]
  notes: string[]
  ms: number
}

function reportOf(judged: Judged, { gate, base, head, finding, paths, notes, ms }: Facts): GateReport {
  const { verdict, evidence, measurements, layers, asks, tree } = judged
  const { kind } = gate.sandbox
  const reason = verdict.is === "accept" ? undefined : verdict.is === "retry" ? verdict.feedback : verdict.reason
  return {
    repo: gate.source.root,
    base: { name: base.name, sha: base.sha },
    head: { name: head.name, sha: head.sha },
    ...(tree === undefined ? {} : { tree }),
    verdict: verdict.is,
    ...(reason === undefined ? {} : { reason }),
    ...(asks === undefined ? {} : { asks }),
    ...(finding === undefined ? {} : { finding: shown(finding) }),
    layers: layers.map(wordsOf),
    checks: evidence.map((each) => ({ ...each, ms: Math.round(each.ms), places: placesOf(each, measurements, paths) })),
    sandboxed: kind.is === "bubblewrap",
    sandbox: kind.is === "bubblewrap" ? `bubblewrap ${kind.version}` : kind.why,
    notes,
    ms,
  }
}

function shown({ title, reproduce }: Finding): NonNullable<GateReport["finding"]> {
  return { title, ids: reproduce?.ids ?? [], ...(reproduce === undefined ? {} : { check: reproduce.check }) }
}

function wordsOf(layer: Layer): string {
  return layer.by === "check" ? writeWords(layer.expr) : layerCheck(layer)
}
