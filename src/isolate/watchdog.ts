import { type ChildProcess, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { buildEnv } from "../lib/environment.ts"
import { identify, isAlive } from "../lib/process-tree.ts"
import { steadyMs } from "../lib/steady-clock.ts"
import { haltFolders, type Running } from "./halts.ts"
import {
  endTree,
  forgetTree,
  haltIn,
  listTrees,
  readOwner,
  registerTree,
  takeHaltedNote,
  type WatchedTree,
  writeOwner,
} from "./watched-trees.ts"

/** What the owner of process trees holds while it runs; closing it lets the watchdog go. */
export type Watch = {
  /** Has the tree ended at its deadline, at HALT, or when we are gone or hang; until disposed of. */
  track(
    pid: number,
    of: { deadlineMs: number; change: string; repo?: string; loop?: string; run?: string },
  ): Disposable & {
    /** Whether it was a halt that ended it; to be asked once. */
    wasHalted(): boolean
  }
  /** `FLYBALL_HOME/run/<executor>`. */
  folder: string
} & Disposable

export type WatchOptions = {
  /** FLYBALL_HOME. */
  home: string
  /** The bundled `watchdog-main`. */
  entry: string
  executor?: string
  /** What this process works on, as halts name it. */
  work?: Pick<Running, "repo" | "loop" | "run">
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
  work = {},
  executor = `${process.pid}-${randomUUID().slice(0, 8)}`,
  // Before others may take over what a process held that gives no sign of life (20 s): its agents are gone by then.
  stallMs = 15_000,
}: WatchOptions): Watch {
  const folder = join(home, "run", executor)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  // Made now, so that the watchdog can watch it.
  mkdirSync(haltFolders(home).scoped, { recursive: true, mode: 0o700 })
  endOrphans(home)
  writeOwner(folder, { pid: process.pid, startedAt: identify(process.pid)?.startedAt ?? "", ...work })
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
    track(pid, { deadlineMs, ...work }) {
      const registered = registerTree(folder, pid, steadyMs() + deadlineMs, work)
      poke()
      return {
        wasHalted: () => registered !== undefined && takeHaltedNote(registered.file),
        [Symbol.dispose]: () => registered !== undefined && forgetTree(registered.file),
      }
    },
    [Symbol.dispose]() {
      closed = true
      clearInterval(beat)
      child.stdin?.end()
    },
  }
}

/** Ends, from whatever process, the trees that a halt covers, of all owners: nobody else need be awake for it. */
export function haltTrees(home: string, covered: (running: Running) => boolean): WatchedTree[] {
  const runs = join(home, "run")
  return existsSync(runs) ? readdirSync(runs).flatMap((name) => haltIn(join(runs, name), covered)) : []
}

/** Ends what owners left that died together with their watchdog; their folders go too. */
export function endOrphans(home: string): void {
  const runs = join(home, "run")
  for (const name of existsSync(runs) ? readdirSync(runs) : []) {
    const folder = join(runs, name)
    const owner = readOwner(folder)
    if (owner === undefined || isAlive(owner)) continue
    endOrphan(folder)
  }
}

/** Ends the trees of one dead owner, and removes its folder. */
export function endOrphan(folder: string): void {
  for (const { file, tree } of listTrees(folder)) endTree(file, tree)
  rmSync(folder, { recursive: true, force: true })
}
