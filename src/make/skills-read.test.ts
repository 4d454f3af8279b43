import { expect, test } from "vitest"
import { skillsRead } from "./skills-read.ts"

const offered = [
  { name: "testing", path: ".flyball/skills/testing/SKILL.md" },
  { name: "release", path: "/data/plugins/abc/skills/release/SKILL.md" },
]
const testing = ".flyball/skills/testing/SKILL.md"

test.each<[what: string, spoken: string, read: string[]]>([
  ["Claude Code's Read", `Read {"file_path":"/w/tree/${testing}"}`, [testing]],
  ["a relative path", `read_file {"path":"${testing}"}`, [testing]],
  ["Codex's command", `$ bash -lc "sed -n 1,80p ${testing}"`, [testing]],
  ["a command in JSON", `Bash {"command":"cat ${testing} && ls"}`, [testing]],
  ["ACP's title", `read Read SKILL.md {"path":"${testing}"}`, [testing]],
  [
    "a file beside it",
    `Read {"file_path":"/w/.flyball/skills/testing/refs/ci.md"}`,
    [".flyball/skills/testing/refs/ci.md"],
  ],
  [
    "a plug-in's",
    `Read {"file_path":"/data/plugins/abc/skills/release/SKILL.md"}`,
    ["/data/plugins/abc/skills/release/SKILL.md"],
  ],
  ["Claude Code's Skill", `Skill {"skill":"testing"}`, [testing]],
  [
    "one that was not offered",
    `Read {"file_path":"/w/.claude/skills/other/SKILL.md"}`,
    [".claude/skills/other/SKILL.md"],
  ],
  ["the same twice", `$ cat ${testing}\n$ cat ${testing}`, [testing]],
  ["two", `$ cat ${testing} .agents/skills/web/SKILL.md`, [testing, ".agents/skills/web/SKILL.md"]],
  ["talk of it", `I will read ${testing} now.`, []],
  ["a list of the folder", "$ ls .flyball/skills/testing/", []],
  ["a pattern", 'Glob {"pattern":".flyball/skills/testing/*.md"}', []],
  ["an edit of it", `Edit {"file_path":"/w/${testing}","old_string":"a"}`, []],
  ["a redirection into it", `$ echo x > ${testing}`, []],
  ["nothing", "", []],
])("%s", (_, spoken, read) => {
  expect(skillsRead(spoken, offered).map(({ path }) => path)).toEqual(read)
})

test("a flood of names is cut", () => {
  const flood = Array.from({ length: 500 }, (_, n) => `$ cat .claude/skills/s${n}/SKILL.md`).join("\n")
  expect(skillsRead(flood, [])).toHaveLength(100)
})
