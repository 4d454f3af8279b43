import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest"
import { spentOn } from "../src/core/change.ts"
import { git } from "../src/lib/git.ts"
import { readChanges } from "../src/record/ledger.ts"
import { spentUsd } from "../src/record/money.ts"
import { flyball } from "./flyball-cli.ts"
import { type ModelServer, startModelServer, type Turn } from "./model-server/index.ts"
import { look, only, quickProject, runFix, sharedHome, waiting } from "./quick-loop.ts"
import { processesOf, type SmallRepo, smallRepo } from "./small-repo.ts"

/*
 * Whole runs of a loop whose maker calls a model: the metering gateway, the sandbox and the model's protocol are real; the
 * agent is a small program that goes by the name of `claude`, so that it can be as ruthless as no real one is.
 */

const home = sharedHome()
const outer = { ...process.env }
let bin: string
let model: ModelServer

beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), "flyball-claude-"))
  await chmod(bin, 0o755)
  model = await startModelServer({ turns: [{ text: "yes" }] })
  process.env.PATH = `${bin}:${outer.PATH}`
  process.env.ANTHROPIC_BASE_URL = model.url
  process.env.ANTHROPIC_API_KEY = "sk-the-users-own-key"
})
afterEach(async () => {
  Object.assign(process.env, { PATH: outer.PATH })
  for (const name of ["ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"]) delete process.env[name]
  await model.close()
  await rm(bin, { recursive: true, force: true })
})

/** An agent that asks its model over and over, writes down what it was answered, and leaves a child behind. */
const asksForEver = `
const { spawn } = require("node:child_process"), fs = require("node:fs")
spawn("sleep", ["6${process.pid}"], { detached: true, stdio: "ignore" }).unref()
const say = (line) => console.log(JSON.stringify(line))
say({ type: "system", subtype: "init", model: MODEL })
const ask = async () => {
  const answer = await fetch(process.env.ANTHROPIC_BASE_URL + "/v1/messages", {
    method: "POST",
    headers: { "content-type": "application/json", "x-api-key": process.env.ANTHROPIC_API_KEY, "anthropic-version": "2023-06-01" },
    body: JSON.stringify({ model: MODEL, max_tokens: 4000, messages: [{ role: "user", content: "go on" }] }),
  })
  const text = await answer.text()
  fs.appendFileSync("answers.txt", answer.status + " " + text + "\\n")
  return answer.status
}
const main = async () => {
  for (let n = 0; n < TIMES; n++) {
    const all = await Promise.all(Array.from({ length: AT_ONCE }, ask))
    if (STOPS && all.some((status) => status !== 200)) process.exit(1)
  }
  fs.writeFileSync("work/n1.txt", "fixed\\n")
  fs.rmSync("answers.txt")
  say({ type: "result", subtype: "success", is_error: false, result: JSON.stringify(process.env), modelUsage: {} })
}
main()
`
type Asks = { model?: string; times?: number; atOnce?: number; stops?: boolean }

async function agent({ model: name = "claude-sonnet-5", times = 1000, atOnce = 1, stops = false }: Asks = {}) {
  const text = asksForEver
    .replaceAll("MODEL", JSON.stringify(name))
    .replace("TIMES", String(times))
    .replace("AT_ONCE", String(atOnce))
    .replace("STOPS", String(stops))
  await writeFile(join(bin, "claude"), `#!${process.execPath}\n${text}`, { mode: 0o755 })
}

async function loopWith(guardrails: string): Promise<SmallRepo> {
  const files = quickProject({ maker: "", guardrails })
  const repo = await smallRepo({
    ...files,
    ".flyball/agents/implementer.md":
      "---\nname: implementer\ndescription: asks a model\nuse: claude\nmodel: claude-sonnet-5\n---\n",
  })
  onTestFinished(() => repo[Symbol.asyncDispose]())
  return repo
}

const usage = (turn: Partial<Turn> = {}): Turn => ({ text: "yes", usage: { in: 1000, out: 3000 }, ...turn })

/** All that runs of this file left on disk about the agent: prompts, logs, wire logs, summaries. */
async function written(change: string): Promise<Record<string, string>> {
  const repos = join(home.path, "repos")
  const found: Record<string, string> = {}
  for (const name of await readdir(repos, { recursive: true }))
    if (name.includes(change) && /\.(log|jsonl|json|md)$/.test(name))
      found[name] = await readFile(join(repos, name), "utf8")
  return found
}

test("M1: the run is cut at the ceiling while the agent runs; what it had done is kept, and a person is asked", async () => {
  model.script({ turns: [usage()] })
  await agent({ atOnce: 3 })
  const repo = await loopWith("max_iterations: 1, budget: $0.30/run")
  const ran = await runFix(repo)
  const view = only(ran)
  expect(view).toMatchObject({ outcome: "stopped", reason: "budget", basis: "metered" })
  expect(view.question).toMatch(/ceiling of \$0\.\d+ for this attempt is reached/)
  expect(ran.report.usd, "overshoot").toBeLessThanOrEqual(0.3)
  expect(ran.report.usd, "and it used what it could").toBeGreaterThan(0.2)
  expect(await processesOf(`sleep 6${process.pid}`)).toEqual([])
  const kept = await git(["for-each-ref", "--format=%(refname)", `refs/flyball/**/${view.id}*`], { cwd: repo.root })
  const [ref = ""] = kept.trim().split("\n")
  expect(await git(["ls-tree", "-r", "--name-only", ref], { cwd: repo.root })).toContain("answers.txt")
})

test("M2: a model whose price nobody knows is not served under a ceiling in dollars, and the way out is said", async () => {
  await agent({ model: "somebodys-new-model" })
  const repo = await loopWith("max_iterations: 1, budget: $1/run")
  const ran = await runFix(repo)
  expect(only(ran)).toMatchObject({ outcome: "stopped", reason: "budget" })
  expect(only(ran).question).toMatch(/somebodys-new-model.*price/s)
  expect(model.asked()).toEqual([])
  expect(ran.report.usd).toBe(0)
})

test("M8: a ceiling in tokens stops an agent in the middle of its work", async () => {
  model.script({ turns: [usage()] })
  await agent()
  const repo = await loopWith("max_iterations: 1, budget: [ 40k tokens/run, 20k tokens/attempt ]")
  const ran = await runFix(repo)
  expect(only(ran).question).toMatch(/ceiling of 20000 tokens/)
  const [spent] = await look(repo, ({ db }) =>
    db.selectFrom("money").select("tokens").where("change", "=", only(ran).id).execute(),
  )
  expect(Number(spent?.tokens)).toBeLessThanOrEqual(20_000)
  expect(Number(spent?.tokens)).toBeGreaterThan(8_000)
})

test("an attempt takes more of the run's money when its first share does not do, and a ceiling of its own holds", async () => {
  model.script({ turns: [usage()] })
  await agent({ times: 12 })
  const repo = await loopWith("max_iterations: 3, budget: $1/run")
  const ran = await runFix(repo)
  expect(only(ran), ran.said.join("\n")).toMatchObject({ outcome: "proposed" })
  expect(ran.report.usd, "more than a third of the run's").toBeGreaterThan(0.34)
  const other = await loopWith("max_iterations: 3, budget: [ $1/run, $0.10/attempt ]")
  const stopped = await runFix(other)
  expect(only(stopped)).toMatchObject({ reason: "budget" })
  expect(stopped.report.usd).toBeLessThanOrEqual(0.1)
})

test("M1: a session that is cut because what is left is for loops above its own waits for its turn, and asks nobody", async () => {
  model.script({ turns: [usage()] })
  await agent()
  const repo = await loopWith("max_iterations: 1, budget: $1/month, priority: low")
  const ran = await runFix(repo)
  const view = only(ran)
  expect(view, ran.said.join("\n")).toMatchObject({
    stage: "in_progress",
    says: expect.stringContaining("waits for its turn (priority)"),
    waits: expect.stringMatching(/the last \$0\.20 of \$1\.00.*are for loops above it/),
  })
  expect(view.usd).toBeLessThanOrEqual(0.8)
  expect(view.usd, "it took all that was its to take").toBeGreaterThan(0.7)
  expect(await waiting(repo)).toEqual([])
})

test("M3: a process that is killed after its session took more is charged all of it, in the ledger and in its change alike", async () => {
  model.script({ turns: [usage()] })
  await agent({ times: 100_000 })
  const repo = await loopWith("max_iterations: 3, budget: $3/run")
  const { PATH, ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY } = process.env
  const run = flyball(repo.root, ["run", "fix"], { PATH, ANTHROPIC_BASE_URL, ANTHROPIC_API_KEY })
  const charged = () =>
    look(repo, async ({ db, repo: { key } }) => {
      const [change] = await readChanges(db, { repo: key })
      const ledger = change === undefined ? 0 : await spentUsd(db, [change.id])
      return { change: change === undefined ? 0 : spentOn(change).usd, ledger }
    })
  let now = await charged()
  while (now.ledger < 1.2 && run.child.exitCode === null) {
    await new Promise((again) => setTimeout(again, 100))
    now = await charged()
  }
  run.child.kill("SIGKILL")
  await run.ended
  const dead = await charged()
  expect(dead.ledger, run.printed()).toBeGreaterThan(1)
  expect(dead.change).toBeCloseTo(dead.ledger, 9)

  await agent({ times: 1 })
  const after = only(await runFix(repo))
  expect(after).toMatchObject({ outcome: "proposed", basis: "unknown" })
  expect(after.usd).toBeGreaterThan(dead.ledger)
  expect(after.usd).toBeCloseTo((await charged()).ledger, 9)
})

test("the user's key is in no environment, log, prompt or answer; the provider alone gets it", async () => {
  await agent({ times: 2 })
  const repo = await loopWith("max_iterations: 1, budget: $1/run")
  const ran = await runFix(repo)
  const view = only(ran)
  expect(view, ran.said.join("\n")).toMatchObject({ outcome: "proposed" })
  expect(model.asked().map(({ token }) => token)).toEqual(Array(2).fill("sk-the-users-own-key"))
  const files = await written(view.id)
  const log = Object.entries(files).find(([name]) => name.endsWith("maker.log"))?.[1]
  expect(log, "the agent told its environment").toContain("ANTHROPIC_BASE_URL")
  for (const [name, text] of Object.entries(files)) expect(text, name).not.toContain("sk-the-users-own-key")
  const wire = Object.entries(files).find(([name]) => name.endsWith("maker.wire.jsonl"))?.[1] ?? ""
  expect(
    wire
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toMatchObject([
    { is: "request", status: 200, basis: "metered", model: "claude-sonnet-5" },
    { is: "request", status: 200 },
  ])
})

test("a provider that serves no more for now is waited for; with another rung the next agent takes over at once", async () => {
  model.script({ turns: [{ text: "yes", fault: { is: "status", status: 429, retryAfterS: 1, times: 1 } }] })
  await agent({ times: 1, stops: true })
  const repo = await loopWith("max_iterations: 2, budget: $1/run")
  const ran = await runFix(repo)
  expect(only(ran), ran.said.join("\n")).toMatchObject({ outcome: "proposed", attempts: [{ n: 1 }] })
  expect(ran.said.join("\n")).toMatch(/waits \d+ s: the provider serves no more for now \(429\)/)

  await mkdir(join(bin, "unused"))
  const ladder = quickProject({ maker: "", guardrails: "max_iterations: 2, budget: $1/run" })
  await using climbing = await smallRepo({
    ...ladder,
    ".flyball/agents/implementer.md":
      "---\nname: implementer\ndescription: asks a model\nuse: claude\nmodel: claude-sonnet-5\nthen: { use: command, command: echo fixed > work/n1.txt }\n---\n",
  })
  model.script({ turns: [{ text: "no", fault: { is: "status", status: 429, retryAfterS: 3600 } }] })
  const climbed = await runFix(climbing)
  expect(only(climbed), climbed.said.join("\n")).toMatchObject({ outcome: "proposed", attempts: [{ n: 1 }, { n: 2 }] })
})

test("M8: a reviewer whose attempt has spent its share takes of the run's, and is refused where nothing is left", async () => {
  model.script({ turns: [usage()] })
  await agent({ times: 2 })
  const review = "---\nname: reviewer\ndescription: asks a model\nuse: claude\nmodel: claude-opus-5\n---\n"
  const withReviewer = async (budget: string) => {
    const files = quickProject({ maker: "", reviewer: "true", guardrails: `max_iterations: 1, budget: ${budget}` })
    const maker = "---\nname: implementer\ndescription: asks a model\nuse: claude\nmodel: claude-sonnet-5\n---\n"
    const agents = { ".flyball/agents/implementer.md": maker, ".flyball/agents/reviewer.md": review }
    const repo = await smallRepo({ ...files, ...agents })
    onTestFinished(() => repo[Symbol.asyncDispose]())
    return runFix(repo)
  }
  const { report, said } = await withReviewer("$0.07/attempt")
  expect(report.usd, said.join("\n")).toBeLessThanOrEqual(0.07)
  expect(report.changes[0]?.outcome, said.join("\n")).not.toBe("proposed")
})

test("M8: the ceiling of all loops and the day cuts an agent of a loop that names none", async () => {
  model.script({ turns: [usage()] })
  await agent({ atOnce: 2 })
  const repo = await loopWith("max_iterations: 1")
  const before = await look(repo, ({ db }) => db.selectFrom("money").selectAll().execute())
  // A file of tests may go past midnight: what was spent the day before is no part of the day's ceiling.
  const today = before.filter(({ at }) => at.toDateString() === new Date().toDateString())
  const spent = today.reduce((sum, { settled_usd }) => sum + (settled_usd ?? 0), 0)
  await writeFile(join(home.path, "config.yaml"), `budget: $${(spent + 0.2).toFixed(4)}/day\n`)
  onTestFinished(() => rm(join(home.path, "config.yaml")))
  const ran = await runFix(repo)
  expect(only(ran), ran.said.join("\n")).toMatchObject({ outcome: "stopped", reason: "budget" })
  expect(ran.report.usd).toBeLessThanOrEqual(0.2)
})

test("sessions that a provider cut short are paid of the same share, also when the last one is cut by the ceiling", async () => {
  model.script({ turns: [usage({ fault: { is: "status", status: 429, retryAfterS: 1, times: 1 } })] })
  await agent({ atOnce: 4, stops: true })
  const repo = await loopWith("max_iterations: 1, budget: $0.12/attempt")
  const ran = await runFix(repo)
  expect(ran.report.usd, ran.said.join("\n")).toBeLessThanOrEqual(0.12)
})
