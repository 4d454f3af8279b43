import { existsSync, readdirSync } from "node:fs"
import { userInfo } from "node:os"
import { join } from "node:path"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import type { Repo } from "../../core/ports.ts"
import { type Halt, type HaltScope, haltOf, nameOfHalt, placeHalt, readHalts } from "../../isolate/halts.ts"
import { openRepo } from "../../isolate/repo.ts"
import { haltTrees } from "../../isolate/watchdog.ts"
import { listNames, loopNames, namedLoop } from "../../spec/loop-names.ts"
import { checkoutTree } from "../../spec/tree.ts"
import { keptGoals } from "../goal/kept.ts"
import { flyballHome } from "../home.ts"

export const HaltView = z.object({
  /** `everything`, `loop NAME`, `run ID`, `change ID`. */
  what: z.string(),
  is: z.enum(["all", "loop", "run", "change"]),
  at: z.string(),
  by: z.string(),
})
export type HaltView = z.infer<typeof HaltView>

export const HaltReport = z.object({
  halted: HaltView,
  /** The changes whose process trees were ended. */
  ended: z.array(z.object({ change: z.string(), pid: z.number() })),
  ms: z.number(),
})
export type HaltReport = z.infer<typeof HaltReport>

export type HaltOptions = { cwd: string; what: string | undefined; env?: Readonly<Record<string, string | undefined>> }

/**
 * Halts everything, or a loop, a run or a change. It writes a file and kills; neither the engine nor the database has a
 * part in it, so it works when both hang (catalogue P6).
 */
export async function halt({ cwd, what, env = process.env }: HaltOptions): Promise<HaltReport> {
  const started = performance.now()
  const home = flyballHome(env)
  const scope = await scopeOf(what, cwd, home)
  const placed = placeHalt(home, { scope, at: new Date().toISOString(), by: userName() })
  const ended = haltTrees(home, (tree) => haltOf([placed], tree) !== undefined)
  return {
    halted: viewOfHalt(placed),
    ended: ended.map(({ change, pid }) => ({ change, pid })),
    ms: Math.round(performance.now() - started),
  }
}

/** The halts that stand here, for `status`. */
export function standingHalts(home: string): HaltView[] {
  return readHalts(home).map(viewOfHalt)
}

/** A halt as it is shown. */
export function viewOfHalt(halt: Halt): HaltView {
  return { what: nameOfHalt(halt), is: halt.scope.is, at: halt.at, by: halt.by }
}

/** What a person means: a loop by its name, a run by its id, a change by its id or a part of it. Asks files alone. */
export async function scopeOf(what: string | undefined, cwd: string, home: string): Promise<HaltScope> {
  if (what === undefined || what === "all") return { is: "all" }
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-/i.test(what)) return { is: "run", run: what }
  const repo = await openRepo(cwd, home)
  const known = await loopNames(checkoutTree(repo.root))
  const loops = [...listNames(known), ...keptGoals(repo)]
  // What runs goes by the loop's name, whatever its file is called.
  const named = namedLoop(known, what)?.name ?? namedLoop(known, what.replace(/^.*\/|\.ya?ml$/g, ""))?.name ?? what
  if (loops.includes(named)) return { is: "loop", repo: repo.key, loop: named }
  const changes = changesOf(repo, home).filter((change) => change === what || change.includes(what))
  const [change, second] = changes.includes(what) ? [what] : changes
  if (change !== undefined && second === undefined) return { is: "change", change }
  if (second !== undefined)
    throw new Failure("CHANGE_AMBIGUOUS", `"${what}" may be ${changes.slice(0, 6).join(", ")}.`, {
      hint: "Give more of the id.",
    })
  throw new Failure("NOTHING_TO_HALT", `"${what}" is no loop, run or change here.`, {
    hint: `Here are: ${[...loops, ...changesOf(repo, home).slice(0, 6)].join(", ") || "no loops"}. Without an argument everything is halted.`,
  })
}

/** Every change that ever worked here has a folder of artefacts, and one that works has a workspace. */
function changesOf({ dataDir }: Repo, home: string): string[] {
  const halted = readHalts(home).flatMap(({ scope }) => (scope.is === "change" ? [scope.change] : []))
  const found = ["workspaces", "changes"].flatMap((kind) =>
    existsSync(join(dataDir, kind)) ? readdirSync(join(dataDir, kind)) : [],
  )
  return [...new Set([...found, ...halted])]
}

function userName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? "?"}`
  }
}
