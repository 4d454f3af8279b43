import { readdir, rm, stat } from "node:fs/promises"
import { join } from "node:path"

/** Removes the oldest files of a folder, by when they were written, until at most so many are left. */
export async function keepNewest(folder: string, most: number): Promise<void> {
  const names = await readdir(folder)
  if (names.length <= most) return
  const aged = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? 0 })),
  )
  const old = aged.sort((a, b) => a.at - b.at).slice(0, names.length - most)
  await Promise.all(old.map(({ name }) => rm(join(folder, name), { force: true })))
}
