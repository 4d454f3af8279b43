import { constants } from "node:fs"
import { access, realpath, stat } from "node:fs/promises"
import { delimiter, dirname, isAbsolute, join, resolve } from "node:path"
import { homes } from "../lib/environment.ts"

/** Where a program is, as `execvp` would find it: on `path`, or by its own path from `cwd`. Undefined: nowhere. */
export async function findProgram(name: string, path: string, cwd: string): Promise<string | undefined> {
  const candidates = name.includes("/")
    ? [resolve(cwd, name)]
    : path
        .split(delimiter)
        .filter(isAbsolute)
        .map((folder) => join(folder, name))
  for (const candidate of candidates) {
    const runs = await access(candidate, constants.X_OK)
      .then(() => stat(candidate))
      .then(
        (facts) => facts.isFile(),
        () => false,
      )
    if (runs) return candidate
  }
  return undefined
}

/**
 * What must be readable for a program to start, where a link on PATH points elsewhere: its package's outermost
 * node_modules, or its folder; never the user's home, the root, or a folder of `cwd`, which has its own rule.
 */
export async function packageOf(program: string, cwd: string): Promise<string[]> {
  const real = await realpath(program).catch(() => program)
  if (real.startsWith(`${cwd}/`)) return []
  const inPackages = real.indexOf("/node_modules/")
  const folder = inPackages === -1 ? dirname(real) : real.slice(0, inPackages + "/node_modules".length)
  return folder === "/" || homes().includes(folder) ? [real] : [folder]
}
