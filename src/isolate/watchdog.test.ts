import { type ChildProcess, spawn } from "node:child_process"
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { build } from "esbuild"
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest"
import { identify, isAlive, killTree, type ProcessId } from "../lib/process-tree.ts"

/** Starts trees under a watchdog as a run does, tells who they are, and goes on until it is killed. */
const OWNER = `
import { watchOwner } from "./watchdog.ts"
import { run } from "../lib/process.ts"
const [home, entry, deadlineMs, stallMs, script] = process.argv.slice(2)
const watch = watchOwner({ home, entry, stallMs: Number(stallMs) })
const env = { PATH: process.env.PATH }
setInterval(() => {}, 1000)
console.log("folder", watch.folder)
const ran = await run(["/bin/sh", "-c", script], {
  cwd: "/", env,
  onLine: (line) => console.log("left", line),
  onSpawn: (pid) => { watch.track(pid, { deadlineMs: Number(deadlineMs), change: "c1" }); console.log("tree", pid) },
})
console.log("ended", ran.signal)
`
const SCRIPT = "setsid sleep 8001 >/dev/null 2>&1 & echo $!; sleep 8001"

/** Wall clocks that somebody set while it ran. */
const jumps = { ahead: 2, back: -2 }

let folder: string
let owner: string
let defaultEntry: string
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "flyball-watchdog-")))
  chmodSync(folder, 0o755)
  owner = join(folder, "owner.mjs")
  defaultEntry = join(folder, "watchdog.mjs")
  const common = {
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "error",
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)" },
  } as const
  await build({ ...common, stdin: { contents: OWNER, resolveDir: import.meta.dirname, loader: "ts" }, outfile: owner })
  await build({ ...common, entryPoints: [join(import.meta.dirname, "watchdog-main.ts")], outfile: defaultEntry })
  for (const [name, days] of Object.entries(jumps)) {
    const clock = `const steady = Date.now; Date.now = () => steady() + ${days * 86_400_000};`
    await build({
      ...common,
      banner: { js: `${common.banner.js};${clock}` },
      entryPoints: [join(import.meta.dirname, "watchdog-main.ts")],
      outfile: join(folder, `watchdog-${name}.mjs`),
    })
  }
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

type Started = {
  child: ChildProcess
  home: string
  runFolder: string
  tree: ProcessId
  left: ProcessId
  watchdog: ProcessId
  said: () => string
}
let started: Started | undefined
afterEach(() => {
  if (started === undefined) return
  started.child.kill("SIGKILL")
  for (const one of [started.tree, started.left, started.watchdog]) if (isAlive(one)) killTree(one.pid)
  started = undefined
})

async function start({
  deadlineMs = 60_000,
  stallMs = 30_000,
  uid = undefined as number | undefined,
  entry = defaultEntry,
} = {}): Promise<Started> {
  const home = join(mkdtempSync(join(folder, "case-")), "home")
  mkdirSync(home)
  if (uid !== undefined) for (const path of [join(home, ".."), home]) chownSync(path, uid, uid)
  const child = spawn(process.execPath, [owner, home, entry, String(deadlineMs), String(stallMs), SCRIPT], {
    cwd: "/",
    env: { PATH: process.env.PATH ?? "" },
    stdio: ["ignore", "pipe", "inherit"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  let said = ""
  child.stdout?.on("data", (chunk) => (said += chunk))
  const find = (pattern: RegExp) => pattern.exec(said)?.[1]
  await expect.poll(() => find(/left (\d+)/), { timeout: 10_000, interval: 10 }).toBeDefined()
  const watchdogPid = () =>
    readdirSync("/proc").find((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(`${entry}\0${home}\0`))
  await expect.poll(watchdogPid, { timeout: 5000, interval: 10 }).toBeDefined()
  const who = (pid: string | undefined) => identify(Number(pid)) ?? { pid: 0, startedAt: "gone" }
  started = {
    child,
    home,
    runFolder: find(/folder (.*)/) ?? "",
    tree: who(find(/tree (\d+)/)),
    left: who(find(/left (\d+)/)),
    watchdog: who(watchdogPid()),
    said: () => said,
  }
  return started
}

const until = (what: () => boolean, timeout = 2000) => expect.poll(what, { timeout, interval: 10 }).toBe(true)
const dead = ({ tree, left }: Started) => !isAlive(tree) && !isAlive(left)

describe.skipIf(process.platform !== "linux")("P6: the watchdog is a process of its own", () => {
  const users: [string, number | undefined][] = [
    ["as we are", undefined],
    ["as an ordinary user", 65534],
  ]
  test.each(users)(
    "D5: killed with -9, the owner leaves no process, no file, and the watchdog goes too (%s)",
    async (_, uid) => {
      if (uid !== undefined && process.getuid?.() !== 0) return
      const run = await start(uid === undefined ? {} : { uid })
      expect(isAlive(run.tree) && isAlive(run.left) && isAlive(run.watchdog)).toBe(true)
      run.child.kill("SIGKILL")
      await until(() => dead(run) && !isAlive(run.watchdog))
      expect(existsSync(run.runFolder)).toBe(false)
    },
  )

  test("HALT ends all trees within two seconds, though the owner is stopped", async () => {
    const run = await start()
    run.child.kill("SIGSTOP")
    writeFileSync(join(run.home, "HALT"), "")
    await until(() => dead(run))
    expect(isAlive(run.watchdog)).toBe(true)
    run.child.kill("SIGCONT")
    await until(() => run.said().includes("ended SIGKILL"))
  })

  test("D5: a tree past its deadline is ended, though the owner is stopped", async () => {
    const run = await start({ deadlineMs: 1500 })
    run.child.kill("SIGSTOP")
    expect(dead(run)).toBe(false)
    await until(() => dead(run), 4000)
  })

  test.each(Object.keys(jumps))(
    "M5: a wall clock that jumps %s ends no living tree, and keeps none past its deadline",
    async (name) => {
      const run = await start({ deadlineMs: 3000, entry: join(folder, `watchdog-${name}.mjs`) })
      const begun = performance.now()
      run.child.kill("SIGSTOP")
      await new Promise((later) => setTimeout(later, 1200))
      expect(dead(run)).toBe(false)
      await until(() => dead(run), 6000)
      expect(performance.now() - begun).toBeGreaterThan(1500)
    },
  )

  test("an owner that gives no sign of life loses its trees", async () => {
    const run = await start({ stallMs: 3000 })
    run.child.kill("SIGSTOP")
    await until(() => dead(run), 6000)
  })

  test("a watchdog that is killed comes back, and knows the trees", async () => {
    const run = await start()
    process.kill(run.watchdog.pid, "SIGKILL")
    const next = () =>
      readdirSync("/proc").find(
        (pid) =>
          /^\d+$/.test(pid) &&
          commandOf(pid).includes(`${run.home}\0`) &&
          commandOf(pid).includes(defaultEntry) &&
          Number(pid) !== run.watchdog.pid &&
          Number(pid) !== run.child.pid,
      )
    await until(() => next() !== undefined)
    run.child.kill("SIGKILL")
    await until(() => dead(run) && next() === undefined, 3000)
  })
})

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8")
  } catch {
    return ""
  }
}
