import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { answerChange } from "../src/engine/commands/answer.ts"
import { git } from "../src/lib/git.ts"
import { only, quickProject, runFix, sharedHome, shown } from "./quick-loop.ts"
import { type SmallRepo, smallRepo } from "./small-repo.ts"

/* A skill that went stale is found, mended by a maker, and let in by a person: the gate neither accepts nor refuses it. */

sharedHome()

const SKILL = ".claude/skills/releasing/SKILL.md"
const text = (command: string) =>
  `---\nname: releasing\ndescription: How a release is made.\n---\n\nRun \`${command}\`, then tag.\n`

/** A project whose skill names a script that was moved since. */
async function project(maker: string, skill = text("sh tools/release.sh")): Promise<SmallRepo> {
  const files = quickProject({ maker, verify: "{ check: diff_reasonable }", guardrails: "max_iterations: 2" })
  const repo = await smallRepo({
    ...files,
    ".flyball/loops/fix.yaml": files[".flyball/loops/fix.yaml"]?.replace('sh("sh find.sh")', "stale_skills") ?? "",
    "tools/release.sh": "echo release\necho it\necho now\n",
    [SKILL]: skill,
  })
  const who = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
  await git(["mv", "tools/release.sh", "tools/publish.sh"], { cwd: repo.root })
  await git([...who, "commit", "--quiet", "-m", "moved"], { cwd: repo.root })
  await git(["push", "--quiet", "origin", "main"], { cwd: repo.root })
  // The checkout is not what counts.
  await writeFile(join(repo.root, SKILL), text("sh tools/publish.sh"))
  return repo
}
const say = (repo: SmallRepo, change: string, said: Parameters<typeof answerChange>[0]["said"]) =>
  answerChange({
    cwd: repo.root,
    change,
    said,
    now: true,
    signal: AbortSignal.timeout(60_000),
    progress: () => {},
  })

const mends = `sed -i s/release.sh/publish.sh/ ${SKILL}`

test("what a skill names in vain is found on the base, mended, asked about, and gone once a person let it in", async () => {
  await using repo = await project(mends)
  const ran = await runFix(repo)
  expect(ran.report.findings).toMatchObject([
    { source: "stale_skills", title: `${SKILL} names tools/release.sh, which is no more` },
  ])
  const view = only(ran)
  expect(view, ran.said.join("\n")).toMatchObject({ stage: "needs_a_person", reason: "gate_asks" })
  expect(view.question).toContain(`changes what agents are told, which only a person may: ${SKILL}`)
  expect(view.attempts[0]?.evidence.map(({ check, outcome }) => `${check} ${outcome}`)).toEqual(
    expect.arrayContaining(["diff_reasonable pass", "finding_fixed pass", "no_weakened_tests pass"]),
  )
  await git(["checkout", "--quiet", SKILL], { cwd: repo.root })
  expect((await say(repo, view.id, { is: "approve" })).change).toMatchObject({ outcome: "merged" })
  expect(await shown(repo.remote, `main:${SKILL}`)).toContain("sh tools/publish.sh")
  expect((await runFix(repo)).report.findings).toEqual([])
})

test.each([
  ["a repair that repairs nothing goes back to the maker", `echo "More." >> ${SKILL}`, /is still there.*release\.sh/s],
  [
    "another guide is still refused",
    `${mends}; mkdir -p .claude/skills/b; echo x > .claude/skills/b/SKILL.md`,
    /the agents' own settings/,
  ],
  ["and so is a link in the skill's place", `rm ${SKILL}; ln -s /etc/passwd ${SKILL}`, /These may not change/],
])("%s", async (_, maker, feedback) => {
  await using repo = await project(maker)
  const view = only(await runFix(repo))
  expect(view.outcome).toBe("stopped")
  expect(JSON.stringify(view.attempts[0]?.evidence.map((each) => each.feedback))).toMatch(feedback)
})

test("a skill that names what is there is no finding", async () => {
  await using repo = await project("true", text("sh tools/publish.sh"))
  expect((await runFix(repo)).report.findings).toEqual([])
})
