import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { answerSchema } from "../core/answer-schema.ts"
import type { AgentSpec } from "../core/loop.ts"
import type { AgentTask, Confinement, Sandbox } from "../core/ports.ts"
import { Review } from "../core/review.ts"
import { type AgentsOptions, openAgents } from "./run-agent.ts"

let folder: string
let confinements: Confinement[]
const never = new AbortController().signal
const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url), "utf8")

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flyball-make-"))
  confinements = []
  for (const name of ["work", "bin"]) mkdirSync(join(folder, name))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Confines nothing, and keeps what was asked for. */
function open(more: Partial<AgentsOptions> = {}) {
  const sandbox: Sandbox = {
    kind: { is: "none", why: "a test" },
    wrap(argv, _cwd, confinement) {
      confinements.push(confinement)
      return { argv, sandboxed: false }
    },
  }
  const outer = { PATH: `${join(folder, "bin")}:${process.env.PATH}`, ANTHROPIC_API_KEY: "sk-test", SECRET: "hunter2" }
  return openAgents({ sandbox, outer, home: join(folder, "private"), root: folder, replayArgv: [], ...more })
}

function task(command: string | string[], more: Partial<AgentTask> = {}): AgentTask {
  return {
    role: "maker",
    agent: agent({ use: "command", command }),
    cwd: join(folder, "work"),
    prompt: "the prompt\n",
    finding: { fingerprint: "f1", source: "test", title: "t", body: "b", severity: "low", attemptable: true },
    attempt: 1,
    limits: { timeoutMs: 20_000, silenceMs: 20_000, outputBytes: 1_000_000 },
    artifactDir: join(folder, "artifacts"),
    change: "c1",
    ...more,
  }
}

function agent(more: Partial<AgentSpec>): AgentSpec {
  return { name: "implementer", use: "command", skills: [], from: "loop", ...more }
}

function program(name: string, script: string): void {
  writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}

const printEnv = [
  'cat; echo "finding=$(cat "$FLYBALL_FINDING")"; echo "prompt=$(cat "$FLYBALL_PROMPT")"',
  `echo "feedback=\${FLYBALL_FEEDBACK-absent}"; echo "diff=\${FLYBALL_DIFF-absent}"; echo changed > file.txt`,
].join("; ")

test("a command runs in the workspace, with the prompt on stdin and its parts in files", async () => {
  const result = await open().run(task(printEnv), never)
  expect(result.ended).toEqual({ is: "done" })
  expect(result.said).toContain("the prompt\nfinding={")
  expect(result.said).toContain('"fingerprint": "f1"')
  expect(result.said).toContain("prompt=the prompt\nfeedback=absent\ndiff=absent")
  expect(readFileSync(join(folder, "work/file.txt"), "utf8")).toBe("changed\n")
  expect(result.spend).toMatchObject({ usd: 0, basis: "reported" })
})

test("from the second attempt on there is feedback, and a reviewer has the diff and the evidence", async () => {
  writeFileSync(join(folder, "d"), "the diff")
  writeFileSync(join(folder, "e"), "[]")
  const files = { diffFile: join(folder, "d"), evidenceFile: join(folder, "e") }
  const maker = await open().run(task('cat "$FLYBALL_FEEDBACK"', { attempt: 2, feedback: "it still fails" }), never)
  expect(maker.said).toBe("it still fails")
  const reviewer = await open().run(
    task('cat "$FLYBALL_DIFF" "$FLYBALL_EVIDENCE"', { role: "reviewer", ...files }),
    never,
  )
  expect(reviewer.said).toBe("the diff[]")
})

test("an argv list runs without a shell, also by a path from the workspace", async () => {
  writeFileSync(join(folder, "work/fix.sh"), '#!/bin/sh\necho "$1"\n', { mode: 0o755 })
  const result = await open().run(task(["./fix.sh", "$HOME; exit 3"]), never)
  expect(result).toMatchObject({ ended: { is: "done" }, said: "$HOME; exit 3" })
})

test("the environment is built: nothing of the user's but what is named, and a HOME that is gone afterwards", async () => {
  const result = await open().run(
    task('env; touch "$HOME/x" "$TMPDIR/y"; mkdir "$HOME/ro" && touch "$HOME/ro/z" && chmod 500 "$HOME/ro"'),
    never,
  )
  expect(result.said).not.toMatch(/hunter2|sk-test|VITEST/)
  expect(result.said).toContain(`HOME=${join(folder, "private")}`)
  expect(readdirSync(join(folder, "private"))).toEqual([])
})

test("a maker may write its workspace; a reviewer nothing, and a command that reviews has no network", async () => {
  const around = { readable: ["/objects"], binds: [{ from: "/deps", to: "/work/deps" }] }
  await open().run(task("true", { around }), never)
  await open().run(task("true", { role: "reviewer" }), never)
  const [maker, reviewer] = confinements
  expect(maker).toMatchObject({ writable: [join(folder, "work")], network: "open", binds: around.binds })
  expect(maker?.readable).toContain("/objects")
  expect(reviewer).toMatchObject({ writable: [], network: "none" })
  expect(reviewer?.readable).toContain(join(folder, "work"))
})

test.each([
  ["T12: a missing program of the shell's", "no-such-tool-here", { code: "missing_agent" }],
  ["T12: a missing program", ["no-such-tool-here"], { code: "missing_agent" }],
  ["an error", "echo why >&2; exit 3", { code: "crashed", why: "the command failed (exit 3): why" }],
  ["a signal", "kill -SEGV $$", { code: "crashed", why: expect.stringContaining("SIGSEGV") }],
])("%s is a failure that says so", async (_, command, expected) => {
  expect((await open().run(task(command), never)).ended).toMatchObject({ is: "failed", ...expected })
})

test.each([
  ["its own success", "exit 0"],
  ["an error code", "exit 4"],
])("T15: a maker stops with its last line, and %s", async (_, exit) => {
  const stop = `echo working; echo '{"stop":"ambiguous","reason":"which one?"}'; ${exit}`
  expect((await open().run(task(stop), never)).ended).toEqual({ is: "stop", stop: "ambiguous", reason: "which one?" })
})

test("a stop that is not the last line, or is malformed, is not a stop", async () => {
  const early = `echo '{"stop":"ambiguous","reason":"x"}'; echo more`
  expect((await open().run(task(early), never)).ended).toEqual({ is: "done" })
  expect((await open().run(task(`echo '{"stop":"tired"}'`), never)).ended).toEqual({ is: "done" })
})

test.each([
  ["wall clock", "while :; do echo x; sleep 0.05; done", { timeoutMs: 300 }, "timeout"],
  ["silence", "sleep 60", { silenceMs: 200 }, "silence"],
  ["output", "yes", { outputBytes: 100_000 }, "too_much_output"],
  [
    "output without a line's end",
    "tr '\\0' x </dev/zero",
    { outputBytes: 100_000, timeoutMs: 1_000 },
    "too_much_output",
  ],
])("D5: the limit of %s ends the session and says which", async (_, command, limits, code) => {
  const given = task(command)
  const result = await open().run({ ...given, limits: { ...given.limits, ...limits } }, never)
  expect(result.ended).toMatchObject({ is: "failed", code })
  expect(statSync(result.log).size).toBeLessThanOrEqual(1_000_000)
})

test("D5: aborting kills the whole tree, and says what was spent", async () => {
  const stop = new AbortController()
  const pidFile = join(folder, "work/pid")
  const pids: number[] = []
  const watch = {
    said: () => stop.abort("halted"),
    spawned: (pid: number) => pids.push(pid),
    ended: (pid: number) => pids.push(-pid),
  }
  const running = open({ watch }).run(task(`sh -c 'echo $$ > ${pidFile}; echo started; sleep 60' & wait`), stop.signal)
  await expect(running).rejects.toMatchObject({ code: "ABORTED", retry: "now", facts: { spend: { usd: 0 } } })
  const pid = Number(readFileSync(pidFile, "utf8"))
  expect(isRunning(pid)).toBe(false)
  expect(pids[0]).toBe(-(pids[1] ?? 0))
})

test("an abort before the start starts nothing", async () => {
  await expect(open().run(task("touch here"), AbortSignal.abort())).rejects.toMatchObject({ code: "ABORTED" })
  expect(existsSync(join(folder, "work/here"))).toBe(false)
})

test("the prompt, the lines and an account of the session are kept, for their owner's eyes", async () => {
  const result = await open().run(task("echo hello; echo trouble >&2"), never)
  const kept = join(folder, "artifacts")
  expect(readFileSync(join(kept, "maker.prompt.md"), "utf8")).toBe("the prompt\n")
  expect(readFileSync(result.log, "utf8").split("\n").sort()).toEqual(["", "hello", "trouble"])
  expect(JSON.parse(readFileSync(join(kept, "maker.session.json"), "utf8"))).toMatchObject({
    ended: { is: "done" },
    process: { exitCode: 0 },
  })
  for (const name of readdirSync(kept)) expect(statSync(join(kept, name)).mode & 0o077).toBe(0)
})

test("M4: two sessions that say the same have the same digest, whatever the time", async () => {
  const [a, b, c] = await Promise.all(
    ["echo pid $$; date +%FT%TZ; echo same", "echo pid 1; date -d '1 hour' +%FT%TZ; echo same", "echo other"].map(
      (command, at) => open().run(task(command, { artifactDir: join(folder, `a${at}`) }), never),
    ),
  )
  expect(a?.output).toBe(b?.output)
  expect(a?.output).not.toBe(c?.output)
})

test("a command costs what it declares", async () => {
  const dear = agent({ use: "command", command: "true", usdPerAttempt: 0.5 })
  expect((await open().run(task("", { agent: dear }), never)).spend).toMatchObject({ usd: 0.5 })
})

test("`use: auto` that nobody resolved says that it is not available, and the ways out", async () => {
  const running = open().run(task("", { agent: agent({ use: "auto" }) }), never)
  await expect(running).rejects.toMatchObject({
    code: "AGENT_NOT_AVAILABLE",
    hint: expect.stringContaining("use: command"),
  })
})

test.each([
  ["opencode", {}, "model:"],
  ["opencode", { model: "claude-sonnet-5" }, ""],
  ["opencode", { model: "openai/gpt-6-sol" }, "OPENAI_API_KEY"],
  ["gemini", {}, "GEMINI_API_KEY"],
  ["pi", { model: "gemini-3.5-flash" }, "GEMINI_API_KEY"],
  ["acp", {}, "names no command"],
] as const)("%s %j starts nothing where it can't work, and says what it lacks", async (use, more, why) => {
  const { ended, ms } = await open().run(task("", { agent: agent({ use, command: undefined, ...more }) }), never)
  expect(ended).toMatchObject({ is: "failed", code: "missing_agent", why: expect.stringContaining(why) })
  expect(ms).toBe(0)
})

const claudeTask = (more: Partial<AgentTask> = {}) =>
  task("", { agent: agent({ use: "claude", model: "sonnet" }), ...more })

test("claude's lines become its end, words, money and model; its key reaches it and nothing else of the user's", async () => {
  writeFileSync(join(folder, "lines"), fixture("claude/fixed.jsonl"))
  program("claude", `cat > got-prompt; echo "$@" > got-args; env > got-env; cat ${join(folder, "lines")}; exit 1`)
  const result = await open().run(claudeTask({ limits: { ...task("").limits, usd: 1.5, turns: 7 } }), never)
  expect(result).toMatchObject({
    ended: { is: "done" },
    said: "Done.",
    model: "claude-sonnet-5",
    spend: { basis: "reported" },
  })
  const got = (name: string) => readFileSync(join(folder, "work", name), "utf8")
  expect(got("got-prompt")).toBe("the prompt\n")
  expect(got("got-args")).toMatch(/--model sonnet .*--max-turns 7 --max-budget-usd 1\.5000/)
  expect(got("got-env")).toContain("ANTHROPIC_API_KEY=sk-test")
  expect(got("got-env")).not.toContain("hunter2")
})

test("claude that is killed after its final account did its work", async () => {
  writeFileSync(join(folder, "lines"), fixture("claude/fixed.jsonl"))
  program("claude", `cat ${join(folder, "lines")}; sleep 60`)
  const result = await open().run(claudeTask({ limits: { ...task("").limits, silenceMs: 300 } }), never)
  expect(result).toMatchObject({ ended: { is: "done" }, spend: { basis: "reported" } })
})

test("M2: claude that is killed before its final account has an unknown price", async () => {
  const [init = "", first = ""] = fixture("claude/fixed.jsonl").split("\n")
  writeFileSync(join(folder, "lines"), `${init}\n${first}\n`)
  program("claude", `cat ${join(folder, "lines")}; sleep 60`)
  const result = await open().run(claudeTask({ limits: { ...task("").limits, silenceMs: 300 } }), never)
  expect(result).toMatchObject({ ended: { is: "failed", code: "silence" }, spend: { basis: "unknown" } })
})

test("a claude that says its verdict in a code fence is heard, and a maker's stop is typed", async () => {
  const lines = fixture("claude/fixed.jsonl").replaceAll(
    '"Done."',
    JSON.stringify('I looked.\n{"stop":"already_fixed","reason":"see abc"}'),
  )
  writeFileSync(join(folder, "lines"), lines)
  program("claude", `cat ${join(folder, "lines")}`)
  expect((await open().run(claudeTask(), never)).ended).toEqual({
    is: "stop",
    stop: "already_fixed",
    reason: "see abc",
  })
})

test("an agent without a key is not started, and says what to set", async () => {
  program("claude", "touch started")
  const result = await open({ outer: { PATH: join(folder, "bin") } }).run(claudeTask(), never)
  expect(result.ended).toMatchObject({
    is: "failed",
    code: "missing_agent",
    why: expect.stringContaining("ANTHROPIC_API_KEY"),
  })
  expect(existsSync(join(folder, "work/started"))).toBe(false)
})

test("codex gets its settings in a HOME of its own, and a reviewer the schema of its answer", async () => {
  writeFileSync(join(folder, "lines"), fixture("codex/fixed.jsonl"))
  program(
    "codex",
    `cat "$CODEX_HOME/config.toml" "$CODEX_HOME/answer.json" > "${folder}/got"; cat ${join(folder, "lines")}`,
  )
  const outer = {
    PATH: `${join(folder, "bin")}:${process.env.PATH}`,
    OPENAI_API_KEY: "sk-o",
    OPENAI_BASE_URL: "http://127.0.0.1:1/v1",
  }
  const result = await open({ outer }).run(
    task("", { role: "reviewer", agent: agent({ use: "codex", model: "gpt-6-sol" }), answer: answerSchema(Review) }),
    never,
  )
  expect(result).toMatchObject({ ended: { is: "done" }, model: "gpt-6-sol", spend: { basis: "estimated" } })
  const got = readFileSync(join(folder, "got"), "utf8")
  expect(got).toContain('model = "gpt-6-sol"')
  expect(got).toContain('base_url = "http://127.0.0.1:1/v1"')
  expect(got).not.toContain("sk-o")
  expect(got).toContain('"verdict"')
})

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    // A zombie that nobody reaped runs no more.
    return !existsSync(`/proc/${pid}/stat`) || !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"))
  } catch {
    return false
  }
}
