import { createReadStream, existsSync, watch } from "node:fs"
import { readFile, stat } from "node:fs/promises"
import { dirname } from "node:path"
import { Failure } from "../../core/failure.ts"
import { findLog, LogReport } from "../../engine/commands/logs.ts"
import { openSession } from "../../engine/session.ts"
import { harmless, plain, print, type Terminal } from "../terminal.ts"

/** `flyball logs [CHANGE] [-f] [--attempt N] [--prompt] [--plan]` */
export async function logs(
  terminal: Terminal,
  wanted: string | undefined,
  options: { follow?: boolean; attempt?: string; prompt?: boolean; plan?: boolean },
): Promise<number> {
  const attempt = options.attempt === undefined ? undefined : Number(options.attempt)
  if (attempt !== undefined && !(Number.isInteger(attempt) && attempt > 0)) {
    throw new Failure("WRONG_USE", `--attempt takes a number from 1, not "${options.attempt}".`)
  }
  const report = await find(wanted, attempt, options.plan === true ? "planner" : "maker")
  if (terminal.json) {
    print(terminal, report, () => "")
    return 0
  }
  const path = options.prompt ? report.prompt : report.log
  terminal.err(
    terminal.color.dim(
      `${report.change}, attempt ${report.attempt}${report.agent === undefined ? "" : `, ${report.agent}`}: ${path}`,
    ),
  )
  const { skills, plan } = report
  if (plan !== undefined) terminal.err(terminal.color.dim(`planned before: --plan shows ${plan.log}`))
  if (skills !== undefined) {
    const names = [...new Set(skills.read.map(({ skill }) => plain(skill, 80)))]
    const offered = skills.offered.map((name) => plain(name, 80)).join(", ") || "none"
    terminal.err(
      terminal.color.dim(`skills offered: ${offered}; read: ${names.join(", ") || "none, as far as its lines show"}`),
    )
  }
  const text = await readFile(path, "utf8").catch(() => undefined)
  if (text === undefined) {
    throw new Failure("NO_LOG", "The log of this attempt is gone, or was never written.", {
      hint: "Retention prunes old logs; the evidence stays: `flyball inbox show`.",
    })
  }
  const raw = (piece: string) => void process.stdout.write(printable(piece))
  raw(text === "" || text.endsWith("\n") ? text : options.follow ? text : `${text}\n`)
  if (text === "" && !options.follow) terminal.err(terminal.color.dim("It said nothing."))
  if (options.follow && !options.prompt && !report.ended) await follow(raw, path, Buffer.byteLength(text))
  return 0
}

async function find(
  wanted: string | undefined,
  attempt: number | undefined,
  of: "maker" | "planner",
): Promise<LogReport> {
  await using session = await openSession({ cwd: process.cwd(), signal: AbortSignal.timeout(60_000) })
  return LogReport.parse(await findLog(session, wanted, attempt, of))
}

/** Prints what is appended, until the session's summary is written beside the log, or until interrupted. */
function follow(print: (piece: string) => void, path: string, from: number): Promise<void> {
  let at = from
  let reading = Promise.resolve()
  const summary = path.replace(/\.log$/, ".session.json")
  const more = async () => {
    const { size } = await stat(path)
    if (size <= at) return
    for await (const chunk of createReadStream(path, { start: at, end: size - 1, encoding: "utf8" }))
      print(String(chunk))
    at = size
  }
  return new Promise((resolve, fail) => {
    const end = () => {
      watcher.close()
      process.removeListener("SIGINT", end)
      resolve()
    }
    const look = () => {
      reading = reading
        .then(more)
        .then(() => {
          if (existsSync(summary)) end()
        })
        .catch(fail)
    }
    const watcher = watch(dirname(path), look)
    process.once("SIGINT", end)
    // What was written between the first reading and now.
    look()
  })
}

/** What an agent printed, without what could steer a terminal. */
function printable(text: string): string {
  return harmless(text).replace(/[^\P{Cc}\n\t]|\p{Cf}/gu, "")
}
