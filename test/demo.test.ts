import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { DemoReport } from "../src/engine/demo/demo.ts"
import { flyball } from "./flyball-cli.ts"
import { sharedHome } from "./quick-loop.ts"

sharedHome()

test("the demo comes to its five outcomes, also in a folder named from here", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "flyball-demo-"))
  try {
    const { code, stdout, stderr } = await flyball(cwd, ["demo", "--keep", "./kept", "--json"]).ended
    expect(code, `${stderr}\n${stdout}`).toBe(0)
    const report = DemoReport.parse(JSON.parse(stdout))
    expect(report.outcomes.map((each) => each.came)).toEqual(report.outcomes.map((each) => each.expected))
    expect(report.outcomes).toHaveLength(5)
    expect(report.project).toBe(join(cwd, "kept", "shop"))
  } finally {
    await rm(cwd, { recursive: true, force: true })
  }
})
