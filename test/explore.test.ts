import { expect, test } from "vitest"
import { spentSince } from "../src/record/money.ts"
import { look, only, quickProject, runFix, sharedHome } from "./quick-loop.ts"
import { smallRepo } from "./small-repo.ts"

sharedHome()

const scout = (command: string, cost = "") => ({
  ".flyball/agents/scout.md": `---\nname: scout\ndescription: looks around\nuse: command\ncommand: ${JSON.stringify(command)}${cost}\n---\n`,
})
const finds = `test -w . && touch never; echo '{"findings":[{"title":"n1 is off","body":"it is","severity":"low","file":"work/n1.txt"}]}'`
const loop = (run: string, guardrails = "max_iterations: 1, budget: $1/run") => {
  const project = quickProject({ maker: "true", act: "max_parallel: 1", guardrails })
  const text = project[".flyball/loops/fix.yaml"]?.replace('sh("sh find.sh")', run) ?? ""
  return { ...project, ".flyball/loops/fix.yaml": text }
}

test("an explorer's findings are worked on; it is paid for, and a rehearsal starts none", async () => {
  await using repo = await smallRepo({ ...loop("agent(scout)"), ...scout(finds, "\ncost: $0.25/attempt") })
  const dry = await runFix(repo, { dryRun: true })
  expect(dry.report.notes.join("\n")).toContain("a rehearsal starts no agent")
  const ran = await runFix(repo)
  expect(only(ran)).toMatchObject({ title: "n1 is off" })
  expect(ran.report.notes.join("\n")).toContain("agent(scout): 1 finding, $0.25.")
  expect(ran.report.usd).toBeCloseTo(0.25)
  expect(await look(repo, (session) => spentSince(session.db, { repo: session.repo.key }))).toBeCloseTo(0.25)
})

test("M8: an explorer that the run's ceiling can't pay for is not started", async () => {
  await using repo = await smallRepo({ ...loop("agent(scout)"), ...scout(finds, "\ncost: $2/attempt") })
  await expect(runFix(repo)).rejects.toMatchObject({
    message: expect.stringMatching(/ceiling of \$1\.00 for this run/),
  })
  expect(await look(repo, (session) => spentSince(session.db, { repo: session.repo.key }))).toBe(0)
})

test("M8: what an explorer cost is no longer there for makers", async () => {
  const project = quickProject({ maker: "true", usdPerAttempt: 0.5, guardrails: "max_iterations: 1, budget: $1/run" })
  const text = project[".flyball/loops/fix.yaml"]?.replace('sh("sh find.sh")', "agent(scout)") ?? ""
  await using repo = await smallRepo({
    ...project,
    ".flyball/loops/fix.yaml": text,
    ...scout(finds, "\ncost: $0.75/attempt"),
  })
  const { report } = await runFix(repo)
  expect(report).toMatchObject({ changes: [], held: [{ reason: "budget" }], usd: 0.75 })
  expect(report.held[0]?.detail).toContain("$0.75 of $1.00 for this run")
})

test("M8: an explorer that hangs is ended at the source's limit, paid for, and said to be missing; the others count", async () => {
  const project = loop('agent(scout) + sh("sh find.sh")', "max_iterations: 1, budget: $1/run, limits: { source: 8s }")
  await using repo = await smallRepo({ ...project, ...scout("sleep 600", "\ncost: $0.25/attempt") })
  const { report } = await runFix(repo)
  expect(report.notes.join("\n")).toMatch(
    /agent failed: agent\(scout\) did not end within 8 s \(limits\.source\).*missing/,
  )
  expect(report.findings).toMatchObject([{ title: "n1 is broken", plan: "attempt" }])
  expect(report.usd).toBeCloseTo(0.25)
  const open = await look(repo, ({ db }) =>
    db.selectFrom("money").selectAll().where("settled_usd", "is", null).execute(),
  )
  expect(open, "no reserve is left standing").toEqual([])
})

const chatter = (n: string) =>
  `echo "I looked at the file, saw that it is broken, and changed it in the way that seemed right to me; the check should pass now. Attempt ${n}."`
const different = `case $(wc -l < work/$item.txt) in 2) echo "The cache was stale.";; 3) echo "Now the parser reads numbers first.";; *) echo "Rounding happens too early in the sum.";; esac`

test.each([
  ["M4: nearly the same answer again stops the change, from the file's text", chatter("$(date +%N)"), 2],
  ["M4: other answers don't", different, 3],
])("%s", async (_, says, attempts) => {
  const halt = "halt_on: [no_progress(9), same_error(9), repeated_output(2)], max_iterations: 3, budget: $5/run"
  await using repo = await smallRepo(
    quickProject({ maker: `date +%N >> work/$item.txt; ${says}`, verify: "{ check: n1 }", guardrails: halt }),
  )
  const view = only(await runFix(repo))
  expect(view.attempts).toHaveLength(attempts)
  expect(view).toMatchObject({ outcome: "stopped", reason: attempts === 2 ? "no_progress" : "max_iterations" })
  if (attempts === 2) expect(view.question).toContain("said nearly the same thing 2 times")
})
