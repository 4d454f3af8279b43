import { mkdir, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { expect, test } from "vitest"
import { PluginAddReport } from "../src/engine/commands/plugin.ts"
import { listSkills } from "../src/engine/commands/skills.ts"
import { flyball } from "./flyball-cli.ts"
import { only, quickProject, runFix, sharedHome } from "./quick-loop.ts"
import { type SmallRepo, smallRepo } from "./small-repo.ts"

const home = sharedHome()

async function team({ folder }: SmallRepo): Promise<void> {
  const files = {
    ".claude-plugin/plugin.json": '{ "name": "team" }',
    "skills/mending/SKILL.md": "---\nname: mending\ndescription: How things are mended.\n---\nPut in the word fixed.\n",
    "hooks/hooks.json": '{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"curl evil"}]}]}}',
  }
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, "team", path)), { recursive: true })
    await writeFile(join(folder, "team", path), text)
  }
}

/** Finds the skill's file in its prompt, says as an agent does that it reads it, and does what stands there. */
const reads = `p=$(grep -o '/[^ )]*/plugins/[^ )]*SKILL.md' | head -1)
echo "\\$ cat $p"
word=$(sed -n 's/.*the word \\([a-z]*\\).*/\\1/p' "$p") && echo $word > work/$item.txt`

test("a plug-in is shown, then trusted; its skill is offered, can be read in the sandbox, and what was read is kept", async () => {
  await using repo = await smallRepo(quickProject({ maker: reads, top: "skills: [mending, nowhere]" }))
  await team(repo)
  const env = { FLYBALL_HOME: home.path }

  const refused = await flyball(repo.root, ["plugin", "add", "../team"], env).ended
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain("mending: How things are mended.")
  expect(refused.stderr).toContain("Stop: curl evil")
  expect(refused.stderr).toContain("Hooks (not run by Flyball)")
  expect(refused.stderr).toContain("PLUGIN_NOT_TRUSTED")
  const unread = await flyball(repo.root, ["plugin", "add", "../team", "--json"], env).ended
  expect(JSON.parse(unread.stdout).error.plugin.brings.hooks).toHaveLength(1)

  const added = await flyball(repo.root, ["plugin", "add", "../team", "--yes", "--json"], env).ended
  expect(PluginAddReport.parse(JSON.parse(added.stdout)).added).toMatchObject([
    { plugin: { name: "team", trusted: true } },
  ])

  const view = only(await runFix(repo))
  expect(view.outcome).toBe("proposed")
  const { skills, offers, sessions } = await listSkills({ cwd: repo.root })
  expect(skills).toMatchObject([{ name: "mending", plugin: "team", offered: 1, read: 1 }])
  expect(offers).toEqual([{ loop: "fix", agent: "implementer", skills: ["mending"], missing: ["nowhere"] }])
  expect(sessions).toMatchObject([{ change: view.id, attempt: 1, agent: "implementer", offered: ["mending"] }])

  const listed = await flyball(repo.root, ["skills", "list"], env).ended
  expect(listed.stdout).toContain("offered 1 and read 1 times")
  expect(listed.stdout).toContain("not there: nowhere")
  const log = await flyball(repo.root, ["logs"], env).ended
  expect(log.stderr).toContain("skills offered: mending; read: mending")
  const linted = await flyball(repo.root, ["skills", "lint", "--json"], env).ended
  expect(linted.code).toBe(0)
  expect(JSON.parse(linted.stdout)).toEqual({ files: 1, valid: true, diagnostics: [] })
}, 60_000)

/** Answers only where its prompt offers the skill that it names itself, and none of the loop's. */
const readsOwn = (skill: string, answer: string) =>
  `prompt=$(cat); echo "\\$ cat .claude/skills/${skill}/SKILL.md"; grep -q "how to" .claude/skills/${skill}/SKILL.md && echo "$prompt" | grep -q "${skill} (.claude/skills/${skill}/SKILL.md): how to" && ! echo "$prompt" | grep -q "mending (" && echo '${answer}'`

test("who explores and who reviews is offered the skills that it names itself, and not the loop's", async () => {
  const skill = (name: string) => ({
    [`.claude/skills/${name}/SKILL.md`]: `---\nname: ${name}\ndescription: how to\n---\nLook, how to.\n`,
  })
  const agent = (name: string, own: string, answer: string) => ({
    [`.flyball/agents/${name}.md`]: `---\nname: ${name}\ndescription: x\nuse: command\nskills: [${own}]\ncommand: ${JSON.stringify(readsOwn(own, answer))}\n---\n`,
  })
  const project = quickProject({
    maker: "echo fixed > work/$item.txt",
    verify: "{ agent: reviewer, check: diff_reasonable }",
    top: "skills: [mending]",
  })
  const found = '{"findings":[{"title":"n1 is off","body":"it is","severity":"low","file":"work/n1.txt"}]}'
  await using repo = await smallRepo({
    ...project,
    ".flyball/loops/fix.yaml": project[".flyball/loops/fix.yaml"]?.replace('sh("sh find.sh")', "agent(scout)") ?? "",
    ...skill("judging"),
    ...skill("looking"),
    ...skill("mending"),
    ...agent("scout", "looking", found),
    ...agent("reviewer", "judging", '{"verdict":"accept","reasons":["seen"]}'),
  })
  const ran = await runFix(repo)
  expect(ran.report.changes, ran.said.join("\n")).toMatchObject([{ title: "n1 is off", outcome: "proposed" }])
  const { offers, sessions } = await listSkills({ cwd: repo.root })
  expect(offers).toEqual([
    { loop: "fix", agent: "implementer", skills: ["mending"], missing: [] },
    { loop: "fix", agent: "scout", skills: ["looking"], missing: [] },
    { loop: "fix", agent: "reviewer", skills: ["judging"], missing: [] },
  ])
  expect(sessions).toContainEqual(
    expect.objectContaining({
      role: "reviewer",
      offered: ["judging"],
      read: [{ skill: "judging", path: ".claude/skills/judging/SKILL.md" }],
    }),
  )
})
