import type { Repo } from "../core/ports.ts"
import { tryGit } from "../lib/git.ts"

/** Texts of blobs by id, read in one process; ids that are no blob, and texts past the limit, are left out. */
export async function readTexts(repo: Repo, ids: readonly string[], signal: AbortSignal): Promise<Map<string, string>> {
  const wanted = [...new Set(ids)].filter((id) => !/^0+$/.test(id))
  const texts = new Map<string, string>()
  if (wanted.length === 0) return texts
  const ran = await tryGit(["cat-file", "--batch"], {
    cwd: repo.gitDir,
    env: { GIT_DIR: repo.gitDir },
    stdin: `${wanted.join("\n")}\n`,
    signal,
  })
  if (ran.exitCode !== 0 || ran.droppedBytes > 0) return texts
  // `cat-file` counts bytes. A blob that is no UTF-8 would come out longer than it says: then the rest can't be placed.
  const output = Buffer.from(ran.stdout, "utf8")
  let at = 0
  for (const id of wanted) {
    const end = output.indexOf("\n", at)
    if (end === -1) return texts
    const size = / blob (\d+)$/.exec(output.subarray(at, end).toString())?.[1]
    if (size === undefined) {
      at = end + 1
      continue
    }
    const next = end + 1 + Number(size)
    if (output[next] !== 10) return texts
    texts.set(id, output.subarray(end + 1, next).toString("utf8"))
    at = next + 1
  }
  return texts
}
