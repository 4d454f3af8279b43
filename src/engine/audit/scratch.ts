import { randomUUID } from "node:crypto"
import { mkdir, rm, symlink, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import type { Repo } from "../../core/ports.ts"
import { git, gitScript } from "../../lib/git.ts"
import type { Changes, Files } from "./files.ts"

/** A repository of our own to make commits in, without a checkout for each. */
export type Scratch = {
  repo: Repo
  /** A commit with these changes on top of another, which no branch holds. */
  commit(changes: Changes, onto: string | undefined): Promise<string>
  /** A commit with exactly the tree of another, on top of a third. */
  graft(treeOf: string, onto: string): Promise<string>
  /** The changes between two commits as people read them. */
  diff(from: string, to: string): Promise<string>
}

/** A new repository whose checkout holds `files` as its first commit. */
export async function newScratch(folder: string, files: Files): Promise<Scratch & { first: string }> {
  const root = join(folder, "project")
  await mkdir(root, { recursive: true, mode: 0o700 })
  await git(["init", "--quiet", "--initial-branch=main"], { cwd: root })
  await writeFiles(root, files)
  const repo: Repo = { root, gitDir: join(root, ".git"), key: "audit", dataDir: join(folder, "repos", "audit") }
  await mkdir(repo.dataDir, { recursive: true, mode: 0o700 })
  const scratch = scratchOf(repo, folder)
  const first = await scratch.commit(files, undefined)
  // The checkout is what dependencies are lent from: its lock files have to be the base's.
  await git(["update-ref", "refs/heads/main", first], { cwd: root })
  await git(["read-tree", first], { cwd: root })
  return { ...scratch, first }
}

/** Commits into a repository that is there. `folder` is for what passes through. */
export function scratchOf(repo: Repo, folder: string): Scratch {
  return {
    repo,
    commit: (changes, onto) => commit(repo, folder, changes, onto),
    async graft(treeOf, onto) {
      const who = ["-c", "user.name=Flyball", "-c", "user.email=flyball@localhost"]
      const args = [...who, "--git-dir", repo.gitDir, "commit-tree", `${treeOf}^{tree}`, "-p", onto, "-m", "audit"]
      return (await git(args, { cwd: folder })).trim()
    },
    diff: (from, to) =>
      git(["--git-dir", repo.gitDir, "diff", "--no-color", "--no-ext-diff", "--no-textconv", from, to], {
        cwd: folder,
      }),
  }
}

/** Writes files below a folder, links as links. */
export async function writeFiles(folder: string, files: Files): Promise<void> {
  for (const [path, { mode, content }] of files) {
    const full = join(folder, path)
    await mkdir(dirname(full), { recursive: true })
    await rm(full, { force: true })
    if (mode === "120000") await symlink(content.toString(), full)
    else await writeFile(full, content, { mode: mode === "100755" ? 0o755 : 0o644 })
  }
}

/** One process for a commit of any size: git's own bulk format, which takes bytes as they are. */
async function commit(repo: Repo, folder: string, changes: Changes, onto: string | undefined): Promise<string> {
  const name = randomUUID()
  const parts: Buffer[] = []
  const say = (line: string) => parts.push(Buffer.from(`${line}\n`))
  say(`commit refs/audit/${name}`)
  say("mark :1")
  say("committer Flyball <flyball@localhost> 1700000000 +0000")
  say("data 5")
  say("audit")
  if (onto !== undefined) say(`from ${onto}`)
  for (const [path, file] of changes) {
    if (file === null) say(`D ${quoted(path)}`)
    else if ("blob" in file) say(`M ${file.mode} ${file.blob} ${quoted(path)}`)
    else {
      say(`M ${file.mode} inline ${quoted(path)}`)
      say(`data ${file.content.length}`)
      parts.push(file.content, Buffer.from("\n"))
    }
  }
  say("get-mark :1")
  const stream = join(folder, `commit-${name}`)
  await writeFile(stream, Buffer.concat(parts))
  try {
    const env = { GIT_DIR: repo.gitDir }
    const said = await gitScript('git fast-import --quiet <"$1"', [stream], { cwd: folder, env })
    return said.trim()
  } finally {
    await rm(stream, { force: true })
  }
}

/** As git quotes a path with anything odd in it. */
function quoted(path: string): string {
  return `"${path.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n")}"`
}
