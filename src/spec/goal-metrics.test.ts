import { expect, test } from "vitest"
import { unavailable } from "./availability.ts"
import { explain } from "./explain.ts"
import { loadLoop } from "./load.ts"

const tree = { read: async () => undefined, list: async () => [] }
const load = (text: string) =>
  loadLoop({ file: ".flyball/loops/l.yaml", text }, { repo: "/r", tree, surroundings: { checks: [] } })
const loop = (goal: string, verify: string, more = "") => `name: l
goal: ${goal}
steps:
  - discover: { run: failing_tests${more} }
  - act: { for_each: finding, spawn: implementer(finding) }
${verify === "" ? "" : `  - verify: ${verify}\n`}guardrails: { budget: $1/run }
`
test.each([
  ["many", 1],
  ["", 1],
  ["<= 200 kB", 0],
  ["80%", 0],
])("the target %j: a number that could be reached, or an error there", async (target, times) => {
  const goal = `{ metrics: [ { name: kb, run: ./size.sh, target: ${JSON.stringify(target)} } ] }`
  const { diagnostics } = await load(loop(goal, ""))
  expect(diagnostics.filter(({ code }) => code === "BAD_TARGET")).toHaveLength(Number(times))
})

const metric = "{ metrics: [ { name: kb, run: ./size.sh, target: 200, direction: down } ] }"

test.each<[string, string, unknown]>([
  ["alone", "", [{ by: "check", expr: { check: "goal_metrics" } }]],
  [
    "after the other checks, before opinions",
    "{ check: diff_reasonable, agent: reviewer }",
    [
      { by: "check", expr: { check: "diff_reasonable" } },
      { by: "check", expr: { check: "goal_metrics" } },
      { by: "agent", agent: "reviewer" },
    ],
  ],
  ["where a layer names it", "{ check: goal_metrics }", [{ by: "check", expr: { check: "goal_metrics" } }]],
])("metrics of the goal are a layer: %s", async (_, verify, layers) => {
  const { loop: read, diagnostics } = await load(loop(metric, verify))
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([])
  expect(read?.steps.verify.layers).toEqual(layers)
  expect(read?.checks.goal_metrics).toMatchObject({ kind: "builtin", metrics: [{ name: "kb", target: 200 }] })
  expect(read && unavailable(read).filter(({ feature }) => /metrics|performance/.test(feature))).toEqual([])
  const again = await load(explain(read ?? never()))
  expect(again.loop?.hash).toBe(read?.hash)
})

test("goal_metrics without metrics is refused, and nobody can define it", async () => {
  const codes = async (text: string) =>
    (await load(text)).diagnostics.filter(({ severity }) => severity === "error").map(({ code }) => code)
  expect(await codes(loop("{ done_when: diff_reasonable }", "{ check: goal_metrics }"))).toEqual(["CHECK_NOT_FOUND"])
  expect(await codes(`${loop(metric, "")}checks: { goal_metrics: "true" }\n`)).toEqual(["BUILTIN_CHECK"])
})

test("agent(NAME) is a name like any other", async () => {
  const { diagnostics } = await load(loop(metric, "", " + agent(scout)"))
  expect(diagnostics.map(({ code }) => code)).toContain("UNKNOWN_AGENT")
  expect((await load(loop(metric, "", " + agent(explorer)"))).loop?.agents.explorer).toMatchObject({ use: "auto" })
})

function never(): never {
  throw new Error("the loop did not load")
}
