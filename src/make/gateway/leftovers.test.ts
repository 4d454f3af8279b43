import { spawnSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { expect, test } from "vitest"
import { openGateway } from "./gateway.ts"

test("D2: the socket of a killed process goes with the next gateway, and that of a living one stays", async () => {
  const home = mkdtempSync(join(tmpdir(), "flyball-gw-"))
  try {
    const { pid } = spawnSync("true")
    const [dead, living] = [`gw-${pid}-abc`, `gw-${process.ppid}-abc`].map((name) => join(home, name))
    for (const folder of [dead, living]) mkdirSync(folder ?? "")
    const gateway = await openGateway({ upstreams: [], socketDir: home })
    expect([existsSync(dead ?? ""), existsSync(living ?? ""), existsSync(gateway.socket)]).toEqual([false, true, true])
    await gateway[Symbol.asyncDispose]()
    expect(existsSync(gateway.socket)).toBe(false)
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
})
