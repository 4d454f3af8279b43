import { checksOf, evaluate } from "../core/check-expr.ts"
import type { StopReason } from "../core/event.ts"
import type { Evidence, Verdict } from "../core/evidence.ts"
import { Failure } from "../core/failure.ts"
import type { Finding } from "../core/finding.ts"
import {
  type Accept,
  acceptFor,
  askedFor,
  type Case,
  judge,
  knownOf,
  layerPasses,
  STANDING_CHECKS,
} from "../core/judge.ts"
import type { CheckSpec, Layer, Loop } from "../core/loop.ts"
import type { Progress, Repo, Workspaces } from "../core/ports.ts"
import { addSpend, NOTHING_SPENT, type Spend } from "../core/spend.ts"
import { tryGit } from "../lib/git.ts"
import { putToIt } from "./canary/in-evidence.ts"
import { lostInOwnTests, onlyBaseCopiesFail, readFacts, withOverlay } from "./change-facts.ts"
import { type ChangeFacts, fails, passes } from "./checks/check.ts"
import { noWeakenedTests } from "./checks/no-weakened-tests.ts"
import { evidenceOf, type Subject } from "./evidence.ts"
import { findingFixed } from "./finding-fixed.ts"
import { type FindGateFiles, gateFiles } from "./gate-scripts/named.ts"
import type { Measured } from "./judge-check.ts"
import { type LayerInput, needApproval, readChange, readsDifference, runChecks } from "./layers.ts"
import type { MeasureTree, OverlayTree } from "./measuring.ts"
import { type OpinionLayer, opinionsOf, type Reviewers } from "./opinions.ts"

export type GateInput = {
  repo: Repo
  workspaces: Workspaces
  measureTree: MeasureTree
  overlayTree: OverlayTree
  loop: Pick<Loop, "agents" | "guardrails" | "strict" | "path"> & {
    checks: Record<string, CheckSpec>
    layers: readonly Layer[]
  }
  /** The commit that the head is to land on: the base as it is now. */
  base: string
  head: string
  finding?: Finding
  change: string
  attempt: number
  /** Evidence of this change's earlier attempts: what was told once becomes a person's question. */
  earlier?: readonly Evidence[]
  /** Nobody makes another attempt: expectations that people may want to take back are asked of a person at once. */
  lastWord?: boolean
  /** A person's word on this head: it answers what the evidence asks of a person, and nothing else. */
  approval?: { by: string; head: string }
  /** For layers that ask agents: without these such a layer is skipped, which is never a pass. */
  reviewers?: Reviewers
  /** Evaluates the `when` of an `approve:` layer. */
  condition?: (when: string) => boolean | undefined
  /** What the base's checks run, where it is known already; unset: it is looked for. */
  gateFiles?: FindGateFiles
  /** For audits: every check runs, even once one has refused the change. It can't make a verdict milder. */
  exhaustive?: boolean
  /** Where diff, evidence and logs of reviewers are kept. */
  artifactDir: string
  signal: AbortSignal
  progress?: Progress
}

export type GateResult = {
  verdict: Verdict
  /** The leave to ship; there exactly when the verdict is accept. */
  accept?: Accept
  /** For an `ask`: the rule by which it asks. */
  asks?: StopReason
  evidence: Evidence[]
  base: string
  head: string
  /** The merged tree that was judged; none where head and base conflict. */
  tree?: string
  spend: Spend
}

/**
 * BASE, HEAD and a finding → a verdict with evidence. The head is merged onto the base as it is now, and layers run
 * cheap to dear on fresh checkouts of that tree, by the base's definitions; the first that fails ends it.
 */
export async function gate(input: GateInput): Promise<GateResult> {
  const base = await commitOf(input, input.base)
  const head = await commitOf(input, input.head)
  const merge = await input.workspaces.merge(base, head, input.signal)
  const state: State = { input, subject: { head, base, tree: "" }, evidence: [], measured: [], spend: NOTHING_SPENT }
  if (merge.is === "conflict") {
    record(state, conflict(state, merge.files))
    return finish(state)
  }
  state.subject = { head, base, tree: merge.tree }
  record(
    state,
    evidenceOf("merge", state.subject, passes(`merges cleanly onto ${base.slice(0, 10)}`, 1), merges(state.subject)),
  )
  await verify(state)
  input.signal.throwIfAborted()
  return { ...finish(state), tree: merge.tree }
}

type State = {
  input: GateInput
  subject: Subject
  evidence: Evidence[]
  measured: Measured[]
  spend: Spend
  /** A question to a person that waits until nothing else stands in the way. */
  held?: Evidence
}

function matterOf({ input, subject, evidence }: State): Case {
  return { head: subject.head, base: subject.base, layers: input.loop.layers, evidence }
}

function whereOf({ input, subject }: State) {
  return { repo: input.repo, subject, signal: input.signal }
}

function finish(state: State): GateResult {
  const { subject, evidence, spend, held } = state
  // Who is asked sees all the evidence; what the maker can mend goes back to him first.
  if (held !== undefined) {
    const allowed: Evidence = { ...held, outcome: "pass" }
    if (judge({ ...matterOf(state), evidence: [...evidence, allowed] }).is !== "retry") evidence.push(held)
  }
  const matter = matterOf(state)
  const verdict = judge(matter)
  const accept = acceptFor(matter)
  return {
    verdict,
    ...(accept === undefined ? {} : { accept }),
    ...(verdict.is === "ask" ? { asks: askedFor(matter) } : {}),
    evidence,
    base: subject.base,
    head: subject.head,
    spend,
  }
}

/** The cheap checks on the change itself, and then the layers on the base's copies of existing tests. */
async function verify(state: State): Promise<void> {
  const { input, subject } = state
  const { checks, layers } = input.loop
  const told = (text: string) => input.progress?.({ verb: "verify", change: input.change, text })
  const cheap = await readOrRefuse(state)
  if (cheap === undefined) return
  const names = namesOf(layers)
  const reads = [
    "protected_paths",
    ...["diff_reasonable", "no_secrets", "no_large_files"].filter((name) => names.includes(name)),
  ]
  for (const name of reads) recordOrHold(state, await readChange(name, { facts: cheap, subject, told }))
  const [first] = layers
  const decided = first?.by === "check" && evaluate(first.expr, (check) => knownOf(matterOf(state), check)) === "fail"
  const exhaustive = input.exhaustive === true
  if (!exhaustive && (decided || !standingPasses(state))) return keep(state, cheap, false)

  const { facts, overlay } = await withOverlay(cheap, whereOf(state), { ...input, checks: requiredChecks(input.loop) })
  if (overlay.harnessChanged.length > 0)
    recordOrHold(state, await readChange("protected_paths", { facts, subject, told }))
  if (!exhaustive && !standingPasses(state)) return keep(state, facts, false)
  const { measureTree, signal } = input
  return runLayers(state, { facts, overlay, checks, subject, told, measureTree, signal, exhaustive })
}

/** The checks that the layers name, as far as they are known. */
function requiredChecks({ layers, checks }: GateInput["loop"]): CheckSpec[] {
  return namesOf(layers).flatMap((name) => (Object.hasOwn(checks, name) ? (checks[name] ?? []) : []))
}

async function runLayers(state: State, layerInput: LayerInput): Promise<void> {
  const { input, subject } = state
  const { facts, told } = layerInput
  for (const layer of input.loop.layers) {
    if (layer.by === "check") {
      const outcome = await runChecks(layer.expr, state.evidence, layerInput)
      for (const each of outcome.evidence) record(state, each)
      state.measured.push(...outcome.measured)
      // A layer may name what comes last anyway: then it comes now, unless the layer is decided without it.
      if (namedBy(layer).includes("no_weakened_tests") && undecided(state, layer)) await settle(state, layerInput)
    } else {
      // Dear layers see a change whose own tests were looked at, or none at all.
      await settle(state, layerInput)
      if (!standingPasses(state)) return
      if (layer.by === "approve") record(state, needApproval(layer, subject, input.condition))
      // Nobody is asked whether the goal is met as long as something says that it is not.
      else if (layer.by !== "evaluator" || allPassBefore(state, layer)) await runOpinions(state, layer, told)
    }
    if (input.exhaustive !== true && !layerPasses(matterOf(state), layer)) return keep(state, facts, false)
  }
  return settle(state, layerInput)
}

/** What every change has to show once its checks have passed: that the finding is mended, and no test asks for less. */
async function settle(state: State, layerInput: LayerInput): Promise<void> {
  if (!state.evidence.some((each) => each.check === "finding_fixed"))
    record(state, await findingFixed(state.evidence, layerInput))
  return keep(state, layerInput.facts, standingPasses(state) || layerInput.exhaustive === true, layerInput)
}

/** The evidence on existing tests, once; the head's own copies are run only for a change that passed so far. */
async function keep(state: State, facts: ChangeFacts, green: boolean, layerInput?: LayerInput): Promise<void> {
  if (state.evidence.some((each) => each.check === "no_weakened_tests")) return
  const repeated = (state.input.earlier ?? []).some(
    (each) => each.check === "no_weakened_tests" && each.outcome === "fail",
  )
  const { measureTree } = state.input
  const lost = green ? await lostInOwnTests(facts, state.measured, { ...whereOf(state), measureTree }) : []
  const where = { ...whereOf(state), measureTree }
  const lastWord =
    state.input.lastWord === true && (green || (await onlyBaseCopiesFail(facts, state.evidence, state.measured, where)))
  const judged = await noWeakenedTests(facts, { lost, repeated, lastWord })
  const doubted = judged.outcome === "pass" && layerInput !== undefined && standingPasses(state)
  const told = doubted ? await putToIt(judged, state.measured, layerInput, { repeated }) : judged
  record(state, evidenceOf("no_weakened_tests", state.subject, { command: readsDifference(state.subject), ...told }))
}

async function runOpinions(state: State, layer: OpinionLayer, told: (text: string) => void): Promise<void> {
  const { input, subject } = state
  const said = await opinionsOf(layer, subject, { ...input, known: state.evidence, spent: state.spend, told })
  state.spend = addSpend(state.spend, said.spend)
  for (const each of said.evidence) record(state, each)
}

/** What changed; what is too large to be read is refused, and never run. */
async function readOrRefuse(state: State): Promise<ChangeFacts | undefined> {
  const { input, subject } = state
  try {
    const checks = requiredChecks(input.loop)
    return await readFacts(whereOf(state), input.finding, input.loop.guardrails, {
      path: input.loop.path,
      checks,
      find: input.gateFiles ?? gateFiles,
    })
  } catch (thrown) {
    if (!(thrown instanceof Failure) || thrown.code !== "DIFF_TOO_LARGE") throw thrown
    const feedback = `${thrown.message} ${thrown.hint ?? ""}`
    record(state, evidenceOf("protected_paths", subject, fails(thrown.message, feedback, ["too large"], 0)))
    return undefined
  }
}

/** Whether a protected path may change is asked last, unless a person has said so. */
function recordOrHold(state: State, evidence: Evidence): void {
  const { approval, exhaustive } = state.input
  const isQuestion = evidence.check === "protected_paths" && evidence.blame === "person"
  if (isQuestion && exhaustive !== true && approval?.head !== state.subject.head) state.held = evidence
  else record(state, evidence)
}

/** A person's word turns what was asked of a person into a pass that says so; it heals nothing else. */
function record(state: State, evidence: Evidence): void {
  const { approval } = state.input
  const answered =
    approval?.head === state.subject.head &&
    evidence.blame === "person" &&
    evidence.outcome !== "pass" &&
    evidence.check !== "merge"
  if (!answered || approval === undefined) {
    state.evidence.push(evidence)
    return
  }
  const { blame: _blame, feedback: _feedback, ...rest } = evidence
  state.evidence.push({
    ...rest,
    outcome: "pass",
    failing: [],
    summary: `approved by ${approval.by}: ${evidence.summary}`,
    caveats: [...rest.caveats, `A person decided this: ${approval.by}.`],
  })
}

function conflict({ input, subject }: State, files: readonly string[]): Evidence {
  const summary = `conflicts with the base in ${files.slice(0, 10).join(", ")}`
  const feedback = `The base has moved, and your change ${summary}. Make the fix so that it fits the base as it is now.`
  const judged = fails(
    summary,
    feedback,
    files.map((file) => `conflict: ${file}`),
    1,
  )
  const repeated = (input.earlier ?? []).some((each) => each.check === "merge" && each.outcome === "fail")
  // No tree came of it: the evidence speaks of the head's own.
  return evidenceOf(
    "merge",
    { ...subject, tree: subject.head },
    repeated ? { ...judged, blame: "person", summary: `${summary}, for the second time` } : judged,
    merges(subject),
  )
}

function merges({ base, head }: Subject): { command: string } {
  return { command: `git merge-tree --write-tree ${base} ${head}` }
}

function standingPasses(state: State): boolean {
  const latest = new Map(state.evidence.map((each) => [each.check, each]))
  return STANDING_CHECKS.every((check) => (latest.get(check)?.outcome ?? "pass") === "pass")
}

function allPassBefore(state: State, layer: Layer): boolean {
  const { layers } = state.input.loop
  return layers.slice(0, layers.indexOf(layer)).every((each) => layerPasses(matterOf(state), each))
}

function namedBy(layer: Layer): string[] {
  return layer.by === "check" ? checksOf(layer.expr) : []
}

function undecided(state: State, layer: Extract<Layer, { by: "check" }>): boolean {
  return evaluate(layer.expr, (check) => knownOf(matterOf(state), check)) === "unknown"
}

function namesOf(layers: readonly Layer[]): string[] {
  return [...new Set(layers.flatMap(namedBy))]
}

async function commitOf({ repo, signal }: GateInput, name: string): Promise<string> {
  if (/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(name)) return name
  const ran = await tryGit(["rev-parse", "--verify", "--quiet", "--end-of-options", `${name}^{commit}`], {
    cwd: repo.gitDir,
    env: { GIT_DIR: repo.gitDir },
    signal,
  })
  if (ran.exitCode !== 0) {
    throw new Failure("NO_SUCH_COMMIT", `There is no commit \`${name}\` in ${repo.root}.`, {
      hint: "Fetch it first, or name another.",
    })
  }
  return ran.stdout.trim()
}
