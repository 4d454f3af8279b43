import { describe, expect, test } from "vitest"
import { junitOf } from "./junit.ts"
import { placesOf } from "./places.ts"
import type { GateReport } from "./report.ts"
import { sarifOf } from "./sarif.ts"

type Check = GateReport["checks"][number]

const check = (name: string, more: Partial<Check> = {}): Check => ({
  check: name,
  head: "h",
  tree: "t",
  base: "b",
  outcome: "pass",
  ran: 1,
  summary: "fine",
  failing: [],
  preexisting: [],
  ms: 1500,
  sandboxed: true,
  definition: "base",
  caveats: [],
  places: [],
  ...more,
})
const report = (verdict: GateReport["verdict"], ...checks: Check[]): GateReport => ({
  repo: "/r",
  base: { name: "main", sha: "b" },
  head: { name: "HEAD", sha: "h" },
  verdict,
  ...(verdict === "accept" ? {} : { reason: 'because "a" < b & c' }),
  layers: [],
  checks,
  sandboxed: true,
  sandbox: "bubblewrap",
  notes: [],
  ms: 10,
})

describe("JUnit", () => {
  test("one case for each check, and one for the verdict, counted", () => {
    const xml = junitOf(
      report("retry", check("a"), check("b", { outcome: "fail" }), check("c", { outcome: "skipped" })),
    )
    expect(xml).toContain('tests="4" failures="2" errors="1" time="0.010"')
    expect(xml.match(/<testcase /g)).toHaveLength(4)
    expect(xml).toContain('<testcase classname="flyball.gate" name="a" time="1.500">')
  })

  test("an ask without a red check is still no green suite", () => {
    expect(junitOf(report("ask", check("a")))).toMatch(/failures="1"[\s\S]*<failure type="ask"/)
  })

  test.each([
    ["markup", `</failure> & "x" 'y' ]]>`, "&lt;/failure&gt; &amp; &quot;x&quot; &apos;y&apos; ]]&gt;"],
    ["what XML can't hold", "a\u0000b\u001b[31m\ufffe\ud800c", "a\ufffdb\ufffd[31m\ufffd\ufffdc"],
    ["lines, which an attribute would fold", "a\n\tb\r", "a&#10;&#9;b&#13;"],
    ["characters beyond the first plane", "𝛌 🙂", "𝛌 🙂"],
  ])("%s is written so that it reads back", (_, text, expected) => {
    const xml = junitOf(report("retry", check("a", { outcome: "fail", summary: text })))
    expect(xml).toContain(`message="${expected}"`)
  })
})

test("SARIF: a place is percent-encoded, a check without one is still a result, and passes are none", () => {
  const sarif = sarifOf(
    report(
      "retry",
      check("fine"),
      check("lint_clean", { outcome: "fail", places: [{ id: "eqeqeq", message: "m", file: "src/a b#.js", line: 3 }] }),
      check("odd", { outcome: "error", summary: "unreadable" }),
    ),
    "1.0.0",
  )
  expect(sarif).toMatchObject({
    runs: [
      {
        tool: { driver: { rules: [{ id: "lint_clean" }, { id: "odd" }] } },
        results: [
          {
            level: "error",
            message: { text: "eqeqeq: m" },
            locations: [
              { physicalLocation: { artifactLocation: { uri: "src/a%20b%23.js" }, region: { startLine: 3 } } },
            ],
          },
          { ruleId: "odd", ruleIndex: 1, level: "warning", message: { text: "unreadable" } },
        ],
      },
    ],
  })
})

test("a place is found in a built-in check's words, by the longest path that they hold", () => {
  const evidence = check("no_secrets", {
    outcome: "fail",
    failing: ["secret src/a.js.ts"],
    feedback: "It adds secrets:\n- src/a.js.ts:12 looks like a key",
  })
  expect(placesOf(evidence, [], ["src/a.js", "src/a.js.ts"])).toEqual([
    { id: "secret src/a.js.ts", file: "src/a.js.ts", line: 12, message: "src/a.js.ts:12 looks like a key" },
  ])
})
