import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import { type Finding, Severity } from "../../core/finding.ts"
import type { CheckSpec } from "../../core/loop.ts"
import type { Found, Source } from "../../core/ports.ts"
import { fingerprint } from "../fingerprint.ts"
import { bodyOf, count, oneLine, titleOf } from "../text.ts"
import { moduleOf } from "../triage.ts"
import { fileNamedIn } from "../within-path.ts"

const TIMEOUT_MS = 5 * 60_000
const MOST_LINES = 1_000
const MOST_BAD = 10

/** One line that the command prints. Only `title` is required. */
const ShLine = z.object({
  title: z.string().min(1),
  /** What tells it from the command's other findings; unset: rule, file and title do. */
  fingerprint: z.string().min(1).optional(),
  body: z.string().optional(),
  severity: Severity.optional(),
  rule: z.string().optional(),
  file: z.string().optional(),
  line: z.number().int().nonnegative().optional(),
  module: z.string().optional(),
  url: z.string().optional(),
  suggested: z.string().optional(),
  confidence: z.number().min(0).max(1).optional(),
  size: z.enum(["small", "medium", "large"]).optional(),
  /** A check of the loop, or some tests or problems of it. Never a command: what a command prints is outside text. */
  reproduce: z
    .union([z.string().min(1), z.object({ check: z.string(), ids: z.array(z.string()).default([]) })])
    .optional(),
})
type ShLine = z.infer<typeof ShLine>

/** Whatever a command of the loop's author finds. */
export const sh: Source = {
  name: "sh",
  doc: "`sh(./find-work.sh)`: runs a command on a checkout of the base; each line it prints is a JSON object with at least a `title`. Exit codes other than 0 are said, and what it printed still counts; a timeout makes it count for nothing.",
  async discover(context, args) {
    const [command] = args
    if (typeof command !== "string" || command.trim() === "") {
      throw new Failure("SOURCE_ARGUMENT", "`sh` was called without a command.", {
        hint: 'Write `sh("./find-work.sh")`.',
      })
    }
    const name = `sh(${oneLine(command, 60)})`
    const ran = await context.shell(command, TIMEOUT_MS)
    // Half a list looks like a whole one.
    if (ran.timedOut)
      return {
        findings: [],
        context: [],
        notes: [`${name} was stopped after ${TIMEOUT_MS / 60_000} minutes; nothing of it was taken.`],
      }
    const found = readShLines(ran.stdout, { name, command, checks: context.loop.checks, commit: context.base.sha })
    for (const finding of found.findings)
      if (finding.file !== undefined) finding.file = await fileNamedIn(context, finding.file)
    if (ran.exitCode !== 0) {
      const said = oneLine(ran.stderr.slice(-2_000), 200)
      found.notes.unshift(
        `${name} ended with exit code ${ran.exitCode ?? "none"}${said === "" ? "" : `: ${said}`}; ${found.findings.length === 0 ? "it found nothing" : `the ${count(found.findings.length, "finding")} it printed count`}.`,
      )
    }
    return found
  },
}

type Reading = { name: string; command: string; checks: Readonly<Record<string, CheckSpec>>; commit: string }

/** Reads the lines; one that is no finding is a note with its number. */
function readShLines(stdout: string, reading: Reading): Found {
  const found: Found = { findings: [], context: [], notes: [] }
  const lines = stdout.split(/\r?\n/)
  let bad = 0
  for (const [index, line] of lines.slice(0, MOST_LINES).entries()) {
    if (line.trim() === "") continue
    const parsed = parseLine(line)
    if ("why" in parsed) {
      bad += 1
      if (bad <= MOST_BAD) found.notes.push(`${reading.name}, line ${index + 1}: ${parsed.why}`)
      continue
    }
    const { finding, note } = toFinding(parsed.line, reading)
    found.findings.push(finding)
    if (note !== undefined) found.notes.push(`${reading.name}, line ${index + 1}: ${note}`)
  }
  if (bad > MOST_BAD) found.notes.push(`${reading.name}: ${bad - MOST_BAD} more lines are no findings.`)
  if (lines.length > MOST_LINES + 1) found.notes.push(`${reading.name}: only the first ${MOST_LINES} lines were read.`)
  return found
}

function parseLine(line: string): { line: ShLine } | { why: string } {
  let raw: unknown
  try {
    raw = JSON.parse(line)
  } catch {
    return { why: `not JSON: ${oneLine(line, 80)}` }
  }
  const parsed = ShLine.safeParse(raw)
  return parsed.success ? { line: parsed.data } : { why: oneLine(z.prettifyError(parsed.error), 200) }
}

function toFinding(line: ShLine, { command, checks, commit }: Reading): { finding: Finding; note?: string } {
  const { reproduce, note } = reproduceOf(line, checks)
  const module = line.module ?? moduleOf(line.file)
  const wrong = line.fingerprint ?? `${line.rule ?? ""} ${line.title}`
  const finding: Finding = {
    fingerprint: fingerprint({
      kind: "command",
      rule: command,
      file: line.fingerprint === undefined ? line.file : undefined,
      wrong,
    }),
    source: "sh",
    title: titleOf(line.title),
    body: bodyOf(line.body ?? ""),
    severity: line.severity ?? "medium",
    ...(module === undefined ? {} : { module: oneLine(module, 80) }),
    ...(line.file === undefined ? {} : { file: oneLine(line.file, 200) }),
    ...(line.line === undefined ? {} : { line: line.line }),
    commit,
    ...(line.url === undefined ? {} : { url: oneLine(line.url, 300) }),
    ...(line.suggested === undefined ? {} : { suggested: oneLine(line.suggested, 500) }),
    ...(reproduce === undefined ? {} : { reproduce }),
    attemptable: true,
    confidence: line.confidence ?? (reproduce === undefined ? 0.5 : 0.7),
    size: line.size ?? "medium",
  }
  return note === undefined ? { finding } : { finding, note }
}

function reproduceOf(
  { reproduce }: ShLine,
  checks: Reading["checks"],
): { reproduce?: Finding["reproduce"]; note?: string } {
  if (reproduce === undefined) return {}
  const named = typeof reproduce === "string" ? { check: reproduce, ids: [] } : reproduce
  if (Object.hasOwn(checks, named.check)) return { reproduce: { check: named.check, ids: named.ids } }
  return {
    note: `\`reproduce\` names no check of this loop (${oneLine(named.check, 60)}), so it was left out; what a command prints never becomes a command.`,
  }
}
