import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs"
import { join } from "node:path"
import type { Repo } from "../core/ports.ts"
import { rescue } from "./capture.ts"
import { isOfTheDead, nameOf } from "./owned.ts"
import { type Place, placeIn, type Ready, readReady } from "./place.ts"
import { discard } from "./trash.ts"

/**
 * Workspaces that are on their way out: renamed away at once, then looked through in the background for what was not
 * captured, which goes to the rescue ref before anything is deleted. What a death cuts short, the next sweep does.
 */
export function openLeaving(repo: Repo) {
  const underWay = new Set<Promise<void>>()
  return {
    leave(place: Place, ready: Ready, signal: AbortSignal): void {
      mkdirSync(leavingOf(repo), { recursive: true, mode: 0o700 })
      const owner = nameOf("").split(".").slice(-3).join(".")
      const folder = join(leavingOf(repo), `${place.change}.${owner}`)
      renameSync(place.folder, folder)
      const done: Promise<void> = letGo(repo, placeIn(folder, place.change), ready, signal)
        // It stays where it is until this process is gone, and the next sweep tries again.
        .catch(() => {})
        .finally(() => underWay.delete(done))
      underWay.add(done)
    },
    /** Resolves when nothing of this process's is on its way out any more. */
    async settled(): Promise<void> {
      await Promise.all(underWay)
    },
  }
}

async function letGo(repo: Repo, place: Place, ready: Ready, signal: AbortSignal): Promise<void> {
  if (existsSync(place.tree)) await rescue(repo, place, ready, signal, true)
  await discard(repo, place.folder)
}

/** Does what dead processes did not come to. */
export async function sweepLeaving(repo: Repo, signal: AbortSignal): Promise<string[]> {
  const dead = existsSync(leavingOf(repo)) ? readdirSync(leavingOf(repo)).filter(isOfTheDead) : []
  for (const name of dead) {
    const place = placeIn(join(leavingOf(repo), name), name.split(".").slice(0, -3).join("."))
    const ready = readReady(place)
    if (ready === undefined) await discard(repo, place.folder)
    else await letGo(repo, place, ready, signal)
  }
  return dead
}

/** Where workspaces lie that were given back and not yet looked through. */
export function leavingOf(repo: Repo): string {
  return join(repo.dataDir, "leaving")
}
