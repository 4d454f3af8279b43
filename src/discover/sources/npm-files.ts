import { Failure } from "../../core/failure.ts"
import type { SourceContext } from "../../core/ports.ts"
import { findBase, readBaseWhole } from "../base-files.ts"

/** What npm is asked about: the manifest and lock file of the base, and the address of its registry. */
export type NpmFiles = {
  manifest: string
  lock: string | undefined
  npmrc: string | undefined
  lockPath: string | undefined
}

/** Undefined where the base's root has no package.json. */
export async function npmFiles(context: SourceContext): Promise<NpmFiles | undefined> {
  const text = async (path: string) => {
    const file = await findBase(context, path)
    return file === undefined ? undefined : await readBaseWhole(context, file)
  }
  const manifest = await text("package.json")
  if (manifest === undefined) return undefined
  const npmrc = await text(".npmrc")
  for (const lockPath of ["package-lock.json", "npm-shrinkwrap.json"]) {
    const lock = await text(lockPath)
    if (lock !== undefined) return { manifest, lock, npmrc, lockPath }
  }
  return { manifest, lock: undefined, npmrc, lockPath: undefined }
}

/** Nobody answered: that is no "nothing found". */
export function unreachable(source: string, why: string): Failure {
  return new Failure("SOURCE_UNAVAILABLE", `${source} could not look: ${why}.`, {
    hint: "It asks the registry of the base's .npmrc, else yours: run it where that can be reached.",
    retry: "later",
  })
}
