import { describe, expect, test } from "vitest"
import { git } from "../src/lib/git.ts"
import { fixes, only, type QuickLoop, quickProject, runFix, sharedHome, waiting } from "./quick-loop.ts"
import { addingProject, makers, smallRepo } from "./small-repo.ts"

sharedHome()

describe("what one run makes of one finding", () => {
  test("fixed at once: a proposal with one commit, its trailers, and exit code 0", async () => {
    await using repo = await smallRepo(addingProject(makers.fixes))
    const ran = await runFix(repo)
    const view = only(ran)
    expect(view).toMatchObject({ stage: "awaiting_review", title: "adds" })
    expect(view.id).toMatch(/^adds-[0-9a-f]{6}$/)
    expect(ran.report.exitCode).toBe(0)
    expect(await repo.branches()).toEqual([`flyball/${view.id}`, "main"])
    const message = await git(["log", "-1", "--format=%B", `flyball/${view.id}`], { cwd: repo.remote })
    expect(message).toMatch(/^Fix: adds\n/)
    for (const trailer of [
      "Flyball-Loop: fix",
      `Flyball-Run: ${ran.report.run}`,
      `Flyball-Change: ${view.id}`,
      `Flyball-Finding: ${view.fingerprint}`,
    ])
      expect(message).toContain(trailer)
    expect(await git(["rev-list", "--count", `main..flyball/${view.id}`], { cwd: repo.remote })).toBe("1\n")
  })

  type Case = QuickLoop & { name: string; rule: string; exit: number; attempts: number; says: RegExp; question: RegExp }
  const cases: Case[] = [
    {
      name: "T15: a maker that says impossible",
      maker: `echo '{"stop":"impossible","reason":"no such API"}'`,
      rule: "maker_impossible",
      exit: 3,
      attempts: 1,
      says: /^asks/,
      question: /no such API/,
    },
    {
      name: "T15: a maker that says ambiguous",
      maker: `echo '{"stop":"ambiguous","reason":"which of the two?"}'`,
      rule: "maker_ambiguous",
      exit: 3,
      attempts: 1,
      says: /^asks/,
      question: /which of the two/,
    },
    {
      name: "T1: a maker that says already_fixed is not believed",
      maker: `echo '{"stop":"already_fixed","reason":"it is fine"}'`,
      rule: "maker_already_fixed",
      exit: 3,
      attempts: 1,
      says: /^asks/,
      question: /it is fine/,
    },
    {
      name: "a maker that crashes",
      maker: "echo boom >&2; exit 7",
      rule: "no_progress",
      exit: 1,
      attempts: 2,
      says: /^stopped/,
      question: /exit 7.*boom/,
    },
    {
      name: "T12: a maker whose program is missing wakes no second attempt",
      maker: "no-such-program --fix",
      rule: "infrastructure",
      exit: 3,
      attempts: 1,
      says: /^asks/,
      question: /no-such-program/,
    },
    {
      name: "a maker that runs too long",
      maker: "while :; do echo still here; sleep 0.05; done",
      guardrails: "timeout: 1s, budget: $5/run",
      rule: "no_progress",
      exit: 1,
      attempts: 2,
      says: /^stopped/,
      question: /ran longer than 1 s/,
    },
    {
      name: "a maker that falls silent",
      maker: "sleep 60",
      guardrails: "silence: 1s, budget: $5/run",
      rule: "no_progress",
      exit: 1,
      attempts: 2,
      says: /^stopped/,
      question: /printed nothing for 1 s/,
    },
    {
      name: "a maker that floods",
      maker: "yes a line that says nothing at all | head -c 12000000",
      rule: "no_progress",
      exit: 1,
      attempts: 2,
      says: /^stopped/,
      question: /more than \d{8} bytes \(limits\.output\)/,
    },
    {
      name: "a maker that changes nothing",
      maker: "true",
      rule: "no_progress",
      exit: 1,
      attempts: 2,
      says: /^stopped/,
      question: /changed nothing/,
    },
    {
      name: "M4: a maker that goes from A to B and back to A",
      maker: `if grep -q one work/$item.txt; then echo two; else echo one; fi > t; mv t work/$item.txt`,
      guardrails: "max_iterations: 9, halt_on: [no_progress(2), same_error(9)], budget: $5/run",
      rule: "no_progress",
      exit: 1,
      attempts: 3,
      says: /^stopped/,
      question: /attempts 1 and 3/,
    },
    {
      name: "M4: different trees that fail alike",
      maker: "echo again >> work/$item.txt",
      guardrails: "max_iterations: 9, halt_on: same_error(3), budget: $5/run",
      rule: "same_error",
      exit: 1,
      attempts: 3,
      says: /^stopped/,
      question: /3 attempts in a row/,
    },
    {
      name: "M7: attempts are counted on the finding",
      maker: "echo again >> work/$item.txt",
      guardrails: "max_iterations: 2, budget: $5/run",
      rule: "max_iterations",
      exit: 1,
      attempts: 2,
      says: /^stopped/,
      question: /2 of 2 attempts/,
    },
  ]
  test.each(cases)(
    "$name: the inbox says $rule",
    async ({ name: _, rule, exit, attempts, says, question, ...loop }) => {
      await using repo = await smallRepo(quickProject(loop))
      const ran = await runFix(repo)
      const view = only(ran)
      expect(view, ran.said.join("\n")).toMatchObject({ stage: "needs_a_person", reason: rule })
      expect(view.says).toMatch(says)
      expect(view.question).toMatch(question)
      expect(view.attempts).toHaveLength(attempts)
      expect(ran.report.exitCode).toBe(exit)
      expect(await repo.branches()).toEqual(["main"])
      const [item] = await waiting(repo)
      expect(item).toEqual(view)
    },
  )
})
void fixes
