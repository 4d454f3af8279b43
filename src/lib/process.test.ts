import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { type RunOptions, run } from "./process.ts"
import { identify, isAlive } from "./process-tree.ts"

let cwd: string
beforeAll(() => {
  cwd = mkdtempSync(join(tmpdir(), "flyball-process-"))
})
afterAll(() => rmSync(cwd, { recursive: true, force: true }))

const env = { PATH: process.env.PATH ?? "/usr/bin:/bin" }
const sh = (script: string, options: Partial<RunOptions> = {}) =>
  run(["/bin/sh", "-c", script], { cwd, env, ...options })
const node = (script: string, options: Partial<RunOptions> = {}) =>
  run([process.execPath, "-e", script], { cwd, env, ...options })

describe("what a program did is told", () => {
  test("exit code, output and time", async () => {
    const ran = await sh("echo out; echo err >&2; exit 3")
    expect(ran).toMatchObject({
      exitCode: 3,
      signal: null,
      ended: "exit",
      stdout: "out\n",
      stderr: "err\n",
      droppedBytes: 0,
    })
  })

  test("the signal that killed it", async () => {
    expect(await sh("kill -TERM $$")).toMatchObject({ exitCode: null, signal: "SIGTERM", ended: "exit" })
  })

  test.each([
    ["a missing program", ["flyball-no-such-program"], "no such program"],
    ["a file that is no program", ["/etc/passwd"], "not executable"],
    ["no program at all", [], ""],
    ["an argument no program can take", ["echo", "a\0b"], "null bytes"],
    ["arguments beyond the system's limit", ["echo", "x".repeat(4_000_000)], "E2BIG"],
  ])("%s is `missing`, not an exception", async (_, argv, why) => {
    const ran = await run(argv, { cwd, env })
    expect(ran).toMatchObject({ ended: "missing", exitCode: null })
    expect(ran.stderr).toContain(why)
  })

  test("a missing folder is not mistaken for a missing program", async () => {
    const ran = await run(["true"], { cwd: join(cwd, "nowhere"), env })
    expect(ran).toMatchObject({ ended: "missing" })
    expect(ran.stderr).toBe(`The folder ${join(cwd, "nowhere")} does not exist.`)
  })

  test("nothing of our environment is inherited", async () => {
    process.env.FLYBALL_TEST_SECRET = "hunter2"
    const ran = await sh("env")
    delete process.env.FLYBALL_TEST_SECRET
    expect(ran.stdout).not.toContain("hunter2")
  })

  test("a program that never reads its stdin does no harm", async () => {
    expect(await sh("exec 0<&-; exit 0", { stdin: "x".repeat(5_000_000) })).toMatchObject({
      ended: "exit",
      exitCode: 0,
    })
  })

  test("stdin arrives whole", async () => {
    const ran = await sh("wc -c", { stdin: "ü".repeat(1_000_000) })
    expect(ran.stdout.trim()).toBe("2000000")
  })
})

describe("output", () => {
  test("a character split over two writes stays one, in text and lines", async () => {
    const lines: string[] = []
    const script = `const b = Buffer.from("grüße €\\r\\n𝄞 end")
      let i = 0; const next = () => i < b.length && process.stdout.write(b.subarray(i, ++i), () => setTimeout(next, 2)); next()`
    const ran = await node(script, { onLine: (line) => lines.push(line) })
    expect(ran.stdout).toBe("grüße €\r\n𝄞 end")
    expect(lines).toEqual(["grüße €", "𝄞 end"])
  })

  test("what is over the limit is dropped and counted; the log has the same limit", async () => {
    const logFile = join(cwd, "log")
    const ran = await node(`process.stdout.write("€".repeat(100_000))`, { limitBytes: 1000, logFile })
    expect(ran.stdout).toBe("€".repeat(333))
    expect(ran.droppedBytes).toBe(300_000 - 1000)
    expect(readFileSync(logFile).length).toBe(1000)
  })

  test("a line that never ends does not fill our memory", async () => {
    const lines: number[] = []
    await node(`process.stdout.write("x".repeat(5_000_000) + "\\nshort\\n")`, {
      onLine: (line) => lines.push(line.length),
    })
    expect(lines).toEqual([1024 * 1024, 5])
  })

  test("what `onLine` throws ends the program and reaches the caller", async () => {
    const failing = sh("echo one; sleep 60", {
      onLine: () => {
        throw new Error("the parser broke")
      },
    })
    await expect(failing).rejects.toThrow("the parser broke")
  })
})

describe("limits", () => {
  const endless = "while :; do echo tick; sleep 0.05; done"
  test("wall clock", async () => {
    expect(await sh(endless, { timeoutMs: 150 })).toMatchObject({ ended: "timeout", signal: "SIGKILL" })
  })

  test("silence, which output puts off", async () => {
    const ran = await sh("for i in 1 2 3 4 5 6; do echo tick; sleep 0.1; done; sleep 60", { silenceMs: 400 })
    expect(ran).toMatchObject({ ended: "silence", stdout: "tick\n".repeat(6) })
  })

  test("abort, before and after the start", async () => {
    expect(await sh("echo never", { signal: AbortSignal.abort() })).toMatchObject({ ended: "aborted", stdout: "" })
    const control = new AbortController()
    const running = sh("echo up; sleep 60", { signal: control.signal, onLine: () => control.abort() })
    expect(await running).toMatchObject({ ended: "aborted", stdout: "up\n" })
  })
})

describe("a process tree dies whole", () => {
  // Each leaves a process behind in its own way, prints that process's id, and stays.
  const ways = {
    "a child": "sleep 61 & echo $!; wait",
    "a grandchild in the background": "(sleep 61 & echo $!); sleep 61",
    "a session of its own": `${process.execPath} -e "const c=require('child_process').spawn('sleep',['61'],{detached:true,stdio:'ignore'});console.log(c.pid);c.unref();setTimeout(()=>{},6e4)"`,
    "a double fork into a session of its own that holds the pipes": `${process.execPath} -e "const c=require('child_process').spawn('sh',['-c','sleep 61 & echo \\$!'],{detached:true,stdio:'inherit'});c.unref();setTimeout(()=>{},6e4)"`,
    "a program that ignores every signal it can": "trap '' HUP INT TERM; sleep 61 & echo $!; while :; do wait; done",
  }
  test.each(Object.entries(ways))("%s, on abort", async (_, script) => {
    const control = new AbortController()
    let left: ReturnType<typeof identify>
    const started = performance.now()
    const ran = await sh(script, {
      signal: control.signal,
      onLine: (line) => {
        left = identify(Number(line))
        control.abort()
      },
    })
    expect(ran.ended).toBe("aborted")
    expect(left).toBeDefined()
    expect(left !== undefined && isAlive(left)).toBe(false)
    expect(performance.now() - started).toBeLessThan(4000)
  })

  test("when its leader ends, the group goes, and a leftover that holds the pipes does not hold us", async () => {
    const started = performance.now()
    const ran = await sh(
      `${process.execPath} -e "require('child_process').spawn('sleep',['62'],{detached:true,stdio:'inherit'}).unref();console.log('done')"`,
    )
    expect(ran).toMatchObject({ ended: "exit", exitCode: 0, stdout: "done\n" })
    expect(performance.now() - started).toBeLessThan(3000)
  })
})
