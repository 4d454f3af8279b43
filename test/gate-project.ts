import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Evidence } from "../src/core/evidence.ts"
import type { Finding } from "../src/core/finding.ts"
import type { AgentSpec, CheckSpec, Layer } from "../src/core/loop.ts"
import { detectSandbox } from "../src/isolate/sandbox.ts"
import { openWorkspaces } from "../src/isolate/workspaces.ts"
import { type Files, testRepository } from "../src/verify/fixtures/repository.ts"
import { type GateInput, type GateResult, gate } from "../src/verify/gate.ts"
import { openProber } from "../src/verify/measure.ts"
import { overlayTree } from "../src/verify/overlay.ts"

/*
 * A small project with one defect and one that nobody asks about, before the real gate: real git, checkouts, sandbox, runner.
 */

export const testText = [
  'import assert from "node:assert/strict"',
  'import test from "node:test"',
  'import { add, double } from "../src/add.js"',
  'test("adds", () => {',
  "  assert.equal(add(1, 2), 3)",
  "})",
  'test("doubles", () => {',
  "  assert.equal(double(2), 4)",
  "})",
  'test("is known to be broken", () => {',
  '  assert.equal(double("x"), "xx")',
  "})",
  "",
].join("\n")
export const broken = "export const add = (a, b) => a - b\nexport const double = (a) => a * 2\n"
export const fixed = "export const add = (a, b) => a + b\nexport const double = (a) => a * 2\n"

export const packageJson = `${JSON.stringify({ name: "p", version: "1.0.0", type: "module", scripts: { test: "node --test" } }, null, 2)}\n`

const project: Files = {
  "package.json": packageJson,
  "src/add.js": broken,
  "test/add.test.js": testText,
  "README.md": "# p\n",
}

export const testsPass: CheckSpec = {
  name: "tests_pass",
  kind: "tests",
  run: "npm test",
  timeoutMs: 60_000,
  from: "package.json",
}
export const finding: Finding = {
  fingerprint: "f",
  source: "failing_tests",
  title: "adds fails",
  body: "",
  severity: "high",
  attemptable: true,
  reproduce: { check: "tests_pass", ids: ["test/add.test.js > adds"] },
}
export const names = (...checks: string[]): Layer => ({
  by: "check",
  expr: { and: checks.map((check) => ({ check })) },
})

export type Given = Partial<GateInput> & { protect?: string[]; layers?: Layer[]; agents?: Record<string, AgentSpec> }
export type GateProject = AsyncDisposable & {
  base: string
  /** Commits these files on the base, or on another commit. */
  commit(files: Files, onto?: string): Promise<string>
  git(...args: string[]): Promise<string>
  input(head: string, more?: Given): GateInput
  judged(files: Files, more?: Given): Promise<GateResult>
}

/** The project in a folder of its own, gone with its scope. */
export async function openGateProject(): Promise<GateProject> {
  const home = await mkdtemp(join(tmpdir(), "flyball-gate-"))
  const repository = await testRepository()
  const { repo } = repository
  const base = await repository.commit(project)
  const sandbox = await detectSandbox({ home })
  const workspaces = openWorkspaces({ repo, sandbox, progress: () => {} })
  const prober = openProber({ workspaces, sandbox, repo, artifactDir: join(home, "artifacts") })
  const { signal } = new AbortController()
  const input = (head: string, more: Given = {}): GateInput => {
    const { protect = [], layers = [names("tests_pass", "diff_reasonable")], agents = {}, ...rest } = more
    return {
      repo,
      workspaces,
      measureTree: prober.measureTree,
      overlayTree,
      loop: {
        agents,
        strict: false,
        checks: { tests_pass: testsPass },
        layers,
        guardrails: {
          maxIterations: 3,
          budget: {},
          haltOn: { noProgress: 2, sameError: 3 },
          timeoutMs: 60_000,
          silenceMs: 60_000,
          reviewWip: 3,
          maxDiff: { files: 10, lines: 400 },
          maxFindings: 10,
          protect,
        },
      },
      base,
      head,
      finding,
      change: "c1",
      attempt: 1,
      artifactDir: join(home, "review"),
      signal,
      ...rest,
    }
  }

  return {
    base,
    input,
    commit: (files, onto = base) => repository.commit(files, onto),
    git: repository.git,
    judged: async (files, more) => gate(input(await repository.commit(files, base), more)),
    async [Symbol.asyncDispose]() {
      await repository[Symbol.asyncDispose]()
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** What a verdict tells the maker or a person. */
export function said(result: GateResult): string {
  return result.verdict.is === "retry"
    ? result.verdict.feedback
    : result.verdict.is === "accept"
      ? ""
      : result.verdict.reason
}

/** The last evidence of a check. */
export function of(result: GateResult, check: string): Evidence | undefined {
  return result.evidence.findLast((each) => each.check === check)
}
