import { chown, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest"
import { buildHelpers } from "../../test/build.setup.ts"
import { bundle, type Program, start } from "../../test/programs.ts"
import { Failure } from "../core/failure.ts"
import { patientPool } from "../record/patient-pool.ts"
import { type Durable, type Json, openDurable, type Workflow } from "./durable.ts"
import { postmasterOf } from "./postgres/cluster.ts"
import { type Database, openDatabase, removeDatabase } from "./postgres/launch.ts"
import { findPlace } from "./postgres/place.ts"
import { openPool, pendingWorkflows } from "./workflows.ts"

let programs: Awaited<ReturnType<typeof bundle>>
let folder: string
let home: string
let database: Database
let effects: string
let durable: Durable | undefined
const running: Program[] = []

beforeAll(async () => {
  await buildHelpers()
  programs = await bundle("src/engine/fixtures/worker.ts")
  folder = await mkdtemp(join(tmpdir(), "flyball-durable-"))
  home = join(folder, "home")
  database = await openDatabase({ home, signal: AbortSignal.timeout(30_000), databaseUrl: undefined, idleMs: 1_000 })
})
afterAll(async () => {
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
  await durable?.shutdown({ waitMs: 0 })
  durable = undefined
  for (const program of running.splice(0)) {
    program.child.kill("SIGKILL")
    await program.exit
  }
})

describe("a workflow", () => {
  test("records its steps, and is found, not run again, by its id", async () => {
    const acted: string[] = []
    const engine = await open({
      count: async (input) => {
        for (const name of ["a", "b"]) await step(name, async () => void acted.push(`${input} ${name}`))
        return await step("sum", async () => ({ of: input }))
      },
    })
    const first = await engine.start("count", "found-again", 7)
    expect(await first.result()).toEqual({ of: 7 })
    const second = await engine.start("count", "found-again", 7)
    expect(await second.result()).toEqual({ of: 7 })
    expect(acted).toEqual(["7 a", "7 b"])
    expect((await engine.pending()).map((workflow) => workflow.id)).not.toContain("found-again")
  })

  test("runs children in bounded number, and gets their ends without asking the database for them", async () => {
    let now = 0
    let most = 0
    const engine = await open({
      child: async (input) =>
        await step("work", async () => {
          most = Math.max(most, ++now)
          // Not by the clock: each waits until another has begun, but the last, which has none beside it.
          for (let waits = 0; now < 2 && input !== 4 && waits < 500; waits++) await sleep(2)
          await sleep(20)
          now--
          if (input === 2) throw new Failure("CHILD_FAILED", "no", { hint: "try", retry: "later" })
          return input
        }),
      parent: async () =>
        await each(
          "child",
          [0, 1, 2, 3, 4].map((n) => ({ id: `bounded/${n}`, input: n })),
          2,
        ),
    })
    const begin = performance.now()
    const ended = await (await engine.start("parent", "bounded", null)).result()
    expect(most).toBe(2)
    expect(ended).toMatchObject([
      { id: "bounded/0", is: "done", value: 0 },
      { id: "bounded/1", is: "done", value: 1 },
      { id: "bounded/2", is: "failed", error: { code: "CHILD_FAILED", hint: "try", retry: "later" } },
      { id: "bounded/3", is: "done", value: 3 },
      { id: "bounded/4", is: "done", value: 4 },
    ])
    // Three rounds of 20 ms: one poll alone would take 250.
    console.log(`five children, two at once: ${Math.round(performance.now() - begin)} ms`)
  })

  test("has a step recorded within a few milliseconds", async () => {
    const times: number[] = []
    const engine = await open({
      steps: async () => {
        for (let n = 0; n < 200; n++) {
          const begin = performance.now()
          await step(`step ${n}`, async () => n)
          times.push(performance.now() - begin)
        }
      },
    })
    await (await engine.start("steps", "latency", null)).result()
    times.sort((a, b) => a - b)
    console.log(`a step: p50 ${times[100]?.toFixed(2)} ms, p95 ${times[190]?.toFixed(2)} ms`)
    expect(times[100]).toBeLessThan(50)
  })

  test("that threw is told its Failure again, code and hint, when it is found later", async () => {
    const engine = await open({
      fails: async () =>
        await step("fails", async () =>
          Promise.reject(new Failure("GATE_CLOSED", "shut", { hint: "open it", retry: "person" })),
        ),
    })
    const first = await engine.start("fails", "fails", null)
    await expect(first.result()).rejects.toMatchObject({ code: "GATE_CLOSED" })
    const again = await (await engine.start("fails", "fails", null)).result().catch((error) => error)
    expect(again).toBeInstanceOf(Failure)
    expect(again).toMatchObject({ code: "GATE_CLOSED", message: "shut", hint: "open it", retry: "person" })
  })

  test("that was cancelled ends at its next step, and so do its children", async () => {
    const acted: string[] = []
    let began = () => {}
    const inside = new Promise<void>((resolve) => {
      began = resolve
    })
    const engine = await open({
      child: async () => {
        await step("first", async () => {
          began()
          await sleep(100)
        })
        await step("second", async () => void acted.push("second"))
      },
      parent: async () => await each("child", [{ id: "cancelled/1", input: null }], 1),
    })
    const parent = await engine.start("parent", "cancelled", null)
    await inside
    await engine.cancel("cancelled")
    await expect(parent.result()).rejects.toThrow()
    await sleep(150)
    expect(acted).toEqual([])
    expect((await engine.pending()).filter((workflow) => workflow.id.startsWith("cancelled"))).toEqual([])
  })
})

describe("killed with SIGKILL", () => {
  const steps = ["isolate", "make", "verify", "ship"]

  test.each([
    ["in the middle of a step", (line: string) => line === "begin k/2 make"],
    ["between two steps", (line: string) => line === "recorded k/1 isolate"],
    ["as soon as it began", (line: string) => line.startsWith("begin")],
  ])("%s, the next process ends every workflow, and no recorded step runs again", async (name, moment) => {
    const run = name.replaceAll(" ", "-")
    const first = program("run", effects, run)
    await first.line((line) => moment(line.replace(`${run}/`, "k/")))
    first.child.kill("SIGKILL")
    await first.exit
    const second = program("recover", effects)
    expect(await second.line((line) => line.startsWith("recovered"))).toContain(run)
    expect(await second.line((line) => line.startsWith(`result ${run} `))).toBe(
      `result ${run} ["${run}/1","${run}/2","${run}/3"]`,
    )
    expect(await second.exit).toEqual({ code: 0, signal: null })
    const recorded = first.lines
      .filter((line) => line.startsWith("recorded"))
      .map((line) => line.replace("recorded ", ""))
    const again = second.lines.filter((line) => line.startsWith("begin")).map((line) => line.replace("begin ", ""))
    expect(again.filter((step) => recorded.includes(step))).toEqual([])
    expect(new Set(await acted())).toEqual(
      new Set([1, 2, 3].flatMap((n) => steps.map((step) => `${run}/${n} ${step}`))),
    )
  })

  test("the database, twice: the worker goes on, and every step runs once", async () => {
    const worker = program("run", effects, "dbdeath")
    for (const moment of ["begin dbdeath/1 make", "begin dbdeath/2 ship"]) {
      await worker.line((line) => line === moment)
      process.kill(Number(await postmasterOf(await findPlace(home))), "SIGKILL")
      await worker.line((line) => line === moment.replace("begin", "recorded"))
    }
    expect(await worker.line((line) => line.startsWith("result"))).toBe(
      'result dbdeath ["dbdeath/1","dbdeath/2","dbdeath/3"]',
    )
    expect((await worker.exit).code).toBe(0)
    expect((await acted()).sort()).toEqual([1, 2, 3].flatMap((n) => steps.map((step) => `dbdeath/${n} ${step}`)).sort())
  })

  test("its work is taken over once, by however many try at the same time", async () => {
    const first = program("run", effects, "fought-a", "fought-b", "fought-c")
    await first.line((line) => line.startsWith("begin fought-c"))
    first.child.kill("SIGKILL")
    await first.exit
    const takers = [program("recover", effects), program("recover", effects), program("recover", effects)]
    const claims = await Promise.all(takers.map((taker) => taker.line((line) => line.startsWith("recovered"))))
    const ids = claims.flatMap((line) =>
      line
        .split(" ")
        .slice(1)
        .filter((id) => id !== ""),
    )
    expect(ids.length).toBeGreaterThanOrEqual(3)
    expect(new Set(ids).size).toBe(ids.length)
    for (const taker of takers) expect((await taker.exit).code).toBe(0)
    const pool = openPool(database.url)
    expect(await pendingWorkflows(pool)).toEqual([])
    await pool.end()
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
  test("parks what runs: nothing of the interruption is recorded, and the next takes it up at once", async () => {
    const first = program("park", effects, "parked")
    await first.line((line) => line.startsWith("begin parked/1 make"))
    first.child.kill("SIGTERM")
    await first.line((line) => line === "parked")
    expect((await first.exit).code).toBe(0)
    const pool = openPool(database.url)
    expect((await pendingWorkflows(pool)).filter((workflow) => workflow.id === "parked")).toMatchObject([
      { alive: false, name: "run" },
    ])
    await pool.end()
    const second = program("recover", effects)
    expect(await second.line((line) => line.startsWith("result parked "))).toContain(
      '["parked/1","parked/2","parked/3"]',
    )
    await second.exit
  })

  test.each(["throws", "returns"])("does not record a step that it interrupted, which then %s", async (how) => {
    const abort = new AbortController()
    const id = `interrupted-${how}`
    let times = 0
    const workflows: Record<string, Workflow> = {
      interrupted: async () =>
        await step("work", async () => {
          times++
          if (times > 1) return "done"
          await sleep(10_000, undefined, { signal: abort.signal }).catch((error) => {
            if (how === "throws") throw error
          })
          return "cut short"
        }),
    }
    const first = await open(workflows, abort.signal)
    const running = await first.start("interrupted", id, null)
    while (times === 0) await sleep(1)
    abort.abort()
    await expect(running.result()).rejects.toMatchObject({ code: "PARKED" })
    await first.shutdown()
    const second = await open(workflows)
    const recovered = await second.recover((workflow) => workflow.id === id)
    expect(await Promise.all(recovered.map((workflow) => workflow.result()))).toEqual(["done"])
    expect(times).toBe(2)
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
  const first = start(programs.path("worker"), [join(own, "home"), "run", file, "user"], user)
  await first.line((line) => line === "begin user/2 verify")
  first.child.kill("SIGKILL")
  await first.exit
  const second = start(programs.path("worker"), [join(own, "home"), "recover", file], user)
  expect(await second.line((line) => line.startsWith("result user "))).toContain('["user/1","user/2","user/3"]')
  expect((await second.exit).code).toBe(0)
  const stop = start(programs.path("worker"), [join(own, "home"), "remove"], user)
  expect((await stop.exit).code).toBe(0)
  await rm(own, { recursive: true, force: true })
})

async function open(workflows: Record<string, Workflow>, signal?: AbortSignal): Promise<Durable> {
  durable = await openDurable({ url: database.url, workflows, ...(signal === undefined ? {} : { signal }) })
  return durable
}

function step<T>(name: string, act: () => Promise<T>): Promise<T> {
  if (durable === undefined) throw new Error("not open")
  return durable.step(name, act)
}

function each(name: string, children: { id: string; input: Json }[], limit: number) {
  if (durable === undefined) throw new Error("not open")
  return durable.each(name, children, limit)
}

function program(command: string, ...args: string[]): Program {
  const started = start(programs.path("worker"), [home, command, ...args])
  running.push(started)
  return started
}

async function acted(): Promise<string[]> {
  return (await readFile(effects, "utf8")).trim().split("\n")
}
