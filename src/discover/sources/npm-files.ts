import { posix } from "node:path"
import { Failure } from "../../core/failure.ts"
import type { SourceContext } from "../../core/ports.ts"
import { findBase, readBaseWhole } from "../base-files.ts"

/** What npm is asked about: the manifest and lock file of the base, and the address of its registry. */
export type NpmFiles = {
  manifest: string
  lock: string | undefined
  npmrc: string | undefined
  lockPath: string | undefined
  manifestPath: string
  /** Where the lock file lies above the folder that the loop works in: the folder from there, and the manifest beside the lock. */
  sharesLock?: { path: string; root: string }
}

/** Undefined where the base's root, or the folder that the loop works in, has no package.json. */
export async function npmFiles(context: SourceContext): Promise<NpmFiles | undefined> {
  const text = async (path: string) => {
    const file = await findBase(context, path)
    return file === undefined ? undefined : await readBaseWhole(context, file)
  }
  const own = context.loop.path ?? ""
  const manifestPath = posix.join(own, "package.json")
  const manifest = await text(manifestPath)
  if (manifest === undefined) return undefined
  const npmrc = (await text(posix.join(own, ".npmrc"))) ?? (own === "" ? undefined : await text(".npmrc"))
  for (const folder of upwards(own)) {
    for (const name of ["package-lock.json", "npm-shrinkwrap.json"]) {
      const lockPath = posix.join(folder, name)
      const lock = await text(lockPath)
      if (lock === undefined) continue
      const root = folder === own ? undefined : await text(posix.join(folder, "package.json"))
      const shares = root === undefined ? {} : { sharesLock: { path: posix.relative(folder, own), root } }
      return { manifest, manifestPath, lock, npmrc, lockPath, ...shares }
    }
  }
  return { manifest, manifestPath, lock: undefined, npmrc, lockPath: undefined }
}

/** The folder and those above it; the root is the empty text. */
function upwards(folder: string): string[] {
  const parts = folder.split("/").filter((part) => part !== "")
  return [...parts.keys(), parts.length].map((index) => parts.slice(0, parts.length - index).join("/"))
}

/** Nobody answered: that is no "nothing found". */
export function unreachable(source: string, why: string): Failure {
  return new Failure("SOURCE_UNAVAILABLE", `${source} could not look: ${why}.`, {
    hint: "It asks the registry of the base's .npmrc, else yours: run it where that can be reached.",
    retry: "later",
  })
}

/** Where the manifest was looked for, in words. */
export function whereOf({ loop }: Pick<SourceContext, "loop">): string {
  return loop.path === undefined ? "the base's root" : `${loop.path} on the base`
}
