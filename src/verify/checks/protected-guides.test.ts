import { afterAll, beforeAll, expect, test } from "vitest"
import type { Finding } from "../../core/finding.ts"
import { type Changes, changes } from "../fixtures/change.ts"
import type { Files } from "../fixtures/repository.ts"
import { protectedPaths } from "./protected-paths.ts"

/* What agents are told may change where the finding is about that very file, and then by a person's word. */

let change: Changes
let base: string
const SKILL = ".claude/skills/a/SKILL.md"
beforeAll(async () => {
  change = await changes()
  base = await change.commit({
    [SKILL]: "old\n",
    ".flyball/LESSONS.md": "# Lessons\n",
    ".claude/settings.json": "{}\n",
  })
})
afterAll(() => change[Symbol.asyncDispose]())

const finding: Finding = {
  fingerprint: "f",
  source: "stale_skills",
  title: "t",
  body: "",
  severity: "low",
  attemptable: true,
}
const stale: Finding = { ...finding, file: SKILL }
const lesson = (file: string): Finding => ({
  ...finding,
  source: "lessons",
  lessons: [{ file, text: "x", why: "", from: "c" }],
})

const judged = async (files: Files, about: Finding, given: Parameters<Changes["facts"]>[1] = {}) =>
  protectedPaths({ ...(await change.facts(files, given, base)), finding: about })

test.each<[string, Files, Finding]>([
  ["the skill that went stale", { [SKILL]: "new\n" }, stale],
  ["the file of lessons", { ".flyball/LESSONS.md": "# Lessons\n\n- x\n" }, lesson(".flyball/LESSONS.md")],
  ["one that is new", { "a/.flyball/LESSONS.md": "# Lessons\n\n- x\n" }, lesson("a/.flyball/LESSONS.md")],
  ["a skill that a lesson is for", { [SKILL]: "old\n\n- x\n" }, lesson(SKILL)],
])("asked of a person: %s", async (_, files, about) => {
  for (const given of [{}, { within: "src" }, { protect: [".claude/**"] }]) {
    const evidence = await judged(files, about, given)
    expect(evidence).toMatchObject({ outcome: "fail", blame: "person" })
    expect(evidence.summary).toContain(Object.keys(files)[0])
  }
})

test.each<[string, Files, Finding]>([
  ["another skill", { ".claude/skills/b/SKILL.md": "x\n" }, stale],
  ["the skill and the settings beside it", { [SKILL]: "new\n", ".claude/settings.json": '{"hooks":{}}\n' }, stale],
  ["the skill taken away", { [SKILL]: null }, stale],
  ["the skill of a finding from elsewhere", { [SKILL]: "new\n" }, { ...stale, source: "open_issues" }],
  ["a file that is no skill", { ".claude/settings.json": '{"x":1}\n' }, { ...stale, file: ".claude/settings.json" }],
  [
    "a loop, beside lessons",
    { ".flyball/LESSONS.md": "- x\n", ".flyball/loops/a.yaml": "x\n" },
    lesson(".flyball/LESSONS.md"),
  ],
])("refused: %s", async (_, files, about) => {
  expect(await judged(files, about)).toMatchObject({ outcome: "fail", blame: "maker" })
})
