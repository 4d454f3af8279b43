import { addFlags, argumentsOf, dropFlags, toolOf, withArguments } from "./argv.ts"
import { numbersReport } from "./numbers.ts"
import { error, tail } from "./outcome.ts"
import type { Parsed, Runner, RunnerOutput } from "./runner.ts"

/** `go test -bench`: its text is Go's own benchmark format. Tests are left out, they are another check's. */
export const goBench: Runner = {
  name: "go bench",
  kind: "numbers",
  recognise: (argv) =>
    toolOf(argv)?.name === "go" &&
    argumentsOf(argv)[0] === "test" &&
    argumentsOf(argv).some((word) => /^--?bench(=|$)/.test(word)),
  command: ({ argv }) => {
    const kept = dropFlags(argumentsOf(argv).slice(1), {
      bare: ["-v", "-json"],
      valued: ["-run", "-count", "-cpuprofile", "-memprofile", "-o"],
    }).filter((word) => word !== "-count" && !/^--?count=/.test(word))
    return { argv: withArguments(argv, ["test", ...addFlags(["-run=^$", "-count=1"], kept)]) }
  },
  parse,
}

function parse(output: RunnerOutput): Parsed {
  const { stdout, stderr, exitCode } = output
  if (exitCode !== 0 || /^(FAIL|--- FAIL)/m.test(stdout))
    return error("crashed", `go test -bench exited ${exitCode ?? "by a signal"}: ${tail(stderr, stdout)}`)
  let pkg = ""
  const numbers = stdout.split("\n").flatMap((line) => {
    pkg = /^pkg: (\S+)/.exec(line)?.[1] ?? pkg
    const match = /^(Benchmark\S*?)(?:-\d+)?\s+\d+\s+(.*\S)\s*$/.exec(line)
    if (match === null) return []
    const [, name = "", rest = ""] = match
    return [...rest.matchAll(/([\d.e+-]+) (\S+)/g)].flatMap(([, value, unit = ""]) => {
      const better = unit.endsWith("/s") ? ("higher" as const) : ("lower" as const)
      const known = ["ns/op", "B/op", "allocs/op", "MB/s"].includes(unit)
      return known ? [{ id: `${pkg} > ${name} > ${unit}`, unit, better, samples: [Number(value)] }] : []
    })
  })
  return numbersReport(numbers, output, "go test -bench")
}
