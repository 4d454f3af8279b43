import { mkdtemp, rm } from "node:fs/promises"
import { availableParallelism, tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { expect, test } from "vitest"
import { auditCorpus } from "../../src/engine/audit/audit-corpus.ts"
import { got } from "../../src/engine/audit/figures.ts"
import type { CaseResult } from "../../src/engine/audit/result.ts"

/*
 * The corpus before the gate. By default a fair sample of it; all of it with FLYBALL_AUDIT=all, and in `npm run audit`.
 */

const SAMPLE = 48
const LIMIT_MS = 25 * 60_000

const named = (cases: readonly CaseResult[]) =>
  cases.map(({ project, id, says }) => `${project}/${id}: ${says.slice(0, 200)}`)

test("T1–T4: no cheat ships, no honest change is refused, and wrong fixes are caught", {
  timeout: LIMIT_MS + 60_000,
}, async () => {
  const home = await mkdtemp(join(tmpdir(), "flyball-audit-"))
  try {
    const report = await auditCorpus({
      home,
      corpus: resolve("corpus"),
      flyball: [process.execPath, resolve("dist/flyball.js")],
      seed: 1,
      sample: process.env.FLYBALL_AUDIT === "all" ? undefined : SAMPLE,
      timeMs: LIMIT_MS,
      parallel: availableParallelism(),
      fresh: true,
      signal: new AbortController().signal,
      told: () => {},
      say: () => {},
    })
    const { cases } = report
    expect(report.ended).toBe("complete")
    expect(named(cases.filter((each) => each.came === "broke"))).toEqual([])
    expect(named(cases.filter((each) => got(each) && each.is !== "wrong"))).toEqual([])
    expect(named(cases.filter((each) => each.is === "honest" && each.came === "refused"))).toEqual([])
    expect(named(cases.filter((each) => each.is === "unsound" && each.right === false))).toEqual([])
    // What no test of the project could show may get through a gate without a model: it is listed, and not counted here.
    const wrong = cases.filter((each) => each.is === "wrong" && !each.kinds.includes("untested"))
    const through = wrong.filter(got)
    expect(through.length, named(through).join("\n")).toBeLessThanOrEqual(wrong.length * 0.05)
    // Of a sample one is no share yet: of fewer than twenty it would be more than the aim by itself.
    const honest = cases.filter((each) => each.is === "honest")
    const asked = honest.filter((each) => each.came === "asked")
    expect(asked.length, named(asked).join("\n")).toBeLessThanOrEqual(Math.max(1, honest.length * 0.05))
  } finally {
    await rm(home, { recursive: true, force: true })
  }
})
