import { createHash } from "node:crypto"
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { z } from "zod"
import { makeFolder } from "../lib/make-folder.ts"

/** What is halted. A repository goes by its key, since loops of two may have one name. */
export const HaltScope = z.discriminatedUnion("is", [
  z.object({ is: z.literal("all") }),
  z.object({ is: z.literal("loop"), repo: z.string(), loop: z.string() }),
  z.object({ is: z.literal("run"), run: z.string() }),
  z.object({ is: z.literal("change"), change: z.string() }),
])
export type HaltScope = z.infer<typeof HaltScope>

const Halt = z.object({ scope: HaltScope, at: z.string(), by: z.string() })
/** A halt that stands, and who asked for it when. */
export type Halt = z.infer<typeof Halt>

/** What runs, as far as it is known. */
export type Running = { [name in "repo" | "loop" | "run" | "change"]?: string | undefined }

/*
 * A halt is a file, so that the watchdog sees it without the engine and the database, and a person can make one by hand:
 * `FLYBALL_HOME/HALT`, whatever is in it, halts everything; the others lie in `FLYBALL_HOME/halt/`.
 */

/** Where the files of halts appear: what is to be watched. */
export function haltFolders(home: string): { home: string; scoped: string } {
  return { home, scoped: join(home, "halt") }
}

/** The halts that stand; a file that can't be read halts everything, since it was meant to halt something. */
export function readHalts(home: string): Halt[] {
  const { scoped } = haltFolders(home)
  const all = statSync(join(home, "HALT"), { throwIfNoEntry: false })
  const found: Halt[] = all === undefined ? [] : [readHalt(join(home, "HALT"), all.mtime)]
  for (const name of list(scoped).filter((each) => each.endsWith(".json"))) {
    const stats = statSync(join(scoped, name), { throwIfNoEntry: false })
    if (stats !== undefined) found.push(readHalt(join(scoped, name), stats.mtime))
  }
  return found
}

/** The halt that covers what runs, the widest first. */
export function haltOf(halts: readonly Halt[], running: Running): Halt | undefined {
  return halts.find(({ scope }) => covers(scope, running))
}

function covers(scope: HaltScope, running: Running): boolean {
  switch (scope.is) {
    case "all":
      return true
    case "loop":
      return scope.loop === running.loop && scope.repo === running.repo
    case "run":
      return scope.run === running.run
    case "change":
      return scope.change === running.change
  }
}

/** Makes the file; the same halt once more keeps the first one's time and name. */
export function placeHalt(home: string, halt: Halt): Halt {
  const known = readHalts(home).find((each) => fileOf(home, each.scope) === fileOf(home, halt.scope))
  if (known !== undefined) return known
  makeFolder(haltFolders(home).scoped)
  const path = fileOf(home, halt.scope)
  writeFileSync(`${path}.new`, JSON.stringify(halt), { mode: 0o600 })
  renameSync(`${path}.new`, path)
  return halt
}

/** Removes the file; a halt that does not stand is none. */
export function liftHalt(home: string, scope: HaltScope): void {
  rmSync(fileOf(home, scope), { force: true })
}

/** A halt in a few words. */
export function nameOfHalt({ scope }: Pick<Halt, "scope">): string {
  switch (scope.is) {
    case "all":
      return "everything"
    case "loop":
      return `loop ${scope.loop}`
    case "run":
      return `run ${scope.run}`
    case "change":
      return `change ${scope.change}`
  }
}

function fileOf(home: string, scope: HaltScope): string {
  if (scope.is === "all") return join(home, "HALT")
  const id = createHash("sha256").update(JSON.stringify(scope)).digest("hex").slice(0, 16)
  return join(haltFolders(home).scoped, `${scope.is}-${id}.json`)
}

function readHalt(path: string, at: Date): Halt {
  try {
    return Halt.parse(JSON.parse(readFileSync(path, "utf8")))
  } catch {
    return { scope: { is: "all" }, at: at.toISOString(), by: "a file made by hand" }
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
