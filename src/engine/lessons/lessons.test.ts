import { expect, test } from "vitest"
import type { Change } from "../../core/change.ts"
import type { Event, EventBody } from "../../core/event.ts"
import { NOTHING_SPENT } from "../../core/spend.ts"
import { findingOf, guidePath, type Known } from "./finding-of.ts"
import { isSaid, lessonLine, lessonsFile, lessonsFiles, lessonsIn, withLesson } from "./guide.ts"
import { parseScribed } from "./scribed.ts"
import { NOD, teachingOf } from "./teaches.ts"
import { earlierOf } from "./told.ts"

test.each([
  ["no file", undefined, "# Lessons\n\n- new\n"],
  ["an empty one", "\n", "# Lessons\n\n- new\n"],
  ["a list", "# Lessons\n\n- old\n", "# Lessons\n\n- old\n- new\n"],
  ["a list without a last line end", "# Lessons\n\n* old", "# Lessons\n\n* old\n- new\n"],
  ["a heading alone", "# Lessons\n", "# Lessons\n\n- new\n"],
  ["prose under it", "# Lessons\n\nWhat we know.\n", "# Lessons\n\nWhat we know.\n\n- new\n"],
  [
    "a section in the middle",
    "# A\n\n## Lessons\n\n- old\n\n## B\n\ntext\n",
    "# A\n\n## Lessons\n\n- old\n- new\n\n## B\n\ntext\n",
  ],
  ["no such heading", "# A\n\ntext\n\n\n", "# A\n\ntext\n\n## Lessons\n\n- new\n"],
  [
    "a heading in a block of code",
    "# A\n\n```\n# Lessons\n```\n",
    "# A\n\n```\n# Lessons\n```\n\n## Lessons\n\n- new\n",
  ],
  ["lines that end as on Windows", "# Lessons\r\n\r\n- old\r\n", "# Lessons\r\n\r\n- old\r\n- new\r\n"],
  ["parts below it", "# Lessons\n\n## Tests\n\n- old\n", "# Lessons\n\n## Tests\n\n- old\n- new\n"],
])("a line is added to %s", (_, before, after) => {
  expect(withLesson(before, "new")).toBe(after)
})

test("the lines of a file are its list items, in their order, with what goes on in the next line", () => {
  const text = "# Lessons\n\nProse.\n\n- one\n  goes on\n- two\n\n## More\n\n1. three\n"
  expect(lessonsIn(text)).toEqual(["one goes on", "two", "three"])
})

test.each([
  ["Run npm test in the root, never in a package.", "Run npm test in the root, never in a package."],
  ["- # **Run** `npm test`", "`` **Run** `npm test` ``"],
  ["two\nlines", "two lines"],
  ["-", "`-`"],
  ["1. first, run the migrations", "`1. first, run the migrations`"],
  ["3 of the suites need a database", "3 of the suites need a database"],
  ["<img src=x> [a](http://b)", "`<img src=x> [a](http://b)`"],
])("a lesson is one line in which nothing acts: %j", (text, line) => {
  expect(lessonLine(text)).toBe(line)
})

test("nearly the same words say the same", () => {
  const said = ["Money is in cents everywhere: never divide before the last step."]
  expect(isSaid("Money is in cents everywhere; never divide it before the last step", said)).toBe(true)
  expect(isSaid("The parser of dates takes UTC alone.", said)).toBe(false)
})

test("a loop with a path has its lessons there, and is told the root's too", () => {
  expect([lessonsFile(undefined), lessonsFiles(undefined)]).toEqual([".flyball/LESSONS.md", [".flyball/LESSONS.md"]])
  expect(lessonsFiles("a/b")).toEqual([".flyball/LESSONS.md", "a/b/.flyball/LESSONS.md"])
})

test.each([
  [".flyball/LESSONS.md", true],
  ["a/.flyball/LESSONS.md", true],
  [".claude/skills/testing/SKILL.md", true],
  [".agents/skills/a/b/SKILL.md", true],
  ["LESSONS.md", false],
  [".flyball/loops/fix.yaml", false],
  [".flyball/skills/SKILL.md", false],
  ["../.flyball/LESSONS.md", false],
  [".git/.flyball/LESSONS.md", false],
  ["src/skills/a/SKILL.md", false],
])("%s may hold lessons: %s", (path, may) => {
  expect(guidePath(path)).toBe(may ? path : undefined)
})

const known: Known = {
  loop: "fix",
  file: ".flyball/LESSONS.md",
  skills: new Map([["testing", ".claude/skills/testing/SKILL.md"]]),
  changes: ["a-1", "b-2"],
  said: ["Money is in cents everywhere: never divide before the last step."],
  commit: "a".repeat(40),
}
const lesson = (more: object = {}) => ({
  where: "LESSONS.md",
  text: "The clock of the tests stands still; advance it by hand.",
  why: "two attempts",
  from: "a-1",
  ...more,
})

test("what is said becomes a finding that is its own change", () => {
  const { finding, left } = findingOf(
    [lesson(), lesson({ where: "testing", text: "Snapshots are of Linux alone." })],
    known,
  )
  expect(left).toEqual([])
  expect(finding).toMatchObject({ source: "lessons", title: "2 lessons of a change by fix", attemptable: true })
  expect(finding?.lessons?.map(({ file }) => file)).toEqual([".flyball/LESSONS.md", ".claude/skills/testing/SKILL.md"])
  expect(findingOf([lesson()], known).finding?.fingerprint).toBe(findingOf([lesson()], known).finding?.fingerprint)
})

test.each([
  ["a file that is no guide", { where: "src/add.js" }, /no guide here/],
  ["a skill that nobody has", { where: "nothing" }, /no guide here/],
  ["a change that was not shown", { from: "c-3" }, /was not shown/],
  ["what stands already", { text: "Money is in cents everywhere: never divide before the last step." }, /said before/],
])("left out, and said: %s", (_, more, why) => {
  const { finding, left } = findingOf([lesson(more)], known)
  expect(finding).toBeUndefined()
  expect(left.join()).toMatch(why)
})

test("at most three, and none twice", () => {
  const texts = ["alpha beta gamma delta", "one two three four", "red green blue pink", "up down left right"]
  const all = [...texts, "alpha beta gamma delta"].map((text) => lesson({ text }))
  const { finding, left } = findingOf(all, known)
  expect(finding?.lessons).toHaveLength(3)
  expect(left).toHaveLength(2)
})

test.each([
  ["words", "I learned a lot."],
  ["another shape", '{"lessons":[{"text":"x"}]}'],
  ["more keys", '{"lessons":[],"run":"rm"}'],
  ["no list", '{"lessons":"none"}'],
])("an answer that is %s is an error", (_, said) => {
  expect(parseScribed(said).is).toBe("error")
})
test("an answer is read from the last line", () => {
  expect(parseScribed('Well.\n{"lessons":[]}')).toEqual({ is: "scribed", lessons: [] })
})

const change = (more: Partial<Change> = {}): Change => ({
  id: "a-1",
  run: "run",
  loop: "fix",
  finding: { fingerprint: "f", source: "sh", title: "t", body: "", severity: "low", attemptable: true },
  attempts: [],
  guardedFrom: 0,
  verifiedSinceAnswer: false,
  reverifications: 0,
  length: 1,
  startedAt: "2026-11-21T00:00:00.000Z",
  updatedAt: "2026-11-21T00:00:01.000Z",
  ...more,
})
const events = (...bodies: EventBody[]): Event[] =>
  bodies.map((body, index) => ({ seq: index, change: "a-1", at: "2026-11-21T00:00:00.000Z", key: `${index}`, body }))
const attempt = (n: number, verdict: Change["attempts"][number]["verdict"]): Change["attempts"][number] => ({
  n,
  evidence: [],
  reservedUsd: 0,
  spend: NOTHING_SPENT,
  made: { is: "commit", head: "h", tree: "t", files: 1 },
  ...(verdict === undefined ? {} : { verdict }),
})
const accepted = { is: "accept", head: "h" } as const
const refused = { is: "retry", feedback: "no" } as const
const answered = (answer: Extract<EventBody, { type: "answered" }>["answer"]): EventBody => ({
  type: "answered",
  by: "ann",
  answer,
})

test.each<[string, Partial<Change>, EventBody[], RegExp | undefined]>([
  ["accepted at once", { attempts: [attempt(1, accepted)] }, [], undefined],
  ["accepted at the second", { attempts: [attempt(1, refused), attempt(2, accepted)] }, [], /2 tries/],
  [
    "one of three side by side was accepted",
    { attempts: [1, 2, 3].map((n) => ({ ...attempt(n, n === 2 ? accepted : refused), round: { first: 1, of: 3 } })) },
    [],
    undefined,
  ],
  ["approved", { attempts: [attempt(1, accepted)] }, [answered({ is: "approve", head: "h" })], undefined],
  ["let begin by a nod", { attempts: [attempt(1, accepted)] }, [answered({ is: "answer", text: NOD })], undefined],
  ["closed with words", { attempts: [attempt(1, accepted)] }, [answered({ is: "close", why: "not so" })], /a person/],
  ["rejected with words", { attempts: [attempt(1, accepted)] }, [answered({ is: "retry", why: "not so" })], /a person/],
  [
    "stopped by a guard",
    { attempts: [attempt(1, refused)] },
    [{ type: "stopped", reason: "same_error", detail: "" }],
    /same_error/,
  ],
  [
    "stopped for want of money",
    { attempts: [attempt(1, undefined)] },
    [{ type: "stopped", reason: "budget", detail: "" }],
    undefined,
  ],
  [
    "asked about by its reviewer",
    { attempts: [attempt(1, refused)] },
    [{ type: "asked", reason: "reviewer_asks", question: "?" }],
    /did not agree/,
  ],
  [
    "a proposal of lessons that was closed",
    { finding: { ...change().finding, lessons: [] } },
    [answered({ is: "close", why: "no" })],
    undefined,
  ],
])("what teaches: %s", (_, more, bodies, why) => {
  const teaching = teachingOf(change(more), events(...bodies))
  if (why === undefined) expect(teaching).toBeUndefined()
  else expect(teaching?.why.join()).toMatch(why)
})

test("an earlier change of the same finding is told with how it ended, and those that attempted nothing are not", () => {
  const now = change({ id: "a-2", startedAt: "2026-11-21T02:00:00.000Z" })
  const closed = change({
    attempts: [attempt(1, refused)],
    finished: "closed",
    answer: { is: "close", why: "it is meant so" },
  })
  const other = change({ id: "b", finding: { ...now.finding, fingerprint: "g" }, finished: "closed" })
  const empty = change({ id: "c", finished: "closed" })
  const [told, ...rest] = earlierOf(now, [closed, other, empty, now])
  expect(rest).toEqual([])
  expect(told).toMatch(/^change a-1 of 2026-11-21, closed by a person: it is meant so\n {2}attempt 1: /)
})
