import { type ChildProcess, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import { buildEnv } from "../lib/environment.ts"
import { identify, isAlive, type ProcessId } from "../lib/process-tree.ts"
import { endTree, forgetTree, listTrees, registerTree } from "./watched-trees.ts"

/** What the owner of process trees holds while it runs; closing it lets the watchdog go. */
export type Watch = {
  /** Has the tree ended at its deadline, at HALT, or when we are gone or hang; until disposed of. */
  track(pid: number, limits: { deadlineMs: number; change: string }): Disposable
  /** `FLYBALL_HOME/run/<executor>`. */
  folder: string
} & Disposable

export type WatchOptions = {
  /** FLYBALL_HOME. */
  home: string
  /** The bundled `watchdog-main`. */
  entry: string
  executor?: string
  /** The owner counts as hung when it gives no sign for so long: stopped, or stuck. */
  stallMs?: number
}

const BEAT_MS = 2000
const RESTARTS = 5

/**
 * Starts this process's watchdog: a process of its own, told by files and woken by a pipe. The pipe's end is the news of
 * our death, and it comes at once however we die; a sign of life goes through it every two seconds.
 */
export function watchOwner({
  home,
  entry,
  executor = `${process.pid}-${randomUUID().slice(0, 8)}`,
  stallMs = 30_000,
}: WatchOptions): Watch {
  const folder = join(home, "run", executor)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  endOrphans(join(home, "run"))
  writeFileSync(
    join(folder, "owner.json"),
    JSON.stringify({ ...identify(process.pid), since: new Date().toISOString() }),
  )
  let closed = false
  let restarts = 0
  let child = start()

  function start(): ChildProcess {
    const env = buildEnv({ home: "/nonexistent", tmp: "/tmp" })
    const argv = [entry, home, folder, String(stallMs)]
    const started = spawn(process.execPath, argv, {
      cwd: "/",
      env,
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
    })
    started.on("error", () => {})
    started.stdin?.on("error", () => {})
    // Neither keeps us running.
    started.unref()
    if (started.stdin !== null && "unref" in started.stdin && typeof started.stdin.unref === "function")
      started.stdin.unref()
    started.once("exit", () => {
      // Somebody killed it: the trees must not be left alone.
      if (!closed && restarts++ < RESTARTS) child = start()
    })
    return started
  }
  const poke = () => child.stdin?.write("\n")
  const beat = setInterval(poke, BEAT_MS).unref()

  return {
    folder,
    track(pid, { deadlineMs, change }) {
      const registered = registerTree(folder, pid, Date.now() + deadlineMs, change)
      poke()
      return { [Symbol.dispose]: () => registered !== undefined && forgetTree(registered.file) }
    },
    [Symbol.dispose]() {
      closed = true
      clearInterval(beat)
      child.stdin?.end()
    },
  }
}

/** Ends what owners left that died together with their watchdog; their folders go too. */
function endOrphans(runs: string): void {
  for (const name of readdirSync(runs)) {
    const folder = join(runs, name)
    const owner = readOwner(folder)
    if (owner === undefined || isAlive(owner)) continue
    for (const { file, tree } of listTrees(folder)) endTree(file, tree)
    rmSync(folder, { recursive: true, force: true })
  }
}

function readOwner(folder: string): ProcessId | undefined {
  try {
    return Owner.parse(JSON.parse(readFileSync(join(folder, "owner.json"), "utf8")))
  } catch {
    // no folder of an owner, or one that is being made
    return undefined
  }
}

const Owner = z.object({ pid: z.number(), startedAt: z.string() })
