import { randomUUID } from "node:crypto"
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join, normalize, sep } from "node:path"
import type { Bind, Progress, Repo, Sandbox } from "../core/ports.ts"
import { git, gitScript, tryGit } from "../lib/git.ts"
import { gitSees, writeGitDir } from "./git-dir.ts"
import { copy, keepFirst, keptIn, touch } from "./provide.ts"
import { discard } from "./trash.ts"

/*
 * What belongs into a checkout and is in no tree: the files of submodules, and the content behind LFS pointers. Both are
 * taken from what the user's clone has, shown by binds that lie over the folder, and never part of a change.
 */

export type Lending = {
  repo: Repo
  sandbox: Sandbox
  progress: Progress
  tree: string
  /** Our git directory for the tree, with its index. */
  gitDir: string
  index: string
  /** A maker is told at once that its edits would be lost; what a check writes vanishes with it. */
  scratch: boolean
  signal: AbortSignal
}

/** More mounts than this would take longer than what they show is worth. */
const MOST_POINTERS = 1_000

/** Shows what the user's clone has of submodules and LFS files; most clones have neither, and that costs a look. */
export async function lendRest(lending: Lending): Promise<Bind[]> {
  const { repo } = lending
  const modules = existsSync(join(lending.tree, ".gitmodules")) ? await lendModules(lending) : []
  const files = existsSync(join(repo.gitDir, "lfs", "objects")) ? await lendPointers(lending) : []
  return [...modules, ...files]
}

async function lendModules(lending: Lending): Promise<Bind[]> {
  const { repo, sandbox, tree, gitDir, index, scratch, signal } = lending
  const env = gitSees(gitDir, tree, index)
  const listed = await gitScript(GITLINKS, [], { cwd: tree, env, signal })
  const binds: Bind[] = []
  for (const { path, oid } of gitlinksIn(listed)) {
    const from = submoduleFolder(repo, path)
    const kept = from === undefined ? undefined : await keepModule(lending, from, oid)
    if (kept === undefined) continue
    const to = join(tree, path)
    mkdirSync(to, { recursive: true })
    if (sandbox.kind.is === "bubblewrap") binds.push({ from: kept, to, ...(scratch ? { scratch } : {}) })
    else for (const name of readdirSync(kept)) await copy(join(kept, name), join(to, name), "content", signal)
  }
  return binds
}

const GITLINKS = `git ls-files -z --stage | tr '\\0\\n' '\\n\\0' | grep '^160000 ' | tr '\\n' '\\0' || :`

function gitlinksIn(listed: string): { path: string; oid: string }[] {
  return listed.split("\0").flatMap((entry) => {
    const [, oid, path] = /^160000 ([0-9a-f]+)[^\t]*\t(.*)$/s.exec(entry) ?? []
    return oid === undefined || path === undefined ? [] : [{ path, oid }]
  })
}

/** The git directory of a submodule in the user's clone; undefined where it was never initialised. */
export function submoduleFolder(repo: Repo, path: string): string | undefined {
  const at = join(repo.root, path, ".git")
  const found = statSync(at, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) return at
  if (found === undefined) return undefined
  const [, target] = /^gitdir: (.*)$/m.exec(readFileSync(at, "utf8")) ?? []
  if (target === undefined) return undefined
  const folder = normalize(join(target.startsWith("/") ? "/" : dirname(at), target))
  // A file in the checkout names it: it must lead into this very repository.
  return folder.startsWith(repo.gitDir + sep) && existsSync(join(folder, "HEAD")) ? folder : undefined
}

/** The files of one commit of a submodule, made once and kept; undefined where the user's clone has not got it. */
async function keepModule(
  { repo, progress, signal }: Lending,
  from: string,
  commit: string,
): Promise<string | undefined> {
  const kept = join(keptIn(repo), `submodule-${commit}`)
  if (!existsSync(kept)) {
    const there = await tryGit(["--git-dir", from, "cat-file", "-e", `${commit}^{commit}`], { cwd: from, signal })
    if (there.exitCode !== 0) {
      progress({
        verb: "isolate",
        text: `a submodule is left empty: your clone has not got its commit ${commit.slice(0, 12)}`,
      })
      return undefined
    }
    const fresh = `${kept}.${randomUUID().slice(0, 8)}`
    const gitDir = `${fresh}.git`
    mkdirSync(fresh, { recursive: true, mode: 0o700 })
    writeGitDir({ path: gitDir, repo: { ...repo, gitDir: from }, head: commit })
    const env = gitSees(gitDir, fresh, join(gitDir, "index"))
    await git(["read-tree", "--reset", "-u", commit], { cwd: fresh, env, signal, timeoutMs: 30 * 60_000 })
    void discard(repo, gitDir)
    keepFirst(repo, fresh, kept)
  }
  touch(kept)
  return kept
}

async function lendPointers({ repo, sandbox, tree, index, progress, signal }: Lending): Promise<Bind[]> {
  // One of ours without the attributes that make filters inert: no filter is run by a list of names.
  const gitDir = join(repo.dataDir, "attributes.git")
  if (!existsSync(join(gitDir, "HEAD"))) writeGitDir({ path: gitDir, repo, head: "refs/heads/none", attributes: "" })
  const env = gitSees(gitDir, tree, index)
  const listed = await git(["ls-files", "-z", "--", ":(top,attr:filter=lfs)"], { cwd: tree, env, signal })
  const found = listed.split("\0").flatMap((path): Bind[] => {
    const from = path === "" ? undefined : contentOf(repo, join(tree, path))
    return from === undefined ? [] : [{ from, to: join(tree, path) }]
  })
  if (found.length === 0) return []
  if (sandbox.kind.is === "bubblewrap" && found.length <= MOST_POINTERS) return found
  const why =
    sandbox.kind.is === "none" ? "there is no sandbox to show them in" : `there are more than ${MOST_POINTERS}`
  progress({ verb: "isolate", text: `${found.length} LFS files are left as pointers: ${why}` })
  return []
}

const POINTER = "version https://git-lfs.github.com/spec/v1\n"

/** The file behind a pointer, in the cache of the user's clone. */
function contentOf(repo: Repo, path: string): string | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false })
  if (stats?.isFile() !== true || stats.size > 1024) return undefined
  const text = readFileSync(path, "utf8")
  const [, oid = ""] = (text.startsWith(POINTER) && /^oid sha256:([0-9a-f]{64})$/m.exec(text)) || []
  if (oid === "") return undefined
  const content = join(repo.gitDir, "lfs", "objects", oid.slice(0, 2), oid.slice(2, 4), oid)
  return existsSync(content) ? content : undefined
}
