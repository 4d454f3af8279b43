import { spawn } from "node:child_process"
import { Failure } from "../core/failure.ts"
import type { Loop } from "../core/loop.ts"
import { haltOf, readHalts } from "../isolate/halts.ts"
import { entry } from "../lib/entry.ts"
import { splitLines } from "../lib/output.ts"
import { readFired, recordFired } from "../record/fired.ts"
import { noteLoop } from "../record/loops.ts"
import { type Cause, startTriggers, type Triggers } from "../trigger/start-triggers.ts"
import { loadAll } from "./due.ts"
import { openSession, type Session } from "./session.ts"

export type UpOptions = { cwd: string; signal: AbortSignal; say: (loop: string | undefined, text: string) => void }

/**
 * Fires the loops of a repository by their triggers until the signal is aborted. Each firing is a `flyball run` of its
 * own: what one run does to its process is nothing to the others, nor to the clock.
 */
export async function up({ cwd, signal, say }: UpOptions): Promise<void> {
  await using session = await openSession({ cwd, signal, progress: (text) => say(undefined, text) })
  if (!session.database.crashSafe) {
    throw new Failure(
      "DATABASE_IN_USE",
      "`up` starts a process for each run, and the database in process serves one.",
      {
        hint: "Set DATABASE_URL to a PostgreSQL 15 or newer; or let cron start `flyball run LOOP`.",
        retry: "person",
        facts: { exitCode: 3 },
      },
    )
  }
  const { loops, broken } = await loadAll(session)
  for (const file of broken) say(undefined, `left out, it can't be loaded: ${file} (see \`flyball validate\`)`)
  const fires = loops.filter((loop) => loop.trigger.some((trigger) => firedHere.has(trigger.on)))
  if (fires.length === 0) {
    throw new Failure("NOTHING_FIRES", `No loop of ${session.repo.root} has a trigger that \`up\` can fire.`, {
      hint: 'Give one a trigger: cron("0 9 * * MON-FRI"), every(30m), after(LOOP), or file("src/**").',
    })
  }
  // Who goes first under a ceiling that they share is known before the first of them runs.
  for (const loop of fires) await noteLoop(session.db, session.repo.key, loop)
  let triggers: Triggers | undefined
  triggers = await startTriggers({
    loops: fires,
    lastFired: await readFired(session.db, session.repo.key),
    signal,
    say,
    fire: async (loop, cause) => {
      if (isHalted(session, loop)) {
        // Nobody answers for a firing that is let go: the next one comes by itself.
        say(loop.name, `would fire (${causeText(cause)}), but is halted: \`flyball resume\` lifts it`)
        return
      }
      await recordFired(session.db, { repo: session.repo.key, loop: loop.name }, new Date())
      say(loop.name, `fires (${causeText(cause)})`)
      const exitCode = await runChild(loop, cause.by, { cwd: session.repo.root, signal, say })
      say(loop.name, `ended with exit code ${exitCode ?? "none"}`)
      triggers?.ended(loop.name, cause.by === "after" ? cause.chain : [])
    },
  })
  if (haltOf(readHalts(session.home), {}) !== undefined)
    say(undefined, "everything is halted: nothing fires until `flyball resume`")
  for (const { loop, at } of triggers.due()) say(loop, `due ${at.toLocaleString("sv-SE")}`)
  await triggers.done
}

function isHalted({ home, repo }: Session, loop: Loop): boolean {
  return haltOf(readHalts(home), { repo: repo.key, loop: loop.name }) !== undefined
}

const firedHere: ReadonlySet<string> = new Set(["cron", "every", "after", "file"])

function runChild(loop: Loop, trigger: string, { cwd, signal, say }: UpOptions): Promise<number | null> {
  return new Promise((resolve, fail) => {
    // A flyball of our own with our own environment: it is us, not an agent.
    const argv = [entry("flyball.js"), "run", loop.source.path, "--trigger", trigger, "--while-stdin"]
    const child = spawn(process.execPath, argv, {
      cwd,
      // Its stdin ends when we do, however we die: what fires must not outlive what says stop.
      stdio: ["pipe", "pipe", "pipe"],
      // A group of its own: Ctrl-C reaches us alone, and is passed on once; twice would be "leave at once".
      detached: true,
    })
    const park = () => child.kill("SIGINT")
    signal.addEventListener("abort", park, { once: true })
    const out = splitLines((line) => say(loop.name, line))
    const err = splitLines((line) => say(loop.name, line))
    child.stdout.on("data", (chunk: Buffer) => out.add(chunk))
    child.stderr.on("data", (chunk: Buffer) => err.add(chunk))
    child.on("error", fail)
    child.on("close", (code) => {
      signal.removeEventListener("abort", park)
      out.end()
      err.end()
      resolve(code)
    })
  })
}

function causeText(cause: Cause): string {
  switch (cause.by) {
    case "after":
      return `after ${cause.loop}`
    case "file":
      return `${cause.paths.slice(0, 3).join(", ")} changed`
    default:
      return cause.by
  }
}
