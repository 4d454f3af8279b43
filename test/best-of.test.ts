import { readFile } from "node:fs/promises"
import { expect, test } from "vitest"
import { answerChange } from "../src/engine/commands/answer.ts"
import { inboxItem } from "../src/engine/commands/inbox.ts"
import { findLog } from "../src/engine/commands/logs.ts"
import { git } from "../src/lib/git.ts"
import { spentSince } from "../src/record/money.ts"
import { flyball } from "./flyball-cli.ts"
import { look, only, type QuickLoop, quickProject, type Ran, runFix, sharedHome, shown, waiting } from "./quick-loop.ts"
import { commitTo, type SmallRepo, smallRepo } from "./small-repo.ts"

sharedHome()

/** A loop in which `of` makers try the same, each told by its number what it does. */
function project(of: number, does: Record<number, string>, loop: Partial<QuickLoop> = {}): Record<string, string> {
  const cases = Object.entries(does).map(([n, line]) => `${n}) ${line};;`)
  const maker = `n=$(grep -o 'This is attempt [0-9]*' "$FLYBALL_PROMPT" | grep -o '[0-9]*'); case $n in ${cases.join(" ")} esac`
  return quickProject({ act: `max_parallel: 1, best_of: ${of}`, verify: "{ check: n1 }", ...loop, maker })
}

const writes = (lines: number, word = "fixed") =>
  `yes more | head -n ${lines - 1} > work/$item.txt; echo ${word} >> work/$item.txt`

const spentIn = (repo: SmallRepo) => look(repo, (session) => spentSince(session.db, { repo: session.repo.key }))
const promptOf = async (repo: SmallRepo, ran: Ran, attempt: number) => {
  const { prompt } = await look(repo, (session) => findLog(session, only(ran).id, attempt))
  return readFile(prompt, "utf8")
}

test("several makers try the same from one start, unseen by each other; the gate chooses the smaller diff", async () => {
  const sees = `test "$(cat work/$item.txt)" = "n1 is broken" || exit 3; git log --oneline --all | wc -l | grep -qx 1 || exit 4`
  await using repo = await smallRepo(
    project(
      3,
      { 1: `${sees}; ${writes(9)}`, 2: `${sees}; ${writes(2)}`, 3: `${sees}; ${writes(5)}` },
      { usdPerAttempt: 0.25 },
    ),
  )
  const ran = await runFix(repo)
  const view = only(ran)
  expect(view, ran.said.join("\n")).toMatchObject({
    outcome: "proposed",
    choice: { made: 3, of: 3, attempt: 2, why: "a smaller diff (3 lines, the next has 6)" },
    attempts: [1, 2, 3].map((n) => ({ n, verdict: "accept" })),
    usd: 0.75,
  })
  expect(view.says).toContain("best of 3: attempt 2 chosen, because a smaller diff")
  expect(view.head).toBe(view.attempts[1]?.head)
  expect(await shown(repo.remote, `${view.branch}:work/n1.txt`)).toBe("more\nfixed")
  for (const n of [2, 3]) expect(await promptOf(repo, ran, n)).not.toContain("What was tried")

  // What was not chosen stays, out of sight, until retention takes it.
  const kept = await git(["rev-list", "--glob=refs/flyball/changes/*", "--glob=refs/flyball/rescue/*"], {
    cwd: repo.root,
  })
  for (const { head } of view.attempts) expect(kept).toContain(head)

  const item = await look(repo, (session) => inboxItem(session, view.id, AbortSignal.timeout(30_000)))
  expect(item.diff.match(/^\+more$/gm)).toHaveLength(1)
  const options = { cwd: repo.root, change: view.id, now: true, signal: AbortSignal.timeout(30_000) }
  const { change } = await answerChange({ ...options, said: { is: "approve" }, progress: () => {} })
  expect(change).toMatchObject({ outcome: "merged" })
  expect(await shown(repo.remote, "main:work/n1.txt")).toBe("more\nfixed")
})

test("where all fail, the next round starts from the best of them, with its feedback alone", async () => {
  const guardrails = "max_iterations: 2, budget: $5/run"
  await using repo = await smallRepo(
    project(
      2,
      {
        1: "true",
        2: writes(3, "closer"),
        3: "grep -q closer work/$item.txt || exit 3; echo fixed > work/n1.txt",
        4: "grep -q closer work/$item.txt || exit 3; echo closest > work/n1.txt",
      },
      { guardrails },
    ),
  )
  const ran = await runFix(repo)
  expect(only(ran), ran.said.join("\n")).toMatchObject({
    outcome: "proposed",
    attempts: [{ outcome: "changed nothing" }, { verdict: "retry" }, { verdict: "accept" }, { verdict: "retry" }],
    choice: { of: 2, attempt: 3, why: "the gate accepted no other" },
  })
  for (const n of [3, 4]) {
    const prompt = await promptOf(repo, ran, n)
    expect(prompt).toMatch(/DATA: earlier attempts\nattempt 1: .*\nattempt 2: .*\n```/)
    expect(prompt).toMatch(/DATA: feedback[\s\S]*n1/)
  }
})

test("M8: makers that try the same stay within one ceiling, and the best so far counts", async () => {
  const guardrails = "max_iterations: 1, budget: $1/run"
  const loop = { usdPerAttempt: 0.4, guardrails }
  await using repo = await smallRepo(project(3, { 1: writes(5), 2: writes(2), 3: writes(1) }, loop))
  const ran = await runFix(repo)
  expect(only(ran), ran.said.join("\n")).toMatchObject({
    outcome: "proposed",
    usd: 0.8,
    attempts: [
      { verdict: "accept" },
      { verdict: "accept" },
      { outcome: expect.stringMatching(/^not begun: .*ceiling/) },
    ],
    choice: { of: 3, attempt: 2 },
  })
  expect(await spentIn(repo)).toBeCloseTo(0.8)
})

test("siblings that leave the same files are judged once: nobody is paid to say the same of them again", async () => {
  const accepts = `echo '{"verdict":"accept","reasons":["looked"]}'`
  const loop = { usdPerAttempt: 0.1, reviewer: accepts, verify: "{ check: n1, agent: reviewer }" }
  const files = project(
    3,
    { 1: writes(2), 2: writes(2), 3: writes(4) },
    { ...loop, guardrails: "max_iterations: 1, budget: $9/run" },
  )
  const file = ".flyball/agents/reviewer.md"
  await using repo = await smallRepo({
    ...files,
    [file]: (files[file] ?? "").replace("use: command", "use: command\ncost: $0.30/attempt"),
  })
  const ran = await runFix(repo)
  const view = only(ran)
  expect(view, ran.said.join("\n")).toMatchObject({
    outcome: "proposed",
    // Three makers, and two reviews.
    usd: expect.closeTo(0.9),
    attempts: [{ verdict: "accept" }, { verdict: "accept" }, { verdict: "accept" }],
    choice: { of: 3, attempt: 1 },
  })
  expect(ran.said.join("\n")).toContain("it left the files that attempt 1 left")
  expect(view.attempts[1]?.evidence.find(({ check }) => check === "review:reviewer")).toMatchObject({
    outcome: "pass",
    caveats: expect.arrayContaining(["Taken on attempt 1."]),
  })
})

test("M8: nor does a review that can't be paid keep what was accepted before it", async () => {
  const accepts = `echo '{"verdict":"accept","reasons":["looked"]}'`
  const loop = { usdPerAttempt: 0.3, reviewer: accepts, verify: "{ check: n1, agent: reviewer }" }
  const files = project(2, { 1: writes(5), 2: writes(2) }, { ...loop, guardrails: "max_iterations: 1, budget: $1/run" })
  const file = ".flyball/agents/reviewer.md"
  await using repo = await smallRepo({
    ...files,
    [file]: (files[file] ?? "").replace("use: command", "use: command\ncost: $0.30/attempt"),
  })
  const ran = await runFix(repo)
  expect(only(ran), ran.said.join("\n")).toMatchObject({
    outcome: "proposed",
    usd: expect.closeTo(0.9),
    attempts: [{ verdict: "accept" }, { verdict: "ask", evidence: [] }],
    choice: { of: 2, attempt: 1, why: "the gate accepted no other" },
  })
})

test("T15: one that says impossible does not end the round; all that say so do", async () => {
  const stops = (why: string) => `echo '{"stop":"impossible","reason":"${why}"}'`
  await using one = await smallRepo(project(2, { 1: stops("no way"), 2: writes(1) }))
  expect(only(await runFix(one))).toMatchObject({ outcome: "proposed", choice: { attempt: 2 } })
  await using all = await smallRepo(project(2, { 1: stops("no way"), 2: stops("never") }))
  const view = only(await runFix(all))
  expect(view).toMatchObject({ outcome: "asked", reason: "maker_impossible" })
  expect(view.question).toMatch(/attempt 1 \(impossible\): no way\nattempt 2 \(impossible\): never/)
})

test("the base may move while siblings work: they start alike, and each is judged on the base of its day", async () => {
  await using repo = await smallRepo(
    project(2, { 1: writes(3), 2: `test -e other.txt && exit 3; sleep 2; ${writes(1)}` }),
  )
  let pushed: Promise<void> | undefined
  const ran = await runFix(repo, {
    progress: ({ verb, text }) => {
      if (verb === "verify" && text.includes(" on main "))
        pushed ??= commitTo(repo, { "other.txt": "x\n" }, "meanwhile")
    },
  })
  await pushed
  const view = only(ran)
  expect(view, ran.said.join("\n")).toMatchObject({ outcome: "proposed", choice: { attempt: 2 } })
  expect(new Set(view.attempts.map(({ evidence }) => evidence[0]?.base)).size).toBe(2)
})

test("people are shown the plan, which attempt was chosen and why, and the planner's own words", async () => {
  const files = project(2, { 1: writes(4), 2: writes(2) }, { usdPerAttempt: 0.25 })
  const answer = { approach: ["put the word in"], scope: ["docs"], size: "small", risks: [], done: ["n1 is green"] }
  const command = `echo 'I looked around.'; echo '${JSON.stringify(answer)}'`
  await using repo = await smallRepo({
    ...files,
    ".flyball/agents/planner.md": `---\nname: planner\ndescription: a script\nuse: command\ncommand: ${JSON.stringify(command)}\n---\n`,
    ".flyball/loops/fix.yaml": (files[".flyball/loops/fix.yaml"] ?? "").replace(
      "  - act:",
      "  - plan: { spawn: planner(finding) }\n  - act:",
    ),
  })
  const says = async (...args: string[]) => {
    const { code, stdout, stderr } = await flyball(repo.root, args).ended
    expect(code, stdout + stderr).toBe(0)
    return stdout + stderr
  }
  const run = await says("run", "fix")
  expect(run).toMatch(/planner\s+.*command: echo/)
  expect(run).toContain("best of 2: attempt 2 chosen, because a smaller diff (3 lines, the next has 5)")
  const shows = await says("inbox", "show", "n1")
  expect(shows).toMatch(/Plan {5}planner .*\n {2}size: small\n {2}approach:\n {2}- put the word in/)
  expect(shows).toContain("Chosen   best of 2: attempt 2 chosen")
  expect(shows).toContain("outside of the plan's scope: work/n1.txt")
  expect(await says("status")).toContain("best of 2: attempt 2 chosen")
  expect(await says("logs", "n1", "--plan")).toContain("I looked around.")
  expect(await says("logs", "n1", "--plan", "--prompt")).toContain("Somebody else will resolve the one finding below")
  expect(await says("logs", "n1")).toContain("--plan shows")
  const [item] = await waiting(repo)
  await says("inbox", "approve", "n1")
  await git(["pull", "--quiet", "origin", "main"], { cwd: repo.root })
  const traced = await says("trace", item?.id ?? "")
  expect(traced).toMatch(/plan .*small: put the word in/)
  expect(traced).toMatch(/chosen .*attempt 2 chosen/)
})
