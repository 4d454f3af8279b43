import { homedir, userInfo } from "node:os"
import { isAbsolute, join, resolve } from "node:path"

/** Where Flyball keeps its data: `FLYBALL_HOME`, else the platform's data folder of this user. */
export function flyballHome(
  env: Readonly<Record<string, string | undefined>>,
  platform: string = process.platform,
): string {
  if (env.FLYBALL_HOME) return resolve(env.FLYBALL_HOME)
  const home = ownFolder(env.HOME)
  if (platform === "darwin") return join(home, "Library", "Application Support", "flyball")
  // The XDG specification: a relative path is invalid, and to be ignored.
  const data = env.XDG_DATA_HOME ?? ""
  return join(isAbsolute(data) ? data : join(home, ".local", "share"), "flyball")
}

/** A relative HOME would be another folder for each folder one stands in, and mostly inside of a checkout. */
function ownFolder(home: string | undefined): string {
  if (home !== undefined && isAbsolute(home)) return home
  const known = homedir()
  return isAbsolute(known) ? known : userInfo().homedir
}
