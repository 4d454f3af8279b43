import { type ChildProcess, spawn } from "node:child_process"
import { join, resolve } from "node:path"

const bin = join(resolve("dist"), "flyball.js")

export type CliRun = {
  child: ChildProcess
  /** What it printed so far, on both streams. */
  printed(): string
  /** Resolves when something it printed, on either stream, holds the text. */
  says(text: string | RegExp): Promise<void>
  ended: Promise<{ code: number | null; stdout: string; stderr: string }>
}

/** The built command line in a folder, with an environment of its own; nobody sits at a terminal. */
export function flyball(
  cwd: string,
  args: string[],
  env: Record<string, string | undefined> = {},
  program = bin,
): CliRun {
  const { PATH, HOME, FLYBALL_HOME } = process.env
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { PATH, HOME, FLYBALL_HOME, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  let stdout = ""
  let stderr = ""
  let over = false
  const waiting = new Set<() => void>()
  const wake = () => {
    for (const look of waiting) look()
  }
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text
    wake()
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
    wake()
  })
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((done) => {
    child.on("close", (code) => {
      over = true
      wake()
      done({ code, stdout, stderr })
    })
  })
  const says = (text: string | RegExp) =>
    new Promise<void>((found, fail) => {
      const look = () => {
        const all = stdout + stderr
        const is = typeof text === "string" ? all.includes(text) : text.test(all)
        if (!is && !over) return
        waiting.delete(look)
        if (is) found()
        else fail(new Error(`it ended without saying ${text}:\n${all}`))
      }
      waiting.add(look)
      look()
    })
  return { child, printed: () => stdout + stderr, says, ended }
}
