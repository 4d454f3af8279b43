import { expect, test } from "vitest"
import { measureBoth } from "../judge-check.ts"
import type { LayerInput } from "../layers.ts"
import { openTestRepo, testProber } from "../testing.ts"
import { exitBelieved } from "./believed-exit.ts"

const suite = `. ./lib.sh
failed=0
check() { [ "$1" = "$2" ] || failed=1; }
check "$(trim ' a b ')" "a b"
exit $failed
`
const wrong = "trim() { printf '%s\\n' \"$1\" | sed 's/^ *//'; }\n"

const always = "exit 0\n"

test.each([
  ["a repair", "sh test/run.sh", wrong.replace("s/^ *//", "s/^ *//; s/ *$//"), suite, []],
  ["an end that is always good", "sh test/run.sh", `${wrong}trap 'exit 0' EXIT\n`, suite, ["tests_pass"]],
  ["a comparison that always holds", "sh test/run.sh", `${wrong}alias '[=true'\n`, suite, ["tests_pass"]],
  ["a build", "sh build.sh", wrong.replace("s/^ *//", "s/^ *//; s/ *$//"), suite, []],
  ["a script that tests nothing on the base either", "sh test/lint.sh", `${wrong}\n`, suite, []],
])("T3: with the tests turned round an exit code says of %s what is so", async (_, run, lib, tests, blind) => {
  const check = {
    name: run === "sh build.sh" ? "builds" : "tests_pass",
    kind: run === "sh build.sh" ? ("exit" as const) : ("tests" as const),
    run,
    timeoutMs: 60_000,
    from: "Makefile",
  }
  using given = openTestRepo({ "lib.sh": wrong, "test/run.sh": tests, "build.sh": always, "test/lint.sh": always })
  const base = given.git("rev-parse", "HEAD")
  const head = given.commit({ "lib.sh": lib, "test/run.sh": tests })
  const { signal } = new AbortController()
  const tree = given.git("rev-parse", `${head}^{tree}`)
  const { measureTree } = testProber(given.repo)
  const facts: LayerInput["facts"] = {
    repo: given.repo,
    base,
    tree,
    entries: [],
    lines: new Map(),
    finding: undefined,
    guardrails: {
      maxIterations: 3,
      budget: {},
      haltOn: { noProgress: 2, sameError: 3 },
      timeoutMs: 1000,
      silenceMs: 1000,
      reviewWip: 3,
      maxDiff: { files: 10, lines: 400 },
      maxFindings: 10,
      protect: [],
    },
    isTest: (path) => path.startsWith("test/"),
    harnessChanged: [],
    gateFiles: [],
    signal,
  }
  const overlay = { tree, restored: [], editedTests: [], harnessChanged: [] }
  const subject = { base, head, tree }
  const input: LayerInput = {
    measureTree,
    subject,
    overlay,
    signal,
    checks: { tests_pass: check },
    told: () => {},
    facts,
  }
  expect(await exitBelieved([await measureBoth(check, input)], input)).toMatchObject({ forged: [], blind })
})
