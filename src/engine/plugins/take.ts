import { createHash } from "node:crypto"
import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Failure } from "../../core/failure.ts"
import { inertLine, repositoryPath } from "../../core/untrusted.ts"
import { GitError, git, gitScript } from "../../lib/git.ts"
import type { PluginSource } from "./source.ts"

/** What was taken: its version, and what of it was left out. */
export type Taken = { version: string; left: string[] }

/**
 * Copies a source's files to `to`, an empty folder: plain files alone, within limits. No hook, no submodule, no filter, no
 * link. Throws Failure PLUGIN_NOT_FETCHED, PLUGIN_TOO_LARGE, PLUGIN_NOT_FOUND.
 */
export function takeSource(source: PluginSource, to: string, signal: AbortSignal): Promise<Taken> {
  return source.is === "folder" ? takeFolder(source.path, to) : takeCommit(source, to, signal)
}

async function takeCommit(
  { url, ref = "HEAD", protocols }: Extract<PluginSource, { is: "git" }>,
  to: string,
  signal: AbortSignal,
): Promise<Taken> {
  const gitDir = `${to}.git`
  const local = { cwd: dirname(to), signal, timeoutMs: LOCAL_MS }
  try {
    await git(["init", "--quiet", "--bare", "--template=", gitDir], local)
    // One pack, however many objects, so that one limit of the shell's holds for all: in blocks of 512 or 1,024 bytes.
    await gitScript(
      'ulimit -f 131072\nexec git -c fetch.unpackLimit=1 fetch --quiet --depth=1 --no-tags --no-recurse-submodules --end-of-options "$1" "$2"',
      [url, ref],
      { cwd: gitDir, env: { GIT_ALLOW_PROTOCOL: protocols }, signal, timeoutMs: FETCH_MS },
    )
    const version = (await git(["rev-parse", "FETCH_HEAD^{commit}"], { ...local, cwd: gitDir })).trim()
    const { left } = await listed(gitDir, version, signal)
    await mkdir(to, { recursive: true })
    // With no configuration but ours there is no filter that could run, and links become files, which are removed.
    await gitScript(
      'GIT_INDEX_FILE="$1.index" GIT_WORK_TREE="$1"\nexport GIT_INDEX_FILE GIT_WORK_TREE\ngit -c core.bare=false read-tree "$2"\ngit -c core.bare=false -c core.symlinks=false checkout-index --all --force',
      [to, version],
      { ...local, cwd: gitDir, env: { GIT_DIR: gitDir, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" } },
    )
    for (const path of left) await rm(join(to, path), { recursive: true, force: true })
    return { version, left: left.map((path) => inertLine(path, 200)) }
  } catch (thrown) {
    if (!(thrown instanceof GitError)) throw thrown
    signal.throwIfAborted()
    throw notFetched(url, ref, thrown)
  } finally {
    await rm(gitDir, { recursive: true, force: true })
    await rm(`${to}.index`, { force: true })
  }
}

/** What a commit holds besides plain files; throws where it holds too much. */
async function listed(gitDir: string, commit: string, signal: AbortSignal): Promise<{ left: string[] }> {
  const text = await git(["ls-tree", "-r", "-l", "-z", "--full-tree", commit], { cwd: gitDir, signal })
  const left: string[] = []
  let [count, bytes] = [0, 0]
  for (const entry of text.split("\0").filter((each) => each !== "")) {
    const tab = entry.indexOf("\t")
    const [mode = "", , , size = "0"] = entry.slice(0, tab).split(/ +/)
    const path = entry.slice(tab + 1)
    if (!mode.startsWith("100") || repositoryPath(path) === undefined) left.push(path)
    count++
    bytes += Number(size) || 0
    holdTo(count, bytes)
  }
  return { left }
}

/** A folder as it stands; its version is a digest of names and contents. */
async function takeFolder(from: string, to: string): Promise<Taken> {
  const facts = await stat(from).catch(() => undefined)
  if (facts?.isDirectory() !== true)
    throw new Failure("PLUGIN_NOT_FOUND", `There is no folder ${from}.`, {
      hint: "A git URL begins with https:// or ssh://, or is git@HOST:PATH.",
    })
  const { files, left } = await plainFiles(from)
  const digest = createHash("sha256")
  for (const { path, mode } of files) {
    const content = await readFile(join(from, path))
    digest.update(`${path}\0${mode & 0o100 ? "x" : "-"}\0${content.length}\0`).update(content)
    await mkdir(dirname(join(to, path)), { recursive: true })
    await writeFile(join(to, path), content)
    await chmod(join(to, path), mode & 0o100 ? 0o755 : 0o644)
  }
  await mkdir(to, { recursive: true })
  return { version: `sha256-${digest.digest("hex")}`, left: left.map((path) => inertLine(path, 200)) }
}

async function plainFiles(from: string): Promise<{ files: { path: string; mode: number }[]; left: string[] }> {
  const files: { path: string; mode: number }[] = []
  const left: string[] = []
  let bytes = 0
  const folders = [""]
  for (let folder = folders.shift(); folder !== undefined; folder = folders.shift()) {
    const entries = await readdir(join(from, folder), { withFileTypes: true })
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`
      if (entry.name === ".git" || entry.name === "node_modules") continue
      if (repositoryPath(path) === undefined || (!entry.isFile() && !entry.isDirectory())) left.push(path)
      else if (entry.isDirectory()) folders.push(path)
      else {
        const { mode, size } = await stat(join(from, path))
        bytes += size
        files.push({ path, mode })
      }
      holdTo(files.length + folders.length, bytes)
    }
  }
  return { files, left }
}

function holdTo(count: number, bytes: number): void {
  if (count <= MAX_FILES && bytes <= MAX_BYTES) return
  throw new Failure(
    "PLUGIN_TOO_LARGE",
    `It holds more than ${MAX_FILES} files, or more than ${MAX_BYTES / 1024 / 1024} MB: no plug-in needs that.`,
    { hint: "Give the plug-in a repository or a folder of its own." },
  )
}

function notFetched(url: string, ref: string, { ran, message }: GitError): Failure {
  const lines = ran.stderr.split("\n").filter((line) => line.trim() !== "")
  const said = lines.find((line) => /^(?:fatal|error|ssh):/.test(line)) ?? lines[0] ?? message
  const large = /File size limit exceeded|pack exceeds|index-pack failed|fetch-pack: invalid/i.test(ran.stderr)
  return new Failure(
    "PLUGIN_NOT_FETCHED",
    `${url} at ${ref} can't be had${large ? " (more than 64 MB?)" : ""}: ${inertLine(said, 300)}`,
    { hint: "Does `git ls-remote` reach it, and is there such a branch, tag or commit?", retry: "later" },
  )
}

const FETCH_MS = 120_000
const LOCAL_MS = 60_000
const MAX_FILES = 2_000
const MAX_BYTES = 32 * 1024 * 1024
