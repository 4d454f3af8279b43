import { describe, expect, test } from "vitest"
import type { Finding } from "../core/finding.ts"
import type { TriageWord } from "../core/triage.ts"
import { type DiscoverOptions, discover } from "./discover.ts"
import { fixture } from "./testing.ts"

const line = (title: string, more: Record<string, unknown> = {}) => `echo '${JSON.stringify({ title, ...more })}'`

/** Discovers what lines name, with a triager that is played: the one thing that is. */
async function sorted(
  lines: readonly string[],
  answer: (finding: Finding) => TriageWord | undefined,
  options: DiscoverOptions & { pending?: boolean; maxFindings?: number } = {},
) {
  const shown: string[] = []
  await using repo = await fixture({
    run: [{ name: "sh", args: [lines.join(";")], named: {} }],
    ...(options.maxFindings === undefined ? {} : { maxFindings: options.maxFindings }),
  })
  const { findings, notes } = await discover(repo.context, {
    triage: async (given) => {
      shown.push(...given.map(({ title }) => title))
      const said = given.flatMap((each) => {
        const entry = answer(each)
        return entry === undefined ? [] : [[each.fingerprint, entry] as const]
      })
      const left = given.filter((each) => answer(each) === undefined).map(({ fingerprint }) => fingerprint)
      return { entries: new Map(said), pending: new Set(options.pending === true ? left : []), notes: ["a note"] }
    },
    ...options,
  })
  const plan = Object.fromEntries(findings.map(({ title, attemptable, reason }) => [title, attemptable || reason]))
  return { findings, notes, shown, plan }
}
const entry = { severity: "high", confidence: 1, size: "small" } as const

describe("an agent's triage comes after rules and people, and before the loop's condition", () => {
  test("it is shown what may be attempted, the gravest first, and nothing else", async () => {
    const lines = [
      line("a", { severity: "low" }),
      line("b", { severity: "critical" }),
      line("done"),
      line("blocked"),
      line("huge", { size: "large" }),
      line("vague", { confidence: 0.1 }),
    ]
    const wordOn: DiscoverOptions["wordOn"] = ({ title }) =>
      title === "done" ? { is: "ticked" } : title === "blocked" ? { is: "blocked" } : undefined
    const { shown, plan, notes } = await sorted(lines, () => entry, { wordOn })
    expect(shown).toEqual(["b", "a"])
    expect(plan).toMatchObject({
      a: true,
      b: true,
      done: expect.stringMatching(/^state-ticked/),
      blocked: expect.stringMatching(/^state-blocked/),
      huge: expect.stringMatching(/^too-large/),
      vague: expect.stringMatching(/^low-confidence/),
    })
    expect(notes).toContain("a note")
  })

  test("what it says counts for the rules, the condition, the order and the cap", async () => {
    const lines = ["a", "b", "c", "d"].map((title) => line(title))
    const says = { a: entry, b: { ...entry, size: "large" as const }, c: { ...entry, confidence: 0.5 }, d: undefined }
    const attemptIf = ({ confidence = 0 }: Finding) => confidence >= 0.7
    const answer = ({ title }: Finding) => Object.entries(says).find(([name]) => name === title)?.[1]
    const { findings, plan } = await sorted(lines, answer, { attemptIf, pending: true })
    expect(findings[0]?.title).toBe("a")
    expect(plan).toMatchObject({
      a: true,
      b: expect.stringMatching(/^too-large/),
      c: expect.stringMatching(/^attempt-if/),
      d: expect.stringMatching(/^not-triaged/),
    })
    const few = await sorted(lines, ({ title }) => (title === "d" ? entry : { ...entry, severity: "low" }), {
      maxFindings: 1,
    })
    expect(Object.keys(few.plan)).toEqual(["d"])
  })

  test("without a condition, what it has said nothing of is attempted as its source tells it", async () => {
    const { plan } = await sorted([line("a")], () => undefined, { pending: true })
    expect(plan).toEqual({ a: true })
  })

  test("M6: nothing that may be attempted is nothing to sort", async () => {
    const { shown, notes } = await sorted([line("huge", { size: "large" })], () => entry)
    expect([shown, notes.includes("a note")]).toEqual([[], false])
    expect((await sorted(["true"], () => entry)).shown).toEqual([])
  })
})
