import { existsSync, readdirSync, readFileSync } from "node:fs"
import { mkdir, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { z } from "zod"
import type { Repo } from "../core/ports.ts"

const Known = z.object({ root: z.string(), gitDir: z.string() })
/** A repository of this machine as its data remember it. */
export type KnownRepository = z.infer<typeof Known> & { dataDir: string }

/** Writes down whose data these are, for whoever clears up. */
export async function rememberRepository({ root, gitDir, dataDir }: Repo): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  await writeFile(join(dataDir, "repo.json"), JSON.stringify({ root, gitDir }), { mode: 0o600 })
}

/** Every repository that this home has data of, gone ones too. */
export function knownRepositories(home: string): KnownRepository[] {
  const folder = join(home, "repos")
  if (!existsSync(folder)) return []
  return readdirSync(folder).flatMap((name): KnownRepository[] => {
    const dataDir = join(folder, name)
    try {
      return [{ ...Known.parse(JSON.parse(readFileSync(join(dataDir, "repo.json"), "utf8"))), dataDir }]
    } catch {
      return []
    }
  })
}

/** Whether it is gone for good: a disk that is not mounted takes the folder around it away too. */
export function isGone({ root, gitDir }: Pick<KnownRepository, "root" | "gitDir">): boolean {
  return !existsSync(gitDir) && existsSync(join(root, ".."))
}
