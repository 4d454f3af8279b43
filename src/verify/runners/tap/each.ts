import { join } from "node:path"
import { z } from "zod"
import type { RunnerCommand } from "../runner.ts"

/** A file of tests that is run in a process of its own. */
export type Run = { file: string; argv: readonly string[] }

/** What a file's process left: `tap` is what it printed, or what its harness kept of it. */
export type Ran = z.infer<typeof Ran>
const Ran = z.object({
  file: z.string(),
  tap: z.string(),
  stderr: z.string(),
  exit: z.number().nullable(),
  signal: z.string().nullable(),
  ms: z.number(),
  missing: z.boolean(),
})

/**
 * Runs one file after the other, each in a process of its own: so a test's file is known, and so is the file that ended early.
 * What they print is taken through pipes, and written down by a process that none of their code runs in.
 */
export function eachAlone(
  runs: readonly Run[],
  { reportDir, supplied, kept }: { reportDir: string; supplied: string; kept?: string },
): RunnerCommand {
  const reportFile = join(reportDir, "tap.json")
  return {
    argv: ["node", join(supplied, "tap-each.mjs")],
    reportFile,
    ...(kept === undefined ? {} : { env: { PERL_TEST_HARNESS_DUMP_TAP: kept } }),
    supplies: { "tap-each.mjs": program(reportFile, runs, kept) },
  }
}

/** What `eachAlone` wrote; undefined where it did not come to its end. */
export function ranAlone(report: string | undefined): Ran[] | undefined {
  if (report === undefined) return undefined
  try {
    return z.array(Ran).parse(JSON.parse(report))
  } catch {
    return undefined
  }
}

const FILE_BYTES = 8 * 1024 * 1024
const STDERR_BYTES = 64 * 1024

function program(report: string, runs: readonly Run[], kept: string | undefined): string {
  return `import { spawn } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"

const runs = ${JSON.stringify(runs)}
const kept = ${JSON.stringify(kept ?? null)}
const done = []
for (const { file, argv } of runs) done.push(await ran(file, argv))
writeFileSync(${JSON.stringify(report)}, JSON.stringify(done))
process.exitCode = done.some((each) => each.missing) ? 127 : done.every((each) => each.exit === 0) ? 0 : 1

function ran(file, [program, ...args]) {
  const began = performance.now()
  const out = []
  const err = []
  let size = 0
  let said = 0
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })
    const end = (exit, signal, missing) => {
      let tap = Buffer.concat(out).toString("utf8")
      if (kept !== null) try { tap = readFileSync(join(kept, file), "utf8") } catch { tap = "" }
      resolve({ file, tap, stderr: Buffer.concat(err).toString("utf8"), exit, signal, missing, ms: performance.now() - began })
    }
    child.stdout.on("data", (data) => {
      process.stdout.write(data)
      size += data.length
      if (size <= ${FILE_BYTES}) out.push(data)
    })
    child.stderr.on("data", (data) => {
      process.stderr.write(data)
      said += data.length
      if (said <= ${STDERR_BYTES}) err.push(data)
    })
    child.on("error", (problem) => end(null, null, problem.code === "ENOENT"))
    child.on("close", (exit, signal) => end(exit, signal, false))
  })
}
`
}
