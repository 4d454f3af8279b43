import { isUtf8 } from "node:buffer"
import type { Repo } from "../core/ports.ts"
import { GitError, tryGit } from "../lib/git.ts"
import { readLoose } from "../lib/loose.ts"

/** Texts of blobs by id or by `commit:path`, read in one process at most; what is no blob, and texts past the limit, are left out. Throws GitError. */
export async function readTexts(
  repo: Repo,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const texts = new Map<string, string>()
  const wanted = [...new Set(names)].filter((name) => {
    if (/^0+$/.test(name)) return false
    const loose = readLoose(repo.gitDir, name)
    if (loose?.type !== "blob" || !isUtf8(loose.content)) return true
    texts.set(name, loose.content.toString("utf8"))
    return false
  })
  if (wanted.length === 0) return texts
  const command = ["cat-file", "--batch"]
  const ran = await tryGit(command, {
    cwd: repo.gitDir,
    env: { GIT_DIR: repo.gitDir },
    stdin: `${wanted.join("\n")}\n`,
    signal,
  })
  if (ran.exitCode !== 0) throw new GitError(command, ran)
  if (ran.droppedBytes > 0) return texts
  // `cat-file` counts bytes. A blob that is no UTF-8 would come out longer than it says: then the rest can't be placed.
  const output = Buffer.from(ran.stdout, "utf8")
  let at = 0
  for (const name of wanted) {
    const end = output.indexOf("\n", at)
    if (end === -1) return texts
    const size = / blob (\d+)$/.exec(output.subarray(at, end).toString())?.[1]
    if (size === undefined) {
      at = end + 1
      continue
    }
    const next = end + 1 + Number(size)
    if (output[next] !== 10) return texts
    texts.set(name, output.subarray(end + 1, next).toString("utf8"))
    at = next + 1
  }
  return texts
}
