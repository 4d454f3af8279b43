import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import { ownIdentity } from "../lib/alive.ts"
import { sweepPrivateFolders } from "./private-folder.ts"

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "flyball-private-"))
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

test("D2: folders of sessions whose process was killed are swept; living ones, unknown ones and other people's stay", async () => {
  const own = await ownIdentity()
  const { pid } = spawnSync("true")
  const put = (name: string, owner: object, ageMs = 0) => {
    mkdirSync(join(root, name, "home", "locked"), { recursive: true })
    writeFileSync(join(root, name, "owner.json"), JSON.stringify(owner))
    const then = (Date.now() - ageMs) / 1000
    utimesSync(join(root, name), then, then)
  }
  put("agent-killed", { ...own, pid })
  put("agent-whose-pid-another-has", { ...own, started: "long ago" })
  put("agent-alive", own)
  put("agent-elsewhere", { ...own, host: "another" })
  put("agent-elsewhere-long-ago", { ...own, host: "another" }, 3 * 86_400_000)
  mkdirSync(join(root, "agent-being-made"))
  mkdirSync(join(root, "somebody-else"))
  await sweepPrivateFolders(root)
  expect(readdirSync(root).sort()).toEqual(["agent-alive", "agent-being-made", "agent-elsewhere", "somebody-else"])
})

test("where no session ever ran there is nothing to sweep", async () => {
  expect(await sweepPrivateFolders(join(root, "none"))).toEqual([])
})
