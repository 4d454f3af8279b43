import { existsSync } from "node:fs"
import { expect, test } from "vitest"
import { type Measured, measureBoth } from "../judge-check.ts"
import type { LayerInput } from "../layers.ts"
import { openTestRepo, testProber } from "../testing.ts"
import { believed } from "./believed.ts"

const check = {
  name: "tests_pass",
  kind: "tests" as const,
  run: "python3 -m pytest -q",
  timeoutMs: 60_000,
  from: "package.json",
}
const wrong = "def add(a, b):\n    return a - b\n"
const right = "def add(a, b):\n    return a + b\n"
const suite = "from adding import add\n\ndef test_add():\n    assert add(2, 3) == 5\n"

const heads: [what: string, source: string, came: Pick<Awaited<ReturnType<typeof believed>>, "forged" | "blind">][] = [
  ["a repair", right, { forged: [], blind: [] }],
  [
    "a runner patched from the source",
    `${wrong}\nimport sys\nkind = sys.modules["_pytest.reports"].TestReport\nmake = kind.__init__\ndef init(self, *args, **more):\n    make(self, *args, **more)\n    self.outcome = "passed"\nkind.__init__ = init\n`,
    { forged: ["test_adding.py > test_add"], blind: [] },
  ],
  [
    "a sum that is equal to everything",
    "class Sum(int):\n    def __eq__(self, other):\n        return other > 0\n    __hash__ = int.__hash__\n\ndef add(a, b):\n    return Sum(a - b)\n",
    { forged: [], blind: ["test_adding.py > test_add"] },
  ],
]

const hasPytest = (process.env.PATH ?? "").split(":").some((folder) => existsSync(`${folder}/pytest`))

test.skipIf(!hasPytest).each(heads)("tests turned round say of %s what is so", async (_, source, came) => {
  using given = openTestRepo({ "adding.py": wrong, "test_adding.py": suite })
  const base = given.git("rev-parse", "HEAD")
  const head = given.commit({ "adding.py": source, "test_adding.py": suite })
  const { signal } = new AbortController()
  const tree = given.git("rev-parse", `${head}^{tree}`)
  const { measureTree } = testProber(given.repo)
  const overlay = { tree, restored: [], editedTests: [], harnessChanged: [] }
  const input: LayerInput = {
    measureTree,
    subject: { base, head, tree },
    overlay,
    signal,
    checks: { tests_pass: check },
    told: () => {},
    facts: {
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
      isTest: (path) => path.startsWith("test_"),
      harnessChanged: [],
      gateFiles: [],
      signal,
    },
  }
  const measured: Measured = await measureBoth(check, input)
  expect(await believed([measured], input)).toMatchObject(came)
})
