import { readdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { StatusReport } from "../src/engine/commands/status.ts"
import { GoalReport } from "../src/engine/goal/pursue.ts"
import { removeDatabase } from "../src/engine/postgres/launch.ts"
import { RunReport } from "../src/engine/report.ts"
import { git } from "../src/lib/git.ts"
import { flyball } from "./flyball-cli.ts"
import { type SmallRepo, smallRepo } from "./small-repo.ts"

const ONE = "grep -q fixed one.txt"
const TWO = "grep -q fixed two.txt"
const PACKAGE = `${JSON.stringify({ name: "p", scripts: { test: "node --test" } })}\n`

describe("flyball goal", () => {
  let repo: SmallRepo
  beforeAll(async () => {
    repo = await smallRepo({
      "one.txt": "broken\n",
      "two.txt": "broken\n",
      "package.json": PACKAGE,
      "test/a.test.js": 'require("node:test").test("a", () => {})\n',
    })
  }, 60_000)
  afterAll(async () => {
    await removeDatabase(repo.home)
    await repo[Symbol.asyncDispose]()
  })
  const goal = (...args: string[]) => flyball(repo.root, args, { FLYBALL_HOME: repo.home })
  const report = async (...args: string[]) => {
    const { code, stdout, stderr } = await goal(...args, "--json").ended
    return { code, stderr, ...GoalReport.parse(JSON.parse(stdout)) }
  }

  test("T1: the maker's word is nothing: it goes on until every check is green, also one that was red on the base", async () => {
    // The first attempt mends one file and says that all is done; the second mends the other.
    const maker = "if grep -q fixed one.txt; then echo fixed >two.txt; else echo fixed >one.txt; echo all done; fi"
    const asked = ["goal", "both files are fixed", "--check", ONE, "--check", TWO, "--agent", maker]
    const first = await report(...asked)
    expect(first).toMatchObject({ code: 0, ended: "met", where: "proposal", rounds: 1 })
    expect(first.checks.map(({ run }) => run)).toEqual([ONE, TWO])
    expect(first.last.changes[0]?.attempts).toHaveLength(2)
    expect(await git(["show", `${first.branch}:two.txt`], { cwd: repo.remote })).toBe("fixed\n")

    const again = await report(...asked)
    expect(again).toMatchObject({ code: 0, ended: "met", where: "proposal", change: first.change, usd: 0 })
    expect(again.last.changes).toEqual([])

    const approved = await goal("inbox", "approve", first.change ?? "").ended
    expect(approved.code, approved.stderr).toBe(0)
    expect(await report(...asked)).toMatchObject({ code: 0, ended: "met", where: "base" })
  }, 120_000)

  test("a maker that changes nothing ends it by a guardrail; one that says impossible by its reason", async () => {
    const check = ["--check", "test -f three.txt"]
    expect(await report("goal", "three is there", ...check, "--agent", "echo I did it")).toMatchObject({
      code: 1,
      ended: "stopped",
    })
    const stop = `echo '{"stop":"impossible","reason":"the disk is made of cheese"}'`
    const impossible = await report("goal", "three is really there", ...check, "--agent", stop)
    expect(impossible).toMatchObject({ code: 3, ended: "impossible", reason: expect.stringContaining("cheese") })
  }, 120_000)

  test("a goal that was stopped is pursued anew with another maker, and stays stopped with the same", async () => {
    const asked = (agent: string) => report("goal", "four is there", "--check", "test -f four.txt", "--agent", agent)
    const first = await asked("true")
    expect(first).toMatchObject({ code: 1, ended: "stopped" })
    expect(await asked("true")).toMatchObject({ ended: "stopped", change: first.change })
    const second = await asked("touch four.txt")
    expect(second).toMatchObject({ code: 0, ended: "met", where: "proposal" })
    expect(second.change).not.toBe(first.change)
  }, 60_000)

  test.each([
    ["the code is nicer", [], "GOAL_VAGUE", '--check "npm test"'],
    [
      "all tests in test/auth pass",
      [],
      "GOAL_UNCONFIRMED",
      'flyball goal "all tests in test/auth pass" --check "npm test"',
    ],
    [" ", [], "GOAL_EMPTY", "flyball goal"],
    ["x".repeat(1_001), ["--check", "true"], "GOAL_TOO_LONG", "1000"],
    ["x", ["--check", " "], "CHECK_EMPTY", "--check"],
    ["x", ["--check", "true", "--every", "sometimes"], "BAD_DURATION", "--every: `sometimes`"],
    ["x", ["--check", "true", "--every", "1ms"], "BAD_DURATION", "too often"],
    ["x", ["--check", "true", "--agent", "cluade"], "NO_AGENT", "cluade"],
    ["x", ["--check", "true", "--max-iterations", "0"], "WRONG_USE", "above 0"],
    ["x", ["--check", "true", "--budget", "lots"], "BAD_BUDGET", "--budget: `lots`"],
    ["x", ["--check", "no-such-program-at-all", "--agent", "true"], "NOT_MEASURED", "no-such-program"],
  ])(
    "refuses %j %j before anything is begun",
    async (text, more, code, says) => {
      const { code: exit, stderr } = await goal("goal", text, ...more).ended
      expect(stderr).toContain(code)
      expect(stderr).toContain(says)
      expect(exit).toBe(2)
    },
    60_000,
  )

  test("--every looks again until it holds on the base, whoever brought it there", async () => {
    const check = "test -f four.txt"
    const waiting = goal("loop", "1s", "four is there", "--check", check, "--agent", "echo 4 >four.txt", "--json")
    let ended = false
    void waiting.ended.then(() => {
      ended = true
    })
    // It has proposed; a person does the same by hand meanwhile.
    for (let tries = 0; tries < 100 && !(await repo.branches()).some((name) => name.includes("four")); tries++)
      await new Promise((resolve) => setTimeout(resolve, 200))
    expect(ended).toBe(false)
    await git(["pull", "--quiet", "origin", "main"], { cwd: repo.root })
    await writeFile(join(repo.root, "four.txt"), "4\n")
    await git(["add", "four.txt"], { cwd: repo.root })
    await git(["-c", "user.name=T", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", "four"], {
      cwd: repo.root,
    })
    await git(["push", "--quiet", "origin", "main"], { cwd: repo.root })
    const { code, stdout } = await waiting.ended
    expect(GoalReport.parse(JSON.parse(stdout))).toMatchObject({ ended: "met", where: "base" })
    expect(code).toBe(0)
  }, 120_000)

  test("its loop has a name that `run` and `halt` know; a halted goal says so and is no mere stop", async () => {
    const check = ["--check", "test -f five.txt"]
    const asked = ["goal", "five is there", ...check, "--agent", "echo I did it"]
    const { loop, change } = await report(...asked)
    const ran = await goal("run", loop, "--json").ended
    expect(ran.code, ran.stderr).toBe(0)

    const halted = await goal("halt", loop).ended
    expect(halted.stdout).toContain(`flyball resume ${loop}`)
    const refused = await goal(...asked).ended
    expect(refused.code).toBe(3)
    expect(refused.stderr).toContain("HALTED")
    expect((await goal("status").ended).stdout).toContain(`flyball resume ${loop}`)
    expect((await goal("resume", loop).ended).code).toBe(0)

    expect((await goal("inbox", "reject", change ?? "", "no", "--close").ended).code).toBe(0)
    const byItself = RunReport.parse(JSON.parse((await goal("run", loop, "--json").ended).stdout))
    expect(byItself, "a run by itself takes the close for an answer").toMatchObject({ changes: [] })
    expect(byItself.findings[0]?.why).toContain("closed by a person")
    const anew = await report(...asked)
    expect(anew.last.changes, "whoever types it again wants it again").toHaveLength(1)
    expect(anew.change).not.toBe(change)
    const { changes } = StatusReport.parse(JSON.parse((await goal("status", loop, "--json").ended).stdout))
    expect(changes.find((each) => each.id === change)?.outcome, "what was closed stays closed").toBe("closed")
  }, 120_000)

  test("a change that is halted while it is made ends the goal with the halt as the reason", async () => {
    const pursuing = goal("goal", "six is there", "--check", "test -f six.txt", "--agent", "sleep 60; true", "--json")
    const changes = join(repo.home, "repos")
    // What it lists comes and goes meanwhile.
    const six = async () =>
      (await readdir(changes, { recursive: true }).catch(() => [])).some((path) => /six-is-there[^/]*\/1$/.test(path))
    for (let tries = 0; tries < 200 && !(await six()); tries++) await new Promise((resolve) => setTimeout(resolve, 100))
    expect((await goal("halt", "six-is-there").ended).code).toBe(0)
    const { code, stdout } = await pursuing.ended
    expect(GoalReport.parse(JSON.parse(stdout))).toMatchObject({
      ended: "stopped",
      reason: expect.stringContaining("halted"),
    })
    expect(code).toBe(3)
    expect((await goal("resume").ended).code).toBe(0)
  }, 120_000)

  test("--print of a goal in prose shows what it would be measured by; nobody is asked, and nothing begun", async () => {
    const { stdout, stderr, code } = await goal("goal", "all tests pass", "--print").ended
    expect(code, stderr).toBe(0)
    expect(stdout).toMatch(/run: goal\(tests_pass\)/)
    expect(stderr).toMatch(/A proposal: .*tests_pass.* Nothing was started/)
    const vague = await goal("goal", "the code is nicer", "--print").ended
    expect(vague).toMatchObject({ code: 2, stderr: expect.stringContaining("GOAL_VAGUE") })
  }, 60_000)

  test("--print shows the loop that it is, which is a valid loop file", async () => {
    const { stdout, code } = await goal("goal", "one is fixed: really", "--check", ONE, "--agent", "true", "--print")
      .ended
    expect(code).toBe(0)
    const path = join(repo.root, "kept.yaml")
    await writeFile(path, stdout)
    const valid = await goal("validate", "kept.yaml").ended
    expect(valid.code, valid.stdout + valid.stderr).toBe(0)
  }, 60_000)
})
