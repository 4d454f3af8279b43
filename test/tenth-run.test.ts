import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { status } from "../src/engine/commands/status.ts"
import { spentSince } from "../src/record/money.ts"
import { look, quickProject, runFix, sharedHome } from "./quick-loop.ts"
import { commitTo, type SmallRepo, smallRepo } from "./small-repo.ts"

sharedHome()

/*
 * Ten runs of one loop on one repository. A scout looks around each time, for ten cents; a maker's attempt costs fifty. Two of
 * the findings can be mended, one can't, and later a new one comes. What is known already is paid for once.
 */

const scout = (said: string) =>
  `---\nname: scout\ndescription: looks around\nuse: command\ncommand: ${JSON.stringify(`echo '${said}'`)}\ncost: $0.10/attempt\n---\n`
const maker = "case $item in n3) date +%N >> work/n3.txt;; *) echo fixed > work/$item.txt;; esac"

function project(): Record<string, string> {
  const files = quickProject({
    maker,
    items: 3,
    usdPerAttempt: 0.5,
    verify: "{ check: diff_reasonable }",
    guardrails:
      "max_iterations: 2, review_wip: 9, budget: $9/run, halt_on: [no_progress(9), same_error(9), repeated_output(9)]",
  })
  const loop = files[".flyball/loops/fix.yaml"]?.replace('sh("sh find.sh")', 'agent(scout) + sh("sh find.sh")') ?? ""
  return {
    ...files,
    ".flyball/loops/fix.yaml": loop,
    ".flyball/checks.yaml": `${files[".flyball/checks.yaml"]}n4: { run: grep -q fixed work/n4.txt, kind: exit }\n`,
    ".flyball/agents/scout.md": scout('{"findings":[]}'),
  }
}

const measured = ({ root }: SmallRepo) =>
  look({ root }, async ({ repo }) => (await readdir(join(repo.dataDir, "cache", "measurements"))).sort())

test("the tenth run of a loop costs less than the first: what was tried, is under way, or was measured is not paid again", async () => {
  await using repo = await smallRepo(project())
  const costs: number[] = []
  const attempts: number[] = []
  let afterSecond: string[] = []
  let afterFifth: string[] = []
  for (let run = 1; run <= 10; run++) {
    if (run === 6) await commitTo(repo, { "work/n4.txt": "n4 is broken\n" }, "one more that is broken")
    const { report, said } = await runFix(repo)
    costs.push(report.usd)
    attempts.push(said.filter((line) => /attempt \d+: implementer/.test(line)).length)
    if (run === 2) afterSecond = await measured(repo)
    if (run === 5) afterFifth = await measured(repo)
  }
  expect(attempts, "n1 and n2 once, n3 twice; then nothing but the new one").toEqual([4, 0, 0, 0, 0, 1, 0, 0, 0, 0])
  expect(costs.map((usd) => usd.toFixed(2))).toEqual([
    "2.10",
    ...Array(4).fill("0.10"),
    "0.60",
    ...Array(4).fill("0.10"),
  ])
  expect(afterSecond.length, "what was measured is remembered").toBeGreaterThan(0)
  expect(afterFifth, "and measured once").toEqual(afterSecond)
  const spent = await look(repo, (session) => spentSince(session.db, { repo: session.repo.key }))
  expect(spent).toBeCloseTo(
    costs.reduce((sum, usd) => sum + usd, 0),
    6,
  )
  const [day] = (await look(repo, (session) => status(session, "fix"))).costs ?? []
  expect(day).toMatchObject({
    accepted: 3,
    bare: { changes: 3, usdPerChange: 0.5, wrong: 0, nothing: 0, addedUsdPerChange: 0 },
  })
})

test("a loop without a scout pays nothing at all once there is nothing new", async () => {
  const files = quickProject({
    maker: "echo fixed > work/$item.txt",
    items: 2,
    usdPerAttempt: 0.5,
    guardrails: "max_iterations: 1, budget: $9/run",
  })
  await using repo = await smallRepo(files)
  const costs: number[] = []
  for (let run = 1; run <= 10; run++) costs.push((await runFix(repo)).report.usd)
  expect(costs).toEqual([1, ...Array(9).fill(0)])
})
