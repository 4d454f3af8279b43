import { type FSWatcher, readFileSync, watch } from "node:fs"
import { link, mkdir, readFile, rename, unlink, writeFile } from "node:fs/promises"
import { basename, join } from "node:path"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"

const Owner = z.object({ pid: z.number().int().positive(), started: z.string(), nonce: z.string() })
type Owner = z.infer<typeof Owner>

/** Holds the lock `name` while `work` runs. Waits for a living owner, takes over from a dead one. */
export async function withLock<T>(
  folder: string,
  name: string,
  waitMs: number,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, `${name}.lock`)
  const owner: Owner = { pid: process.pid, started: startOf(process.pid), nonce: crypto.randomUUID() }
  await acquire(path, owner, waitMs, signal)
  try {
    return await work()
  } finally {
    const holder = await ownerOf(path)
    if (holder?.nonce === owner.nonce) await unlink(path).catch(() => {})
  }
}

async function acquire(path: string, owner: Owner, waitMs: number, signal: AbortSignal): Promise<void> {
  const until = performance.now() + waitMs
  for (;;) {
    signal.throwIfAborted()
    // The watch stands before the look, so that no release is missed.
    using released = new Released(path)
    if (await take(path, owner)) return
    const holder = await ownerOf(path)
    if (holder !== undefined && !isAlive(holder)) {
      await removeStale(path, holder)
      continue
    }
    const left = until - performance.now()
    if (left <= 0) {
      throw new Failure("STATE_FILE_BUSY", `Another process (${holder?.pid ?? "unknown"}) is writing the state file.`, {
        hint: "Try again when it is done.",
        retry: "later",
      })
    }
    await released.wait(left, signal)
  }
}

/** Creates the lock with its content in one step, so that no one ever reads half an owner. */
async function take(path: string, owner: Owner): Promise<boolean> {
  const draft = `${path}.${owner.nonce}`
  await writeFile(draft, JSON.stringify(owner), { mode: 0o600 })
  try {
    await link(draft, path)
    return true
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false
    throw error
  } finally {
    await unlink(draft).catch(() => {})
  }
}

/** Moves a dead owner's lock away; if it was another's by then, it is put back. */
async function removeStale(path: string, dead: Owner): Promise<void> {
  const aside = `${path}.${crypto.randomUUID()}`
  try {
    await rename(path, aside)
  } catch {
    return
  }
  const moved = await ownerOf(aside)
  if (moved?.nonce !== dead.nonce) await link(aside, path).catch(() => {})
  await unlink(aside).catch(() => {})
}

async function ownerOf(path: string): Promise<Owner | undefined> {
  try {
    return Owner.parse(JSON.parse(await readFile(path, "utf8")))
  } catch {
    return undefined
  }
}

function isAlive({ pid, started }: Owner): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EPERM")) return false
  }
  // The number may have been given to another process since.
  return startOf(pid) === started
}

/** When a process started, where the system says it (Linux); elsewhere its number alone has to do. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8")
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? ""
  } catch {
    return ""
  }
}

/** Tells when something happened to a file. */
class Released implements Disposable {
  readonly #watcher: FSWatcher
  #happened = false
  #wake: () => void = () => {}

  constructor(path: string) {
    this.#watcher = watch(join(path, ".."), (_event, file) => {
      if (file !== null && file !== basename(path)) return
      this.#happened = true
      this.#wake()
    })
    this.#watcher.on("error", () => this.#wake())
  }

  async wait(mostMs: number, signal: AbortSignal): Promise<void> {
    if (this.#happened) return
    const { promise, resolve } = withResolvers()
    this.#wake = resolve
    const timer = setTimeout(resolve, mostMs)
    signal.addEventListener("abort", resolve, { once: true })
    await promise
    clearTimeout(timer)
    signal.removeEventListener("abort", resolve)
  }

  [Symbol.dispose](): void {
    this.#watcher.close()
  }
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
