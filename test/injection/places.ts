import type { Change } from "../../src/core/change.ts"
import type { Evidence } from "../../src/core/evidence.ts"
import type { Finding } from "../../src/core/finding.ts"
import { NOTHING_SPENT } from "../../src/core/spend.ts"
import { findingAsData } from "../../src/discover/as-data.ts"
import { mergeState } from "../../src/discover/state/merge.ts"
import { emptyFile } from "../../src/discover/state/render.ts"
import type { StateRow } from "../../src/discover/state/view.ts"
import { assemblePrompt, type PromptParts } from "../../src/make/prompt.ts"
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
  tried: "outside",
  feedback: "outside",
  notes: "outside",
  context: "outside",
  diff: "outside",
  evidence: "outside",
} satisfies Record<keyof PromptParts, "ours" | "the repository's committers'" | "outside">
