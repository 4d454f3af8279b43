import { describe, expect, test } from "vitest"
import { readCalls, writeCall } from "./calls.ts"
import { looksLikeWords, readWords, writeWords } from "./check-words.ts"
import { readHours, writeHours } from "./hours.ts"
import { Misread } from "./misread.ts"
import { nearest } from "./nearest.ts"
import { readCeiling, readDuration, writeCeiling, writeDuration } from "./quantity.ts"
import { readStatePath, writeStatePath } from "./state-path.ts"
import { readTrigger, writeTrigger } from "./trigger-text.ts"

/** What a reader complains of, or undefined. */
async function complaint(read: () => unknown): Promise<Misread | undefined> {
  try {
    await read()
    return undefined
  } catch (error) {
    if (error instanceof Misread) return error
    throw error
  }
}

test.each([
  ["a", [{ name: "a", args: [], named: {} }]],
  ["a + b + c_d", [{ name: "a" }, { name: "b" }, { name: "c_d" }]],
  ["checklist(TODO.md)", [{ name: "checklist", args: ["TODO.md"] }]],
  ["wait_ci(rounds=2)", [{ name: "wait_ci", args: [], named: { rounds: 2 } }]],
  ['sh("grep -r \\"x\\" . | sort, uniq") + b', [{ name: "sh", args: ['grep -r "x" . | sort, uniq'] }, { name: "b" }]],
  ["sh('FOO=1 npm run scan')", [{ args: ["FOO=1 npm run scan"] }]],
  ["f(x, key=true, other=-1.5)", [{ args: ["x"], named: { key: true, other: -1.5 } }]],
  ["f( )", [{ args: [] }]],
  ["f(a(b), c)", [{ args: ["a(b)", "c"] }]],
  ["github.check_run.failed", [{ name: "github.check_run.failed" }]],
])("calls: `%s` is read, and written so that it reads the same", (text, expected) => {
  const calls = readCalls(text).map(({ call }) => call)
  expect(calls).toMatchObject(expected)
  expect(readCalls(calls.map(writeCall).join(" + ")).map(({ call }) => call)).toEqual(calls)
})

test.each([
  ["", 0],
  ["a b", 2],
  ["a +", 2],
  ["a, b", 1],
  ["a(b", 1],
  ['a("b)', 2],
  ["a(b,,c)", 4],
  ["a(k=1, k=2)", 7],
  ["+ a", 0],
  ["a(b) c", 5],
])("calls: `%s` is refused at offset %i", async (text, offset) => {
  expect((await complaint(() => readCalls(text)))?.offset).toBe(offset)
})

const a = { check: "a" }
const b = { check: "b" }
const c = { check: "c" }

test.each([
  ["a", a],
  ["a AND b", { and: [a, b] }],
  ["a OR b AND c", { or: [a, { and: [b, c] }] }],
  ["(a OR b) AND c", { and: [{ or: [a, b] }, c] }],
  ["NOT a AND b", { and: [{ not: a }, b] }],
  ["NOT (a AND b)", { not: { and: [a, b] } }],
  ["a AND (b OR NOT c)", { and: [a, { or: [b, { not: c }] }] }],
  ["NOT NOT a", { not: { not: a } }],
  ["a AND(b OR c)", { and: [a, { or: [b, c] }] }],
  ["a\n  AND b", { and: [a, b] }],
  ["(a AND b) AND c", { and: [{ and: [a, b] }, c] }],
])("words: `%s` binds NOT, then AND, then OR, and is written so that it reads the same", (text, expr) => {
  expect(readWords(text).expr).toEqual(expr)
  expect(readWords(writeWords(expr)).expr).toEqual(expr)
})

test.each([
  ["", 0],
  ["a and b", 2],
  ["a AND", 2],
  ["AND a", 0],
  ["a b", 2],
  ["(a", 0],
  ["a)", 1],
  ["a && b", 2],
  ["!a", 0],
  ["a || b", 2],
  ["a + b", 2],
  ["a, b", 1],
  ["a()", 1],
  ["verified == true", 9],
])("words: `%s` is refused at offset %i", async (text, offset) => {
  expect((await complaint(() => readWords(text)))?.offset).toBe(offset)
})

test("words: thousands of them are refused before they fill the stack", async () => {
  expect(await complaint(() => readWords("NOT ".repeat(20_000)))).toBeDefined()
  expect(await complaint(() => readWords(`${"(".repeat(20_000)}a`))).toBeDefined()
})

test.each([
  ["main is green and no check on it is flaky", false],
  ["tests_pass AND lint_clean", true],
  ["NOT (a OR b)", true],
  ["done", true],
  ["All tests pass.", false],
])("words: `%s` looks like names of checks: %s", (text, expected) => {
  expect(looksLikeWords(text)).toBe(expected)
})

test.each([
  ["45m", 2_700_000, "45m"],
  ["1h30m", 5_400_000, "1h30m"],
  ["30s", 30_000, "30s"],
  ["2d", 172_800_000, "2d"],
  ["90m", 5_400_000, "1h30m"],
  ["1.5h", 5_400_000, "1h30m"],
  ["250ms", 250, "250ms"],
])("durations: %s is %i ms, written %s", (text, ms, written) => {
  expect(readDuration(text)).toBe(ms)
  expect(writeDuration(ms)).toBe(written)
  expect(readDuration(written)).toBe(ms)
})

test.each([
  ["45", "45m"],
  ["45 min", "45m"],
  ["1 hour 30 minutes", "1h30m"],
  ["2 Days", "2d"],
  ["30m1h", undefined],
  ["0m", undefined],
  ["-5m", undefined],
  ["soon", undefined],
  ["400d", undefined],
])("durations: `%s` is refused, with %s suggested", async (text, suggestion) => {
  const found = await complaint(() => readDuration(text))
  expect(found).toBeDefined()
  expect(found?.suggestion).toBe(suggestion)
})

test.each([
  ["$5/run", "usdPerRun", 5, "$5/run"],
  ["$0.50/attempt", "usdPerAttempt", 0.5, "$0.5/attempt"],
  ["$1,200/day", "usdPerDay", 1200, "$1200/day"],
  ["$5 / run", "usdPerRun", 5, "$5/run"],
  ["30M tokens/day", "tokensPerDay", 30e6, "30M tokens/day"],
  ["$3/change", "usdPerChange", 3, "$3/change"],
  ["$200/month", "usdPerMonth", 200, "$200/month"],
  ["2M tokens/attempt", "tokensPerAttempt", 2e6, "2M tokens/attempt"],
  ["500k tokens/run", "tokensPerRun", 500e3, "500k tokens/run"],
  ["1.5M tokens/day", "tokensPerDay", 1.5e6, "1.5M tokens/day"],
  ["1234567 tokens/day", "tokensPerDay", 1_234_567, "1.234567M tokens/day"],
  ["$0.0000001/run", "usdPerRun", 1e-7, "$0.0000001/run"],
])("money: %s is %s of %d, written %s", (text, key, amount, written) => {
  expect(readCeiling(text)).toEqual({ key, amount })
  const ceiling = readCeiling(text)
  expect(writeCeiling(ceiling.key, ceiling.amount)).toBe(written)
  expect(readCeiling(written)).toEqual(ceiling)
})

test.each([
  ["$5", "$5/run"],
  ["5$/run", "$5/run"],
  ["$5 per run", "$5/run"],
  ["5 USD/run", "$5/run"],
  ["5/run", "$5/run"],
  ["$40 daily", undefined],
  ["30M/day", "30M tokens/day"],
  ["30M tokens", "30M tokens/day"],
  ["$5/week", undefined],
  ["€5/run", undefined],
  ["5€/run", undefined],
  ["$0/run", undefined],
  ["$-5/run", undefined],
  ["$1.2.3/run", undefined],
  ["$5 tokens/day", undefined],
  ["1M tokens/change", undefined],
  ["free", undefined],
])("money: `%s` is refused, with %s suggested", async (text, suggestion) => {
  const found = await complaint(() => readCeiling(text))
  expect(found).toBeDefined()
  expect(found?.suggestion).toBe(suggestion)
})

test.each([
  ["MON-FRI 07:00-19:00 Europe/Berlin", "MON-FRI 07:00-19:00 Europe/Berlin"],
  ["mon,wed 9:00-17:30", "MON,WED 09:00-17:30"],
  ["22:00-06:00 UTC", "22:00-06:00 UTC"],
  ["FRI-MON 00:00-24:00", "SUN,MON,FRI,SAT 00:00-24:00"],
])("hours: `%s` is written %s, which reads the same", (text, written) => {
  expect(writeHours(readHours(text))).toBe(written)
  expect(readHours(written)).toEqual(readHours(text))
})

test.each(["9-5", "MON-FRY 09:00-17:00", "09:00-25:00", "09:00-09:00", "MON-FRI", "09:00-17:00 Mars/Base", ""])(
  "hours: `%s` is refused",
  async (text) => {
    expect(await complaint(() => readHours(text))).toBeDefined()
  },
)

test.each([
  ["state/triage.md", ".flyball/state/triage.md"],
  ["./TODO.md", "TODO.md"],
  ["a/../b.md", ".flyball/b.md"],
  ["./docs/./state.md", "docs/state.md"],
])("paths: %s is %s from the root", (text, path) => {
  expect(readStatePath(text)).toBe(path)
  expect(readStatePath(writeStatePath(path))).toBe(path)
})

test.each([
  "",
  "../x.md",
  "./../x.md",
  "/etc/x.md",
  "~/x.md",
  "C:/x.md",
  "a\\b.md",
  ".git/x.md",
  "./.git/x.md",
  "loops/x.md",
  "config.yaml",
  "./.flyball/agents/x.md",
  ".flyball/state/x.md",
  "state/triage",
  "state/x.txt",
])("paths: `%s` is refused", async (text) => {
  expect(await complaint(() => readStatePath(text))).toBeDefined()
})

describe("triggers", () => {
  test.each([
    ['cron("0 9 * * MON-FRI")', { on: "cron", expression: "0 9 * * MON-FRI" }],
    ['cron("0 9,18 * * *", "Europe/Berlin")', { on: "cron", expression: "0 9,18 * * *", timeZone: "Europe/Berlin" }],
    ['cron("0 9 * * *", tz="UTC")', { on: "cron", expression: "0 9 * * *", timeZone: "UTC" }],
    ["cron(@daily)", { on: "cron", expression: "0 0 * * *" }],
    ["cron(0 9 * * 1-5)", { on: "cron", expression: "0 9 * * 1-5" }],
    ['cron("0 0 29 2 *")', { on: "cron", expression: "0 0 29 2 *" }],
    ["every(15m)", { on: "every", everyMs: 900_000 }],
    ["on(github.check_run.failed)", { on: "signal", signal: "github.check_run.failed" }],
    ["webhook(sentry)", { on: "webhook", connector: "sentry" }],
    ["after(dependency-bumps)", { on: "after", loop: "dependency-bumps" }],
    ["file(src/**/*.ts)", { on: "file", glob: "src/**/*.ts" }],
    ['file("docs/*.md")', { on: "file", glob: "docs/*.md" }],
    ["manual", { on: "manual" }],
  ])("%s is read, and written so that it reads the same", async (text, trigger) => {
    const read = await readTrigger(text)
    expect(read).toEqual(trigger)
    expect(await readTrigger(writeTrigger(read))).toEqual(read)
  })

  test.each([
    'cron("* * * * * *")',
    'cron("0 0 30 2 *")',
    'cron("0 0 31 4,6,9,11 *")',
    'cron("61 * * * *")',
    'cron("0 9 * *")',
    'cron("0 9 * * FOO")',
    "cron()",
    "cron(@reboot)",
    'cron("0 9 * * *", "Berlin")',
    "0 9 * * *",
    "every()",
    "every(15)",
    "every(10ms)",
    "every(15m, 20m)",
    "every(15m) + manual",
    "manual(now)",
    "on(a b)",
    "file(/etc/passwd)",
    "file(../x)",
    "weekly",
    "",
  ])("`%s` is refused", async (text) => {
    expect(await complaint(() => readTrigger(text))).toBeDefined()
  })
})

test.each([
  ["triger", ["trigger", "steps"], "trigger"],
  ["maxIterations", ["max_iterations", "max_diff"], "max_iterations"],
  ["halt-on", ["halt_on"], "halt_on"],
  ["xyz", ["trigger", "steps"], undefined],
  ["hsip", ["ship"], "ship"],
  ["", ["a"], undefined],
])("the nearest word to `%s` among %j is %s", (word, known, expected) => {
  expect(nearest(word, known)).toBe(expected)
})
