import type { Runner } from "./runner.ts"
import { readTap } from "./tap/lines.ts"
import { reportOfOutput } from "./tap/output.ts"
import { classify } from "./tape.ts"

/** Any command that is said to print TAP (`format: tap`), as it stands: which file a test is of is not to be known. */
export const tap: Runner = {
  name: "tap",
  kind: "tests",
  recognise: () => false,
  command: ({ argv }) => ({ argv: [...argv] }),
  parse: (output) => {
    const { lines } = readTap(output.stdout)
    const [first] = lines
    const headed = first?.is === "comment" && !first.text.startsWith("Subtest")
    const nested = lines.some((line) => line.is === "point" && line.inside !== undefined)
    const dialect = headed && !nested ? "assertions" : "points"
    return reportOfOutput(output, {
      runner: "The command",
      dialect,
      classify,
      placed: (names) => ({ file: undefined, names: [...names] }),
    })
  },
}
