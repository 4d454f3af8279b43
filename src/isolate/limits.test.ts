import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { TreeLimits } from "../core/limits.ts"
import type { Sandbox } from "../core/ports.ts"
import { buildEnv } from "../lib/environment.ts"
import { run } from "../lib/process.ts"
import { detectSandbox } from "./sandbox.ts"

/*
 * Every bomb here is a bounded one: it would end by itself, and stay harmless, if nobody stopped it.
 */

let home: string
let work: string
const sandboxes: Partial<Record<Where, Sandbox>> = {}
type Where = "in the sandbox" | "under the supervisor"
beforeAll(async () => {
  home = realpathSync(mkdtempSync(join(tmpdir(), "flyball-limits-")))
  chmodSync(home, 0o755)
  work = join(home, "work")
  mkdirSync(work)
  sandboxes["in the sandbox"] = await detectSandbox({ home })
  sandboxes["under the supervisor"] = await detectSandbox({ home, disabled: true })
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

const roomy: TreeLimits = { memoryBytes: 2e9, processes: 400 }

function sh(where: Where, script: string, limits: Partial<TreeLimits> = {}, args: string[] = []) {
  const sandbox = sandboxes[where]
  if (sandbox === undefined) throw new Error(`nothing ${where}`)
  const { argv, within } = sandbox.wrap(["/bin/sh", "-c", script, "sh", ...args], work, {
    writable: [work],
    readable: [],
    network: "none",
    limits: { ...roomy, ...limits },
  })
  return run(argv, { cwd: work, env: buildEnv({ home: work, tmp: work }), timeoutMs: 25_000, within })
}

/** Programs with this in their command line. */
function running(mark: string): number {
  return readdirSync("/proc").filter((name) => {
    const file = join("/proc", name, "cmdline")
    try {
      return /^\d+$/.test(name) && existsSync(file) && readFileSync(file, "utf8").includes(mark)
    } catch {
      return false
    }
  }).length
}

const BUSY = `
ulimit -t 10
tree() {
  if [ "$1" = 0 ]; then while :; do :; done; fi
  tree $(($1 - 1)) & tree $(($1 - 1)) & wait
}
tree 7`

const bombs: [string, string, Partial<TreeLimits>, string][] = [
  ["processes that sleep", "for i in $(seq 150); do sleep 21 & done; wait", { processes: 64 }, "sleep\x0021\0"],
  ["processes that fork and never rest", BUSY, { processes: 64 }, "tree 7"],
  [
    "processes that left their group, and whose parents are gone",
    "for i in $(seq 150); do (setsid sleep 22 &) ; done; sleep 22",
    { processes: 64 },
    "sleep\x0022\0",
  ],
  [
    "one that holds much",
    "{ head -c 400000000 /dev/zero; sleep 23; } | tail -c 390000000 >/dev/null",
    { memoryBytes: 200e6 },
    "sleep\x0023\0",
  ],
  [
    "many that hold a little each",
    "for i in 1 2 3 4 5 6 7 8; do { head -c 50000000 /dev/zero; sleep 24; } | tail -c 49000000 >/dev/null & done; wait",
    { memoryBytes: 200e6 },
    "sleep\x0024\0",
  ],
]

describe.skipIf(process.platform !== "linux").each([["in the sandbox"], ["under the supervisor"]] as const)(
  "%s",
  (where) => {
    test.each(bombs)("%s are ended at the limit, and that is said", async (_, script, limits, mark) => {
      const ran = await sh(where, script, limits)
      expect(ran.ended).toBe("over")
      expect(ran.over).toEqual(
        limits.processes === undefined
          ? { limit: "memory", why: "it used more than 200 MB of memory (limits.memory)" }
          : { limit: "processes", why: "it had more than 64 processes at once (limits.processes)" },
      )
      expect(ran.ms).toBeLessThan(8_000)
      await expect.poll(() => running(mark), { timeout: 2_000 }).toBe(0)
    })

    test("what processes share counts once", async () => {
      const script = `x=$(head -c 60000000 /dev/zero | tr '\\0' x); for i in $(seq 12); do (sleep 1; :) & done; wait`
      const ran = await sh(where, script, { memoryBytes: 500e6 })
      expect(ran).toMatchObject({ ended: "exit", exitCode: 0 })
    })

    test("the kernel takes it first when the machine is out of memory", async () => {
      expect((await sh(where, "cat /proc/self/oom_score_adj")).stdout.trim()).toBe("900")
    })
  },
)

describe.skipIf(process.platform !== "linux")("files in a sandbox's memory count", () => {
  test.each(["/tmp", "/dev/shm", "/var/tmp"])("in %s", async (folder) => {
    if (sandboxes["in the sandbox"]?.kind.is !== "bubblewrap") return
    const ran = await sh("in the sandbox", `head -c 300000000 /dev/zero >${folder}/x; sleep 25`, { memoryBytes: 200e6 })
    expect(ran.over?.limit).toBe("memory")
  })
})
