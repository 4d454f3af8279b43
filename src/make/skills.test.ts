import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { chooseSkills, folderTree, projectSkills, skillCatalogue } from "./skills.ts"

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "flyball-skills-"))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

function put(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}
const skill = (name: string, description: string) =>
  `---\nname: ${name}\ndescription: ${description}\nlicense: MIT\n---\n\n# Body\n`

test("skills are found in the three folders, nested too, and our own folder stands above the others", async () => {
  put(".flyball/skills/testing/SKILL.md", skill("testing", "ours"))
  put(".agents/skills/testing/SKILL.md", skill("testing", "theirs"))
  put(".agents/skills/web/forms/SKILL.md", skill("forms", "How forms are built"))
  put(".claude/skills/release/SKILL.md", skill("release", "How to release"))
  put(".claude/skills/release/inner/SKILL.md", skill("inner", "part of release, no skill of its own"))
  const { skills, problems } = await skillCatalogue([projectSkills(folderTree(root))])
  expect(skills.map(({ name, description, path }) => ({ name, description, path }))).toEqual([
    { name: "forms", description: "How forms are built", path: ".agents/skills/web/forms/SKILL.md" },
    { name: "release", description: "How to release", path: ".claude/skills/release/SKILL.md" },
    { name: "testing", description: "ours", path: ".flyball/skills/testing/SKILL.md" },
  ])
  expect(problems).toEqual([])
})

test.each([
  ["a name unlike its folder's", skill("other", "d"), 1, /its folder's `x`/],
  ["a name with capitals", skill("My Skill", "d"), 1, /not a skill's name/],
  ["no name", "---\ndescription: d\n---\n", 1, undefined],
  ["no description", "---\nname: x\n---\n", 0, /no description/],
  ["no frontmatter", "# x\n", 0, /no frontmatter/],
  ["a frontmatter that is not YAML", "---\n: [\n---\n", 0, /not YAML/],
  ["a description without end", skill("x", "d".repeat(2_000)), 1, /longer than/],
])("a skill with %s is warned of, and kept where it can be", async (_, text, kept, warning) => {
  put(".flyball/skills/x/SKILL.md", text)
  const { skills, problems } = await skillCatalogue([projectSkills(folderTree(root))])
  expect(skills).toHaveLength(kept)
  expect(problems.map(({ message }) => message).join("\n")).toMatch(warning ?? /^$/)
})

test("a skill deeper than six folders, or behind a link out of the repository, is not read", async () => {
  put(".flyball/skills/1/2/3/4/5/6/SKILL.md", skill("6", "six deep"))
  put(".flyball/skills/a/b/c/d/e/f/g/SKILL.md", skill("g", "seven deep"))
  const outside = mkdtempSync(join(tmpdir(), "flyball-outside-"))
  writeFileSync(join(outside, "SKILL.md"), skill("outside", "d"))
  symlinkSync(outside, join(root, ".flyball/skills/outside"))
  symlinkSync(join(root, ".flyball/skills"), join(root, ".flyball/skills/loop"))
  const { skills } = await skillCatalogue([projectSkills(folderTree(root))])
  rmSync(outside, { recursive: true })
  expect(skills.map(({ name }) => name)).toEqual(["6"])
})

test("two thousand folders are looked at, and no more", async () => {
  let listed = 0
  const tree = {
    list: async () => {
      listed++
      return Array.from({ length: 100 }, (_, n) => ({ name: `f${n}`, is: "folder" as const }))
    },
    read: async () => undefined,
  }
  const { problems } = await skillCatalogue([projectSkills(tree)])
  expect(listed).toBe(2_000)
  expect(problems[0]?.message).toContain("more than 2000 folders")
})

test("an agent gets the skills it names, and is told of those that are not there", () => {
  const all = [{ name: "a", description: "d", path: "p" }]
  expect(chooseSkills(all, ["a", "b"])).toEqual({ skills: all, missing: ["b"] })
})
