import { homedir } from "node:os"
import { join, resolve } from "node:path"

/** Where Flyball keeps its data: `FLYBALL_HOME`, else the platform's data folder of this user. */
export function flyballHome(
  env: Readonly<Record<string, string | undefined>>,
  platform: string = process.platform,
): string {
  if (env.FLYBALL_HOME) return resolve(env.FLYBALL_HOME)
  const home = env.HOME || homedir()
  if (platform === "darwin") return join(home, "Library", "Application Support", "flyball")
  return join(env.XDG_DATA_HOME || join(home, ".local", "share"), "flyball")
}
