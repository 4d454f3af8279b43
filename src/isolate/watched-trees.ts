import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import { identify, isAlive, killTree, markerOf, TREE_MARKER } from "../lib/process-tree.ts"

const WatchedTree = z.object({
  pid: z.number().int().positive(),
  startedAt: z.string(),
  marker: z.string().optional(),
  /** Milliseconds since 1970. */
  deadlineAt: z.number(),
  change: z.string(),
})
/** A running process tree, as a file tells it to the watchdog: no database stands between the two. */
export type WatchedTree = z.infer<typeof WatchedTree>

/** Writes the file of a tree that has just been started; undefined when it is gone already. */
export function registerTree(
  folder: string,
  pid: number,
  deadlineAt: number,
  change: string,
): { file: string } | undefined {
  const found = identify(pid)
  if (found === undefined) return undefined
  const seen = markerOf(pid)
  // Where we run inside a tree of somebody else's, its marker is on everything, ourselves included.
  const marker = seen === process.env[TREE_MARKER] ? undefined : seen
  const tree: WatchedTree = { ...found, deadlineAt, change, ...(marker === undefined ? {} : { marker }) }
  const file = join(folder, `${pid}.tree.json`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  writeFileSync(`${file}.new`, JSON.stringify(tree))
  renameSync(`${file}.new`, file)
  return { file }
}

/** The trees of one owner; a file that can't be read is none. */
export function listTrees(folder: string): { file: string; tree: WatchedTree }[] {
  let names: string[] = []
  try {
    names = readdirSync(folder).filter((name) => name.endsWith(".tree.json"))
  } catch {
    return []
  }
  return names.flatMap((name) => {
    const file = join(folder, name)
    try {
      return [{ file, tree: WatchedTree.parse(JSON.parse(readFileSync(file, "utf8"))) }]
    } catch {
      return []
    }
  })
}

export function forgetTree(file: string): void {
  rmSync(file, { force: true })
}

/** Kills a tree, if it is still there, and forgets it. */
export function endTree(file: string, tree: WatchedTree): void {
  // Its leader may be gone while others of the tree are not; but a number that somebody else has now is not ours to kill.
  const alive = isAlive(tree)
  if (alive) killTree(tree.pid, tree.marker)
  else if (tree.marker !== undefined) killTree(0, tree.marker)
  forgetTree(file)
}
