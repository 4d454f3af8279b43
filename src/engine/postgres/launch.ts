import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { open, rm } from "node:fs/promises"
import type { Socket } from "node:net"
import { dirname, join } from "node:path"
import type { Pool } from "pg"
import { Failure } from "../../core/failure.ts"
import { entry } from "../../lib/entry.ts"
import { postmasterOf, stopPostmaster } from "./cluster.ts"
import { dial, Message } from "./control.ts"
import { notWritable } from "./errors.ts"
import { openExternal } from "./external.ts"
import { keptInProcess, openInProcess } from "./in-process.ts"
import { findPlace, type Place } from "./place.ts"

/** A PostgreSQL that answers, for as long as it is not closed. */
export type Database = {
  /** Empty where it is in process: there only `pool` leads to it. */
  url: string
  kind: "embedded" | "external" | "in-process"
  /** As PostgreSQL tells it, `18.4`. */
  version: string
  /** Embedded only: the folder of its unix socket. */
  socketDir?: string
  /** In process only: its connections. */
  pool?: Pool
  /** In process only: why it came to that. What is killed while it writes may leave it damaged. */
  notCrashSafe?: string
  close(): Promise<void>
}

export type OpenOptions = {
  /** FLYBALL_HOME. */
  home: string
  signal: AbortSignal
  progress?: (text: string) => void
  /** Any PostgreSQL ≥15 instead of the embedded one. Default: the environment's DATABASE_URL. */
  databaseUrl?: string | undefined
  /** "pglite" for the one in process. Default: the environment's FLYBALL_DATABASE. */
  kind?: string | undefined
  /** How long the embedded one stays after its last client; 60 s. The first client of a cluster decides. */
  idleMs?: number
}

const OPEN_MS = 90_000
const STOP_MS = 30_000

/** The database of this user: DATABASE_URL if set, else a private PostgreSQL under `home`, started if need be. */
export async function openDatabase(options: OpenOptions): Promise<Database> {
  const url = "databaseUrl" in options ? options.databaseUrl : process.env.DATABASE_URL
  if (url !== undefined && url !== "") return await openExternal(url, options.signal)
  const { home } = options
  const forced = "kind" in options ? options.kind : process.env.FLYBALL_DATABASE
  if (forced === "pglite") return await openInProcess(home, "FLYBALL_DATABASE asks for it")
  if (keptInProcess(home)) return await openInProcess(home, "the ledger was begun in it")
  try {
    return await openEmbedded(options)
  } catch (error) {
    // A cluster that has data and does not start holds the ledger: beside it an empty one would forget what was spent.
    if (!cannotRunHere(error) || (await hasCluster(home))) throw error
    return await openInProcess(home, error.message)
  }
}

/** Whether it is the machine that can't run the cluster, rather than something that passes or that a person mends at once. */
function cannotRunHere(error: unknown): error is Failure {
  if (!(error instanceof Failure)) return false
  return (
    error.code === "DATABASE_PLATFORM" ||
    error.code === "DATABASE_NO_ACCOUNT" ||
    (error.code === "DATABASE_START_FAILED" && error.retry === "person")
  )
}

async function hasCluster(home: string): Promise<boolean> {
  const { data } = await findPlace(home)
  return existsSync(join(data, "PG_VERSION"))
}

/** Stops the embedded PostgreSQL of `home` now; processes that still have it open start it again. */
export async function stopDatabase(home: string): Promise<void> {
  const place = await findPlace(home)
  const socket = await dial(place.control)
  if (socket !== undefined) {
    // The supervisor exits when PostgreSQL has ended; its end closes the connection.
    const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()))
    const tooLong = setTimeout(() => socket.destroy(), STOP_MS)
    socket.on("data", () => {}).write("stop\n")
    await ended
    clearTimeout(tooLong)
  }
  const orphan = await postmasterOf(place)
  if (orphan !== undefined) await stopPostmaster(orphan)
}

/** Stops it and removes all of it, data too: for homes that were made for the occasion. */
export async function removeDatabase(home: string): Promise<void> {
  await stopDatabase(home)
  const place = await findPlace(home)
  const folders = [
    place.root,
    ...(place.control.startsWith(place.root) ? [] : [dirname(place.control)]),
    join(home, "postgres"),
  ]
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
}

async function openEmbedded({ home, signal, progress, idleMs = 60_000 }: OpenOptions): Promise<Database> {
  const place = await findPlace(home)
  const known = AbortSignal.any([signal, AbortSignal.timeout(OPEN_MS)])
  const link = async (until: AbortSignal) => await reach(place, home, idleMs, until, progress)
  const closed = new AbortController()
  let { socket, ready } = await link(known)
  const hold = () => {
    // Not a reason for this process to stay.
    socket.unref()
    socket.once("close", () => {
      if (closed.signal.aborted) return
      // The supervisor died before us: somebody must look after the cluster, and stop it when we are gone.
      link(AbortSignal.any([closed.signal, AbortSignal.timeout(OPEN_MS)])).then(
        (next) => {
          socket = next.socket
          if (closed.signal.aborted) socket.destroy()
          else hold()
        },
        // Then the next query fails, and says why better than we could here.
        () => {},
      )
    })
  }
  hold()
  const host = encodeURIComponent(ready.host)
  return {
    url: `postgresql://flyball@localhost:5432/flyball?host=${host}&sslmode=disable`,
    kind: "embedded",
    version: ready.version,
    socketDir: ready.host,
    async close() {
      closed.abort()
      socket.destroy()
    },
  }
}

type Ready = Extract<Message, { is: "ready" }>

/** Connects to the supervisor, starting one if there is none, until it says that the database is ready. */
async function reach(
  place: Place,
  home: string,
  idleMs: number,
  signal: AbortSignal,
  progress?: (text: string) => void,
): Promise<{ socket: Socket; ready: Ready }> {
  for (let tries = 0; tries < 20; tries++) {
    if (signal.aborted) throw aborted(signal)
    const socket = await dial(place.control)
    if (socket === undefined) {
      await startSupervisor(place, home, idleMs, signal)
      continue
    }
    const ready = await untilReady(socket, signal, progress)
    if (ready !== undefined) return { socket, ready }
  }
  throw new Failure("DATABASE_START_FAILED", "The embedded PostgreSQL's supervisor ends as soon as it starts.", {
    hint: `See ${place.supervisorLog}, or set DATABASE_URL to a PostgreSQL of your own.`,
    retry: "person",
  })
}

/** Undefined when the supervisor hung up first: it is stopping, or died. */
function untilReady(
  socket: Socket,
  signal: AbortSignal,
  progress?: (text: string) => void,
): Promise<Ready | undefined> {
  return new Promise((resolve, reject) => {
    let rest = ""
    const settle = (act: () => void) => {
      signal.removeEventListener("abort", abort)
      socket.removeAllListeners("data").removeAllListeners("close")
      act()
    }
    const abort = () => {
      socket.destroy()
      settle(() => reject(aborted(signal)))
    }
    signal.addEventListener("abort", abort, { once: true })
    if (signal.aborted) abort()
    socket.once("close", () => settle(() => resolve(undefined)))
    socket.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n")
      rest = (lines.pop() ?? "").slice(-65_536)
      for (const line of lines) {
        const message = Message.parse(JSON.parse(line))
        if (message.is === "progress") progress?.(message.text)
        else if (message.is === "ready") settle(() => resolve(message))
        else {
          socket.destroy()
          settle(() => reject(failureOf(message)))
        }
      }
      // What it says later (PostgreSQL was started again) needs no answer, but must be read.
      if (socket.listenerCount("data") === 0) socket.on("data", () => {})
    })
  })
}

/** Resolves when the new supervisor listens, or has stepped back for one that was quicker. */
async function startSupervisor(place: Place, home: string, idleMs: number, signal: AbortSignal): Promise<void> {
  // Only what should never happen is written there.
  const log = await open(place.supervisorLog, "a", 0o600).catch((error: unknown) => {
    throw notWritable(place.supervisorLog, error)
  })
  const started = new Promise<void>((resolve, reject) => {
    const child = spawn(process.execPath, [entry("postgres-supervisor.js"), home, String(idleMs)], {
      cwd: "/",
      env: { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C" },
      detached: true,
      stdio: ["ignore", "ignore", log.fd, "pipe"],
    })
    child.unref()
    const pipe = child.stdio[3]
    let said = ""
    const abort = () => reject(aborted(signal))
    signal.addEventListener("abort", abort, { once: true })
    child.once("error", reject)
    pipe?.on("error", () => {})
    pipe?.on("data", (data: Buffer) => {
      said += data.toString()
    })
    pipe?.once("close", () => {
      signal.removeEventListener("abort", abort)
      const line = said.split("\n")[0]
      if (line === undefined || line === "") return resolve()
      const message = Message.parse(JSON.parse(line))
      if (message.is === "failed") reject(failureOf(message))
      else resolve()
    })
  })
  try {
    await started
  } finally {
    await log.close()
  }
}

function failureOf(message: Extract<Message, { is: "failed" }>): Failure {
  return new Failure(message.code, message.message, {
    retry: "person",
    ...(message.hint === undefined ? {} : { hint: message.hint }),
  })
}

function aborted(signal: AbortSignal): Failure {
  const timedOut = signal.reason instanceof DOMException && signal.reason.name === "TimeoutError"
  return timedOut
    ? new Failure("DATABASE_START_FAILED", `The embedded PostgreSQL was not ready within ${OPEN_MS / 1000} s.`, {
        retry: "later",
      })
    : new Failure("ABORTED", "Opening the database was interrupted.", { retry: "now" })
}
