import type { Measurement } from "../../core/evidence.ts"
import { judgeMetrics, type MetricReading, type Reading } from "../../core/judge-metrics.ts"
import type { CheckSpec, Metric } from "../../core/loop.ts"
import type { RunningCheck } from "../proof/index.ts"

const TIMEOUT_MS = 10 * 60_000

/** What the goal measures, on base and head alike: the number that each metric's command prints. */
export const goalMetrics: RunningCheck = async ({ checks, measureTree, subject, overlay, signal, told }) => {
  const readings: MetricReading[] = []
  const commands = new Set<string>()
  const artifacts = new Set<string>()
  let sandboxed = true
  for (const metric of checks.goal_metrics?.metrics ?? []) {
    const check = checkOf(metric)
    const measure = async (side: "base" | "head") => {
      const tree = side === "base" ? subject.base : overlay.tree
      const purpose = `metric-${side}`
      const measurement = await measureTree(check, { tree, definitionsFrom: subject.base, purpose, signal })
      signal.throwIfAborted()
      sandboxed = sandboxed && measurement.sandboxed
      commands.add(measurement.command)
      if (measurement.artifact !== undefined) artifacts.add(measurement.artifact)
      return readingOf(measurement)
    }
    told(`goal_metrics: ${metric.name} on the base and on the change`)
    readings.push({ metric, base: await measure("base"), head: await measure("head") })
  }
  const judged = judgeMetrics(readings)
  const caveats = [
    "A metric's number is what its command prints: a change that bends the command's output bends it.",
    ...(sandboxed ? [] : ["Not sandboxed: what it ran could reach what you can reach."]),
  ]
  return {
    ...judged,
    ...(commands.size === 0 ? {} : { command: [...commands].join("; ") }),
    ...(artifacts.size === 0 ? {} : { artifacts: [...artifacts] }),
    sandboxed,
    caveats: [...judged.caveats, ...caveats],
  }
}

/** `… | flyball count-failures`: the runner before the pipe is read by its machine format, and never by what it prints. */
const COUNTS_FAILURES = /^(.*\S)\s*\|\s*flyball\s+count-failures\s*$/s

function checkOf({ name, run }: Metric): CheckSpec {
  const command = COUNTS_FAILURES.exec(run.trim())?.[1]
  const common = { name: `metric:${name}`, timeoutMs: TIMEOUT_MS, from: "loop" }
  return command === undefined ? { ...common, kind: "numbers", run } : { ...common, kind: "tests", run: command }
}

function readingOf({ result }: Measurement): Reading {
  if (result.is === "error") return { is: "error", why: `${result.code}: ${result.why}` }
  const { report } = result
  switch (report.kind) {
    case "numbers": {
      const value = report.numbers.at(-1)?.samples.at(-1)
      return value === undefined ? { is: "error", why: "it measured nothing" } : { is: "number", value }
    }
    case "tests":
      return { is: "number", value: report.tests.filter(({ status }) => status === "failed").length }
    case "issues":
      return { is: "number", value: report.issues.length }
    case "exit":
      return { is: "error", why: "no runner is known behind it whose failures could be counted" }
  }
}
