import { appendFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, test } from "vitest"
import { postmasterOf } from "../../src/engine/postgres/cluster.ts"
import { openDatabase, removeDatabase } from "../../src/engine/postgres/launch.ts"
import { findPlace } from "../../src/engine/postgres/place.ts"
import { openPool, pendingWorkflows } from "../../src/engine/workflows.ts"
import { buildHelpers } from "../build.setup.ts"
import { bundle, start } from "../programs.ts"

let programs: Awaited<ReturnType<typeof bundle>>
let folder: string
let home: string

beforeAll(async () => {
  await buildHelpers()
  programs = await bundle("src/engine/fixtures/worker.ts")
  folder = await mkdtemp(join(tmpdir(), "flyball-chaos-"))
  home = join(folder, "home")
})
afterAll(async () => {
  await removeDatabase(home)
  await rm(folder, { recursive: true, force: true })
  await programs.remove()
})

test("twenty workers and databases killed at random moments: everything ends, and every step is recorded once", async () => {
  const effects = join(folder, "effects")
  await writeFile(effects, "")
  const ids = Array.from({ length: 20 }, (_, n) => `run${n}`)
  let worker = start(programs.path("worker"), [home, "run", effects, ...ids])
  await worker.line((line) => line.startsWith("begin run19"))
  for (let kill = 0; kill < 20; kill++) {
    await sleep(Math.random() * 250)
    if (kill % 3 === 2) {
      const pid = await postmasterOf(await findPlace(home))
      if (pid !== undefined) process.kill(pid, "SIGKILL")
      continue
    }
    worker.child.kill("SIGKILL")
    await worker.exit
    await appendFile(effects, `killed\n`)
    worker = start(programs.path("worker"), [home, "recover", effects])
    await worker.line((line) => line.startsWith("recovered"))
  }
  await worker.exit
  const database = await openDatabase({ home, signal: AbortSignal.timeout(60_000), databaseUrl: undefined })
  const pool = openPool(database.url)
  expect(await pendingWorkflows(pool)).toEqual([])
  const { rows } = await pool.query(
    "select workflow_uuid as id, array_agg(function_name order by function_id) as steps from dbos.operation_outputs where workflow_uuid like '%/%' group by 1",
  )
  for (const row of rows) expect(row.steps).toEqual(["isolate", "make", "verify", "ship"])
  await pool.end()
  await database.close()
  expect(rows).toHaveLength(ids.length * 3)
  const acted = (await readFile(effects, "utf8")).split("\n").filter((line) => line.includes("/"))
  console.log(`${rows.length} changes, ${acted.length} acts for ${new Set(acted).size} steps`)
})

test("a worker that froze is taken over after 20 s, and what it does when it thaws is refused", async () => {
  const effects = join(folder, "frozen")
  await writeFile(effects, "")
  const first = start(programs.path("worker"), [home, "run", effects, "frozen"])
  await first.line((line) => line === "begin frozen/1 make")
  first.child.kill("SIGSTOP")
  const none = start(programs.path("worker"), [home, "recover", effects])
  expect(await none.line((line) => line.startsWith("recovered"))).toBe("recovered ")
  await none.exit
  await sleep(21_000)
  const second = start(programs.path("worker"), [home, "recover", effects])
  expect(await second.line((line) => line.startsWith("recovered"))).toContain("frozen")
  await second.line((line) => line === "begin frozen/1 make")
  first.child.kill("SIGCONT")
  expect(await second.line((line) => line.startsWith("result frozen "))).toContain("frozen/3")
  await second.exit
  await first.line((line) => line === "lost EXECUTOR_LOST")
  expect(first.lines).not.toContain("recorded frozen/1 make")
  first.child.kill("SIGKILL")
  await first.exit
}, 60_000)
