import { readFileSync } from "node:fs"
import { chmod, chown, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import pg from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest"
import { buildHelpers } from "../../../test/build.setup.ts"
import { bundle, start } from "../../../test/programs.ts"
import { Failure } from "../../core/failure.ts"
import { pidExists } from "../../lib/alive.ts"
import { postmasterOf } from "./cluster.ts"
import { type Database, openDatabase, removeDatabase, stopDatabase } from "./launch.ts"
import { findPlace } from "./place.ts"

/** An account that every Linux has and that is not ours. */
const DAEMON = 1
const isRoot = process.geteuid?.() === 0
let programs: Awaited<ReturnType<typeof bundle>>
let folder: string
let home: string
const opened: Database[] = []

beforeAll(async () => {
  await buildHelpers()
  programs = await bundle("src/engine/fixtures/worker.ts")
  folder = await mkdtemp(join(tmpdir(), "flyball-launch-"))
})
afterAll(async () => {
  await removeDatabase(join(folder, "home"))
  await rm(folder, { recursive: true, force: true })
  await programs.remove()
})
// One cluster goes through nearly all of it, stopped in between.
beforeEach(() => {
  home = join(folder, "home")
})
afterEach(async () => {
  for (const database of opened.splice(0)) await database.close()
  if (home === join(folder, "home")) await stopDatabase(home)
  else await removeDatabase(home).catch(() => {})
})

describe("the embedded database", () => {
  test("is made once, answers, and is found again at once", async () => {
    const times = []
    for (const _ of [1, 2, 3]) {
      const begin = performance.now()
      const database = await open()
      times.push(performance.now() - begin)
      expect(database).toMatchObject({ kind: "embedded", version: expect.stringMatching(/^18\./) })
      expect(await ask(database, "select 1 + 1 as answer")).toEqual([{ answer: 2 }])
    }
    console.log(`from nothing ${ms(times[0])}, warm ${ms(times[1])} and ${ms(times[2])}`)
    expect(times[0]).toBeLessThan(10_000)
    for (const database of opened) await database.close()
    await stopDatabase(home)
    const begin = performance.now()
    await open()
    console.log(`cold, with data ${ms(performance.now() - begin)}`)
  })

  test("is one and the same for processes that start at once", async () => {
    home = join(folder, "at-once")
    const all = [1, 2, 3, 4].map(() => start(programs.path("worker"), [home, "open", "5000", "stay"]))
    const urls = await Promise.all(
      all.map(async (one) => JSON.parse(await one.line((line) => line.startsWith("{"))).url),
    )
    expect(new Set(urls).size).toBe(1)
    expect(await postgresProcesses()).toHaveLength(1)
    expect(await supervisors()).toHaveLength(1)
    for (const one of all) one.child.kill("SIGKILL")
    await Promise.all(all.map((one) => one.exit))
  })

  test("listens on no network, and its socket can't be reached by others", async () => {
    const database = await open()
    expect(await ask(database, "show listen_addresses")).toEqual([{ listen_addresses: "" }])
    if (!isRoot) return
    const stranger = start(programs.path("worker"), [home, "open"], { uid: DAEMON, gid: DAEMON })
    expect((await stranger.exit).code).not.toBe(0)
  })

  test("stops by itself after its last client, also when that one was killed", async () => {
    const client = start(programs.path("worker"), [home, "open", "200", "stay"])
    await client.line((line) => line.startsWith("{"))
    const postmaster = await postmasterPid()
    client.child.kill("SIGKILL")
    await vi.waitFor(() => expect(pidExists(postmaster)).toBe(false), { timeout: 5_000, interval: 20 })
    await vi.waitFor(async () => expect(await supervisors()).toEqual([]), { timeout: 5_000, interval: 20 })
  })

  test("stays while one client of several is left", async () => {
    const first = await open(100)
    const second = await open(100)
    await first.close()
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(await ask(second, "select 1 as answer")).toEqual([{ answer: 1 }])
  })

  test("works where the path of its data is too long for a socket", async () => {
    home = join(folder, "x".repeat(120))
    const database = await open()
    expect(Buffer.byteLength(String(database.socketDir))).toBeLessThan(90)
    expect(await ask(database, "select 1 as answer")).toEqual([{ answer: 1 }])
  })

  test.skipIf(!isRoot)("works for an ordinary user with a home of their own", async () => {
    await chmod(folder, 0o755)
    home = join(folder, "user", "home")
    await mkdir(home, { recursive: true, mode: 0o700 })
    await chown(join(folder, "user"), DAEMON, DAEMON)
    await chown(home, DAEMON, DAEMON)
    const user = start(programs.path("worker"), [home, "open", "100"], {
      uid: DAEMON,
      gid: DAEMON,
      env: { HOME: home },
    })
    const said = JSON.parse(
      await user.line((line) => line.startsWith("{")).catch((error) => Promise.reject(new Error(`${error}`))),
    )
    console.log(`as an ordinary user, from nothing ${ms(said.ms)}`)
    expect(said).toMatchObject({ kind: "embedded", socketDir: join(await realpath(home), "postgres", "run") })
    expect((await user.exit).code).toBe(0)
    await vi.waitFor(async () => expect(await postgresProcesses()).toEqual([]), { timeout: 5_000, interval: 20 })
  })

  test("starts in spite of a pid file whose pid now belongs to another program", async () => {
    await (await open()).close()
    const place = await findPlace(home)
    await stopDatabase(home)
    await writeFile(
      join(place.data, "postmaster.pid"),
      `${process.pid}\n${place.data}\n1\n5432\n${place.sockets}\n\n\n`,
    )
    expect(await ask(await open(), "select 1 as answer")).toEqual([{ answer: 1 }])
  })

  test("mends programs of its own that a crash left broken", async () => {
    await (await open()).close()
    await stopDatabase(home)
    const { root } = await findPlace(home)
    const native = (await readdir(root)).find((name) => name.startsWith("native-"))
    await writeFile(join(root, String(native), "lib", "libicudata.so.60.2"), "")
    expect(await ask(await open(), "select 1 as answer")).toEqual([{ answer: 1 }])
  })

  test("says so when its folder can't be made", async () => {
    await writeFile(join(folder, "file"), "")
    await expect(openDatabase({ ...options(), home: join(folder, "file", "home") })).rejects.toMatchObject({
      code: "DATABASE_NOT_WRITABLE",
    })
  })

  test.skipIf(!isRoot)("says so when somebody else's folder stands in its place", async () => {
    home = join(folder, "squatted")
    await mkdir(join(home, "postgres"), { recursive: true })
    await chown(join(home, "postgres"), DAEMON, DAEMON)
    await expect(openDatabase(options())).rejects.toMatchObject({ code: "DATABASE_FOLDER_FOREIGN" })
  })
})

describe("after a SIGKILL", () => {
  test.each([
    [["postgres"]],
    [["supervisor"]],
    [["client", "supervisor"]],
    [["supervisor", "postgres"]],
    [["postgres", "supervisor", "client"]],
    [["client", "postgres"]],
  ])("of %s, the database is there again for the next who opens it", async (victims) => {
    const client = start(programs.path("worker"), [home, "open", "200", "stay"])
    const { url } = JSON.parse(await client.line((line) => line.startsWith("{")))
    await query(url, "create table if not exists kept as select 42 as answer")
    const pids = {
      postgres: await postmasterPid(),
      supervisor: Number((await supervisors())[0]),
      client: Number(client.child.pid),
    }
    for (const victim of victims) process.kill(pids[victim as keyof typeof pids], "SIGKILL")
    const begin = performance.now()
    const database = await open(200)
    // Its death may come to light only after it was said to be ready.
    await vi.waitFor(async () => expect(await ask(database, "select answer from kept")).toEqual([{ answer: 42 }]), {
      timeout: 10_000,
      interval: 20,
    })
    console.log(`after killing ${victims}: ${ms(performance.now() - begin)}`)
    client.child.kill("SIGKILL")
    await vi.waitFor(
      async () => expect([(await postgresProcesses()).length, (await supervisors()).length]).toEqual([1, 1]),
      { timeout: 10_000, interval: 20 },
    )
    await database.close()
    await vi.waitFor(async () => expect([await postgresProcesses(), await supervisors()]).toEqual([[], []]), {
      timeout: 10_000,
      interval: 20,
    })
  })
})

describe("DATABASE_URL", () => {
  test.each([
    ["postgresql://flyball@127.0.0.1:1/flyball", "DATABASE_UNREACHABLE"],
    ["postgresql://flyball@localhost/flyball?host=/nowhere", "DATABASE_UNREACHABLE"],
    ["mysql://root@localhost/db", "DATABASE_URL_INVALID"],
    ["nonsense", "DATABASE_URL_INVALID"],
  ])("%s is refused as %s", async (databaseUrl, code) => {
    await expect(openDatabase({ ...options(), databaseUrl })).rejects.toMatchObject({ code })
  })

  test("is used as it is when it works, and refused with a reason when it does not", async () => {
    const { url, socketDir } = await open()
    expect(await openDatabase({ ...options(), databaseUrl: url })).toMatchObject({ kind: "external", url })
    const other = (user: string, database: string) =>
      `postgresql://${user}:secret@localhost:5432/${database}?host=${socketDir}&sslmode=disable`
    for (const databaseUrl of [other("nobody", "flyball"), other("flyball", "nothing")]) {
      const failure = await openDatabase({ ...options(), databaseUrl }).catch((error) => error)
      expect(failure).toBeInstanceOf(Failure)
      expect(failure).toMatchObject({ code: "DATABASE_REFUSED" })
      expect(failure.message).not.toContain("secret")
    }
    await query(url, "drop schema if exists fake cascade; drop role if exists old")
    // A server that says it is 14.
    await query(
      url,
      "create role old login; create schema fake; grant usage on schema fake to old; alter role old set search_path = fake, pg_catalog",
    )
    await query(url, "create function fake.current_setting(text) returns text language sql as $$ select '140005' $$")
    await expect(openDatabase({ ...options(), databaseUrl: other("old", "flyball") })).rejects.toMatchObject({
      code: "DATABASE_TOO_OLD",
    })
  })
})

function options(idleMs = 5_000) {
  return { home, signal: AbortSignal.timeout(30_000), databaseUrl: undefined, idleMs }
}

async function open(idleMs?: number): Promise<Database> {
  const database = await openDatabase(options(idleMs))
  opened.push(database)
  return database
}

async function ask(database: Database, text: string) {
  return await query(database.url, text)
}

async function query(url: string, text: string) {
  const client = new pg.Client({ connectionString: url })
  client.on("error", () => {})
  try {
    await client.connect()
    return (await client.query(text)).rows
  } finally {
    await client.end().catch(() => {})
  }
}

async function postmasterPid(): Promise<number> {
  return Number(await postmasterOf(await findPlace(home)))
}

/** Postmasters (not their children) on this home's data. */
async function postgresProcesses(): Promise<string[]> {
  const root = await realpath(join(home, "postgres")).catch(() => home)
  return await processes((argv) => /\/postgres$/.test(argv[0] ?? "") && argv.some((word) => word.startsWith(root)))
}

async function supervisors(): Promise<string[]> {
  return await processes((argv) => argv.some((word) => word.endsWith("/postgres-supervisor.js")) && argv.includes(home))
}

async function processes(is: (argv: string[]) => boolean): Promise<string[]> {
  return (await readdir("/proc")).filter((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      return is(readFileSync(`/proc/${name}/cmdline`, "utf8").split("\0"))
    } catch {
      return false
    }
  })
}

function ms(time: number | undefined): string {
  return `${Math.round(time ?? 0)} ms`
}
