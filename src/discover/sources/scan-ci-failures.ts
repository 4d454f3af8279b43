import { asFailure, type Failure } from "../../core/failure.ts"
import type { Finding } from "../../core/finding.ts"
import type { Found, Source } from "../../core/ports.ts"
import { oneLine } from "../text.ts"
import { failingTests } from "./failing-tests.ts"
import { lintFindings } from "./lint-findings.ts"
import { typeErrors } from "./type-errors.ts"

const local = [failingTests, lintFindings, typeErrors]

/** What a CI would be red by. Without a connector to one: the project's own tests, lint and types, on the base. */
export const scanCiFailures: Source = {
  name: "scan_ci_failures",
  doc: "What CI is red by. No CI connector configured: the project's own tests, lint and types are run on the base, and what they report twice is one finding.",
  available: (loop) =>
    local.every((source) => source.available?.(loop) !== undefined)
      ? "No CI connector is configured, and the project declares no tests, lint or types; add a check to `.flyball/checks.yaml`."
      : undefined,
  async discover(context, args) {
    const all: Found = { findings: [], context: [], notes: [] }
    const ran: string[] = []
    let broke: Failure | undefined
    for (const source of local) {
      if (source.available?.(context.loop) !== undefined) continue
      ran.push(source.name)
      try {
        const found = await source.discover(context, [])
        all.findings.push(...found.findings)
        all.notes.push(...found.notes)
      } catch (thrown) {
        context.signal.throwIfAborted()
        const failure = asFailure(thrown)
        // What keeps one check from being measured leaves the others; anything else would befall them as well.
        if (failure.code !== "NOT_MEASURED") throw failure
        all.notes.push(oneLine(failure.message, 300))
        broke ??= failure
      }
    }
    if (broke !== undefined && all.findings.length === 0) throw broke
    const how =
      ran.length === 0
        ? "and the project has no tests, lint or types"
        : `looked for ${ran.join(", ")} on the base instead`
    all.notes.unshift(`no CI connector is configured: ${how}`)
    if (args.length > 0) all.notes.push(`scan_ci_failures(${args.join(", ")}): there is no connector to it yet.`)
    return { ...all, findings: withoutEchoes(all.findings) }
  },
}

/** Leaves out type and lint problems that a failing test of the list already quotes: same file, same words. */
function withoutEchoes(findings: readonly Finding[]): Finding[] {
  const tests = findings.filter((finding) => finding.source === failingTests.name)
  return findings.filter((finding) => {
    const { file } = finding
    if (finding.source === failingTests.name || file === undefined) return true
    const problems = finding.body.split("\n").flatMap((line) => /^.+?(?::\d+)?: (.+)$/.exec(line)?.[1] ?? [])
    return !tests.some(
      (test) =>
        test.body.includes(file) && problems.length > 0 && problems.every((problem) => test.body.includes(problem)),
    )
  })
}
