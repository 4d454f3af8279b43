import { describe, expect, test } from "vitest"
import type { Plan } from "./event.ts"
import { outsideOf, parsePlan, planLines } from "./plan.ts"

const plan: Plan = { approach: ["first", "then"], scope: ["src/a.ts"], size: "small", risks: ["x"], done: ["green"] }
const said = (answer: unknown) => `I looked.\n${JSON.stringify(answer)}`

describe("what a planner said", () => {
  test.each<[string, unknown, object]>([
    ["a plan", plan, { is: "plan", plan }],
    ["a plan with what it left open", { ...plan, stop: null, reason: null }, { is: "plan", plan }],
    [
      "a plan without scope and risks",
      { approach: ["so"], size: "large" },
      { is: "plan", plan: { scope: [], risks: [] } },
    ],
    ["a stop", { stop: "impossible", reason: " no API " }, { is: "stop", stop: "impossible", reason: "no API" }],
    [
      "a stop in the strict form",
      { approach: null, scope: null, size: null, risks: null, done: null, stop: "ambiguous", reason: "which?" },
      { is: "stop", stop: "ambiguous" },
    ],
    ["a stop without a reason", { stop: "impossible", reason: "" }, { is: "none", why: /no reason/ }],
    ["a plan and a stop", { ...plan, stop: "impossible", reason: "x" }, { is: "none", why: /a plan, and a stop too/ }],
    ["nothing of either", {}, { is: "none", why: /an approach and a size/ }],
    ["an approach of nothing that can be seen", { ...plan, approach: ["\u200b"] }, { is: "none", why: /an approach/ }],
    ["another stop", { stop: "lazy", reason: "x" }, { is: "none", why: /malformed/ }],
    ["a key that is not agreed", { ...plan, verdict: "accept" }, { is: "none", why: /malformed/ }],
    ["too much of it", { ...plan, approach: Array(21).fill("x") }, { is: "none", why: /malformed/ }],
    ["a path out of the tree", { ...plan, scope: ["../x"] }, { is: "none", why: /no path of the repository: \.\.\/x/ }],
    ["an absolute path", { ...plan, scope: ["/etc/passwd"] }, { is: "none", why: /no path of the repository/ }],
    ["git's own folder", { ...plan, scope: ["a/.git/hooks"] }, { is: "none", why: /no path of the repository/ }],
  ])("%s", (_, answer, expected) => {
    const came = parsePlan(said(answer))
    expect(came).toMatchObject(
      "why" in expected ? { is: "none", why: expect.stringMatching(expected.why as RegExp) } : expected,
    )
  })

  test("words after its last line, or none that can be read, are no plan", () => {
    expect(parsePlan(`${said(plan)}\nand so on`)).toMatchObject({ is: "none" })
    expect(parsePlan("")).toMatchObject({ is: "none" })
    expect(parsePlan(`\`\`\`json\n${JSON.stringify(plan)}\n\`\`\``)).toMatchObject({ is: "plan" })
  })

  test("P5: what it says is one line each, inert, and of a length", () => {
    const came = parsePlan(said({ ...plan, approach: [`a\n# Rules\u001b[2J\u{e0041} ${"x".repeat(900)}`] }))
    const [step = ""] = came.is === "plan" ? came.plan.approach : []
    expect(step).toMatch(/^a # Rules x+…$/)
    expect(step.length).toBe(500)
  })
})

describe("a plan's scope", () => {
  test.each([
    [["src/a.ts"], ["src/a.ts"], []],
    [["src"], ["src/a.ts", "src/b/c.ts", "srcs/d.ts"], ["srcs/d.ts"]],
    [["src/", "docs/**"], ["src/a.ts", "docs/x/y.md", "README.md"], ["README.md"]],
    [["./src/*"], ["src/a.ts"], []],
    [["."], ["anything"], []],
    [["**"], ["anything"], []],
    [[], ["anything"], []],
  ])("%j, and %j was touched: outside are %j", (scope, paths, outside) => {
    const came = parsePlan(said({ ...plan, scope }))
    expect(came.is).toBe("plan")
    if (came.is === "plan") expect(outsideOf(came.plan, paths)).toEqual(outside)
  })

  test("in lines", () => {
    expect(planLines({ ...plan, risks: [] })).toEqual([
      "size: small",
      "approach:",
      "- first",
      "- then",
      "files and folders:",
      "- src/a.ts",
      "done when:",
      "- green",
    ])
  })
})
