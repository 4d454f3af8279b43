import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, beforeAll, expect, test } from "vitest"
import { readLeases } from "../../src/engine/leases.ts"
import { postmasterOf } from "../../src/engine/postgres/cluster.ts"
import { openDatabase, removeDatabase } from "../../src/engine/postgres/launch.ts"
import { findPlace } from "../../src/engine/postgres/place.ts"
import { openPool } from "../../src/engine/postgres/pool.ts"
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

test("twenty workers and databases killed at random moments: every change ends, and what ended is not done again", async () => {
  const effects = join(folder, "effects")
  await writeFile(effects, "")
  const changes = Array.from({ length: 60 }, (_, n) => `change/${n}`)
  let worker = start(programs.path("worker"), [home, "run", effects, ...changes])
  await worker.line((line) => line === "driven")
  let kills = 0
  for (let kill = 0; kill < 20; kill++) {
    await sleep(Math.random() * 250)
    if (kill % 3 === 2) {
      const pid = await postmasterOf(await findPlace(home))
      if (pid !== undefined) process.kill(pid, "SIGKILL")
      continue
    }
    worker.child.kill("SIGKILL")
    await worker.exit
    kills++
    worker = start(programs.path("worker"), [home, "recover", effects])
    await worker.line((line) => line.startsWith("recovered"))
  }
  await worker.exit
  const database = await openDatabase({ home, signal: AbortSignal.timeout(60_000), databaseUrl: undefined })
  const pool = openPool(database.url)
  expect(await readLeases(pool)).toEqual([])
  await pool.end()
  await database.close()
  const acted = (await readFile(effects, "utf8")).trim().split("\n")
  expect(new Set(acted).size).toBe(changes.length * 4)
  // The file is written within the step: only what a kill met between the two could be there twice.
  expect(acted.length).toBe(changes.length * 4)
  console.log(`${changes.length} changes, ${acted.length} acts, ${kills} kills of the worker`)
})

test("a worker that froze is taken over after 20 s, and what it does when it thaws is refused", async () => {
  const effects = join(folder, "frozen")
  await writeFile(effects, "")
  const first = start(programs.path("worker"), [home, "run", effects, "frozen/1", "frozen/2"])
  await first.line((line) => line === "begin frozen/1 make")
  first.child.kill("SIGSTOP")
  const none = start(programs.path("worker"), [home, "recover", effects])
  expect(await none.line((line) => line.startsWith("recovered"))).toBe("recovered")
  await none.exit
  await sleep(21_000)
  const second = start(programs.path("worker"), [home, "recover", effects])
  expect(await second.line((line) => line.startsWith("recovered"))).toContain("frozen")
  await second.line((line) => line === "begin frozen/1 make")
  first.child.kill("SIGCONT")
  expect(await second.line((line) => line.startsWith("outcome frozen/1 "))).toBe("outcome frozen/1 done")
  await second.exit
  await first.line((line) => line === "lost EXECUTOR_LOST")
  expect(first.lines).toContain("refused frozen/1 make")
  first.child.kill("SIGKILL")
  await first.exit
}, 60_000)
