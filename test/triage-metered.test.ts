import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest"
import { type ModelServer, startModelServer } from "./model-server/index.ts"
import { fixes, look, quickProject, runFix, sharedHome } from "./quick-loop.ts"
import { smallRepo } from "./small-repo.ts"

/*
 * A triager that calls a model, through the real gateway and its real wire; the agent is a small program that goes by the name
 * of `claude`.
 */

sharedHome()
const outer = { ...process.env }
let bin: string
let model: ModelServer

beforeEach(async () => {
  bin = await mkdtemp(join(tmpdir(), "flyball-claude-"))
  await chmod(bin, 0o755)
  model = await startModelServer({ turns: [{ text: "yes", usage: { in: 1000, out: 3000 } }] })
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

/** Asks its model so many times, and then sorts what its prompt names; what it has of the environment is its approach. */
const sorter = (times: number) => `#!${process.execPath}
const prompt = require("node:fs").readFileSync(0, "utf8")
const ids = [...prompt.matchAll(/^\`+DATA: finding (\\w+)$/gm)].map(([, id]) => id)
const say = (line) => console.log(JSON.stringify(line))
say({ type: "system", subtype: "init", model: "claude-sonnet-5" })
const ask = () => fetch(process.env.ANTHROPIC_BASE_URL + "/v1/messages", {
  method: "POST",
  headers: { "content-type": "application/json", "x-api-key": process.env.ANTHROPIC_API_KEY, "anthropic-version": "2023-06-01" },
  body: JSON.stringify({ model: "claude-sonnet-5", max_tokens: 4000, messages: [{ role: "user", content: prompt }] }),
})
const main = async () => {
  for (let n = 0; n < ${times}; n++) await (await ask()).text()
  const key = String(process.env.ANTHROPIC_API_KEY).slice(0, 20)
  const findings = ids.map((id) => ({ id, severity: "high", confidence: 0.9, size: "small", module: null, suggested: "key " + key, attempt: true, reason: null }))
  say({ type: "result", subtype: "success", is_error: false, result: JSON.stringify({ findings }), modelUsage: {} })
}
main()
`

async function repoWith(times: number, budget: string) {
  await writeFile(join(bin, "claude"), sorter(times), { mode: 0o755 })
  const loop = { maker: fixes, guardrails: `max_iterations: 1, budget: ${budget}`, discover: "triage: sorter" }
  const repo = await smallRepo({
    ...quickProject(loop),
    ".flyball/agents/sorter.md":
      "---\nname: sorter\ndescription: sorts\nuse: claude\nmodel: claude-sonnet-5\n---\n\nBe strict.\n",
  })
  onTestFinished(() => repo[Symbol.asyncDispose]())
  return repo
}

test("a triager's model is metered at the wire, and your key stays with the gateway", async () => {
  const repo = await repoWith(1, "$1/run")
  const { report } = await runFix(repo)
  expect(report.findings).toMatchObject([{ severity: "high", plan: "attempt" }])
  expect(report.notes.join("\n")).toMatch(/sorter: one finding sorted, \$0\.0\d\./)
  expect(report.usd).toBeGreaterThan(0.01)
  const [row] = await look(repo, ({ db }) =>
    db.selectFrom("money").selectAll().where("key", "like", "triage/%").execute(),
  )
  expect(row).toMatchObject({ basis: "metered", settled_usd: report.usd })
  const [sorted] = await look(repo, ({ db }) => db.selectFrom("finding").select("body").execute())
  expect(JSON.stringify(sorted)).toContain("key ")
  expect(JSON.stringify(sorted)).not.toContain("sk-the-users-own")
  expect(JSON.stringify(model.asked())).toContain("Be strict.")
})

test("M1: a triager is cut at the ceiling while it runs, and the run goes on with what is left to it", async () => {
  const repo = await repoWith(1000, "[$1/run, $0.10/attempt]")
  const { report } = await runFix(repo)
  expect(report.notes.join("\n")).toMatch(/sorter sorted nothing: budget: .*One finding stays/)
  expect(report.usd).toBeLessThanOrEqual(0.1)
  expect(report.usd).toBeGreaterThan(0.04)
  expect(report.changes.map(({ outcome }) => outcome)).toEqual(["proposed"])
})
