import type { Change } from "../../src/core/change.ts"
import type { Plan, Planning } from "../../src/core/event.ts"
import type { Evidence } from "../../src/core/evidence.ts"
import type { Finding } from "../../src/core/finding.ts"
import { parsePlan } from "../../src/core/plan.ts"
import { NOTHING_SPENT } from "../../src/core/spend.ts"
import { type TriageWord, withTriage } from "../../src/core/triage.ts"
import { findingAsData } from "../../src/discover/as-data.ts"
import { missedGoal } from "../../src/discover/sources/goal.ts"
import { mergeState } from "../../src/discover/state/merge.ts"
import { emptyFile } from "../../src/discover/state/render.ts"
import type { StateRow } from "../../src/discover/state/view.ts"
import { lessonLine, withLesson } from "../../src/engine/lessons/guide.ts"
import { evaluatorPrompt } from "../../src/make/evaluator-prompt.ts"
import { explorerPrompt } from "../../src/make/explorer-prompt.ts"
import { plannerPrompt } from "../../src/make/planner-prompt.ts"
import { assemblePrompt, type PromptParts } from "../../src/make/prompt.ts"
import { type HardChange, scribePrompt } from "../../src/make/scribe-prompt.ts"
import { triagerPrompt } from "../../src/make/triager-prompt.ts"
import { describeProposal, type ProposalText } from "../../src/ship/proposal.ts"

/*
 * Where outside text enters, one line each. A place is a function from a text to what comes of it; what must hold of that is
 * in `expect.ts`.
 */

export const finding = (more: Partial<Finding> = {}): Finding => ({
  fingerprint: "0123456789abcdef",
  source: "open_issues",
  title: "a title",
  body: "a body",
  severity: "medium",
  attemptable: true,
  ...more,
})

export const evidence = (more: Partial<Evidence> = {}): Evidence => ({
  check: "tests_pass",
  head: "a".repeat(40),
  tree: "b".repeat(40),
  base: "c".repeat(40),
  outcome: "fail",
  blame: "maker",
  ran: 3,
  summary: "1 of 3 fails",
  failing: ["a"],
  preexisting: [],
  ms: 1,
  sandboxed: true,
  definition: "base",
  caveats: [],
  ...more,
})

const maker = (more: Partial<PromptParts>): string =>
  assemblePrompt({
    role: "maker",
    agent: { name: "implementer" },
    finding: finding(),
    attempt: 2,
    checks: ["tests_pass"],
    protectedGlobs: [],
    ...more,
  })

const reviewer = (more: Partial<PromptParts>): string =>
  maker({ role: "reviewer", diff: "+x", evidence: [evidence()], ...more })

const scribe = (more: Partial<HardChange>, rest: Partial<Parameters<typeof scribePrompt>[0]> = {}): string =>
  scribePrompt({
    agent: { name: "scribe" },
    changes: [
      { id: "a-change", why: ["it took two"], finding: finding(), attempts: [], words: [], diff: "+x", ...more },
    ],
    lessons: { standing: ["one"], refused: ["two"] },
    skills: [{ name: "testing", description: "how to test" }],
    most: 3,
    ...rest,
  })

const triager = (more: Partial<Finding>, context: string[] = []): string =>
  triagerPrompt({ agent: { name: "triager" } }, [{ id: "0a1b2c3d", finding: finding(more) }], context)

const evaluator = (more: Partial<Finding>, diff = "+x", said: Partial<Evidence> = {}): string =>
  evaluatorPrompt({
    agent: { name: "evaluator" },
    goal: "the suite is green",
    of: { is: "change", finding: finding(more), diff },
    evidence: [evidence({ outcome: "pass", artifact: "/x", ...said })],
    maxBytes: 200_000,
  })

const explorer = (more: Partial<{ name: string; path: string; text: string }>): string =>
  explorerPrompt({ agent: { name: "triager" }, skill: { name: "triage", path: "a/SKILL.md", text: "x", ...more } })

const missed = (answer: "not_met" | "impossible", reason: string): Finding =>
  findingAsData(missedGoal(finding({ source: "goal" }), [{ check: "tests_pass" }], { answer, reason }))

const triaged = (more: Partial<TriageWord>): Finding =>
  findingAsData(withTriage(finding(), { severity: "high", confidence: 1, size: "small", ...more }))

const planner = (more: Partial<PromptParts>): string =>
  plannerPrompt({
    role: "maker",
    agent: { name: "planner" },
    finding: finding(),
    attempt: 2,
    checks: ["tests_pass"],
    protectedGlobs: [],
    ...more,
  })

const plan = (more: Partial<Plan>): string =>
  maker({ plan: { approach: ["x"], scope: ["src"], size: "small", risks: ["x"], done: ["x"], ...more } })

const of = (more: Partial<Finding>) => maker({ finding: finding(more) })
const skill = { name: "testing", description: "how to test", path: "skills/testing/SKILL.md" }

/** Prompts; the words of findings are those of a source that forgot to make them inert. */
export const prompts: Record<string, (text: string) => string> = {
  "an issue's title": (title) => of({ title }),
  "an issue's body": (body) => of({ body }),
  "a source's suggestion": (suggested) => of({ suggested }),
  "a finding's module": (module) => of({ module }),
  "a finding's file": (file) => of({ file }),
  "a finding's address": (url) => of({ url }),
  "a finding's source": (source) => of({ source }),
  "a finding's commit": (commit) => of({ commit }),
  "ids of failing tests": (id) => of({ reproduce: { check: "tests_pass", ids: [id, id] } }),
  "notes in the state file": (note) => maker({ notes: [note, "two"] }),
  "what was tried": (what) => maker({ tried: [{ attempt: 1, what }] }),
  "feedback of checks": (feedback) => maker({ feedback }),
  "subjects of commits": (line) => maker({ context: [line, "two"] }),
  "AGENTS.md": (text) => maker({ repositoryInstructions: [{ path: "AGENTS.md", text }] }),
  "the path of instructions": (path) => maker({ repositoryInstructions: [{ path, text: "x" }] }),
  "a skill's description": (description) => maker({ skills: [{ ...skill, description }] }),
  "a skill's name": (name) => maker({ skills: [{ ...skill, name }] }),
  "a skill's path": (path) => maker({ skills: [{ ...skill, path }] }),
  "the reviewer's title": (title) => reviewer({ finding: finding({ title }) }),
  "the diff": (diff) => reviewer({ diff }),
  "what a check says": (summary) => reviewer({ evidence: [evidence({ summary })] }),
  "ids that were red before": (id) => reviewer({ evidence: [evidence({ preexisting: [id] })] }),
  "what evidence can't show": (caveat) => reviewer({ evidence: [evidence({ caveats: [caveat] })] }),
  "a check's name": (check) => reviewer({ evidence: [evidence({ check })] }),
  "the reviewer's context": (line) => reviewer({ context: [line] }),
  "a plan's approach": (step) => plan({ approach: [step, "two"] }),
  "a plan's scope": (path) => plan({ scope: [path, "two"] }),
  "a plan's risks": (risk) => plan({ risks: [risk] }),
  "a plan's end": (done) => plan({ done: [done] }),
  "a finding's title for the planner": (title) => planner({ finding: finding({ title }) }),
  "a finding's body for the planner": (body) => planner({ finding: finding({ body }) }),
  "a finding's file for the planner": (file) => planner({ finding: finding({ file }) }),
  "notes for the planner": (note) => planner({ notes: [note, "two"] }),
  "what was tried for the planner": (what) => planner({ tried: [{ attempt: 1, what }] }),
  "a person's words for the planner": (feedback) => planner({ feedback }),
  "an earlier change for the planner": (what) => planner({ earlier: [what] }),
  "a lesson for the planner": (lesson) => planner({ lessons: [lesson] }),
  "AGENTS.md for the planner": (text) => planner({ repositoryInstructions: [{ path: "AGENTS.md", text }] }),
  "a lesson of the repository": (lesson) => maker({ lessons: ["one", lesson] }),
  "what an earlier change came to": (what) => maker({ earlier: [what, "two"] }),
  "a finding's title for the scribe": (title) => scribe({ finding: finding({ title }) }),
  "a finding's body for the scribe": (body) => scribe({ finding: finding({ body }) }),
  "a finding's file for the scribe": (file) => scribe({ finding: finding({ file }) }),
  "feedback for the scribe": (feedback) => scribe({ attempts: [{ n: 1, outcome: "refused", feedback }] }),
  "an attempt's outcome for the scribe": (outcome) => scribe({ attempts: [{ n: 1, outcome }] }),
  "a person's words for the scribe": (words) => scribe({ words: [words] }),
  "the diff for the scribe": (diff) => scribe({ diff }),
  "standing lessons for the scribe": (line) => scribe({}, { lessons: { standing: [line], refused: ["two"] } }),
  "refused lessons for the scribe": (line) => scribe({}, { lessons: { standing: ["one"], refused: [line] } }),
  "a skill's name for the scribe": (name) => scribe({}, { skills: [{ name, description: "x" }] }),
  "a finding's title for the triager": (title) => triager({ title }),
  "a finding's body for the triager": (body) => triager({ body }),
  "a finding's suggestion for the triager": (suggested) => triager({ suggested }),
  "a finding's file for the triager": (file) => triager({ file }),
  "a finding's module for the triager": (module) => triager({ module }),
  "a finding's source for the triager": (source) => triager({ source }),
  "failing tests for the triager": (id) => triager({ reproduce: { check: id, ids: [id, "b"] } }),
  "the triager's context": (line) => triager({}, [line, "two"]),
  "a finding's title for the evaluator": (title) => evaluator({ title }),
  "a finding's body for the evaluator": (body) => evaluator({ body }),
  "a finding's file for the evaluator": (file) => evaluator({ file }),
  "the diff for the evaluator": (diff) => evaluator({}, diff),
  "what a check says to the evaluator": (summary) => evaluator({}, "+x", { summary }),
  "a check's name for the evaluator": (check) => evaluator({}, "+x", { check }),
  "an output's path for the evaluator": (artifact) => evaluator({}, "+x", { artifact }),
  "what evidence can't show to the evaluator": (caveat) => evaluator({}, "+x", { caveats: [caveat] }),
  "a skill's text for the explorer": (text) => explorer({ text }),
  "a skill's name for the explorer": (name) => explorer({ name }),
  "a skill's path for the explorer": (path) => explorer({ path }),
  "a skill's description for the scribe": (description) => scribe({}, { skills: [{ name: "x", description }] }),
}

/** The same with findings as discovery hands them on. */
export const discovered: Record<string, (text: string) => Finding> = {
  "a title as found": (title) => findingAsData(finding({ title })),
  "a body as found": (body) => findingAsData(finding({ body })),
  "a suggestion as found": (suggested) => findingAsData(finding({ suggested })),
  "a module as found": (module) => findingAsData(finding({ module })),
  "a file as found": (file) => findingAsData(finding({ file, line: 3 })),
  "an address as found": (url) => findingAsData(finding({ url })),
  "a commit as found": (commit) => findingAsData(finding({ commit })),
  "a reason as found": (reason) => findingAsData(finding({ reason, attemptable: false })),
  "a suggestion as the triager words it": (suggested) => triaged({ suggested }),
  "a module as the triager names it": (module) => triaged({ module }),
  "a reason as the triager words it": (reason) => triaged({ attempt: false, reason }),
  "what the evaluator misses": (reason) => missed("not_met", reason),
  "why the evaluator calls it impossible": (reason) => missed("impossible", reason),
  "an author as found": (name) => findingAsData(finding({ author: { name } })),
}

const stateFile = (row: Partial<StateRow>): string =>
  mergeState(
    emptyFile("fix"),
    {
      loop: "fix",
      at: "2026-11-21",
      rows: [{ fingerprint: "0123456789abcdef", section: "open", title: "x", severity: "high", source: "sh", ...row }],
    },
    [],
  )

export const stateFiles: Record<string, (text: string) => string> = {
  "a title in the state file": (title) => stateFile({ title }),
  "a suggestion in it": (suggested) => stateFile({ suggested }),
  "what was tried in it": (tried) => stateFile({ tried: [tried, "two"] }),
  "what passed in it": (passed) => stateFile({ passed: [passed] }),
  "why something waits in it": (why) => stateFile({ why }),
  "where to look in it": (where) => stateFile({ where }),
  "a module in it": (module) => stateFile({ module }),
  "a source in it": (source) => stateFile({ source }),
  "what was read of it": (read) => stateFile({ read: [read] }),
}

/** What a planner said, as it is read. */
export const plans: Record<string, (text: string) => Planning> = {
  "a plan's approach as read": (step) => parsePlan(JSON.stringify({ ...aPlan, approach: ["first", step] })),
  "a plan's scope as read": (path) => parsePlan(JSON.stringify({ ...aPlan, scope: [path] })),
  "a plan's risks as read": (risk) => parsePlan(JSON.stringify({ ...aPlan, risks: [risk] })),
  "a planner's reason as read": (reason) => parsePlan(JSON.stringify({ stop: "ambiguous", reason })),
  "what a planner said, as read": (said) => parsePlan(said),
}
const aPlan = { approach: ["x"], scope: ["src"], size: "small", risks: [], done: [] }

/** Files of lessons, with one that an agent worded. */
export const guides: Record<string, (text: string) => string> = {
  "a lesson in a new LESSONS.md": (text) => withLesson(undefined, lessonLine(text)),
  "a lesson in LESSONS.md": (text) => withLesson("# Lessons\n\n- one\n", lessonLine(text)),
  "a lesson in a skill": (text) => withLesson("---\nname: a\n---\n\n# A\n\nText.\n", lessonLine(text)),
}

const proposal = (
  title: string,
  more: { evidence?: Partial<Evidence>; model?: string; file?: string },
): ProposalText => {
  const change: Change = {
    id: "a-title-012345",
    run: "run",
    loop: "fix",
    finding: finding({ title, ...(more.file === undefined ? {} : { file: more.file }) }),
    attempts: [
      {
        n: 1,
        agent: "implementer",
        model: more.model ?? "m",
        evidence: [],
        reservedUsd: 0,
        spend: NOTHING_SPENT,
      },
    ],
    guardedFrom: 0,
    verifiedSinceAnswer: false,
    reverifications: 0,
    length: 1,
    startedAt: "",
    updatedAt: "",
  }
  return describeProposal({
    change,
    loopName: "fix",
    runId: "run",
    evidence: [evidence(more.evidence)],
    spend: NOTHING_SPENT,
  })
}

export const proposals: Record<string, (text: string) => ProposalText> = {
  "a proposal's title": (title) => proposal(title, {}),
  "a file in a proposal": (file) => proposal("x", { file }),
  "what a check says in a proposal": (summary) => proposal("x", { evidence: { summary } }),
  "a caveat in a proposal": (caveat) => proposal("x", { evidence: { caveats: [caveat] } }),
  "a model's name in a proposal": (model) => proposal("x", { model }),
}

/** Every part of a prompt, and whose words it is made of: a new one has to be put somewhere before this compiles. */
export const partsOfPrompts = {
  role: "ours",
  agent: "the repository's committers'",
  finding: "outside",
  attempt: "ours",
  goal: "the repository's committers'",
  doneWhen: "the repository's committers'",
  checks: "the repository's committers'",
  path: "the repository's committers'",
  protectedGlobs: "the repository's committers'",
  skills: "outside",
  repositoryInstructions: "outside",
  plan: "outside",
  tried: "outside",
  earlier: "outside",
  lessons: "outside",
  feedback: "outside",
  notes: "outside",
  context: "outside",
  diff: "outside",
  evidence: "outside",
} satisfies Record<keyof PromptParts, "ours" | "the repository's committers'" | "outside">
