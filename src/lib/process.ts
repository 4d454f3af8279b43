import { type ChildProcess, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { once, setMaxListeners } from "node:events"
import { createWriteStream, statSync, type WriteStream } from "node:fs"
import { setTimeout as delay } from "node:timers/promises"
import { type Kept, keepBytes, splitLines } from "./output.ts"
import { killTree, TREE_MARKER } from "./process-tree.ts"
import type { OverLimit } from "./tree-watch.ts"

export type RunOptions = {
  cwd: string
  /** The whole environment: nothing is inherited. */
  env: Record<string, string>
  stdin?: string
  timeoutMs?: number
  /** Killed when it prints nothing for this long. */
  silenceMs?: number
  /** Output kept in memory per stream, and in `logFile` for both; more is dropped and counted. */
  limitBytes?: number
  /** Both streams, as they come. */
  logFile?: string
  /** Opened for each stream: what it hands on takes the place of what was printed, for lines, log and result alike. */
  veil?: () => { pass(chunk: Buffer): Buffer; rest(): Buffer }
  onLine?: (line: string) => void
  signal?: AbortSignal
  onSpawn?: (pid: number) => void
  /** Watches what its whole tree takes of the machine, and says when that is too much. */
  within?: ((pid: number, marker: string, over: (limit: OverLimit) => void) => Disposable) | undefined
  /** Tells from how it ended that what was to be run never began, for want of a sandbox. */
  unready?: ((ran: Pick<Ran, "exitCode" | "stdout" | "stderr">) => boolean) | undefined
}

export type Ran = {
  exitCode: number | null
  signal: string | null
  /** `missing`: the program could not be started at all; `stderr` says why. `over`: of what it took of the machine. `unready`: its sandbox failed. */
  ended: "exit" | "timeout" | "silence" | "aborted" | "missing" | "over" | "unready"
  over?: OverLimit
  stdout: string
  stderr: string
  /** Bytes that were over the limit and are lost. */
  droppedBytes: number
  ms: number
}

/** A pipe that something escaped still holds after the program is gone: waited for so long, then closed from our side. */
const LINGER_MS = 200
/** The kernel may be out of processes for a moment; nothing tells when it no longer is. */
const SPAWN_RETRIES_MS = [20, 100, 400]
const DEFAULT_LIMIT_BYTES = 10 * 1024 * 1024

/**
 * Runs one program in a process group of its own, and kills its whole tree when a limit is reached. A failure of the
 * program is told in what it returns; it throws nothing but what `onLine` or `onSpawn` threw.
 */
export async function run(argv: readonly string[], options: RunOptions): Promise<Ran> {
  const started = performance.now()
  const never = (ended: "aborted" | "missing", stderr: string): Ran => ({
    exitCode: null,
    signal: null,
    ended,
    stdout: "",
    stderr,
    droppedBytes: 0,
    ms: performance.now() - started,
  })
  for (const [tried, waitMs] of [...SPAWN_RETRIES_MS, 0].entries()) {
    if (options.signal?.aborted) return never("aborted", "")
    const outcome = await start(argv, options)
    if (outcome.is === "running") return await follow(outcome.child, outcome.marker, options, started)
    const mayPass =
      outcome.error.code === "EAGAIN" || outcome.error.code === "EMFILE" || outcome.error.code === "ENFILE"
    if (!mayPass || tried === SPAWN_RETRIES_MS.length)
      return never("missing", whyMissing(argv, options.cwd, outcome.error))
    await delay(waitMs)
  }
  return never("missing", "")
}

type Started =
  | { is: "running"; child: ChildProcess & { pid: number }; marker: string }
  | { is: "failed"; error: NodeJS.ErrnoException }

function start(argv: readonly string[], { cwd, env, stdin = "" }: RunOptions): Promise<Started> {
  const [file = "", ...args] = argv
  // Every descendant inherits the marker, so that those who leave the group can still be found.
  const marker = randomUUID()
  return new Promise((resolve) => {
    try {
      const child = spawn(file, args, {
        cwd,
        env: { ...env, [TREE_MARKER]: marker },
        detached: true,
        stdio: [stdin === "" ? "ignore" : "pipe", "pipe", "pipe"],
      })
      const { pid } = child
      if (pid === undefined) child.once("error", (error) => resolve({ is: "failed", error }))
      else resolve({ is: "running", child: Object.assign(child, { pid }), marker })
    } catch (error) {
      // Thrown rather than emitted: a NUL byte or an empty name, a list of arguments too long.
      resolve({ is: "failed", error: error instanceof Error ? error : new Error(String(error)) })
    }
  })
}

/** Attaches to a child in the tick it was made, so that nothing it prints is missed. */
function follow(
  child: ChildProcess & { pid: number },
  marker: string,
  options: RunOptions,
  started: number,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    let ended: Ran["ended"] = "exit"
    let settled = false
    const kill = (why: Ran["ended"]) => {
      if (ended !== "exit" || settled) return
      ended = why
      killTree(child.pid, marker)
    }
    const { timeoutMs, silenceMs, signal } = options
    const timeout = timeoutMs === undefined ? undefined : setTimeout(() => kill("timeout"), timeoutMs)
    const silence = silenceMs === undefined ? undefined : setTimeout(() => kill("silence"), silenceMs)
    let linger: NodeJS.Timeout | undefined
    const abort = () => kill("aborted")
    let over: OverLimit | undefined
    const watched = options.within?.(child.pid, marker, (limit) => {
      over = limit
      kill("over")
    })
    const output = collect(options, { heard: () => silence?.refresh(), failed: abort })

    const settle = async (exitCode: number | null, exitSignal: string | null) => {
      if (settled) return
      settled = true
      for (const timer of [timeout, silence, linger]) clearTimeout(timer)
      watched?.[Symbol.dispose]()
      signal?.removeEventListener("abort", abort)
      const { thrown, ...said } = await output.end()
      if (thrown !== undefined) return reject(thrown.error)
      const reached = ended === "over" && over !== undefined ? { over } : {}
      if (ended === "exit" && options.unready?.({ exitCode, ...said }) === true) ended = "unready"
      resolve({ exitCode, signal: exitSignal, ended, ...reached, ...said, ms: performance.now() - started })
    }
    child.stdout?.on("data", output.stdout)
    child.stderr?.on("data", output.stderr)
    // It may exit, or close its stdin, before it has read all.
    child.stdin?.on("error", () => {})
    child.stdin?.end(options.stdin)
    child.on("error", () => {})
    child.on("exit", (code, exitSignal) => {
      // A grandchild that outlives its parent would hold the pipes open: the group goes when its leader does.
      killGroup(child.pid)
      const giveUp = () => {
        child.stdout?.destroy()
        child.stderr?.destroy()
        void settle(code, exitSignal)
      }
      linger = setTimeout(() => {
        killTree(child.pid, marker)
        linger = setTimeout(giveUp, LINGER_MS)
      }, LINGER_MS)
    })
    child.on("close", settle)
    // One signal ends any number of processes; Node would warn of a leak at eleven.
    if (signal !== undefined) setMaxListeners(0, signal)
    signal?.addEventListener("abort", abort, { once: true })
    if (signal?.aborted) abort()
    output.guarded(() => options.onSpawn?.(child.pid))
  })
}

type Said = Pick<Ran, "stdout" | "stderr" | "droppedBytes"> & { thrown: { error: unknown } | undefined }

/** Keeps, logs and splits what a program prints; what a callback throws is kept too, and told by `failed`. */
function collect(options: RunOptions, { heard, failed }: { heard: () => void; failed: () => void }) {
  const { limitBytes = DEFAULT_LIMIT_BYTES, logFile, onLine } = options
  let log: WriteStream | undefined
  /** Opened by the first words: of a thousand agents at once most are silent. */
  const logged = () => {
    if (logFile === undefined) return undefined
    log ??= createWriteStream(logFile, { flags: "a" }).on("error", () => {})
    return log
  }
  const kept = { stdout: keepBytes(limitBytes), stderr: keepBytes(limitBytes) }
  let loggedBytes = 0
  let thrown: { error: unknown } | undefined
  const guarded = (callback: () => void) => {
    if (thrown !== undefined) return
    try {
      callback()
    } catch (error) {
      thrown = { error }
      failed()
    }
  }
  const lines = splitLines((line) => guarded(() => onLine?.(line)))
  const veils =
    options.veil === undefined ? [] : [[kept.stdout, options.veil()] as const, [kept.stderr, options.veil()] as const]
  const take = (stream: Kept) => {
    const veil = veils.find(([of]) => of === stream)?.[1]
    return (printed: Buffer) => {
      heard()
      const chunk = veil?.pass(printed) ?? printed
      if (chunk.length > 0) keep(stream, chunk)
    }
  }
  const keep = (stream: Kept, chunk: Buffer) => {
    stream.add(chunk)
    if (loggedBytes < limitBytes) logged()?.write(chunk.subarray(0, limitBytes - loggedBytes))
    loggedBytes += chunk.length
    if (stream === kept.stdout && onLine !== undefined) lines.add(chunk)
  }
  const end = async (): Promise<Said> => {
    for (const [stream, veil] of veils) keep(stream, veil.rest())
    if (onLine !== undefined) lines.end()
    if (log !== undefined && !log.destroyed) {
      log.end()
      await once(log, "close").catch(() => {})
    }
    const droppedBytes = kept.stdout.droppedBytes() + kept.stderr.droppedBytes()
    return { stdout: kept.stdout.text(), stderr: kept.stderr.text(), droppedBytes, thrown }
  }
  return { stdout: take(kept.stdout), stderr: take(kept.stderr), guarded, end }
}

function whyMissing(argv: readonly string[], cwd: string, error: NodeJS.ErrnoException): string {
  // The kernel says ENOENT for a missing folder as well as for a missing program.
  if (statSync(cwd, { throwIfNoEntry: false })?.isDirectory() !== true) return `The folder ${cwd} does not exist.`
  if (error.code === "ENOENT") return `${argv[0]}: no such program.`
  // A folder of PATH that may not be searched makes the kernel say EACCES for what is nowhere.
  if (error.code === "EACCES")
    return argv[0]?.includes("/") ? `${argv[0]}: not executable.` : `${argv[0]}: no such program that may be run.`
  return error.message
}

/** SIGKILLs a process group; one that is gone is no error. */
export function killGroup(pid: number | undefined): void {
  if (pid === undefined || pid <= 1) return
  try {
    process.kill(-pid, "SIGKILL")
  } catch {
    // already gone
  }
}
