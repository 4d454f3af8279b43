import { execFile } from "node:child_process"
import { existsSync } from "node:fs"
import { mkdir, mkdtemp, readdir, rm, symlink } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"
import { promisify } from "node:util"
import { expect, test } from "vitest"
import { DemoReport } from "../src/engine/demo/demo.ts"
import { flyball } from "./flyball-cli.ts"
import { sharedHome } from "./quick-loop.ts"

sharedHome()

const exec = promisify(execFile)

/** Flyball as npm installs it: what it packs, with its dependencies beside it. */
async function installed(root: string): Promise<string> {
  const env = { PATH: process.env.PATH, HOME: root, npm_config_cache: join(root, "cache") }
  const packed = await exec("npm", ["pack", "--ignore-scripts", "--json", "--pack-destination", root], { env })
  const [{ filename }] = JSON.parse(packed.stdout)
  const modules = join(root, "node_modules")
  await mkdir(join(modules, "flyball"), { recursive: true })
  await exec("tar", ["xzf", join(root, filename), "-C", join(modules, "flyball"), "--strip-components=1"])
  for (const name of await readdir("node_modules"))
    if (!name.startsWith(".")) await symlink(resolve("node_modules", name), join(modules, name))
  return join(modules, "flyball", "dist", "flyball.js")
}

test("the demo comes to its five outcomes, also as npm packs it, in a folder named from here", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "flyball-demo-"))
  try {
    const program = await installed(cwd)
    const { code, stdout, stderr } = await flyball(cwd, ["demo", "--keep", "./kept", "--json"], {}, program).ended
    expect(code, `${stderr}\n${stdout}`).toBe(0)
    const report = DemoReport.parse(JSON.parse(stdout))
    expect(report.outcomes.map((each) => each.came)).toEqual(report.outcomes.map((each) => each.expected))
    expect(report.outcomes).toHaveLength(5)
    expect(report.project).toBe(join(cwd, "kept", "shop"))
  } finally {
    await rm(cwd, { recursive: true, force: true })
  }
})

test("where its linter can't be had the demo says so, and leaves no folder behind", async () => {
  const cwd = await mkdtemp(join(tmpdir(), "flyball-demo-"))
  try {
    const program = await installed(cwd)
    await rm(join(cwd, "node_modules", "@biomejs"))
    const offline = { npm_config_offline: "true", npm_config_cache: join(cwd, "empty") }
    const { code, stderr } = await flyball(cwd, ["demo", "--keep", "./kept"], offline, program).ended
    expect([code, stderr]).toEqual([2, expect.stringContaining("DEMO_NEEDS_LINTER")])
    expect(existsSync(join(cwd, "kept"))).toBe(false)
  } finally {
    await rm(cwd, { recursive: true, force: true })
  }
})
