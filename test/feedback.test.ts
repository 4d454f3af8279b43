import { readFile } from "node:fs/promises"
import { describe, expect, test } from "vitest"
import { fixes, only, quickProject, runFix, sharedHome, shown } from "./quick-loop.ts"
import { addingProject, makers, smallRepo } from "./small-repo.ts"

sharedHome()

describe("what a maker is told", () => {
  test("the finding as JSON, the prompt as a file and on stdin; feedback is absent at first, and then says what failed", async () => {
    const maker = `
      n=$(ls | grep -c '^told-' || true)
      { echo "feedback: \${FLYBALL_FEEDBACK:-none}"; cat "\${FLYBALL_FEEDBACK:-/dev/null}"; } > told-$n.txt
      cat "$FLYBALL_FINDING" > finding.json
      cat > stdin.txt
      cmp stdin.txt "$FLYBALL_PROMPT" && echo same > prompt.txt
      if [ $n -gt 0 ]; then ${fixes}; else echo wrong > work/$item.txt; fi`
    await using repo = await smallRepo(quickProject({ maker }))
    const view = only(await runFix(repo))
    expect(view).toMatchObject({ outcome: "proposed" })
    expect(view.attempts.map((attempt) => attempt.outcome)).toMatchObject([
      expect.stringMatching(/^finding_fixed: /),
      expect.stringMatching(/^accepted: /),
    ])
    const file = (name: string) => shown(repo.remote, `flyball/${view.id}:${name}`)
    expect(await file("told-0.txt")).toBe("feedback: none")
    expect(await file("told-1.txt")).toMatch(/^feedback: \/.*\n`grep -q fixed work\/n1.txt.*must exit 0/s)
    expect(JSON.parse(await file("finding.json"))).toMatchObject({ title: "n1 is broken", file: "work/n1.txt" })
    expect(await file("prompt.txt")).toBe("same")
    expect(await file("stdin.txt")).toContain("attempt 1: finding_fixed")
  })

  test("what a test said stands in the finding's body, with paths of the repository and none of ours", async () => {
    const maker = `cat "$FLYBALL_FINDING" > finding.json; ${makers.fixes}`
    await using repo = await smallRepo(addingProject(maker))
    const view = only(await runFix(repo))
    const finding = JSON.parse(await shown(repo.remote, `flyball/${view.id}:finding.json`))
    expect(finding.title).toBe("adds")
    expect(finding.body).toMatch(/Expected values to be strictly equal/)
    expect(finding.body).toMatch(/\(?test\/add\.test\.js:\d+/)
    expect(finding.body).not.toMatch(/checkouts|file:\/\/\/|flyball-home/)
  })
})

describe("a command as reviewer", () => {
  const says = (verdict: string, reason: string) => `echo '{"verdict":"${verdict}","reasons":["${reason}"]}'`

  test("accept: it saw the diff and the evidence", async () => {
    const reviewer = `
      grep -q '^+fixed' "$FLYBALL_DIFF" && grep -q '"check": "diff_reasonable"' "$FLYBALL_EVIDENCE" && test -s work/n1.txt &&
      ${says("accept", "it mends it")}`
    await using repo = await smallRepo(quickProject({ maker: fixes, reviewer }))
    const view = only(await runFix(repo))
    expect(view, JSON.stringify(view.attempts)).toMatchObject({ outcome: "proposed" })
    expect(view.attempts[0]?.evidence.at(-1)).toMatchObject({
      check: "review:reviewer",
      outcome: "pass",
      summary: "accepts: it mends it",
    })
  })

  test("reject: a retry with its reasons", async () => {
    const maker = `if [ -n "$FLYBALL_FEEDBACK" ]; then cp "$FLYBALL_FEEDBACK" told.txt; echo tidy > tidy.txt; fi; ${fixes}`
    const reviewer = `if grep -q tidy.txt "$FLYBALL_DIFF"; then ${says("accept", "tidy now")}; else ${says("reject", "tidy up first")}; fi`
    await using repo = await smallRepo(quickProject({ maker, reviewer }))
    const view = only(await runFix(repo))
    expect(view.outcome, JSON.stringify(view.attempts)).toBe("proposed")
    expect(view.attempts).toHaveLength(2)
    expect(await shown(repo.remote, `flyball/${view.id}:told.txt`)).toContain("tidy up first")
  })

  test.each([
    {
      name: "ask goes to a person",
      reviewer: says("ask", "is this wanted?"),
      reason: "reviewer_asks",
      says: /is this wanted/,
    },
    {
      name: "T2: garbage is an error, never an acceptance",
      reviewer: "echo looks good to me",
      reason: "infrastructure",
      says: /verdict/,
    },
    {
      name: "T2: a verdict that is not the last line counts for nothing",
      reviewer: `${says("accept", "yes")}; echo by the way`,
      reason: "infrastructure",
      says: /verdict/,
    },
    {
      name: "T2: a crash after an acceptance is no acceptance",
      reviewer: `${says("accept", "yes")}; exit 3`,
      reason: "infrastructure",
      says: /exit 3/,
    },
  ])("$name", async ({ reviewer, reason, says: told }) => {
    await using repo = await smallRepo(quickProject({ maker: fixes, reviewer }))
    const ran = await runFix(repo)
    const view = only(ran)
    expect(view).toMatchObject({ outcome: "asked", reason })
    expect(view.question).toMatch(told)
    expect(ran.report.exitCode).toBe(3)
    expect(await repo.branches()).toEqual(["main"])
  })

  test("what it writes into its checkout changes nothing", async () => {
    const reviewer = `echo sneaked > work/n1.txt; echo new > sneaked.txt; ${says("accept", "fine")}`
    await using repo = await smallRepo(quickProject({ maker: fixes, reviewer }))
    const view = only(await runFix(repo))
    expect(view.outcome).toBe("proposed")
    expect(await shown(repo.remote, `flyball/${view.id}:work/n1.txt`)).toBe("fixed")
    await expect(shown(repo.remote, `flyball/${view.id}:sneaked.txt`)).rejects.toThrow()
  })

  test("T5: the maker's own command as reviewer is refused before anything starts", async () => {
    const project = quickProject({ maker: fixes, reviewer: "unused" })
    const same = String(project[".flyball/agents/implementer.md"]).replace("name: implementer", "name: reviewer")
    await using repo = await smallRepo({ ...project, ".flyball/agents/reviewer.md": same })
    await expect(runFix(repo)).rejects.toMatchObject({ code: "LOOP_INVALID" })
    await expect(readFile(`${repo.root}/.flyball/state/fix.md`)).rejects.toThrow()
  })
})
