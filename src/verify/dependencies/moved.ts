import semver from "semver"

import { type Lock, type Locked, readLock } from "./lock.ts"
import { type Ecosystem, ecosystemOfManifest, foreignSource, readManifest } from "./manifest.ts"

/** One file of dependencies as it is on the base and on the change. */
export type Sides = { path: string; before: string | undefined; after: string | undefined }

/** A declared dependency that came, went or asks for something else. */
export type Asking = { name: string; path: string; ecosystem: Ecosystem; from?: string; to?: string; optional: boolean }

/** What a manifest asks for now and did not on the base; undefined where it can't be read. */
export function askedFor({ path, before, after }: Sides): Asking[] | undefined {
  const old = readManifest(path, before)
  const fresh = readManifest(path, after)
  const ecosystem = ecosystemOfManifest(path)
  if (fresh === undefined || ecosystem === undefined) return undefined
  const names = [...new Set([...(old?.keys() ?? []), ...fresh.keys()])]
  return names.flatMap((name): Asking[] => {
    const from = old?.get(name)
    const to = fresh.get(name)
    if (from?.spec === to?.spec) return []
    return [
      {
        name,
        path,
        ecosystem,
        ...(from === undefined ? {} : { from: from.spec }),
        ...(to === undefined ? {} : { to: to.spec }),
        optional: to?.optional ?? true,
      },
    ]
  })
}

/** What a lock file pins now and did not on the base. */
export type Pinned = {
  lock: Lock
  /** A name that the base's lock did not hold. */
  fresh: Locked[]
  /** Another version of a name that it held. */
  moved: { locked: Locked; from: string; was: readonly Locked[] }[]
  /** The same version from another place, or with other contents. */
  swapped: { locked: Locked; what: string }[]
  /** Hosts from which the base's lock fetches. */
  knownHosts: ReadonlySet<string>
  knownNames: ReadonlySet<string>
}

export function pinnedBy({ path, before, after }: Sides): Pinned | undefined {
  const old = readLock(path, before)
  const lock = readLock(path, after)
  if (lock === undefined) return undefined
  const known = new Map<string, Locked[]>()
  for (const locked of old?.packages ?? []) known.set(locked.name, [...(known.get(locked.name) ?? []), locked])
  const seen = new Set<string>()
  const pinned: Pinned = {
    lock,
    fresh: [],
    moved: [],
    swapped: [],
    knownHosts: new Set((old?.packages ?? []).flatMap(({ from }) => hostOf(from) ?? [])),
    knownNames: new Set(known.keys()),
  }
  for (const locked of lock.packages) {
    const key = `${locked.name}@${locked.version} ${locked.from ?? ""} ${locked.integrity ?? ""}`
    if (seen.has(key)) continue
    seen.add(key)
    const versions = known.get(locked.name)
    const same = versions?.filter(({ version }) => version === locked.version) ?? []
    if (versions === undefined) pinned.fresh.push(locked)
    else if (same.length === 0)
      pinned.moved.push({ locked, from: versions.map(({ version }) => version).join(", "), was: versions })
    else {
      const what = swap(same, locked)
      if (what !== undefined) pinned.swapped.push({ locked, what })
    }
  }
  return pinned
}

function swap(before: readonly Locked[], after: Locked): string | undefined {
  if (!before.some(({ from }) => from === after.from) && after.from !== undefined)
    return `is fetched from ${after.from} now`
  const sums = before.flatMap(({ integrity }) => integrity ?? [])
  if (sums.length === 0) return undefined
  if (after.integrity === undefined) return "has no checksum any more"
  return sums.includes(after.integrity) ? undefined : "has other contents under the same version"
}

/** The host a locked package is fetched from; undefined where the lock doesn't say, or it is no web address. */
export function hostOf(from: string | undefined): string | undefined {
  return /^(?:registry\+|sparse\+)?https?:\/\/([^/]+)/.exec(from ?? "")?.[1]
}

/** Whether a lock holds what a manifest asks for. */
export function holds(lock: Lock, { name, to = "", ecosystem }: Asking): boolean {
  const found = lock.packages.filter((locked) => locked.name === name)
  // An alias, a folder, a workspace: it is locked under another name, or not at all.
  if (foreignSource(to) !== undefined || /^(workspace|catalog):/.test(to)) return true
  if (ecosystem === "go") return name.endsWith("(replaced)") || found.some(({ version }) => version === to)
  if (ecosystem !== "npm" || semver.validRange(to) === null) return found.length > 0
  return found.some(({ version }) => semver.satisfies(version, to, { includePrerelease: true }))
}

/** The lock files of a manifest: those of the nearest folder, its own or above it, that has any. */
export function locksFor(manifest: string, locks: readonly string[]): string[] {
  const own = folderOf(manifest)
  const near = locks.map(folderOf).filter((folder) => folder === "" || `${own}/`.startsWith(`${folder}/`))
  const nearest = near.sort((a, b) => b.length - a.length)[0]
  return locks.filter((lock) => folderOf(lock) === nearest)
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")))
}
