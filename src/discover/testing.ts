import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import type { Measurement, Report } from "../core/evidence.ts"
import type { CheckKind, CheckSpec, Loop } from "../core/loop.ts"
import type { SourceContext } from "../core/ports.ts"
import { git } from "../lib/git.ts"
import { run } from "../lib/process.ts"

/** A repository with one commit that holds `files`, and a source's context on it. For tests. */
export type Fixture = {
  context: SourceContext
  commit(files: Readonly<Record<string, string>>, message?: string): Promise<void>
} & AsyncDisposable

export type FixtureOptions = {
  files?: Readonly<Record<string, string>>
  run?: Loop["steps"]["discover"]["run"]
  attemptIf?: string
  maxFindings?: number
  /** What each check says of the base; a check that is not named is not declared. */
  measured?: Readonly<
    Record<
      string,
      { kind: CheckKind; result: Report | Extract<Measurement["result"], { is: "error" }>; exitCode?: number }
    >
  >
}

const identity = {
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@b.c",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@b.c",
}

/** Makes one; it is removed with its scope. */
export async function fixture({
  files = { "README.md": "x\n" },
  run: calls = [],
  attemptIf,
  maxFindings = 50,
  measured = {},
}: FixtureOptions): Promise<Fixture> {
  const root = await mkdtemp(join(tmpdir(), "flyball-discover-"))
  await git(["init", "-q", "-b", "main"], { cwd: root })
  const checks = Object.fromEntries(Object.entries(measured).map(([name, { kind }]) => [name, checkOf(name, kind)]))
  const context: SourceContext = {
    repo: { root, gitDir: join(root, ".git"), key: "fixture", dataDir: root },
    base: { sha: "", ref: "refs/heads/main", branch: "main" },
    loop: loopOf(root, checks, { calls, attemptIf, maxFindings }),
    prober: { measure: async (check) => measurementOf(check, measured) },
    signal: new AbortController().signal,
    progress: () => {},
    shell: async (command, timeoutMs) => {
      const ran = await run(["sh", "-c", command], { cwd: root, env: { PATH: process.env.PATH ?? "" }, timeoutMs })
      return { exitCode: ran.exitCode, stdout: ran.stdout, stderr: ran.stderr, timedOut: ran.ended === "timeout" }
    },
  }
  const made: Fixture = {
    context,
    async commit(more, message = "change") {
      for (const [path, text] of Object.entries(more)) {
        await mkdir(dirname(join(root, path)), { recursive: true })
        await writeFile(join(root, path), text)
      }
      await git(["add", "-A"], { cwd: root })
      await git(["commit", "-q", "--allow-empty", "-m", message], { cwd: root, env: identity })
      context.base.sha = (await git(["rev-parse", "HEAD"], { cwd: root })).trim()
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  }
  await made.commit(files, "first")
  return made
}

function checkOf(name: string, kind: CheckKind): CheckSpec {
  return { name, kind, run: `run ${name}`, timeoutMs: 1_000, from: "loop" }
}

function measurementOf(check: CheckSpec, measured: NonNullable<FixtureOptions["measured"]>): Measurement {
  const known = measured[check.name]
  if (known === undefined) throw new Error(`${check.name} was not to be measured`)
  const { result } = known
  return {
    check: check.name,
    tree: "tree",
    command: String(check.run),
    result: "is" in result ? result : { is: "report", report: result },
    exitCode: known.exitCode ?? 1,
    ms: 1,
    sandboxed: false,
    definition: "base",
    cached: false,
  }
}

function loopOf(
  repo: string,
  checks: Loop["checks"],
  {
    calls,
    attemptIf,
    maxFindings,
  }: { calls: Loop["steps"]["discover"]["run"]; attemptIf: string | undefined; maxFindings: number },
): Loop {
  return {
    name: "fixture",
    source: { repo, path: ".flyball/loops/fixture.yaml" },
    hash: "hash",
    trigger: [],
    autonomy: "draft",
    isolation: "worktree",
    strict: false,
    agents: {},
    checks,
    skills: [],
    steps: { discover: { run: calls, ...(attemptIf === undefined ? {} : { attemptIf }) }, verify: { layers: [] } },
    guardrails: {
      maxIterations: 3,
      budget: {},
      haltOn: { noProgress: 2, sameError: 3 },
      timeoutMs: 1_000,
      silenceMs: 1_000,
      reviewWip: 3,
      maxDiff: { files: 10, lines: 400 },
      maxFindings,
      protect: [],
    },
    hooks: {},
  }
}
