import { type ChildProcess, spawn } from "node:child_process"
import { chown, mkdir, open, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { setTimeout as sleep } from "node:timers/promises"
import pg from "pg"
import { Failure } from "../../core/failure.ts"
import { pidExists, pidRuns } from "../../lib/alive.ts"
import { run } from "../../lib/process.ts"
import { ensureBinaries, removeOldBinaries } from "./binaries.ts"
import { codeOf, notWritable, startFailure } from "./errors.ts"
import type { Place } from "./place.ts"

/** A PostgreSQL that answers. `gone` resolves when it no longer does, for whatever reason. */
export type Cluster = { pid: number; version: string; gone: Promise<void>; stop(): Promise<void> }

const START_MS = 60_000
/** A postmaster that lives and does not answer for this long is hung, or has lost its socket. */
const SILENT_MS = 10_000
const LOG_BYTES = 1024 * 1024

/** Starts the cluster, or adopts the one that runs already. The caller makes sure that only one process does so. */
export async function startCluster(place: Place, progress: (text: string) => void): Promise<Cluster> {
  const running = await connect(place, "postgres").catch(() => undefined)
  if (running !== undefined) return await clusterOf(place, running, undefined)
  const { native, made } = await prepare(place, progress)
  const cluster = await launch(place, native)
  // A new cluster is written to disk for good while it is in use already: that takes longer than making it.
  if (made) void runAs([join(native, "bin", "initdb"), "--sync-only", "-D", place.data], place)
  return cluster
}

/** The pid in `postmaster.pid`, if that process is a PostgreSQL on these data. */
export async function postmasterOf(place: Place): Promise<number | undefined> {
  const text = await readFile(join(place.data, "postmaster.pid"), "utf8").catch(() => "")
  const pid = Number.parseInt(text, 10)
  if (!(pid > 1) || !pidRuns(pid)) return undefined
  return (await commandOf(pid)).includes(place.data) ? pid : undefined
}

/** Ends a PostgreSQL in order: open transactions are rolled back; one that does not obey is killed, which it survives too. */
export async function stopPostmaster(pid: number): Promise<void> {
  for (const [signal, waitMs] of [
    ["SIGINT", 15_000],
    ["SIGQUIT", 5_000],
    ["SIGKILL", 5_000],
  ] as const) {
    try {
      process.kill(pid, signal)
    } catch {
      return
    }
    // It is no child of ours if we adopted it, so nothing tells us when it ends.
    for (const end = Date.now() + waitMs; Date.now() < end; await sleep(10)) if (!pidRuns(pid)) return
  }
}

async function prepare(place: Place, progress: (text: string) => void): Promise<{ native: string; made: boolean }> {
  const made = (await stat(join(place.data, "PG_VERSION")).catch(() => undefined)) === undefined
  if (made) progress("preparing Flyball's own PostgreSQL (once)")
  const native = await ensureBinaries(place.root)
  if (made) await initialize(place, native)
  await removeOldBinaries(place.root, native)
  return { native, made }
}

/** Made under another name and then moved: a crash never leaves half a cluster. */
async function initialize(place: Place, native: string): Promise<void> {
  const temporary = join(place.root, "data.tmp")
  await rm(temporary, { recursive: true, force: true })
  const argv = [
    join(native, "bin", "initdb"),
    "-D",
    temporary,
    "-U",
    "flyball",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--no-instructions",
    "--no-sync",
  ]
  try {
    if (place.runsAs !== undefined) {
      // Its parent is root's: the folder must stand before the account that owns it fills it.
      await mkdir(temporary, { mode: 0o700 })
      await chown(temporary, place.runsAs.uid, place.runsAs.gid)
    }
    const said = await runAs(argv, place)
    if (said !== undefined) throw startFailure(said, place.root)
    // Only through the socket, which stands in a folder that nobody else can enter.
    await writeFile(join(temporary, "pg_hba.conf"), "local all all trust\n")
    await rename(temporary, place.data)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {})
    throw error instanceof Failure ? error : notWritable(place.root, error)
  }
}

/** Runs a program as the cluster's account; returns what it said if it failed. */
function runAs(argv: string[], place: Place): Promise<string | undefined> {
  const [file = "", ...args] = argv
  return new Promise((resolve) => {
    const child = spawn(file, args, {
      cwd: "/",
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: START_MS,
      ...place.runsAs,
    })
    let said = ""
    const take = (text: string) => {
      said = (said + text).slice(-20_000)
    }
    child.stdout.setEncoding("utf8").on("data", take)
    child.stderr.setEncoding("utf8").on("data", take)
    child.on("error", (error) => resolve(missing(error)))
    child.on("close", (code) => resolve(code === 0 ? undefined : said || `exit ${code}`))
  })
}

async function launch(place: Place, native: string): Promise<Cluster> {
  const end = Date.now() + START_MS
  let silentSince: number | undefined
  let child: Child | undefined
  let said = ""
  let pauseMs = 5
  let healed = false
  while (Date.now() < end) {
    const client = await connect(place, "postgres").catch((error: unknown) => {
      // It answers, but is busy starting or stopping: not silent.
      if (codeOf(error) === "57P03") silentSince = undefined
      return undefined
    })
    if (client !== undefined) return await clusterOf(place, client, child)
    if (child !== undefined && child.ended === undefined) {
      // PostgreSQL tells nobody that it is ready: ask again soon, or at once when it has ended.
      await Promise.race([child.exit, sleep(pauseMs)])
      pauseMs = Math.min(pauseMs * 1.5, 100)
      continue
    }
    if (child?.ended !== undefined) {
      said = child.ended
      child = undefined
      if (!healed && /error while loading shared libraries|ENOEXEC|invalid ELF|exec format/i.test(said)) {
        // The copy was cut short by a power failure, or somebody touched it.
        healed = true
        await rm(native, { recursive: true, force: true })
        await ensureBinaries(place.root)
        continue
      }
      const failure = startFailure(said, place.log)
      if (failure.code !== "DATABASE_START_FAILED") throw failure
      // After a SIGKILL its children still hold the shared memory for a moment.
      if (!/pre-existing shared memory|already exists|in use/i.test(said)) throw failure
      await sleep(50)
    }
    const orphan = await postmasterOf(place)
    if (orphan !== undefined) {
      silentSince ??= Date.now()
      if (Date.now() - silentSince > SILENT_MS) await stopPostmaster(orphan)
      await sleep(20)
      continue
    }
    await disownLocks(place)
    child = await spawnPostgres(place, native)
  }
  throw startFailure(said || "it did not answer within a minute", place.log)
}

type Child = { process: ChildProcess; exit: Promise<void>; ended: string | undefined }

async function spawnPostgres(place: Place, native: string): Promise<Child> {
  await truncate(place.log).catch(() => {})
  const log = await open(place.log, "a", 0o600).catch((error: unknown) => {
    throw notWritable(place.log, error)
  })
  const argv = [
    "-D",
    place.data,
    "-k",
    place.sockets,
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ]
  const child = spawn(join(native, "bin", "postgres"), argv, {
    cwd: "/",
    env: environment(),
    // A group of its own: a Ctrl-C in the terminal that happened to start it is not for it.
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
    ...place.runsAs,
  })
  const started: Child = { process: child, ended: undefined, exit: Promise.resolve() }
  started.exit = new Promise((resolve) => {
    child.on("error", (error) => {
      started.ended = missing(error)
      resolve()
    })
    child.on("exit", async (code, signal) => {
      const tail = await readFile(place.log, "utf8").catch(() => "")
      started.ended ??= tail.slice(-4000) || `it ended with ${signal ?? code}`
      resolve()
    })
  })
  await log.close()
  return started
}

/** Small and quick to start; durable as it comes (`fsync` and `synchronous_commit` stay on). */
const settings = {
  listen_addresses: "",
  unix_socket_permissions: "0700",
  max_connections: "200",
  shared_buffers: "64MB",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_logical_replication_workers: "0",
  max_wal_size: "256MB",
  min_wal_size: "32MB",
  max_worker_processes: "2",
  max_parallel_workers: "0",
  max_parallel_workers_per_gather: "0",
  io_method: "sync",
  jit: "off",
  log_min_messages: "warning",
  log_checkpoints: "off",
  timezone: "UTC",
  log_timezone: "UTC",
}

async function clusterOf(place: Place, client: pg.Client, child: Child | undefined): Promise<Cluster> {
  const { rows } = await client.query<{ version: string; flyball: boolean }>(
    "select current_setting('server_version') as version, exists (select from pg_database where datname = 'flyball') as flyball",
  )
  if (rows[0]?.flyball !== true) await client.query("create database flyball")
  const pid = child?.process.pid ?? (await postmasterOf(place))
  if (pid === undefined) throw startFailure("its pid file is gone", place.log)
  // This one connection stays: the kernel closes it in the moment PostgreSQL dies, adopted or not.
  const gone = new Promise<void>((resolve) => client.once("end", () => resolve()))
  const stop = async () => {
    await client.end().catch(() => {})
    await stopPostmaster(pid)
  }
  await limitLog(place)
  return { pid, version: rows[0]?.version ?? "", gone, stop }
}

async function connect(place: Place, database: string): Promise<pg.Client> {
  const client = new pg.Client({
    host: place.sockets,
    port: 5432,
    user: "flyball",
    database,
    ssl: false,
    connectionTimeoutMillis: 5_000,
  })
  client.on("error", () => {})
  await client.connect()
  return client
}

/**
 * PostgreSQL does not start over a pid file, or its socket's lock file, whose pid exists: some other program by now, or a zombie
 * that nobody reaps. The files stay, with a pid that can't be: what else is in them tells PostgreSQL whether children of the
 * one that died still write.
 */
async function disownLocks(place: Place): Promise<void> {
  for (const path of [join(place.data, "postmaster.pid"), join(place.sockets, ".s.PGSQL.5432.lock")]) {
    const text = await readFile(path, "utf8").catch(() => "")
    const pid = Number.parseInt(text, 10)
    if (!(pid > 1) || !pidExists(pid) || (await commandOf(pid)).includes(place.data)) continue
    await writeFile(path, text.replace(/^\d+/, String(2 ** 31 - 2)))
  }
}

async function commandOf(pid: number): Promise<string> {
  if (process.platform === "linux") return await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")
  return (
    await run(["ps", "-o", "command=", "-p", String(pid)], {
      cwd: "/",
      env: { PATH: "/bin:/usr/bin" },
      timeoutMs: 5_000,
    })
  ).stdout
}

async function limitLog(place: Place): Promise<void> {
  const size = await stat(place.log).then(
    (found) => found.size,
    () => 0,
  )
  if (size > LOG_BYTES) await truncate(place.log).catch(() => {})
}

function missing(error: Error): string {
  // ENOENT of a program that is there means that its loader is not: the programs are built for glibc.
  if (codeOf(error) === "ENOENT") return "its programs need glibc, which this system lacks (musl?)"
  if (codeOf(error) === "EPERM" || codeOf(error) === "EINVAL")
    return "PostgreSQL does not run as root, and this root may not become another user"
  return error.message
}

function environment(): Record<string, string> {
  return { LC_ALL: "C", PATH: "/usr/local/bin:/usr/bin:/bin", TZ: "UTC" }
}
