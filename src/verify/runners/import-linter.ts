import { argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import type { RawIssue } from "./ids.ts"
import { error, issuesReport, noReport } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** import-linter has no machine format: its table of contracts is read, each broken import an issue of its contract. */
export const importLinter: Runner = {
  name: "import-linter",
  kind: "lint",
  recognise: (argv) => toolOf(argv)?.name === "lint-imports",
  command: ({ argv }) => ({
    argv: withArguments(argv, [
      ...dropFlags(argumentsOf(argv), { bare: ["--show-timings", "--debug", "--verbose"], valued: ["--cache-dir"] }),
      "--no-cache",
    ]),
  }),
  parse,
}

const TOTAL = /^Contracts: (\d+) kept, (\d+) broken\.?$/m

function parse(output: RunnerOutput): Parsed {
  const { stdout } = output
  const total = TOTAL.exec(stdout)
  if (total === null) return noReport(output, "import-linter")
  const broken = [...stdout.matchAll(/^(\S.*?) BROKEN(?: .*)?$/gm)].map((match) => match[1] ?? "")
  if (Number(total[1]) + Number(total[2]) === 0) return error("ran_nothing", "import-linter knows no contracts.")
  if (broken.length !== Number(total[2]))
    return error("unreadable", `import-linter counts ${total[2]} broken contracts, and ${broken.length} are named.`)
  // A contract with warnings has a heading of the same name before.
  const detail = stdout.slice(Math.max(total.index, stdout.indexOf("Broken contracts", total.index)))
  return issuesReport(
    broken.flatMap((contract) => issuesOf(contract, detail)),
    output,
    "import-linter",
  )
}

/** `a.b -> c.d (l.12)` under a contract's own heading; the contract itself where no import is named. */
function issuesOf(contract: string, detail: string): RawIssue[] {
  const lines = detail.split("\n")
  const heading = lines.findIndex((line, index) => line === contract && /^-+$/.test(lines[index + 1] ?? ""))
  const next = lines.findIndex((_, index) => index > heading + 1 && /^-+$/.test(lines[index + 1] ?? ""))
  const section = heading === -1 ? [] : lines.slice(heading + 2, next === -1 ? undefined : next)
  const pairs = section.flatMap((line) => {
    const match = /([\w.]+) -> ([\w.]+)/.exec(line)
    return match === null ? [] : [`${match[1]} → ${match[2]}`]
  })
  const issue = (message: string): RawIssue => ({ rule: contract, file: "", message, severity: "error" })
  return pairs.length === 0 ? [issue("is broken")] : [...new Set(pairs)].map(issue)
}
