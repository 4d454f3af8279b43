import { createHash } from "node:crypto"
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, dirname, join, resolve } from "node:path"
import { parse } from "yaml"
import type { Measurement } from "../src/core/evidence.ts"
import type { Finding } from "../src/core/finding.ts"
import type { CheckSpec, Loop } from "../src/core/loop.ts"
import type { SourceContext } from "../src/core/ports.ts"
import { failingTests } from "../src/discover/sources/failing-tests.ts"
import { buildEnv } from "../src/lib/environment.ts"
import { git } from "../src/lib/git.ts"
import { run } from "../src/lib/process.ts"
import { recordSession } from "../src/make/recorder.ts"
import { nodeTest } from "../src/verify/runners/node-test.ts"
import { claudeLines, codexLines } from "./demo-lines.ts"
import { type Agent, type Attempt, Story } from "./demo-story.ts"

/*
 * Writes examples/shop-demo/sessions/ from story.yaml and the patches. Fingerprints come from running the shop's tests
 * through the same source as every run, blobs from applying the patches: none of them is ever typed by hand.
 * The same input gives the same bytes.
 */

const shop = resolve("examples/shop")
const demo = resolve("examples/shop-demo")

/** Writes every session of the story into `folder`, and says what it wrote. */
export async function recordDemo(folder: string): Promise<string[]> {
  const story = Story.parse(parse(await readFile(join(demo, "story.yaml"), "utf8")))
  const scratch = await mkdtemp(join(tmpdir(), "flyball-record-"))
  try {
    const findings = await findingsOfTheShop(await checkout(join(scratch, "base")))
    await mkdir(folder, { recursive: true })
    const written: string[] = []
    for (const { name, test, attempts } of story.findings) {
      if (attempts.length === 0) continue
      const finding = findings.find((each) => each.reproduce?.ids.some((id) => id === test))
      if (finding === undefined) throw new Error(`${name}: no finding of the shop is of the test ${test}`)
      const cwd = await checkout(join(scratch, name))
      for (const [index, attempt] of attempts.entries()) {
        const sessions = await recordAttempt({ story, finding, name, attempt, n: index + 1, cwd })
        for (const [file, text] of sessions) {
          await writeFile(join(folder, file), text)
          written.push(file)
        }
      }
    }
    return written.sort()
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Called by scripts/run-ts.mjs. */
export async function main(): Promise<void> {
  const folder = join(demo, "sessions")
  await rm(folder, { recursive: true, force: true })
  for (const file of await recordDemo(folder)) console.log(`examples/shop-demo/sessions/${file}`)
}

async function checkout(cwd: string): Promise<string> {
  await cp(shop, cwd, { recursive: true, filter: (source) => basename(source) !== "node_modules" })
  await git(["init", "--quiet", "--initial-branch=main"], { cwd })
  await git(["add", "--all"], { cwd })
  await git(["-c", "user.name=shop", "-c", "user.email=shop@localhost", "commit", "--quiet", "-m", "base"], { cwd })
  return cwd
}

/** The findings of the shop's broken tests, by the source that every run uses and the runner that every check uses. */
async function findingsOfTheShop(root: string): Promise<Finding[]> {
  const check: CheckSpec = {
    name: "tests_pass",
    kind: "tests",
    run: "npm test",
    timeoutMs: 60_000,
    from: "package.json",
  }
  const sha = (await git(["rev-parse", "HEAD"], { cwd: root })).trim()
  const context: Pick<SourceContext, "base" | "prober" | "signal" | "progress"> & { loop: Pick<Loop, "checks"> } = {
    loop: { checks: { tests_pass: check } },
    base: { sha, ref: "refs/heads/main", branch: "main" },
    prober: { measure: () => measure(check, root) },
    signal: new AbortController().signal,
    progress: () => {},
  }
  // The source reads no more of a context than this.
  const { findings } = await failingTests.discover(context as SourceContext, [])
  return findings
}

async function measure(check: CheckSpec, root: string): Promise<Measurement> {
  const supplied = await mkdtemp(join(tmpdir(), "flyball-report-"))
  try {
    const tree = { read: () => undefined, list: () => [] }
    const command = nodeTest.command({ argv: ["node", "--test"], reportDir: supplied, supplied, tree })
    for (const [name, text] of Object.entries(command.supplies ?? {})) await writeFile(join(supplied, name), text)
    const ran = await run(command.argv, { cwd: root, env: environment(supplied), timeoutMs: check.timeoutMs })
    const report = await readFile(command.reportFile ?? "", "utf8")
    const { stdout, stderr, exitCode, ms } = ran
    const result = nodeTest.parse({ root, report, stdout, stderr, exitCode, tree })
    return {
      check: check.name,
      tree: "",
      command: "npm test",
      result,
      exitCode,
      ms,
      sandboxed: false,
      definition: "base",
      cached: false,
    }
  } finally {
    await rm(supplied, { recursive: true, force: true })
  }
}

type Recorded = { story: Story; finding: Finding; name: string; attempt: Attempt; n: number; cwd: string }

/** The files of one attempt: the maker's session and, where it was reviewed, the reviewer's. */
async function recordAttempt({
  story,
  finding,
  name,
  attempt,
  n,
  cwd,
}: Recorded): Promise<[file: string, text: string][]> {
  const changed = (await git(["apply", "--numstat", join(demo, attempt.patch)], { cwd }))
    .trim()
    .split("\n")
    .map((line) => line.split("\t")[2] ?? "")
  const before = await contents(cwd, changed)
  const read = await readFile(join(cwd, attempt.reads), "utf8")
  await git(["apply", "--index", join(demo, attempt.patch)], { cwd })
  await git(["-c", "user.name=maker", "-c", "user.email=maker@localhost", "commit", "--quiet", "-m", `attempt ${n}`], {
    cwd,
  })
  const after = await contents(cwd, changed)
  const testFile = finding.file ?? ""
  const argv = ["--test", ...(attempt.runs === undefined ? [] : [attempt.runs]), testFile]
  const common = { finding: finding.fingerprint, attempt: n, recordedAt: story.recorded_at }
  const { maker, reviewer } = story.agents
  const lines = claudeLines({
    agent: maker,
    session: uuid(name, "maker", n),
    attempt,
    read,
    edits: changed.map((path) => editOf(path, before, after)),
    command: `node ${argv.join(" ")}`,
    output: await testOutput(cwd, argv),
  })
  const made = recordSession({
    ...common,
    role: "maker",
    format: maker.format,
    agent: versionOf(maker),
    lines,
    before,
    after,
  })
  const files: [string, string][] = [
    [`${name}.${n}.maker.json`, made.json],
    [`${name}.${n}.maker.jsonl`, made.jsonl],
  ]
  if (attempt.review === undefined) return files
  const diffPaths = (await git(["diff", "--name-only", "HEAD", await rootCommit(cwd)], { cwd })).trim().split("\n")
  const reviewed = recordSession({
    ...common,
    role: "reviewer",
    format: reviewer.format,
    agent: versionOf(reviewer),
    lines: codexLines(attempt.review, uuid(name, "reviewer", n), await readFile(join(demo, attempt.patch), "utf8")),
    head: await contents(cwd, diffPaths),
    diffPaths,
  })
  return [...files, [`${name}.${n}.reviewer.json`, reviewed.json], [`${name}.${n}.reviewer.jsonl`, reviewed.jsonl]]
}

async function rootCommit(cwd: string): Promise<string> {
  return (await git(["rev-list", "--max-parents=0", "HEAD"], { cwd })).trim()
}

async function contents(cwd: string, paths: readonly string[]): Promise<Map<string, Uint8Array>> {
  return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(join(cwd, path))] as const)))
}

function versionOf({ version, model }: Agent): { version: string; model: string } {
  return { version, model }
}

/** The smallest whole lines that differ. */
function editOf(
  path: string,
  before: ReadonlyMap<string, Uint8Array>,
  after: ReadonlyMap<string, Uint8Array>,
): { path: string; old_string: string; new_string: string } {
  const linesOf = (files: ReadonlyMap<string, Uint8Array>) =>
    Buffer.from(files.get(path) ?? [])
      .toString("utf8")
      .split("\n")
  const old = linesOf(before)
  const now = linesOf(after)
  const start = old.findIndex((line, index) => line !== now[index])
  let end = 0
  while (end < Math.min(old.length, now.length) - start && old.at(-1 - end) === now.at(-1 - end)) end++
  // An insertion alone needs a line to stand at.
  const from = old.length - end === start ? start - 1 : start
  const part = (lines: string[]) => lines.slice(from, lines.length - end).join("\n")
  return { path, old_string: part(old), new_string: part(now) }
}

/** What the runner counts; without its times, which differ from run to run. */
async function testOutput(cwd: string, argv: readonly string[]): Promise<string> {
  const ran = await run([process.execPath, "--test-reporter=tap", ...argv], {
    cwd,
    env: environment(cwd),
    timeoutMs: 60_000,
  })
  const telling = /^(not )?ok \d+ - |^# (tests|pass|fail|skipped) /
  return ran.stdout
    .split("\n")
    .filter((line) => telling.test(line))
    .join("\n")
}

function environment(home: string): Record<string, string> {
  return buildEnv({ home, tmp: tmpdir(), extra: { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` } })
}

function uuid(...parts: (string | number)[]): string {
  const hex = createHash("sha256").update(parts.join(" ")).digest("hex")
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
