import { accessSync, constants, existsSync, statfsSync, statSync } from "node:fs"
import { homedir, userInfo } from "node:os"
import { dirname, isAbsolute, join, resolve } from "node:path"
import { Failure } from "../core/failure.ts"
import { makeFolder } from "../lib/make-folder.ts"
import { ofTheDisk } from "./disk-failure.ts"
import { codeOf } from "./postgres/errors.ts"

/** Where Flyball keeps its data: `FLYBALL_HOME`, else the platform's data folder of this user. */
export function flyballHome(
  env: Readonly<Record<string, string | undefined>>,
  platform: string = process.platform,
): string {
  if (env.FLYBALL_HOME) return kept(resolve(env.FLYBALL_HOME))
  const home = ownFolder(env.HOME)
  if (platform === "darwin") return join(home, "Library", "Application Support", "flyball")
  // The XDG specification: a relative path is invalid, and to be ignored.
  const data = env.XDG_DATA_HOME ?? ""
  return join(isAbsolute(data) ? data : join(home, ".local", "share"), "flyball")
}

/** Makes the folder where it is missing. That it can't be written to is said in one way, whatever wanted to write first. */
export function openHome(home: string): void {
  try {
    makeFolder(home)
    accessSync(home, constants.W_OK)
  } catch (thrown) {
    const known = ofTheDisk(thrown)
    if (known instanceof Failure) throw known
    throw notKept(home, `${codeOf(thrown) ?? thrown}`)
  }
}

/** Folders of `/proc` and the like can't be made, and programs that try may do so for ever. */
function kept(home: string): string {
  let there = home
  while (!existsSync(there) && dirname(there) !== there) there = dirname(there)
  if (!statSync(there).isDirectory()) throw notKept(home, `${there} is no folder`)
  if (isKernels(there)) throw notKept(home, "it lies in a file system of the kernel's")
  return home
}

function isKernels(path: string): boolean {
  try {
    return process.platform === "linux" && KERNELS.has(statfsSync(path).type)
  } catch {
    return false
  }
}

/** proc, sysfs, cgroup, cgroup2. */
const KERNELS: ReadonlySet<number> = new Set([0x9fa0, 0x62656572, 0x27e0eb, 0x63677270])

function notKept(home: string, why: string): Failure {
  return new Failure("HOME_NOT_WRITABLE", `Nothing can be kept in ${home}: ${why}.`, {
    hint: "Set FLYBALL_HOME to a folder that you can write.",
    retry: "person",
    facts: { exitCode: 3 },
  })
}

/** A relative HOME would be another folder for each folder one stands in, and mostly inside of a checkout. */
function ownFolder(home: string | undefined): string {
  if (home !== undefined && isAbsolute(home)) return home
  const known = homedir()
  return isAbsolute(known) ? known : userInfo().homedir
}
