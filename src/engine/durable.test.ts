import { chown, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import type { Pool } from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { buildHelpers } from "../../test/build.setup.ts"
import { bundle, type Program, start } from "../../test/programs.ts"
import { Failure } from "../core/failure.ts"
import { openTables } from "../record/database.ts"
import { patientPool } from "../record/patient-pool.ts"
import { type Durable, type DurableOptions, openDurable } from "./durable.ts"
import { type Lease, readLeases } from "./leases.ts"
import { postmasterOf } from "./postgres/cluster.ts"
import { type Database, openDatabase, removeDatabase } from "./postgres/launch.ts"
import { findPlace } from "./postgres/place.ts"
import { openPool } from "./postgres/pool.ts"

let programs: Awaited<ReturnType<typeof bundle>>
let folder: string
let home: string
let database: Database
let pool: Pool
let effects: string
const opened: Durable<string>[] = []
const running: Program[] = []

beforeAll(async () => {
  await buildHelpers()
  programs = await bundle("src/engine/fixtures/worker.ts")
  folder = await mkdtemp(join(tmpdir(), "flyball-durable-"))
  home = join(folder, "home")
  database = await openDatabase({ home, signal: AbortSignal.timeout(30_000), databaseUrl: undefined, idleMs: 1_000 })
  pool = openPool(database.url)
  await openTables(pool)
})
afterAll(async () => {
  await pool.end()
  await database.close()
  await removeDatabase(home)
  await rm(folder, { recursive: true, force: true })
  await programs.remove()
})
beforeEach(async () => {
  effects = join(folder, `effects-${Math.random().toString(36).slice(2)}`)
  await writeFile(effects, "")
})
afterEach(async () => {
  for (const durable of opened.splice(0)) await durable.shutdown({ waitMs: 0 })
  for (const program of running.splice(0)) {
    program.child.kill("SIGKILL")
    await program.exit
  }
})

describe("a change", () => {
  test("is carried on once, however often it is asked for at once, and its lease is given back", async () => {
    let bodies = 0
    const engine = await open(async (change) => {
      bodies++
      return await engine.step(async () => {
        await sleep(20)
        return `${change} ended`
      })
    })
    const first = await engine.drive("twice", "run")
    const second = await engine.drive("twice", "run")
    expect(await leaseOf("twice")).toEqual([{ change: "twice", run: "run", executor: engine.executor, alive: true }])
    expect(await Promise.all([first.outcome, second.outcome])).toEqual(["twice ended", "twice ended"])
    expect(bodies).toBe(1)
    expect(await leaseOf("twice")).toEqual([])
  })

  test("whose body throws says so with its Failure, and is taken up once its process has ended", async () => {
    const thrown = new Failure("GATE_CLOSED", "shut", { hint: "open it", retry: "person" })
    const engine = await open(async () => await engine.step(async () => Promise.reject(thrown)))
    await expect((await engine.drive("fails", "run")).outcome).rejects.toBe(thrown)
    await engine.shutdown()
    const next = await open(async (change) => `${change} no more`)
    const [taken] = await next.recover((change) => change === "fails")
    expect(await taken?.outcome).toBe("fails no more")
    expect(await leaseOf("fails")).toEqual([])
  })

  test("that another living process carries on is waited for, and then looked at anew", async () => {
    const order: string[] = []
    const body = (who: string) => async () => {
      order.push(`${who} begins`)
      await sleep(who === "first" ? 300 : 0)
      order.push(`${who} ends`)
      return who
    }
    const first = await open(body("first"))
    const second = await open(body("second"))
    const held = await first.drive("shared", "run")
    const waits = await second.drive("shared", "run")
    expect(await Promise.all([held.outcome, waits.outcome])).toEqual(["first", "second"])
    expect(order).toEqual(["first begins", "first ends", "second begins", "second ends"])
  })

  test("is not taken up by an executor that was struck from the living", async () => {
    const engine = await open(async () => "never")
    await pool.query("delete from flyball.executor where id = $1", [engine.executor])
    await expect(engine.drive("struck", "run")).rejects.toMatchObject({ code: "EXECUTOR_LOST" })
    expect(await leaseOf("struck")).toEqual([])
  })

  test("whose holder is dead is taken over at once by whoever asks for it", async () => {
    await pool.query("insert into flyball.lease (change, run, executor) values ('orphan', 'old', 'long-gone')")
    const engine = await open(async (change, run) => `${change} of ${run}`)
    expect(await (await engine.drive("orphan", "new")).outcome).toBe("orphan of new")
    expect(await leaseOf("orphan")).toEqual([])
  })
})

describe("killed with SIGKILL", () => {
  const steps = ["isolate", "make", "verify", "ship"]
  const three = (name: string) => [1, 2, 3].map((n) => `${name}/${n}`)

  test.each([
    ["in the middle of a step", (line: string) => line === "begin k/2 make"],
    ["between two steps", (line: string) => line === "ended k/1 isolate"],
    ["as soon as it began", (line: string) => line === "driven"],
  ])("%s, the next process ends every change", async (name, moment) => {
    const run = name.replaceAll(" ", "-")
    const first = program("run", effects, ...three(run))
    await first.line((line) => line === "driven")
    await first.line((line) => moment(line.replace(`${run}/`, "k/")))
    first.child.kill("SIGKILL")
    await first.exit
    const second = program("recover", effects)
    expect(await second.line((line) => line.startsWith("recovered"))).toContain(run)
    expect(await second.exit).toEqual({ code: 0, signal: null })
    expect(new Set(await acted())).toEqual(
      new Set(three(run).flatMap((change) => steps.map((step) => `${change} ${step}`))),
    )
    expect(await readLeases(pool)).toEqual([])
  })

  test("the database: the worker goes on, every step runs once, and its leases are given back", async () => {
    const worker = program("run", effects, ...three("dbdeath"))
    await worker.line((line) => line === "begin dbdeath/1 make")
    process.kill(Number(await postmasterOf(await findPlace(home))), "SIGKILL")
    expect(await worker.line((line) => line.startsWith("outcome dbdeath/3"))).toBe("outcome dbdeath/3 done")
    expect((await worker.exit).code).toBe(0)
    expect((await acted()).sort()).toEqual(
      three("dbdeath")
        .flatMap((change) => steps.map((step) => `${change} ${step}`))
        .sort(),
    )
    expect(await leaseOf("dbdeath/3")).toEqual([])
  })

  test("its work is taken over once, by however many try at the same time", async () => {
    const changes = ["a", "b", "c"].flatMap((name) => three(`fought-${name}`))
    const first = program("run", effects, ...changes)
    await first.line((line) => line === "driven")
    first.child.kill("SIGKILL")
    await first.exit
    const takers = [program("recover", effects), program("recover", effects), program("recover", effects)]
    const claims = await Promise.all(takers.map((taker) => taker.line((line) => line.startsWith("recovered"))))
    const taken = claims.flatMap((line) => line.split(" ").slice(1))
    expect(taken.sort()).toEqual(changes)
    for (const taker of takers) expect((await taker.exit).code).toBe(0)
    expect(await readLeases(pool)).toEqual([])
  })
})

test("a table that another process changes under a prepared statement costs a connection, and nothing else", async () => {
  const pool = openPool(database.url, { prepares: true })
  const client = await patientPool(pool).connect()
  const ask = async () => (await client.query("select * from plan_test where a >= $1", [0])).rows
  await client.query("create table plan_test (a int)")
  await client.query("insert into plan_test values ($1)", [1])
  expect([await ask(), await ask()]).toEqual([[{ a: 1 }], [{ a: 1 }]])
  expect((await client.query("select count(*) > 1 as some from pg_prepared_statements")).rows).toEqual([{ some: true }])
  await pool.query("alter table plan_test add column b text default 'new'")
  expect(await ask()).toEqual([{ a: 1, b: "new" }])
  await client.query("drop table plan_test")
  client.release()
  await pool.end()
})

describe("a process that ends", () => {
  test("parks what runs, and the next takes it up at once", async () => {
    const first = program("park", effects, "parked")
    await first.line((line) => line === "begin parked make")
    first.child.kill("SIGTERM")
    await first.line((line) => line === "closed")
    expect((await first.exit).code).toBe(0)
    expect(first.lines).not.toContain("ended parked make")
    expect(await leaseOf("parked")).toMatchObject([{ alive: false, run: "run" }])
    const second = program("recover", effects)
    expect(await second.line((line) => line.startsWith("outcome"))).toBe("outcome parked done")
    await second.exit
  })

  test.each(["throws", "returns"])("goes no further after a step that it interrupted, which then %s", async (how) => {
    const abort = new AbortController()
    const change = `interrupted-${how}`
    let [times, after] = [0, 0]
    const body = async () => {
      await opened.at(-1)?.step(async () => {
        times++
        if (times > 1) return
        await sleep(10_000, undefined, { signal: abort.signal }).catch((error) => {
          if (how === "throws") throw error
        })
      })
      after++
      return "done"
    }
    const first = await open(body, abort.signal)
    const running = await first.drive(change, "run")
    while (times === 0) await sleep(1)
    abort.abort()
    await expect(running.outcome).rejects.toMatchObject({ code: "PARKED" })
    await first.shutdown()
    expect(after).toBe(0)
    const second = await open(body)
    const recovered = await second.recover((each) => each === change)
    expect(await Promise.all(recovered.map(({ outcome }) => outcome))).toEqual(["done"])
    expect([times, after]).toEqual([2, 1])
  })

  test("is not kept alive by what it opened", async () => {
    const program = start(programs.path("worker"), [home, "leave"])
    expect(await program.exit).toEqual({ code: 0, signal: null })
    expect(program.lines).toContain("open")
  })
})

test.skipIf(process.geteuid?.() !== 0)("an ordinary user's work survives a SIGKILL as well", async () => {
  const own = await mkdtemp(join(tmpdir(), "flyball-user-"))
  const user = { uid: 1, gid: 1, env: { HOME: own } }
  await chown(own, 1, 1)
  const file = join(own, "effects")
  await writeFile(file, "", { mode: 0o666 })
  await chown(file, 1, 1)
  const first = start(programs.path("worker"), [join(own, "home"), "run", file, "user/1", "user/2"], user)
  await first.line((line) => line === "begin user/2 verify")
  first.child.kill("SIGKILL")
  await first.exit
  const second = start(programs.path("worker"), [join(own, "home"), "recover", file], user)
  expect(await second.line((line) => line.startsWith("outcome user/2 "))).toBe("outcome user/2 done")
  expect((await second.exit).code).toBe(0)
  const stop = start(programs.path("worker"), [join(own, "home"), "remove"], user)
  expect((await stop.exit).code).toBe(0)
  await rm(own, { recursive: true, force: true })
})

async function open(body: DurableOptions<string>["body"], signal?: AbortSignal): Promise<Durable<string>> {
  const durable = await openDurable({ pool, body, ...(signal === undefined ? {} : { signal }) })
  opened.push(durable)
  return durable
}

async function leaseOf(change: string): Promise<Lease[]> {
  // The pool notices that the database was killed by a query that fails.
  const leases = await readLeases(pool).catch(() => readLeases(pool))
  return leases.filter((lease) => lease.change === change)
}

function program(command: string, ...args: string[]): Program {
  const started = start(programs.path("worker"), [home, command, ...args])
  running.push(started)
  return started
}

async function acted(): Promise<string[]> {
  return (await readFile(effects, "utf8")).trim().split("\n")
}
