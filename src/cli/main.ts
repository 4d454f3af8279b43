import { CommanderError } from "commander"
import { asFailure, Failure } from "../core/failure.ts"
import { exitCodes } from "./exit-codes.ts"
import { buildProgram } from "./program.ts"
import { json, openTerminal, type Terminal } from "./terminal.ts"

/** Runs one command line and returns its exit code. Nothing is thrown past it. */
export async function main(args: readonly string[]): Promise<number> {
  const terminal = openTerminal(args.includes("--json"))
  const state = { exitCode: exitCodes.done as number, lost: false }
  // A pipe that closes early (`flyball status | head`) is no error of ours, and no reason to leave work or to forget the
  // exit code: `flyball gate main | grep -q x` must not make a refusal a 0. Only what would print for ever ends with it.
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE" && args[0] === "logs") process.exit(0)
      // What was to be read is not there: whoever reads the file must not take that for the whole.
      if (error.code === "EPIPE" || error.code === "EIO" || stream !== process.stdout || state.lost) return
      state.lost = true
      terminal.err(`OUTPUT_LOST What was printed could not be written: ${error.code ?? error.message}.`)
      // It may be noticed only after the command has ended.
      process.exitCode ||= exitCodes.wrongUse
    })
  const program = buildProgram(terminal, state, { all: args.includes("--all") })
  try {
    await program.parseAsync([...args], { from: "user" })
    return state.lost ? state.exitCode || exitCodes.wrongUse : state.exitCode
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return exitCodes.done
    const failure = thrown instanceof CommanderError ? wrongUse(thrown, args) : asFailure(await ofTheDisk(thrown))
    if (terminal.json) {
      const { code, message, hint, facts } = failure
      terminal.out(json({ error: { code, message, ...(hint === undefined ? {} : { hint }), ...facts } }))
    } else {
      await showDiagnostics(terminal, failure)
      terminal.err(`${terminal.color.red(terminal.color.bold(failure.code))} ${failure.message}`)
      if (failure.hint !== undefined) terminal.err(`${terminal.color.dim("→")} ${failure.hint}`)
      if (failure.code === "INTERNAL" && failure.cause instanceof Error && process.env.FLYBALL_DEBUG)
        terminal.err(failure.cause.stack ?? "")
    }
    return typeof failure.facts.exitCode === "number"
      ? failure.facts.exitCode
      : failure.code === "INTERNAL"
        ? exitCodes.stopped
        : exitCodes.wrongUse
  }
}

/** Loaded when something failed: a command that works has no use for it. */
async function ofTheDisk(thrown: unknown): Promise<unknown> {
  return (await import("../engine/disk-failure.ts")).ofTheDisk(thrown)
}

/** What commander found wrong with the command line, as every other error reads. */
function wrongUse(error: CommanderError, args: readonly string[]): Failure {
  const message = error.message.replace(/^error: /, "").replace(/\n+/g, " ")
  const command = args.find((each) => !each.startsWith("-"))
  return new Failure(
    "WRONG_USE",
    `${message.charAt(0).toUpperCase()}${message.slice(1).replace(/[.?)]?$/, (end) => end || ".")}`,
    {
      hint: `\`flyball ${command === undefined ? "" : `${command} `}--help\` shows how it is used.`,
    },
  )
}

/** A loop that can't be run is shown with every problem in its place. */
async function showDiagnostics({ err, color }: Terminal, { facts }: Failure): Promise<void> {
  if (facts.diagnostics === undefined) return
  const [{ Diagnostic, renderDiagnostics }, { z }] = await Promise.all([import("../spec/diagnostic.ts"), import("zod")])
  const diagnostics = z.array(Diagnostic).safeParse(facts.diagnostics)
  if (diagnostics.success) err(renderDiagnostics(diagnostics.data, { color: color.isColorSupported }))
}
