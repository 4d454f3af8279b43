import type { Db } from "../../record/database.ts"
import { readShipped, type Shipped } from "../../record/shipped.ts"
import {
  type Asking,
  type CommitFacts,
  commitsOfLoops,
  patchIdBetween,
  patchIds,
  readCommits,
  type Trailers,
} from "./commits.ts"

/**
 * How a commit is known to be a change's: it is the very commit that was shipped; its patch is (a squash, a rebase, a
 * cherry-pick); its message says so, and nothing here could confirm it; or its message says so and its content is another.
 */
export type Match = "same_commit" | "same_patch" | "trailers" | "altered"

export type Origin = Trailers & {
  match: Match
  /** The commit that was shipped, where this is another one. */
  through?: string
}

export type Ledger = {
  db: Db
  repo: string
  baseOf(change: string): Promise<{ base: string; head: string } | undefined>
}

/** Finds the changes that commits come from. What is costly (patches) is made once, and only when it is needed. */
export function openOrigins(
  asking: Asking,
  ledger: Ledger | undefined,
): (commits: readonly CommitFacts[]) => Promise<Map<string, Origin[]>> {
  const shipped = once(() => (ledger === undefined ? Promise.resolve([]) : shippedIn(ledger)))
  const patches = once(async () => indexOf(await shipped(), ledger, asking))
  return async (commits) => {
    const found = new Map<string, Origin[]>()
    const known = await shipped()
    const doubtful: CommitFacts[] = []
    for (const commit of commits) {
      const same = known.find((each) => each.commit === commit.sha)
      if (same !== undefined) {
        const said = commit.trailers.find(({ change }) => change === same.change)
        found.set(commit.sha, [{ ...said, change: same.change, match: "same_commit" }])
      } else doubtful.push(commit)
    }
    const own = await patchIds(
      doubtful.map(({ sha }) => sha),
      asking,
    )
    for (const { sha, trailers } of doubtful) {
      const patch = own.get(sha)
      // A message without trailers is most people's: their patches are compared with what loops shipped, if they shipped.
      const { byPatch, byChange } = await patches()
      const like = patch === undefined ? undefined : byPatch.get(patch)
      if (trailers.length > 0) {
        found.set(
          sha,
          trailers.map((said): Origin => confirmed(said, like, byChange.get(said.change), trailers.length)),
        )
      } else if (like !== undefined && like.commit !== sha) {
        found.set(sha, [{ ...like.said, change: like.change, match: "same_patch", through: like.commit }])
      }
    }
    return found
  }
}

/** One change's trailers beside what it shipped; of a squash of several, the patch is nobody's alone. */
function confirmed(said: Trailers, like: Known | undefined, shipped: Known | undefined, of: number): Origin {
  if (like?.change === said.change)
    return { ...said, match: "same_patch", ...(like.commit === "" ? {} : { through: like.commit }) }
  if (shipped === undefined || of > 1) return { ...said, match: "trailers" }
  return { ...said, match: "altered", ...(shipped.commit === "" ? {} : { through: shipped.commit }) }
}

type Known = { change: string; commit: string; said?: Trailers }
type Index = { byPatch: Map<string, Known>; byChange: Map<string, Known> }

/** What loops shipped, by patch: from the ledger, and from commits of theirs that are still in the repository. */
async function indexOf(shipped: readonly Shipped[], ledger: Ledger | undefined, asking: Asking): Promise<Index> {
  const index: Index = { byPatch: new Map(), byChange: new Map() }
  const ids = await patchIds(
    shipped.map(({ commit }) => commit),
    asking,
  )
  const changes = new Set<string>()
  for (const { change, commit } of shipped) {
    if (!index.byChange.has(change)) index.byChange.set(change, { change, commit })
    const patch = ids.get(commit)
    if (patch === undefined) continue
    changes.add(change)
    if (!index.byPatch.has(patch)) index.byPatch.set(patch, { change, commit })
  }
  // A proposal's branch may be gone and its commit collected; what the change held is kept under refs/flyball/.
  for (const { change } of shipped.filter((each) => !changes.has(each.change)).slice(0, 50)) {
    const ends = await ledger?.baseOf(change)
    const patch = ends === undefined ? undefined : await patchIdBetween(ends.base, ends.head, asking)
    if (patch !== undefined && !index.byPatch.has(patch)) index.byPatch.set(patch, { change, commit: "" })
  }
  if (shipped.length > 0) return index
  const told = await readCommits(await commitsOfLoops(asking), asking)
  const patches = await patchIds(
    told.map(({ sha }) => sha),
    asking,
  )
  for (const { sha, trailers } of told) {
    const patch = patches.get(sha)
    const [said] = trailers
    if (patch !== undefined && said !== undefined && trailers.length === 1)
      index.byPatch.set(patch, { change: said.change, commit: sha, said })
  }
  return index
}

/** A clone elsewhere has another name here: then all that this database knows is looked through. */
async function shippedIn({ db, repo }: Ledger): Promise<Shipped[]> {
  const own = await readShipped(db, { repo })
  return own.length > 0 ? own : readShipped(db, {})
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined
  return () => {
    made ??= make()
    return made
  }
}
