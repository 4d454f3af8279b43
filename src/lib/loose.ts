import { createHash } from "node:crypto"
import { readFileSync, statSync } from "node:fs"
import { join } from "node:path"
import { inflateSync } from "node:zlib"

/*
 * What git wrote a moment ago lies in a file of its own, and to read that takes a tenth of what starting a git does. This is
 * no more than a short cut: what is packed, borrowed, large, or not what its name says is git's to read.
 */

export type Loose = { type: "commit" | "tree" | "blob"; content: Buffer }

/** Packed and unpacked bytes of an object that is still read here. */
const MOST_BYTES = 1024 * 1024

/** An object of the repository by its whole id, where it lies in a file of its own. */
export function readLoose(gitDir: string, oid: string): Loose | undefined {
  if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(oid)) return undefined
  const path = join(gitDir, "objects", oid.slice(0, 2), oid.slice(2))
  try {
    const found = statSync(path, { throwIfNoEntry: false })
    if (found?.isFile() !== true || found.size > MOST_BYTES) return undefined
    const object = inflateSync(readFileSync(path), { maxOutputLength: MOST_BYTES })
    // Read by us, so it is for us to see that it is whole.
    const named = createHash(oid.length === 64 ? "sha256" : "sha1")
      .update(object)
      .digest("hex")
    const end = object.indexOf(0)
    const [, type] = /^(commit|tree|blob) \d+$/.exec(object.toString("latin1", 0, Math.max(0, Math.min(end, 40)))) ?? []
    if (named !== oid || (type !== "commit" && type !== "tree" && type !== "blob")) return undefined
    return { type, content: object.subarray(end + 1) }
  } catch {
    return undefined
  }
}

/** The tree of a commit, or of itself, where the object is loose; `commit` where it is one. */
export function looseTree(gitDir: string, oid: string): { tree: string; commit?: string } | undefined {
  const object = readLoose(gitDir, oid)
  if (object?.type === "tree") return { tree: oid }
  if (object?.type !== "commit") return undefined
  const tree = /^tree ([0-9a-f]+)\n/.exec(object.content.toString("latin1", 0, 80))?.[1]
  return tree === undefined ? undefined : { tree, commit: oid }
}
