import { expect, test } from "vitest"
import { rolesIn } from "../core/loop-roles.ts"
import { load } from "./testing.ts"

const text = (run: string, more = "") => `name: l
agents: { sorter: { use: claude } }
steps:
  - discover: { run: ${run}${more} }
  - act: { spawn: implementer(finding) }
  - verify: { check: tests_pass }
guardrails: { budget: $1/run }
`
const skills = async () => [{ name: "triage", path: ".flyball/skills/triage/SKILL.md" }]

test("a skill is a source like any other; the loop's triager follows it, or the one called so", async () => {
  const { loop, names, diagnostics } = await load(text("skill(triage) + failing_tests"), { skills })
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([])
  expect(diagnostics.filter(({ code }) => code === "NOT_AVAILABLE_YET")).toEqual([])
  expect(names).toContainEqual({
    kind: "source",
    name: "skill(triage)",
    became: ".flyball/skills/triage/SKILL.md",
    from: "builtin",
  })
  expect(loop?.agents.triager).toMatchObject({ use: "auto", from: "builtin" })
  expect(loop && rolesIn(loop)).toContainEqual({ role: "explorer", agent: "triager" })

  const named = await load(text("skill(triage)", ", triage: sorter"), { skills })
  expect(named.diagnostics.filter(({ code }) => code === "NOT_AVAILABLE_YET")).toEqual([])
  expect(named.loop?.agents.triager).toBeUndefined()
  expect(named.loop && rolesIn(named.loop).filter(({ agent }) => agent === "sorter")).toEqual([
    { role: "explorer", agent: "sorter" },
    { role: "triager", agent: "sorter" },
  ])
})

test.each([
  ["skill(triag)", "4:28", "Did you mean `triage`?"],
  ['failing_tests + skill("release notes")', "4:45", "Here are: triage."],
])("%s is an error at its place", async (run, at, hint) => {
  const { loop, diagnostics } = await load(text(run), { skills })
  expect(loop).toBeUndefined()
  const found = diagnostics.find(({ code }) => code === "UNKNOWN_SKILL")
  expect(found).toMatchObject({ severity: "error", hint })
  expect(`${found?.line}:${found?.column}`).toBe(at)
})

test("where there are no skills it is said where they are looked for", async () => {
  const { diagnostics } = await load(text("skill(triage)"), { skills: async () => [] })
  expect(diagnostics.find(({ code }) => code === "UNKNOWN_SKILL")?.hint).toContain(".flyball/skills")
})

test.each(["skill", "skill()", "'skill(a, 2, 3)'"])("%s is called wrongly", async (run) => {
  const { diagnostics } = await load(text(run), { skills })
  expect(diagnostics.map(({ code }) => code)).toContain("BAD_ARGUMENTS")
})

test("nobody looks for skills where no source is one", async () => {
  const { loop } = await load(text("failing_tests"), { skills: () => Promise.reject(new Error("looked")) })
  expect(loop).toBeDefined()
})
