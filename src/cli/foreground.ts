import type { Progress } from "../core/ports.ts"
import { exitCodes } from "./exit-codes.ts"
import { plain, type Terminal } from "./terminal.ts"

/**
 * Runs something that people watch: live progress on stderr, and the first SIGINT or SIGTERM parks what runs; a second
 * one ends the process at once. With `whileStdin` the end of stdin parks it too: the parent that holds it is gone.
 */
export async function runInForeground(
  terminal: Terminal,
  act: (signal: AbortSignal, progress: Progress) => Promise<number>,
  { whileStdin = false }: { whileStdin?: boolean } = {},
): Promise<number> {
  const abort = new AbortController()
  const interrupt = () => {
    if (abort.signal.aborted) process.exit(exitCodes.interrupted)
    terminal.err(terminal.color.yellow("Stopping: what runs is parked. Once more to leave at once."))
    abort.abort(new Error("interrupted"))
  }
  process.on("SIGINT", interrupt)
  process.on("SIGTERM", interrupt)
  process.on("SIGHUP", interrupt)
  const alone = () => {
    if (!abort.signal.aborted) interrupt()
  }
  if (whileStdin) followStdin(alone)
  try {
    return await act(abort.signal, progressOf(terminal))
  } catch (thrown) {
    if (!abort.signal.aborted) throw thrown
    return exitCodes.interrupted
  } finally {
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.removeListener(name, interrupt)
    if (whileStdin) process.stdin.removeListener("close", alone)
  }
}

/** Calls when the parent that holds our stdin is gone; what we print then has no reader, which is no reason to fall. */
function followStdin(gone: () => void): void {
  for (const stream of [process.stdin, process.stdout, process.stderr]) stream.on("error", () => {})
  process.stdin.once("close", gone).resume().unref()
}

function progressOf({ color, err, json }: Terminal): Progress {
  const verbColors = {
    trigger: color.gray,
    discover: color.blue,
    isolate: color.gray,
    make: color.magenta,
    verify: color.yellow,
    ship: color.green,
    record: color.gray,
  }
  return ({ verb, change, text }) => {
    if (json) return
    const who = change === undefined ? "" : `${color.cyan(change)}  `
    err(`${verbColors[verb](verb.padEnd(8))} ${who}${plain(text, 400)}`)
  }
}
