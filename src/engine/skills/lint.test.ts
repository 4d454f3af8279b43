import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, beforeAll, expect, test } from "vitest"
import { git } from "../../lib/git.ts"
import { lintSkills, listSkills, showSkill } from "../commands/skills.ts"

let top: string
let root: string
const here = () => ({ cwd: root, env: { FLYBALL_HOME: join(top, "home"), HOME: join(top, "user") } })
const put = async (path: string, text: string) => {
  await mkdir(dirname(join(root, path)), { recursive: true })
  await writeFile(join(root, path), text)
}
const commit = async (message: string) => {
  await git(["add", "--all"], { cwd: root })
  await git(["-c", "user.name=T", "-c", "user.email=t@localhost", "commit", "--quiet", "-m", message], { cwd: root })
}
const skill = (body: string, name = "x") => `---\nname: ${name}\ndescription: How it is done here.\n---\n\n${body}\n`

beforeAll(async () => {
  top = await mkdtemp(join(tmpdir(), "flyball-lint-"))
  root = join(top, "project")
  await put("package.json", '{ "scripts": { "test": "node --test", "test:unit": "node --test unit", "build": "tsc" } }')
  await put("packages/web/package.json", '{ "scripts": { "storybook": "sb" } }')
  await put("packages/web/src/button.ts", "export {}\n")
  await put("Makefile", "VERSION := 3\n.PHONY: release\nrelease docs: all\n\techo\nall:\n\ttrue\n")
  await put("scripts/seed.js", 'const flags = { "--fast": true, "--tenant": true }\n')
  await put("scripts/old-name.sh", "#!/bin/sh\necho a\necho b\necho c\n")
  await put("src/gone.ts", "export const gone = 1\n")
  await put("legacy/a.ts", "a\n")
  await put("jest.config.js", "x\n")
  await put(".gitignore", "dist/\n")
  await git(["init", "--quiet", "--initial-branch=main"], { cwd: root })
  await commit("first")
  await rm(join(root, "src/gone.ts"))
  await rm(join(root, "legacy"), { recursive: true })
  await rm(join(root, "jest.config.js"))
  await git(["mv", "scripts/old-name.sh", "scripts/new-name.sh"], { cwd: root })
  await put("scripts/seed.js", 'const flags = { "--quick": true, "--tenant": true }\n')
  await put("src/here.ts", "export {}\n")
  await commit("second")
})
afterAll(() => rm(top, { recursive: true, force: true }))

const sh = (line: string) => `\`\`\`sh\n${line}\n\`\`\``

test.each<[what: string, body: string, code: string | undefined, repair?: string]>([
  ["a file that was moved", "Run `scripts/old-name.sh` first.", "SKILL_STALE_FILE", "scripts/new-name.sh"],
  ["a file that was removed", "See `src/gone.ts:12`.", "SKILL_STALE_FILE"],
  ["a folder that was removed", "All of `legacy/` is old.", "SKILL_STALE_FILE"],
  ["a file of the root that was removed", "Edit `jest.config.js`.", "SKILL_STALE_FILE"],
  ["a script run by a shell", sh("sh scripts/old-name.sh --all"), "SKILL_STALE_FILE", "scripts/new-name.sh"],
  ["a link", "See [the guide](references/guide.md).", "SKILL_STALE_LINK"],
  ["an npm script", "Run `npm run test:units`.", "SKILL_STALE_SCRIPT", "test:unit"],
  ["an npm script in a block", sh("CI=1 npm run biuld && echo ok"), "SKILL_STALE_SCRIPT", "build"],
  ["a script after a prompt, without a language", "```\n$ pnpm run teest\n```", "SKILL_STALE_SCRIPT", "test"],
  ["a make target", sh("make relase"), "SKILL_STALE_TARGET", "release"],
  ["an option", sh("node scripts/seed.js --tenant=a --fast"), "SKILL_STALE_FLAG"],
  ["a file that is there", "See `src/here.ts` and `./src/here.ts#L3`, [here](../../../src/here.ts).", undefined],
  ["a part of a path, in a package", "See `src/button.ts` and `web/src/`.", undefined],
  ["a file that never was", "Write `src/thing/thing.test.ts`.", undefined],
  [
    "a pattern, a placeholder, a package",
    "`src/*.ts`, `src/<name>.ts`, `@acme/util`, `path/to/file.ts`, `a/b`",
    undefined,
  ],
  ["somebody's home, a URL, an absolute path", "`~/.npmrc` `https://x.y/src/gone.ts` `/etc/hosts.conf`", undefined],
  ["scripts of a package", "`npm run storybook`, `npm install`, `npm test`, `yarn dev`", undefined],
  ["make in prose, with a file, with a folder", "make sure; `make -C docs html`, `make docs all X=1`", undefined],
  ["output, not commands", "```\nnpm run nothing\nsrc/gone.ts\n```", undefined],
  ["another language", "```ts\nimport './src/gone.ts'\n```", undefined],
  ["a comment, a quoted text", sh("# npm run nothing\necho 'npm run nothing'"), undefined],
  ["options that are known, or never were", sh("node scripts/seed.js --quick --verbose --tenant x"), undefined],
  ["options of others' commands", sh("npx tool --fast\ncurl --fast x"), undefined],
  ["anchors, mail, sites", "[a](#a) [b](mailto:x@y) [c](https://x.y/z) ", undefined],
])("a skill that names %s", async (_, body, code, repair) => {
  await rm(join(root, ".flyball"), { recursive: true, force: true })
  await put(".flyball/skills/x/SKILL.md", skill(body))
  const { diagnostics, valid } = await lintSkills({ strict: false, ...here() })
  expect(diagnostics.map((each) => each.code)).toEqual(code === undefined ? [] : [code])
  expect(valid).toBe(true)
  if (repair !== undefined) expect(diagnostics[0]?.suggestion).toBe(repair)
  if (code !== undefined) expect((await lintSkills({ strict: true, ...here() })).valid).toBe(false)
})

test("trouble in the frontmatter has its place, and what is left out is an error", async () => {
  await rm(join(root, ".flyball"), { recursive: true, force: true })
  await put(".flyball/skills/x/SKILL.md", skill("a\n".repeat(600), "Y"))
  await put(".flyball/skills/none/SKILL.md", "---\nname: none\n---\n")
  const { diagnostics, valid, files } = await lintSkills({ strict: false, ...here() })
  expect({ valid, files }).toEqual({ valid: false, files: 2 })
  expect(diagnostics.map(({ code, severity, line }) => [severity, code, line])).toEqual([
    ["error", "SKILL_NO_DESCRIPTION", 1],
    ["warning", "SKILL_TOO_LONG", 1],
    ["warning", "SKILL_NAME", 2],
  ])
})

test("the project's skills stand above the user's, and the list says which hides which", async () => {
  await rm(join(root, ".flyball"), { recursive: true, force: true })
  const own = join(top, "user/.claude/skills")
  for (const name of ["x", "mine"]) {
    await mkdir(join(own, name), { recursive: true })
    await writeFile(join(own, name, "SKILL.md"), skill("npm run nothing", name))
  }
  await put(".flyball/skills/x/SKILL.md", skill("see references"))
  await put(".flyball/skills/x/references/a.md", "12345678")
  await put(
    ".flyball/loops/l.yaml",
    'name: l\nskills: [x, lost]\nsteps:\n  - discover: { run: failing_tests }\n  - act: { spawn: implementer(finding) }\n  - verify: { check: tests_pass }\nagents: { implementer: { use: command, command: "true", skills: [mine] } }\n',
  )
  const report = await listSkills(here())
  expect(report.skills.map(({ name, from, path, hides }) => ({ name, from, path, hides }))).toEqual([
    { name: "mine", from: "user", path: join(own, "mine/SKILL.md"), hides: [] },
    { name: "x", from: "project", path: ".flyball/skills/x/SKILL.md", hides: [join(own, "x/SKILL.md")] },
  ])
  expect(report.offers).toEqual([{ loop: "l", agent: "implementer", skills: ["x", "mine"], missing: ["lost"] }])
  expect((await showSkill("x", here())).files).toEqual([{ path: "references/a.md", tokens: 2 }])
  await expect(showSkill("mien", here())).rejects.toMatchObject({ code: "NO_SUCH_SKILL", hint: "Did you mean `mine`?" })
  // What a user's skills name is not this repository's.
  expect((await lintSkills({ strict: true, ...here() })).diagnostics).toEqual([])
})
