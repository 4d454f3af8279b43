import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest"
import type { AgentTask, Sandbox } from "../core/ports.ts"
import { parseReview } from "../core/review.ts"
import { recordSession, type ToRecord } from "./recorder.ts"
import { blobId, loadRecording, pathsOfDiff } from "./recording.ts"
import { openAgents } from "./run-agent.ts"

const built = mkdtempSync(join(tmpdir(), "flyball-replay-built-"))
const example = fileURLToPath(new URL("fixtures/recording", import.meta.url))
const lines = readFileSync(new URL("fixtures/claude/fixed.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
const bytes = (text: string) => new TextEncoder().encode(text)
let folder: string

beforeAll(async () => {
  const entryPoints = { replay: fileURLToPath(new URL("replay-main.ts", import.meta.url)) }
  await build({
    entryPoints,
    outdir: built,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    outExtension: { ".js": ".mjs" },
  })
})
afterAll(() => rmSync(built, { recursive: true, force: true }))
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flyball-replay-"))
  mkdirSync(join(folder, "work"))
  cpSync(example, join(folder, "recording"), { recursive: true })
  write("a.txt", "broken\n")
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const write = (name: string, text: string) => writeFileSync(join(folder, "work", name), text)
const read = (name: string) => readFileSync(join(folder, "work", name), "utf8")
const sandbox: Sandbox = { kind: { is: "none", why: "a test" }, wrap: (argv) => ({ argv, sandboxed: false }) }

function replayed(more: Partial<AgentTask> = {}) {
  const agents = openAgents({
    sandbox,
    outer: { PATH: process.env.PATH },
    home: join(folder, "private"),
    root: folder,
    replayArgv: [process.execPath, join(built, "replay.mjs")],
  })
  const finding = {
    fingerprint: "example",
    source: "test",
    title: "t",
    body: "b",
    severity: "low",
    attemptable: true,
  } as const
  const task: AgentTask = {
    role: "maker",
    agent: { name: "implementer", use: "replay", recording: "recording", skills: [], from: "loop" },
    cwd: join(folder, "work"),
    prompt: "p",
    finding,
    attempt: 1,
    limits: { timeoutMs: 20_000, silenceMs: 20_000, outputBytes: 1_000_000 },
    artifactDir: join(folder, "artifacts"),
    change: "c",
    ...more,
  }
  return agents.run(task, new AbortController().signal)
}

const common = {
  finding: "example",
  attempt: 1,
  format: "claude",
  agent: { version: "1" },
  recordedAt: "2026-01-01T00:00:00Z",
  lines,
} as const

function record(name: string, session: Partial<Extract<ToRecord, { role: "maker" }>>): void {
  keep(name, { ...common, role: "maker", before: new Map(), after: new Map(), ...session })
}

function keep(name: string, session: ToRecord): void {
  const { json, jsonl } = recordSession(session)
  writeFileSync(join(folder, "recording", `${name}.json`), json)
  writeFileSync(join(folder, "recording", `${name}.jsonl`), jsonl)
}

function review(diff: string): Partial<AgentTask> {
  writeFileSync(join(folder, "diff"), diff)
  return { role: "reviewer", diffFile: join(folder, "diff") }
}

function fixedAnd<T>(then: () => T): T {
  write("a.txt", "fixed\n")
  return then()
}

const diffOf = (...paths: string[]) =>
  paths
    .map(
      (path) =>
        `diff --git a/${path} b/${path}\nindex 57f89ed..eaaa2f8 100644\n--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-broken\n+fixed\n`,
    )
    .join("")

test("a recorded maker says its lines, does its edits, and is labelled as replayed", async () => {
  const result = await replayed()
  expect(result).toMatchObject({
    ended: { is: "done" },
    said: "Done.",
    model: "claude-sonnet-5 (replayed)",
    spend: { basis: "reported" },
  })
  expect(read("a.txt")).toBe("fixed\n")
  expect(readFileSync(result.log, "utf8")).toContain('"type":"flyball.replay"')
})

test("a recorded reviewer answers where it is shown what it was shown", async () => {
  write("a.txt", "fixed\n")
  const result = await replayed(review(diffOf("a.txt")))
  expect(result).toMatchObject({ ended: { is: "done" }, model: "gpt-6-sol (replayed)" })
  expect(parseReview(result.said)).toMatchObject({ is: "review", verdict: "accept" })
  expect(read("a.txt")).toBe("fixed\n")
})

test.each<[string, () => Partial<AgentTask> | undefined, RegExp]>([
  [
    "another finding",
    () => ({
      finding: { fingerprint: "other", source: "s", title: "t", body: "", severity: "low", attemptable: true },
    }),
    /finding other/,
  ],
  ["another attempt", () => ({ attempt: 2 }), /none of attempt 2/],
  ["another pre-image", () => void write("a.txt", "broken differently\n"), /starts from a\.txt at 57f89/],
  ["a missing pre-image", () => void rmSync(join(folder, "work/a.txt")), /no such file/],
  ["another head under review", () => review(diffOf("a.txt")), /saw a\.txt at eaaa2f8/],
  ["a diff of more files", () => fixedAnd(() => review(diffOf("a.txt", "b.txt"))), /this one is of a\.txt, b\.txt/],
  ["a review without its diff", () => fixedAnd(() => ({ role: "reviewer" })), /this one is of nothing/],
  ["no recording at all", () => void rmSync(join(folder, "recording"), { recursive: true }), /can't be read/],
  [
    "an empty recording",
    () =>
      void ["json", "jsonl"].map((end) =>
        ["maker", "reviewer"].map((role) => rmSync(join(folder, `recording/example-1-${role}.${end}`))),
      ),
    /holds no session/,
  ],
  [
    "two sessions that match",
    () => record("twin", { before: new Map([["a.txt", bytes("broken\n")]]) }) as undefined,
    /two recorded sessions match/,
  ],
  [
    "a session without its lines",
    () => void rmSync(join(folder, "recording/example-1-maker.jsonl")),
    /example-1-maker\.jsonl/,
  ],
])("%s is an error, never a guess", async (_, arrange, why) => {
  const more = arrange()
  const before = existsSync(join(folder, "work/a.txt")) ? read("a.txt") : undefined
  const result = await replayed(more)
  expect(result.ended).toMatchObject({ is: "failed", code: "no_recording", why: expect.stringMatching(why) })
  expect(result.spend).toMatchObject({ usd: 0 })
  if (before !== undefined) expect(read("a.txt")).toBe(before)
})

const broken = new Map([["a.txt", bytes("broken\n")]])
const looks = (role: "evaluator" | "planner" | "explorer", restsOn = ["a.txt", "b.txt"]): ToRecord => ({
  ...common,
  role,
  head: broken,
  restsOn,
})

test.each(["evaluator", "planner", "explorer"] as const)(
  "a recorded %s of a checkout answers where the files are that its answer rests on, and where one is not there",
  async (role) => {
    keep("look", looks(role))
    expect(await replayed({ role })).toMatchObject({ ended: { is: "done" }, said: "Done." })
    write("b.txt", "new\n")
    expect((await replayed({ role })).ended).toMatchObject({
      code: "no_recording",
      why: expect.stringMatching(/saw b\.txt at no such file/),
    })
  },
)

test("a recorded evaluator of a change answers to its diff alone", async () => {
  keep("judges", { ...common, role: "evaluator", head: broken, diffPaths: ["a.txt"] })
  keep("looks", looks("evaluator", ["a.txt"]))
  const { diffFile = "" } = review(diffOf("a.txt"))
  const asked = async (more: Partial<AgentTask>) =>
    readFileSync((await replayed({ role: "evaluator", ...more })).log, "utf8")
  expect(await asked({ diffFile })).toContain('"session":"judges"')
  expect(await asked({})).toContain('"session":"looks"')
  review(diffOf("a.txt", "b.txt"))
  expect(await asked({ diffFile })).toMatch(
    /judged a diff of a\.txt, this one is of a\.txt, b\.txt.*looked at a checkout/,
  )
})

test.each(["triager", "scribe"] as const)("a %s can't be replayed, and says why", async (role) => {
  expect((await replayed({ role })).ended).toMatchObject({
    is: "failed",
    code: "no_recording",
    why: expect.stringContaining("names things of its own run"),
  })
})

test.each([
  ["a path out of the workspace", "../out.txt"],
  ["an absolute path", "/etc/passwd"],
  ["a path through the parent", "a/../../b"],
])("a recording with %s is refused", async (_, path) => {
  record("evil", { finding: "evil", after: new Map([[path, bytes("x")]]) })
  await expect(loadRecording(join(folder, "recording"))).rejects.toMatchObject({
    code: "RECORDING_UNREADABLE",
    message: expect.stringContaining("plain relative path"),
  })
})

test("an edit behind a symbolic link is refused before anything is written", async () => {
  mkdirSync(join(folder, "outside"))
  symlinkSync(join(folder, "outside"), join(folder, "work/link"))
  record("linked", {
    attempt: 2,
    before: new Map([["a.txt", bytes("broken\n")]]),
    after: new Map([
      ["a.txt", bytes("x")],
      ["link/b.txt", bytes("x")],
    ]),
  })
  expect((await replayed({ attempt: 2 })).ended).toMatchObject({
    is: "failed",
    code: "no_recording",
    why: expect.stringContaining("symbolic link"),
  })
  expect(read("a.txt")).toBe("broken\n")
})

test("what was recorded of a real run plays again: new files, changed ones, removed ones, bytes and modes", async () => {
  write("gone.txt", "old\n")
  write("bytes.bin", "\u0000")
  const before = new Map([
    ["a.txt", bytes("broken\n")],
    ["gone.txt", bytes("old\n")],
    ["bytes.bin", bytes("\u0000")],
    ["same.txt", bytes("same")],
  ])
  const after = new Map([
    ["a.txt", bytes("better\n")],
    ["bytes.bin", new Uint8Array([0, 255, 254])],
    ["new/deep/run.sh", bytes("#!/bin/sh\n")],
    ["same.txt", bytes("same")],
  ])
  record("real", {
    attempt: 3,
    before,
    after,
    executable: new Set(["new/deep/run.sh"]),
    scrub: [["/workspace", "/elsewhere"]],
  })
  const [session] = (await loadRecording(join(folder, "recording"))).filter(({ name }) => name === "real")
  expect(session?.file.role === "maker" && session.file.edits.map(({ path }) => path)).toEqual([
    "a.txt",
    "bytes.bin",
    "gone.txt",
    "new/deep/run.sh",
  ])
  expect(session?.lines.join("")).toContain("/elsewhere")
  expect((await replayed({ attempt: 3 })).ended).toEqual({ is: "done" })
  expect(read("a.txt")).toBe("better\n")
  expect(existsSync(join(folder, "work/gone.txt"))).toBe(false)
  expect([...readFileSync(join(folder, "work/bytes.bin"))]).toEqual([0, 255, 254])
  expect(execFileSync(join(folder, "work/new/deep/run.sh")).length).toBe(0)
})

test("a blob's id is the one git gives it", () => {
  for (const text of ["", "broken\n", "日本語\n"]) {
    expect(blobId(bytes(text))).toBe(
      execFileSync("git", ["hash-object", "--stdin"], { input: text, encoding: "utf8" }).trim(),
    )
  }
})

test("the paths of a real git diff are read, unusual names, renames and tricky content included", () => {
  const git = (...args: string[]) =>
    execFileSync("git", args, {
      cwd: join(folder, "work"),
      encoding: "utf8",
      env: { PATH: process.env.PATH, HOME: folder, GIT_CONFIG_NOSYSTEM: "1" },
    })
  git("init", "-q")
  write("old name.txt", "1\n2\n3\n4\n5\n")
  write("dropped.txt", "-- a/fake\ndiff --git a/fake b/fake\n")
  git("add", ".")
  git("-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "1")
  git("mv", "old name.txt", "new name.txt")
  git("rm", "-q", "dropped.txt")
  mkdirSync(join(folder, "work/b dir"))
  for (const name of ["a.txt", "b dir/b b.txt", "größe.txt", 'quo"te.txt', "tab\there.txt"])
    write(name, "diff --git a/x b/x\n+++ b/y\n")
  git("add", ".")
  const names = git("diff", "--cached", "--name-only", "--no-renames", "-z", "HEAD")
    .split("\0")
    .filter((name) => name !== "")
  expect(pathsOfDiff(git("diff", "--cached", "-M", "HEAD")).sort()).toEqual(names.sort())
  expect(pathsOfDiff(git("diff", "--cached", "--no-renames", "HEAD")).sort()).toEqual(names.sort())
})
