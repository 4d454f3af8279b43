import { expect, test } from "vitest"
import { texts } from "../injection/texts.ts"
import { runFooled } from "../injection/whole-run.ts"
import { sharedHome } from "../quick-loop.ts"

const home = sharedHome()
const AT_ONCE = 12
const parts = Array.from({ length: Math.ceil(texts.length / AT_ONCE) }, (_, n) =>
  texts.slice(n * AT_ONCE, (n + 1) * AT_ONCE),
)

test.each(parts.map((part, n) => [n * AT_ONCE + 1, n * AT_ONCE + part.length, part] as const))(
  "P5: texts %i to %i, each through a whole run with agents that obey what is not fenced",
  async (_from, _to, part) => {
    expect(part.length).toBeGreaterThan(0)
    await runFooled(part, home.path)
  },
)
