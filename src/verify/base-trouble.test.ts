import { expect, test } from "vitest"
import type { Measurement } from "../core/evidence.ts"
import type { CheckExpr, CheckSpec } from "../core/loop.ts"
import type { Prober } from "../core/ports.ts"
import { baseTrouble } from "./base-trouble.ts"

const check = (name: string): CheckSpec => ({ name, kind: "exit", run: name, timeoutMs: 1_000, from: "loop" })
const checks = { ok: check("ok"), gone: check("gone") }
const prober: Prober = {
  measure: async ({ name }): Promise<Measurement> => ({
    check: name,
    tree: "t",
    command: name,
    result:
      name === "gone"
        ? { is: "error", code: "missing_tool", why: "gone: not found" }
        : { is: "report", report: { kind: "exit", exitCode: 1 } },
    exitCode: 1,
    ms: 1,
    sandboxed: true,
    definition: "base",
    cached: false,
  }),
}
const ok: CheckExpr = { check: "ok" }
const gone: CheckExpr = { check: "gone" }

test.each<[string, CheckExpr, boolean]>([
  ["a red check is no trouble: that is what makers are for", ok, false],
  ["T12: a tool that is missing on the base is", gone, true],
  ["also beside checks that can be measured", { and: [ok, gone] }, true],
  ["not where another check will do", { or: [ok, gone] }, false],
  ["checks of the change itself have nothing to measure on the base", { check: "diff_reasonable" }, false],
])("%s", async (_, expr, expected) => {
  const signal = new AbortController().signal
  const trouble = await baseTrouble({ layers: [{ by: "check", expr }], checks, prober, base: "b", signal })
  expect(trouble !== undefined).toBe(expected)
})
