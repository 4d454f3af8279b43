import { chmod, copyFile, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { z } from "zod"
import type { AgentTask } from "../core/ports.ts"
import { inert } from "../core/untrusted.ts"
import { liveness, ownIdentity, pidExists } from "../lib/alive.ts"
import type { AdapterContext } from "./adapter.ts"

/** A session's own folders, gone with it: HOME and TMPDIR, which it may write, and its input, which it may read. */
export type PrivateFolder = AsyncDisposable & {
  home: string
  tmp: string
  files: AdapterContext["files"]
  /** Writes files into HOME, readable by their owner alone; with a mode of 0400 not to be changed either. */
  write(files: Record<string, string>, mode?: number): Promise<void>
}

/** Makes the folders under `root`, and puts the parts of the task where the agent can read them. */
export async function openPrivateFolder(root: string, task: AgentTask): Promise<PrivateFolder> {
  await mkdir(root, { recursive: true, mode: 0o700 })
  const path = await mkdtemp(join(await realpath(root), `agent-${process.pid}-`))
  await put(join(path, "owner.json"), JSON.stringify(await ownIdentity()))
  const [home, tmp, input] = [join(path, "home"), join(path, "tmp"), join(path, "input")]
  await Promise.all([home, tmp, input].map((folder) => mkdir(folder, { mode: 0o700 })))
  const files: AdapterContext["files"] = {
    finding: join(input, "finding.json"),
    prompt: join(input, "prompt.md"),
    ...(task.feedback === undefined ? {} : { feedback: join(input, "feedback.md") }),
    ...(task.diffFile === undefined ? {} : { diff: join(input, "change.diff") }),
    ...(task.evidenceFile === undefined ? {} : { evidence: join(input, "evidence.json") }),
  }
  await put(files.finding, JSON.stringify(task.finding, null, 2))
  await put(files.prompt, task.prompt)
  if (files.feedback !== undefined) await put(files.feedback, inert(task.feedback ?? "", FEEDBACK_CHARS))
  // Copies: the sandbox shows the agent this folder, not the one where artefacts are kept.
  if (files.diff !== undefined) await copyFile(task.diffFile ?? "", files.diff)
  if (files.evidence !== undefined) await copyFile(task.evidenceFile ?? "", files.evidence)
  return {
    home,
    tmp,
    files,
    async write(named, mode) {
      for (const [name, text] of Object.entries(named)) {
        await mkdir(dirname(join(home, name)), { recursive: true, mode: 0o700 })
        await put(join(home, name), text, mode)
      }
    },
    [Symbol.asyncDispose]: () => removeTree(path),
  }
}

/**
 * Removes the folders of sessions whose process is gone: nothing but a kill leaves one. Where that can't be known
 * (another machine, container or boot) they go after two days, which no session lasts. Returns their paths.
 */
export async function sweepPrivateFolders(root: string): Promise<string[]> {
  const names = await readdir(root).catch((): string[] => [])
  const swept: string[] = []
  for (const path of names.filter((name) => name.startsWith("agent-")).map((name) => join(root, name))) {
    if (!(await isAbandoned(path))) continue
    await removeTree(path)
    swept.push(path)
  }
  return swept
}

async function isAbandoned(path: string): Promise<boolean> {
  const ageMs = Date.now() - (await lstat(path)).mtimeMs
  const owner = Owner.safeParse(await ownerOf(path))
  // Killed between making the folder and saying whose it is, which takes a moment.
  if (!owner.success && ageMs > unsignedMs && !pidExists(Number(/agent-(\d+)-/.exec(path)?.[1]))) return true
  const state = owner.success ? await liveness(owner.data) : "unknown"
  return state === "dead" || (state === "unknown" && ageMs > abandonedMs)
}

async function ownerOf(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(join(path, "owner.json"), "utf8"))
  } catch {
    // Being made just now, or cut off by the kill.
    return undefined
  }
}

const Owner = z.object({ host: z.string(), pid: z.number().int(), started: z.string() })
const FEEDBACK_CHARS = 64_000
const unsignedMs = 1_000
const abandonedMs = 2 * 24 * 60 * 60 * 1000

function put(path: string, text: string, mode = 0o600): Promise<void> {
  return writeFile(path, text, { mode })
}

/** Removes a folder even where a tool left read-only ones in it, as Go's module cache does. */
async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch {
    await unlock(path)
    await rm(path, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** What is gone by the time we come to it, the first try took after all. */
async function unlock(folder: string): Promise<void> {
  const found = await lstat(folder).catch(() => undefined)
  if (found?.isDirectory() !== true) return
  await chmod(folder, 0o700)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) await unlock(join(folder, entry.name))
  }
}
