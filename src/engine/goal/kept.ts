import { existsSync, readdirSync } from "node:fs"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Repo } from "../../core/ports.ts"
import type { LoopText } from "../load.ts"

/**
 * Keeps a goal's loop beside the repository's data: it stands in no file of the checkout, and yet `run`, `halt` and what
 * `inbox` and `resume` propose name it like any other.
 */
export async function keepGoal(repo: Repo, { file, text }: LoopText): Promise<void> {
  const folder = folderOf(repo)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(join(folder, file.replace(/^.*\//, "")), text, { mode: 0o600 })
}

/** The loop of a goal that was pursued here, by its name. */
export async function keptGoal(repo: Repo, name: string): Promise<LoopText | undefined> {
  if (!keptGoals(repo).includes(name)) return undefined
  return { file: `.flyball/loops/${name}.yaml`, text: await readFile(join(folderOf(repo), `${name}.yaml`), "utf8") }
}

/** The names of the goals that were pursued here. Asks files alone: a halt needs them when nothing else answers. */
export function keptGoals(repo: Repo): string[] {
  const folder = folderOf(repo)
  if (!existsSync(folder)) return []
  return readdirSync(folder).flatMap((name) => (name.endsWith(".yaml") ? [name.slice(0, -".yaml".length)] : []))
}

function folderOf({ dataDir }: Repo): string {
  return join(dataDir, "goals")
}
