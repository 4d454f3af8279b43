import { type FSWatcher, mkdirSync, watch } from "node:fs"
import { Failure } from "../core/failure.ts"
import { type Halt, haltFolders, haltOf, nameOfHalt, type Running, readHalts } from "../isolate/halts.ts"

/** Sees halts come while something runs, in the process that runs it. The watchdog sees them too, and does not need us. */
export type Halting = Disposable & {
  /** Aborted with a Failure HALTED once a halt covers what runs, at once where one stands already. */
  signalOf(running: Running): AbortSignal
  /** For what was ended by a halt that may be lifted again by now. */
  halted(running: Running): Failure
}

/** Watches the halts under FLYBALL_HOME until it is closed. */
export function watchHalts(home: string): Halting {
  const watched: { running: Running; abort: AbortController }[] = []
  const look = () => {
    const halts = readHalts(home)
    if (halts.length === 0) return
    for (const { running, abort } of watched) {
      const halt = haltOf(halts, running)
      if (halt !== undefined && !abort.signal.aborted) abort.abort(haltedBy(halt))
    }
  }
  const events: FSWatcher[] = []
  const folders = haltFolders(home)
  mkdirSync(folders.scoped, { recursive: true, mode: 0o700 })
  for (const path of [folders.home, folders.scoped]) {
    try {
      events.push(
        watch(path, { persistent: false }, look).on("error", () => {
          // the look that comes around must do
        }),
      )
    } catch {
      // likewise
    }
  }
  const timer = setInterval(look, LOOK_MS).unref()
  return {
    signalOf(running) {
      const abort = new AbortController()
      watched.push({ running, abort })
      look()
      return abort.signal
    },
    halted(running) {
      const found = watched.find((each) => each.running.change === running.change)
      const failure = haltedBy(haltOf(readHalts(home), running))
      if (found !== undefined && !found.abort.signal.aborted) found.abort.abort(failure)
      return failure
    },
    [Symbol.dispose]() {
      clearInterval(timer)
      for (const each of events) each.close()
    },
  }
}

/** Where a file system tells nothing of its files. */
const LOOK_MS = 1_000

/** Nothing new starts where a halt stands. Throws Failure HALTED. */
export function refuseHalted(home: string, running: Running): void {
  const halt = haltOf(readHalts(home), running)
  if (halt !== undefined) throw haltedBy(halt)
}

function haltedBy(halt: Halt | undefined): Failure {
  const lift =
    halt === undefined || halt.scope.is === "all"
      ? "flyball resume"
      : `flyball resume ${halt.scope.is === "loop" ? halt.scope.loop : halt.scope.is === "run" ? halt.scope.run : halt.scope.change}`
  const since = halt === undefined ? "" : ` since ${halt.at.slice(0, 16).replace("T", " ")} UTC, by ${halt.by}`
  const what = halt === undefined ? "It was halted" : `${capital(nameOfHalt(halt))} is halted${since}`
  return new Failure("HALTED", `${what}: nothing of it starts, and what ran was ended.`, {
    hint: `\`${lift}\` lifts it; what was under way then goes on as the same attempt.`,
    retry: "person",
    facts: { exitCode: 3 },
  })
}

function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`
}
