import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import { identify, isAlive, killTree, markerOf, startedBy, TREE_MARKER } from "../lib/process-tree.ts"

const WatchedTree = z.object({
  pid: z.number().int().positive(),
  startedAt: z.string(),
  marker: z.string().optional(),
  /** By the steady clock, `steadyMs`: nobody who sets the wall clock ends a tree, or keeps one. */
  deadlineSteadyMs: z.number(),
  change: z.string(),
  repo: z.string().optional(),
  loop: z.string().optional(),
  run: z.string().optional(),
})
/** A running process tree, as a file tells it to the watchdog: no database stands between the two. */
export type WatchedTree = z.infer<typeof WatchedTree>

/** Writes the file of a tree that has just been started; undefined when it is gone already. */
export function registerTree(
  folder: string,
  pid: number,
  deadlineSteadyMs: number,
  work: Pick<WatchedTree, "change" | "repo" | "loop" | "run">,
): { file: string } | undefined {
  const found = identify(pid)
  if (found === undefined) return undefined
  const seen = markerOf(pid)
  // Where we run inside a tree of somebody else's, its marker is on everything, ourselves included.
  const marker = seen === process.env[TREE_MARKER] ? undefined : seen
  const tree: WatchedTree = { ...found, ...work, deadlineSteadyMs, ...(marker === undefined ? {} : { marker }) }
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

const Owner = z.object({
  pid: z.number(),
  startedAt: z.string(),
  repo: z.string().optional(),
  loop: z.string().optional(),
  run: z.string().optional(),
})
/** The process whose trees lie in a folder, and what it works on. */
export type Owner = z.infer<typeof Owner>

/** Says whose folder it is. */
export function writeOwner(folder: string, owner: Owner): void {
  writeFileSync(join(folder, "owner.json"), JSON.stringify(owner))
}

/** Whose folder it is; undefined where it is nobody's, or just being made. */
export function readOwner(folder: string): Owner | undefined {
  try {
    return Owner.parse(JSON.parse(readFileSync(join(folder, "owner.json"), "utf8")))
  } catch {
    return undefined
  }
}

/**
 * Ends what a halt covers of one owner's: trees by their files, and, where all that the owner works on is covered, also what
 * it runs besides (checks), or has started and not told of yet.
 */
export function haltIn(folder: string, covered: (running: Owner | WatchedTree) => boolean): WatchedTree[] {
  const ended = listTrees(folder).filter(({ tree }) => covered(tree))
  for (const { file, tree } of ended) haltTree(file, tree)
  const owner = readOwner(folder)
  if (owner !== undefined && isAlive(owner) && covered(owner))
    for (const { pid, marker } of startedBy(owner.pid)) killTree(pid, marker)
  return ended.map(({ tree }) => tree)
}

/** Kills a tree because it was halted; that is noted first, so that its owner does not take the end for the agent's own. */
function haltTree(file: string, tree: WatchedTree): void {
  writeFileSync(haltedNote(file), "")
  endTree(file, tree)
}

/** Whether the tree of this pid was ended by a halt; the note is read once. */
export function takeHaltedNote(file: string): boolean {
  const note = haltedNote(file)
  const was = existsSync(note)
  if (was) rmSync(note, { force: true })
  return was
}

function haltedNote(file: string): string {
  return file.replace(/\.tree\.json$/, ".halted")
}

/** Kills a tree, if it is still there, and forgets it. */
export function endTree(file: string, tree: WatchedTree): void {
  // Its leader may be gone while others of the tree are not; but a number that somebody else has now is not ours to kill.
  const alive = isAlive(tree)
  if (alive) killTree(tree.pid, tree.marker)
  else if (tree.marker !== undefined) killTree(0, tree.marker)
  forgetTree(file)
}
