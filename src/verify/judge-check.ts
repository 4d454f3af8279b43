import type { Evidence, Measurement } from "../core/evidence.ts"
import type { Finding } from "../core/finding.ts"
import { type Judgement, judgeMeasured, type Named } from "../core/judge-measured.ts"
import type { CheckSpec } from "../core/loop.ts"
import { measuredEvidence, type Subject } from "./evidence.ts"
import type { MeasureTree, Overlay } from "./measuring.ts"
import { asSeenApart } from "./new-tests.ts"

/** Both sides of one check. */
export type Measured = { check: CheckSpec; base: Measurement; head: Measurement }

export type Sides = {
  measureTree: MeasureTree
  subject: Subject
  /** The merged tree with the base's copies of existing tests. */
  overlay: Overlay
  signal: AbortSignal
}

/** Measures a check on the base and on the head merged onto it, both by the base's definitions. */
export async function measureBoth(
  check: CheckSpec,
  { measureTree, subject, overlay, signal }: Sides,
): Promise<Measured> {
  const base = await measureBase(check, { measureTree, subject, signal })
  const tree = runsTests(check) ? overlay.tree : subject.tree
  const on = (of: string, purpose: string) => {
    const differences = of === overlay.tree ? overlay.differences : undefined
    const purposed = `${check.name}-${purpose}`
    return measureTree(check, { tree: of, definitionsFrom: subject.base, purpose: purposed, differences, signal })
  }
  const head = await on(tree, "head")
  const apart = runsTests(check) ? overlay.withoutNewTests : undefined
  if (head.result.is === "error")
    return { check, base: await baseAgain(check, base, head, { measureTree, subject, signal }), head }
  if (apart === undefined || base.result.is === "error") return { check, base, head }
  return { check, base, head: asSeenApart(base, await on(apart.tree, "base-tests"), head, apart.moved) }
}

/**
 * What is remembered of the base may be of a machine that still had the tool: before the head is blamed for what may be the
 * machine's, the base is measured as things are now (catalogue T12).
 */
async function baseAgain(
  check: CheckSpec,
  base: Measurement,
  head: Measurement,
  { measureTree, subject, signal }: Omit<Sides, "overlay">,
): Promise<Measurement> {
  const doubtful = head.result.is === "error" && head.result.code !== "stopped" && base.cached
  if (!doubtful || base.result.is === "error") return base
  const { base: commit } = subject
  const given = { tree: commit, definitionsFrom: commit, purpose: `${check.name}-base-again`, fresh: true, signal }
  return measureTree(check, given)
}

/** The base's side alone; whoever measures remembers it by tree and definition. */
export function measureBase(
  check: CheckSpec,
  { measureTree, subject, signal }: Omit<Sides, "overlay">,
): Promise<Measurement> {
  return measureTree(check, {
    tree: subject.base,
    definitionsFrom: subject.base,
    purpose: `${check.name}-base`,
    signal,
  })
}

/** What is linted and compiled is what lands; what is run as a test keeps the base's copies of existing tests. */
export function runsTests(check: CheckSpec): boolean {
  return check.kind === "tests" || check.kind === "exit"
}

/** Measured, judged, and put on record; an edited test whose base copy still fails is said in exactly these words. */
export function judgeCheck(
  { check, base, head }: Measured,
  finding: Finding | undefined,
  overlay: Overlay,
  subject: Subject,
): Evidence {
  const judged = withoutBlindPass(check, judgeMeasured(base, head, namedBy(finding, check)))
  const told = untouched(runsTests(check) ? withEditedTests(judged, head, overlay) : judged, base, head)
  const classed = classOf(told)
  const evidence = measuredEvidence(check.name, { ...subject, tree: head.tree }, told, head)
  const artifacts = base.artifact === undefined || base.artifact === head.artifact ? [] : [base.artifact]
  return {
    ...evidence,
    ...(classed === undefined ? {} : { class: classed }),
    ...(artifacts.length === 0 ? {} : { artifacts }),
  }
}

/** A run that writes to the very files it is judged by shows nothing: what the base's own run writes as well is how the project is. */
function untouched(judged: Judgement, base: Measurement, head: Measurement): Judgement {
  const usual = new Set(base.touched ?? [])
  const touched = (head.touched ?? []).filter((path) => !usual.has(path))
  if (touched.length === 0) return judged
  const listed = touched.slice(0, 5).join(", ")
  const summary = `writes to files of the repository while it is checked: ${listed}`
  const feedback = `Your code changed ${listed} while the check ran, which it does not do on the base, so what the check said of it can't be believed. Source and tests must leave the repository's files as they are; write to a temporary folder.`
  return {
    ...judged,
    outcome: "fail",
    blame: "maker",
    summary: judged.outcome === "pass" ? summary : `${judged.summary}; ${summary}`,
    feedback: [judged.feedback, feedback].filter((each) => each !== undefined).join("\n"),
    failing: [...judged.failing, ...touched.map((path) => `writes to ${path}`)].sort(),
  }
}

/** What kind of failure a first measurement shows; whether it flickers only a second can. */
function classOf({ outcome, blame, preexisting }: Judgement): Evidence["class"] {
  if (outcome === "pass") return preexisting.length > 0 ? "pre-existing" : undefined
  if (blame === "infrastructure") return "infrastructure"
  return blame === "maker" ? "code" : undefined
}

/** What the finding asks of this check. */
export function namedBy(finding: Finding | undefined, check: CheckSpec): Named {
  const { reproduce, demands } = finding ?? {}
  if (demands?.includes(check.name) === true) return { is: "whole" }
  if (reproduce === undefined || reproduce.check !== check.name) return { is: "nothing" }
  // A finding's own command may have the name of a check of the loop; it is that command which it names.
  if (reproduce.command !== undefined && reproduce.command !== check.run) return { is: "nothing" }
  return reproduce.ids.length === 0 ? { is: "whole" } : { is: "ids", ids: reproduce.ids }
}

/** Tests that are red on both sides and can't be told apart are no evidence of anything: a person has to look. */
function withoutBlindPass(check: CheckSpec, judged: Judgement): Judgement {
  const speaksAlone = check.kind === "tests" || check.decides === true
  const blind = speaksAlone && judged.outcome === "pass" && judged.preexisting.includes(check.name)
  if (!blind) return judged
  return {
    ...judged,
    outcome: "error",
    blame: "person",
    summary: `${judged.summary}; ${check.kind === "tests" ? "it names no tests" : "its exit code is all there is"}, so nothing shows that the change is right`,
  }
}

function withEditedTests(judged: Judgement, head: Measurement, { editedTests }: Overlay): Judgement {
  if (judged.outcome === "pass" || editedTests.length === 0) return judged
  const fileOf = new Map(testsOf(head).map((test) => [test.id, test.file]))
  const guilty = editedTests.filter((path) =>
    judged.failing.some((id) => fileOf.get(id) === path || id.startsWith(`${path} >`)),
  )
  if (guilty.length === 0) return judged
  const verb = judged.outcome === "fail" ? "still fails" : "can't be run"
  const said = `edited test ${guilty.join(", ")}; with the base's copy it ${verb}`
  const advice = `You ${said}. The base's copies of existing tests are what counts: change the code, not the test.`
  return { ...judged, summary: `${said}: ${judged.summary}`, feedback: `${advice}\n${judged.feedback ?? ""}` }
}

/** The tests of a measurement; none where it has no report of tests. */
export function testsOf(measurement: Measurement) {
  const { result } = measurement
  return result.is === "report" && result.report.kind === "tests" ? result.report.tests : []
}

/** Test files as the base's own report names them. */
export function reportedFiles(measurement: Measurement): string[] {
  return [...new Set(testsOf(measurement).flatMap((test) => (test.file === undefined ? [] : [test.file])))]
}
