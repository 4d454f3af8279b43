import { writeFileSync } from "node:fs"
import { join } from "node:path"
import type { Captured, Repo } from "../core/ports.ts"
import { gitScript } from "../lib/git.ts"
import { gitSees } from "./git-dir.ts"
import { findLeftovers, type Leftovers } from "./leftovers.ts"
import type { Place, Ready } from "./place.ts"
import { RECORD, RESCUE } from "./scripts.ts"

/** Records the folder as it stands in one commit on the change's ref; the same tree once more is `nothing`. */
export async function capture(
  repo: Repo,
  place: Place,
  ready: Ready,
  message: string,
  signal: AbortSignal,
): Promise<Captured> {
  const leftovers = await findLeftovers(place, signal)
  const args = [repo.gitDir, place.ref, ready.start, message]
  const output = await record(RECORD, args, { repo, place, leftovers, signal })
  const [tree = "", parent = "", head, ...files] = output.trimEnd().split("\n")
  return head === undefined ? { is: "nothing", head: parent } : { is: "commit", head, tree, files: files.length }
}

/**
 * Keeps what was not captured under the change's rescue ref, on top of what is kept there. Returns the commit, if there
 * was anything. Where the index is known to hold what was `captured`, a folder that agrees with it has nothing to keep:
 * five processes fewer for each change that ends well.
 */
export async function rescue(
  repo: Repo,
  place: Place,
  ready: Ready,
  signal: AbortSignal,
  captured = false,
): Promise<string | undefined> {
  const leftovers = await findLeftovers(place, signal)
  if (captured && leftovers.changed.length === 0 && leftovers.forgotten.length === 0) return undefined
  const message = `Kept by Flyball: what was not captured of ${place.change}`
  const args = [repo.gitDir, place.ref, place.rescueRef, ready.start, message]
  const commit = (await record(RESCUE, args, { repo, place, leftovers, signal })).trim()
  return commit === "" ? undefined : commit
}

type Recording = { repo: Repo; place: Place; leftovers: Leftovers; signal: AbortSignal }

function record(script: string, args: string[], { repo, place, leftovers, signal }: Recording): Promise<string> {
  const lists = [leftovers.changed, leftovers.forgotten].map((paths, n) => {
    const file = join(place.folder, n === 0 ? "changed" : "forgotten")
    writeFileSync(file, Buffer.from(paths.map((path) => `${path}\0`).join(""), "latin1"))
    return file
  })
  return gitScript(script, [...args, ...lists], { cwd: place.tree, env: writesTo(repo, place), signal })
}

/** Our index and git directory, with new objects written where the user's repository finds them. */
export function writesTo(repo: Repo, place: Place): Record<string, string> {
  return { ...gitSees(place.gitDir, place.tree, place.index), GIT_OBJECT_DIRECTORY: join(repo.gitDir, "objects") }
}
