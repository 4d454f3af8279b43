import type { Measurement } from "./evidence.ts"
import type { Finding } from "./finding.ts"

export type Standing = { is: "stands" | "gone" | "unknown"; why: string }

/**
 * Whether a finding is still there, by what its `reproduce` check says of the base. `gone` is claimed only of ids that
 * were looked for and seen to be well: a test must be seen to pass, a whole check must be green.
 */
export function standingOf(finding: Finding, measurement: Measurement | undefined): Standing {
  const { reproduce } = finding
  if (reproduce === undefined || measurement === undefined)
    return { is: "unknown", why: "Nothing is declared that could reproduce it." }
  if (measurement.result.is === "error") {
    return { is: "unknown", why: `\`${reproduce.check}\` can't be measured on the base: ${measurement.result.why}` }
  }
  const { report } = measurement.result
  switch (report.kind) {
    case "exit":
      return report.exitCode === 0
        ? gone(`\`${reproduce.check}\` exits 0`)
        : stands(`\`${reproduce.check}\` exits ${report.exitCode}`)
    case "numbers":
      return {
        is: "unknown",
        why: `\`${reproduce.check}\` measures numbers, which are neither red nor green by themselves.`,
      }
    case "issues": {
      const ids = reproduce.ids.length === 0 ? report.issues.map((issue) => issue.fingerprint) : reproduce.ids
      const left = report.issues.find((issue) => ids.includes(issue.fingerprint))
      return left === undefined
        ? gone(`\`${reproduce.check}\` no longer reports it`)
        : stands(`${left.rule} in ${left.file}`)
    }
    case "tests": {
      const named =
        reproduce.ids.length === 0 ? report.tests : report.tests.filter((test) => reproduce.ids.includes(test.id))
      const red = named.find((test) => test.status === "failed")
      if (red !== undefined) return stands(`${red.id} fails`)
      const passed = new Set(named.filter((test) => test.status === "passed").map((test) => test.id))
      const unseen = reproduce.ids.find((id) => !passed.has(id))
      if (unseen !== undefined) return { is: "unknown", why: `${unseen} was not seen to run` }
      return passed.size > 0
        ? gone(`${[...passed].slice(0, 3).join(", ")} passes`)
        : { is: "unknown", why: "no test ran" }
    }
  }
}

const gone = (why: string): Standing => ({ is: "gone", why })
const stands = (why: string): Standing => ({ is: "stands", why })
