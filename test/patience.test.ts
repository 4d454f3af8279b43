import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, onTestFinished, test } from "vitest"
import { spentSince } from "../src/record/money.ts"
import { fixes, look, quickProject, runFix, sharedHome } from "./quick-loop.ts"
import { commitTo, type SmallRepo, smallRepo } from "./small-repo.ts"

/* M3, M7: an agent that a run asks before there is a change, and that fails time and again, is not paid for by each run. */

sharedHome()

const agentFile = (name: string, command: string) =>
  `---\nname: ${name}\ndescription: a script\nuse: command\ncommand: ${JSON.stringify(command)}\ncost: $0.25/attempt\n---\n`
const loopOf = (discover: string, top = "") =>
  `name: fix\n${top}\nsteps:\n  - discover: ${discover}\nguardrails: { budget: $5/run, limits: { source: 4s } }\n`
/** Finds something else each time, so that there is always something to ask about. */
const ticks = { "tick.sh": `echo "{\\"title\\":\\"t$(date +%s%N) is broken\\",\\"severity\\":\\"low\\"}"\n` }

const spentIn = (repo: SmallRepo) => look(repo, ({ db, repo: { key } }) => spentSince(db, { repo: key }))
const anHourLater = (repo: SmallRepo) =>
  look(repo, async ({ db, pool, repo: { key } }) => {
    await pool.query("update flyball.unanswered set at = at - interval '61 minutes' where repo = $1", [key])
    return await db.selectFrom("unanswered").select(["times", "why"]).where("repo", "=", key).execute()
  })
async function project(files: Record<string, string>): Promise<SmallRepo> {
  const repo = await smallRepo({ ...quickProject({ maker: fixes }), ...ticks, ...files })
  onTestFinished(() => repo[Symbol.asyncDispose]())
  return repo
}
/** What a run said, also where its one source told nothing. */
const notesOf = (repo: SmallRepo) =>
  runFix(repo).then(
    ({ report }) => report.notes.join("\n"),
    (thrown: unknown) => String(thrown),
  )

const cases: { name: string; files: Record<string, string>; agent: string; why: RegExp }[] = [
  {
    name: "a triager that crashes",
    files: {
      ".flyball/agents/sorter.md": agentFile("sorter", "exit 3"),
      ".flyball/loops/fix.yaml": loopOf('{ run: sh("sh tick.sh"), triage: sorter }'),
    },
    agent: "sorter",
    why: /crashed/,
  },
  {
    name: "a triager that hangs for longer than a source may take",
    files: {
      ".flyball/agents/sorter.md": agentFile("sorter", "sleep 60"),
      ".flyball/loops/fix.yaml": loopOf('{ run: sh("sh tick.sh"), triage: sorter }'),
    },
    agent: "sorter",
    why: /did not end in time/,
  },
  {
    name: "an explorer that crashes",
    files: {
      ".flyball/agents/scout.md": agentFile("scout", "exit 3"),
      ".flyball/loops/fix.yaml": loopOf("{ run: agent(scout) }"),
    },
    agent: "scout",
    why: /crashed/,
  },
]

test.each(cases)(
  "$name is asked twice in a row, then once an hour, then more rarely",
  async ({ files, agent, why }) => {
    const repo = await project(files)
    for (const usd of [0.25, 0.5]) {
      await notesOf(repo)
      expect(await spentIn(repo)).toBeCloseTo(usd)
    }
    const third = await notesOf(repo)
    expect(third).toMatch(/was asked 2 times in a row and did not answer .*asked again from .* UTC on/)
    expect(third).toMatch(why)
    expect(await spentIn(repo), "nobody is asked").toBeCloseTo(0.5)
    await anHourLater(repo)
    await notesOf(repo)
    expect(await spentIn(repo)).toBeCloseTo(0.75)
    expect(await anHourLater(repo)).toMatchObject([{ times: 3 }])
    expect(await notesOf(repo), "two hours by now").toMatch(/asked 3 times in a row/)
    expect(await spentIn(repo)).toBeCloseTo(0.75)
    const mended = agentFile(agent, `echo '{"findings":[]}'`)
    await commitTo(repo, { [`.flyball/agents/${agent}.md`]: mended }, "mended")
    await writeFile(join(repo.root, ".flyball/agents", `${agent}.md`), mended)
    await notesOf(repo)
    expect(await spentIn(repo), "another definition is asked at once").toBeCloseTo(1)
    expect(await anHourLater(repo)).toHaveLength(1)
  },
)

test("a scribe that crashes is not asked by each run, and the change that was hard is looked at once it answers", async () => {
  const hard = "if [ -s .tried ]; then echo fixed > work/$item.txt; rm -f .tried; else echo x > .tried; fi"
  const repo = await project({
    ...quickProject({
      maker: hard,
      top: "learn: true",
      act: "max_parallel: 1",
      items: 4,
      guardrails: "max_iterations: 3, max_findings: 1, budget: $9/run, review_wip: 9",
    }),
    ".flyball/agents/scribe.md": agentFile("scribe", "exit 3"),
  })
  const notes: string[] = []
  for (let run = 0; run < 3; run++) notes.push(await notesOf(repo))
  expect(notes[1]).toMatch(/lessons: none, for scribe .*crashed/)
  expect(notes[2]).toMatch(/lessons: none, for scribe .*asked 2 times in a row/)
  expect(await spentIn(repo)).toBeCloseTo(0.5)
})

test("who is interrupted is not blamed, and one answer makes up for what was before", async () => {
  const repo = await project({
    ".flyball/agents/sorter.md": agentFile("sorter", "sleep 60"),
    ".flyball/loops/fix.yaml": loopOf('{ run: sh("sh tick.sh"), triage: sorter }'),
  })
  const stop = new AbortController()
  await runFix(repo, {
    signal: stop.signal,
    progress: ({ text }) => {
      if (text.includes(" sorts ")) setTimeout(() => stop.abort(new Error("Ctrl-C")), 500)
    },
  }).catch(() => {})
  expect(await anHourLater(repo)).toMatchObject([{ times: 0 }])
})
