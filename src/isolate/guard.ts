import { existsSync, type FSWatcher, rmSync, watch } from "node:fs"
import type { Readable } from "node:stream"
import { steadyMs } from "../lib/steady-clock.ts"
import { haltFolders, haltOf, readHalts } from "./halts.ts"
import { endTree, haltIn, listTrees } from "./watched-trees.ts"

export type Guarding = {
  /** FLYBALL_HOME: a file `HALT` in it ends everything, one in `halt/` what it names. */
  home: string
  /** The owner's folder. */
  folder: string
  /** The pipe from the owner: a byte means "look" and "I live", its end that the owner is gone. */
  pipe: Readable
  stallMs: number
}

/** Should file events be missed (some file systems have none), HALT is seen within this time. */
const LOOK_MS = 1000

/** The watchdog's life: ends trees past their deadline, on HALT, and of an owner that is gone or hangs; over when the owner is gone. */
export function guard({ home, folder, pipe, stallMs }: Guarding): Promise<void> {
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined
    const events: FSWatcher[] = []

    let known: ReturnType<typeof listTrees> = []
    const look = () => {
      // Our folder goes with us alone: somebody removed all of FLYBALL_HOME, and the trees work for nothing.
      if (!existsSync(folder)) {
        for (const { file, tree } of known) endTree(file, tree)
        ownerIsGone()
        pipe.destroy()
        return
      }
      known = listTrees(folder)
      const halts = readHalts(home)
      if (halts.length > 0) haltIn(folder, (running) => haltOf(halts, running) !== undefined)
      const now = steadyMs()
      let next = Number.POSITIVE_INFINITY
      for (const { file, tree } of known) {
        if (tree.deadlineSteadyMs <= now) endTree(file, tree)
        else next = Math.min(next, tree.deadlineSteadyMs)
      }
      clearTimeout(timer)
      timer = setTimeout(look, Math.min(LOOK_MS, Math.max(0, next - now)))
    }
    const endAll = () => {
      for (const { file, tree } of listTrees(folder)) endTree(file, tree)
    }

    const stall = setTimeout(endAll, stallMs)
    const folders = haltFolders(home)
    const watching: [string, (name: string | null) => boolean][] = [
      [folders.home, (name) => name === "HALT"],
      [folders.scoped, () => true],
    ]
    for (const [path, concerns] of watching) {
      try {
        events.push(watch(path, (_, name) => concerns(name) && look()).on("error", () => {}))
      } catch {
        // the look that comes around must do
      }
    }
    pipe.on("data", () => {
      stall.refresh()
      look()
    })
    pipe.on("error", () => {})
    let over = false
    const ownerIsGone = () => {
      if (over) return
      over = true
      clearTimeout(timer)
      clearTimeout(stall)
      for (const each of events) each.close()
      endAll()
      rmSync(folder, { recursive: true, force: true })
      resolve()
    }
    pipe.once("end", ownerIsGone).once("close", ownerIsGone)
    look()
  })
}
