import { afterAll, beforeAll, expect, test } from "vitest"
import { inbox } from "../../src/engine/commands/inbox.ts"
import { removeDatabase } from "../../src/engine/postgres/launch.ts"
import { RunReport } from "../../src/engine/report.ts"
import { openSession } from "../../src/engine/session.ts"
import { bundle, start } from "../programs.ts"
import { quickProject } from "../quick-loop.ts"
import { type SmallRepo, smallRepo } from "../small-repo.ts"

/* A run that is killed while what it learned becomes a proposal: there is one of it, and no agent makes it. */

let programs: Awaited<ReturnType<typeof bundle>>
beforeAll(async () => {
  programs = await bundle(
    "test/fixtures/run-worker.ts",
    "replay=src/make/replay-main.ts",
    "watchdog=src/isolate/watchdog-main.ts",
  )
})
afterAll(() => programs.remove())

const scribe = `id=$(grep -m1 -o '^# Change .*' | cut -c10-); echo "{\\"lessons\\":[{\\"where\\":\\"LESSONS.md\\",\\"text\\":\\"Files hold the word that was asked for.\\",\\"why\\":\\"\\",\\"from\\":\\"$id\\"}]}"`
const files = () => ({
  ...quickProject({
    maker: "if [ -s .tried ]; then echo fixed > work/$item.txt; rm .tried; else echo x > .tried; fi",
    top: "learn: true",
  }),
  ".flyball/agents/scribe.md": `---\nname: scribe\ndescription: looks back\nuse: command\ncommand: ${JSON.stringify(scribe)}\ncost: $0.25/attempt\n---\n`,
})
const points = (["load", "isolate", "make", "verify", "ask"] as const).flatMap((step) =>
  (["begun", "acted"] as const).map((phase) => ({ step, phase, change: "lesson" })),
)

async function worked(repo: SmallRepo, kill?: object) {
  const worker = start(programs.path("run-worker"), [JSON.stringify({ cwd: repo.root, loop: "fix", kill })], {
    env: { FLYBALL_HOME: repo.home, HOME: repo.folder, PATH: process.env.PATH ?? "" },
  })
  const { signal } = await worker.exit
  return { signal, lines: worker.lines }
}

test.each(points)("killed at $step, $phase: the next run ends it, once", async (kill) => {
  await using repo = await smallRepo(files())
  const before = process.env.FLYBALL_HOME
  try {
    const killed = await worked(repo, kill)
    expect(killed.signal, killed.lines.join("\n")).toBe("SIGKILL")
    const next = await worked(repo)
    expect(RunReport.parse(JSON.parse(next.lines.at(-1) ?? "").report).exitCode, next.lines.join("\n")).toBe(3)
    process.env.FLYBALL_HOME = repo.home
    await using session = await openSession({ cwd: repo.root, signal: AbortSignal.timeout(30_000) })
    const lessons = (await inbox(session)).items.filter(({ source }) => source === "lessons")
    expect(lessons).toMatchObject([{ reason: "gate_asks", usd: 0, attempts: [{ n: 1, agent: "flyball" }] }])
  } finally {
    if (before === undefined) delete process.env.FLYBALL_HOME
    else process.env.FLYBALL_HOME = before
    await removeDatabase(repo.home)
  }
})
