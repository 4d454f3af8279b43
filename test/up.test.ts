import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import { recordFired } from "../src/record/fired.ts"
import { readRuns } from "../src/record/runs.ts"
import { flyball } from "./flyball-cli.ts"
import { fixes, look, quickProject, sharedHome } from "./quick-loop.ts"
import { type SmallRepo, smallRepo } from "./small-repo.ts"

sharedHome()

/** The loop `fix` with a trigger, and other loops like it with theirs. */
async function withTriggers(repo: SmallRepo, triggers: Record<string, string>): Promise<void> {
  const path = join(repo.root, ".flyball/loops/fix.yaml")
  const text = await readFile(path, "utf8")
  for (const [name, trigger] of Object.entries(triggers))
    await writeFile(
      join(repo.root, `.flyball/loops/${name}.yaml`),
      text.replace("name: fix", `name: ${name}\ntrigger: ${trigger}`).replaceAll("state/fix.md", `state/${name}.md`),
    )
}
const triggersOf = (repo: SmallRepo) =>
  look(repo, async ({ db, repo: { key } }) =>
    (await readRuns(db, { repo: key })).map((run) => `${run.loop.name} ${run.trigger}`).sort(),
  )

test("a missed firing is caught up once, what comes after it follows, a changed file fires, and Ctrl-C ends it", async () => {
  await using repo = await smallRepo(quickProject({ maker: fixes }))
  await withTriggers(repo, { fix: "every(1h)", follows: "after(fix)", watches: 'file("src/**")' })
  await look(repo, ({ db, repo: { key } }) =>
    recordFired(db, { repo: key, loop: "fix" }, new Date(Date.now() - 5 * 3_600_000)),
  )
  const up = flyball(repo.root, ["up"])
  await up.says(/fix +5 firings fell due since it last fired; they are caught up with one run/)
  await up.says(/fix +ended with exit code 0/)
  await up.says(/follows +fires \(after fix\)/)
  await up.says(/follows +ended with exit code 0/)
  await mkdir(join(repo.root, "src"))
  await writeFile(join(repo.root, "src/new.txt"), "new\n")
  await up.says(/watches +fires \(.*src\/new\.txt changed\)/)
  await up.says(/watches +ended with exit code 0/)
  up.child.kill("SIGINT")
  expect((await up.ended).code).toBe(0)
  // M3: the state files that the runs wrote woke nobody.
  expect(await triggersOf(repo)).toEqual(["fix every", "follows after", "watches file"])
  const status = await flyball(repo.root, ["status"]).ended
  expect(status.stdout).toMatch(/Due\n.* fix +every\(1h\)/)
})

test("a firing while its last run goes on is skipped, and said; Ctrl-C parks the child once", async () => {
  await using repo = await smallRepo(quickProject({ maker: "sleep 60", usdPerAttempt: 0.25 }))
  await withTriggers(repo, { fix: "every(2s)" })
  const up = flyball(repo.root, ["up"])
  await up.says(/fix +make .*attempt 1/)
  await up.says(/fix +skipped \(due .*\): its last run is still going on/)
  up.child.kill("SIGINT")
  const { code, stderr } = await up.ended
  expect(code).toBe(0)
  expect(stderr).toMatch(/Parked\. `flyball run \.flyball\/loops\/fix\.yaml` goes on/)
  const status = await flyball(repo.root, ["status"]).ended
  expect(status.stdout).toMatch(/1 change parked/)
})

test("a repository without such a trigger is told so", async () => {
  await using repo = await smallRepo(quickProject({ maker: fixes }))
  const { code, stderr } = await flyball(repo.root, ["up"]).ended
  expect(code).toBe(2)
  expect(stderr).toMatch(/^NOTHING_FIRES /m)
})
