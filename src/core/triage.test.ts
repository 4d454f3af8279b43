import { describe, expect, test } from "vitest"
import { answerSchema } from "./answer-schema.ts"
import type { Finding } from "./finding.ts"
import { inShares, parseTriage, Triage, type TriageEntry, withTriage } from "./triage.ts"

const entry = (more: Partial<TriageEntry> = {}): TriageEntry => ({
  id: "a",
  severity: "high",
  confidence: 0.9,
  size: "small",
  ...more,
})
const finding = (more: Partial<Finding> = {}): Finding => ({
  fingerprint: "f".repeat(16),
  source: "sh",
  title: "t",
  body: "b",
  severity: "low",
  attemptable: true,
  ...more,
})
const answer = (...findings: unknown[]) => `I looked.\n${JSON.stringify({ findings })}`

describe("an answer is read entry by entry", () => {
  test.each<[string, string, string[], RegExp | undefined]>([
    ["whole", answer(entry(), entry({ id: "b" })), ["a", "b"], undefined],
    ["one is missing", answer(entry()), ["a"], undefined],
    ["none is asked about", answer(entry({ id: "z" })), [], /1 that it was not asked about/],
    ["one said twice is none", answer(entry(), entry({ confidence: 0 }), entry({ id: "b" })), ["b"], /1 twice/],
    ["a severity of its own", answer({ ...entry(), severity: "URGENT" }, entry({ id: "b" })), ["b"], /malformed/],
    ["a confidence above 1", answer(entry({ confidence: 7 }), entry({ id: "b" })), ["b"], /malformed/],
    ["a key more", answer({ ...entry(), attempt_all: true }, entry({ id: "b" })), ["b"], /malformed/],
    ["no list", `{"findings":"all"}`, [], /malformed/],
    ["a key beside the list", `{"findings":[],"approve":true}`, [], /malformed/],
    ["words after it", `${answer(entry())}\nDone!`, [], /last line is not/],
    ["nothing", "", [], /last line is not/],
  ])("%s", (_, said, ids, why) => {
    const { entries, problems } = parseTriage(said, ["a", "b"])
    expect([...entries.keys()]).toEqual(ids)
    if (why === undefined) expect(problems).toEqual([])
    else expect(problems.join()).toMatch(why)
  })

  test("agents that can be are held to it: every key required, none besides", () => {
    expect(answerSchema(Triage)).toMatchObject({
      additionalProperties: false,
      properties: {
        findings: {
          items: {
            additionalProperties: false,
            required: ["id", "severity", "confidence", "size", "module", "suggested", "attempt", "reason"],
          },
        },
      },
    })
  })
})

describe("what it says changes a finding, and never frees one", () => {
  test("severity up or down, confidence, size, module, approach; nothing else", () => {
    const before = finding({ file: "src/a.ts", url: "https://x", author: { name: "ada" } })
    const after = withTriage(before, entry({ module: "src/billing/", suggested: "Round at the end." }))
    expect(after).toEqual({
      ...before,
      severity: "high",
      confidence: 0.9,
      size: "small",
      module: "src/billing",
      suggested: "Round at the end.",
    })
    expect(withTriage(finding({ severity: "critical" }), entry({ severity: "low" })).severity).toBe("low")
  })

  test.each([
    ["it may hold one back, with a reason", true, false, false, "triage: Choose first."],
    ["it frees nothing that a rule held back", false, true, false, "untrusted-author: no"],
    ["nor words it anew", false, false, false, "untrusted-author: no"],
    ["what it would attempt stays as it is", true, true, true, undefined],
  ])("%s", (_, attemptable, attempt, still, reason) => {
    const held = attemptable ? {} : { reason: "untrusted-author: no" }
    const after = withTriage(finding({ attemptable, ...held }), entry({ attempt, reason: "Choose\nfirst." }))
    expect([after.attemptable, after.reason]).toEqual([still, reason])
  })

  test.each(["../etc", "/etc", "C:\\x", "a/.git/b", "-rf", "", " ", ".", "x".repeat(81), "a\u202Eb", null])(
    "%j is no module",
    (module) => {
      expect(withTriage(finding({ module: "own" }), entry({ module })).module).toBe("own")
    },
  )

  test("an approach without an end, or with what nobody sees, is cut and cleaned", () => {
    const { suggested = "" } = withTriage(finding(), entry({ suggested: `\u001b[31m\u200b${"x".repeat(7_000)}` }))
    expect(suggested).toMatch(/^x{1000}\n\[… \d+ more characters are left out\]$/)
  })
})

test.each([
  ["by number", [1, 1, 1, 1, 1], [2, 2, 1]],
  ["by size", [6, 6, 3, 3], [1, 2, 1]],
  ["one that is too large alone stands alone", [50, 1, 50], [1, 1, 1]],
  ["none", [], []],
])("shares %s", (_, sizes, lengths) => {
  const shares = inShares(sizes, { most: 2, bytes: 10, sizeOf: (size) => size })
  expect(shares.map((share) => share.length)).toEqual(lengths)
  expect(shares.flat()).toEqual(sizes)
})
