import type { GateReport } from "./report.ts"

type Check = GateReport["checks"][number]

/** The report as JUnit XML: one test case for each check, and one for the verdict, which nothing but an accept passes. */
export function junitOf(report: GateReport): string {
  const failed = report.checks.filter((each) => each.outcome === "fail").length
  const errors = report.checks.filter((each) => each.outcome === "error" || each.outcome === "skipped").length
  const refused = report.verdict === "accept" ? 0 : 1
  const counts = `tests="${report.checks.length + 1}" failures="${failed + refused}" errors="${errors}" time="${seconds(report.ms)}"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="flyball gate" ${counts}>`,
    `  <testsuite name="flyball gate" ${counts}>`,
    "    <properties>",
    ...properties(report).map(([name, value]) => `      <property name="${escaped(name)}" value="${escaped(value)}"/>`),
    "    </properties>",
    ...report.checks.map(caseOf),
    verdictCase(report),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n")
}

function properties({ base, head, verdict, sandboxed }: GateReport): [string, string][] {
  return [
    ["base", base.sha],
    ["head", head.sha],
    ["verdict", verdict],
    ["sandboxed", String(sandboxed)],
  ]
}

function caseOf(check: Check): string {
  const open = `    <testcase classname="flyball.gate" name="${escaped(check.check)}" time="${seconds(check.ms)}">`
  const told = escaped(check.feedback ?? check.summary)
  const kind = check.outcome === "fail" ? "failure" : "error"
  const trouble =
    check.outcome === "pass"
      ? []
      : [`      <${kind} type="${check.blame ?? check.outcome}" message="${escaped(check.summary)}">${told}</${kind}>`]
  const said = [check.summary, ...check.caveats.map((caveat) => `can't show: ${caveat}`)].join("\n")
  return [open, ...trouble, `      <system-out>${escaped(said)}</system-out>`, "    </testcase>"].join("\n")
}

function verdictCase({ verdict, reason = "" }: GateReport): string {
  const open = '    <testcase classname="flyball.gate" name="verdict" time="0"'
  if (verdict === "accept") return `${open}/>`
  return `${open}>\n      <failure type="${verdict}" message="${verdict}">${escaped(reason)}</failure>\n    </testcase>`
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3)
}

const MAX_CHARS = 16_000

/** For text and attributes alike; what XML can't hold at all (most control characters, half surrogates) becomes �. */
function escaped(text: string): string {
  const clipped = text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS)} …`
  return clipped
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, "\ufffd")
    .replace(/[&<>"'\n\r\t]/g, (char) => entities[char] ?? char)
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\n": "&#10;",
  "\r": "&#13;",
  "\t": "&#9;",
}
