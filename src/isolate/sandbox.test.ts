import { execFileSync, spawn } from "node:child_process"
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { createServer } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { build } from "esbuild"
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest"
import type { Confinement, Sandbox } from "../core/ports.ts"
import { buildEnv, toolRoots } from "../lib/environment.ts"
import { run } from "../lib/process.ts"
import { identify, isAlive, type ProcessId } from "../lib/process-tree.ts"
import { bubblewrapArgv, systemMounts } from "./bubblewrap.ts"
import { closedIn, detectSandbox } from "./sandbox.ts"

let folder: string
let home: string
let work: string
let sandbox: Sandbox
beforeAll(async () => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "flyball-sandbox-")))
  chmodSync(folder, 0o755)
  home = join(folder, "home")
  work = join(home, "work")
  mkdirSync(work, { recursive: true })
  mkdirSync(join(folder, "repo/.git"), { recursive: true })
  writeFileSync(join(folder, "repo/.git/config"), "hunter2")
  sandbox = await detectSandbox({ home, hidden: [join(folder, "repo")] })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const works =
  execFileSync("sh", ["-c", "bwrap --ro-bind / / --unshare-pid true >/dev/null 2>&1 && echo yes || echo no"], {
    encoding: "utf8",
  }).trim() === "yes"
const confined: Confinement = { writable: [], readable: [], network: "none" }

function sh(script: string, confinement: Partial<Confinement> = {}, where = sandbox) {
  const { argv } = where.wrap(["/bin/sh", "-c", script], work, { ...confined, writable: [work], ...confinement })
  return run(argv, { cwd: work, env: buildEnv({ home: "/tmp/home", tmp: "/tmp" }), timeoutMs: 20_000 })
}

describe.skipIf(!works)("in bubblewrap", () => {
  test("what only its owner may read of the system's configuration is not there, not even for root", async () => {
    const etc = join(folder, "etc")
    mkdirSync(join(etc, "closed"), { recursive: true })
    for (const [name, mode] of [
      ["closed/key", 0o644],
      ["open.conf", 0o644],
      ["new\nline.key", 0o600],
    ] as const)
      writeFileSync(join(etc, name), "hunter2", { mode })
    chmodSync(join(etc, "closed"), 0o700)
    const closed = await closedIn([etc, join(folder, "nowhere")])
    expect(closed.sort()).toEqual([join(etc, "closed"), join(etc, "new\nline.key")])
    const profile = { system: systemMounts(closed), tools: [], hidden: [], stage: home, overlay: false }
    const argv = bubblewrapArgv(
      ["sh", "-c", "cat closed/key; cat new*; cat open.conf"],
      etc,
      { ...confined, readable: [etc] },
      profile,
    )
    const ran = await run(argv, { cwd: "/", env: buildEnv({ home: "/tmp/home", tmp: "/tmp" }), timeoutMs: 20_000 })
    expect(ran.stdout).toBe("hunter2")
  })

  test("is found by running it", () => {
    expect(sandbox.kind).toEqual({ is: "bubblewrap", version: expect.stringMatching(/^\d+\.\d+/) })
  })

  test("what is listed can be written; the system and what is readable can only be read; the rest is not there", async () => {
    const readable = join(folder, "readable")
    mkdirSync(readable, { recursive: true })
    writeFileSync(join(readable, "file"), "read me")
    const ran = await sh(
      `echo x > ${work}/mine && echo wrote; cat ${readable}/file; echo; (echo x > ${readable}/new) 2>/dev/null || echo readonly
       (echo x > /usr/bin/new) 2>/dev/null || echo system; (echo x > /new) 2>/dev/null || echo root
       cat ${folder}/repo/.git/config 2>/dev/null || echo repo; ls ${home}/run 2>/dev/null || echo flyball-home
       cat /etc/shadow 2>/dev/null || echo shadow; ls /var/run/docker.sock /run/docker.sock 2>/dev/null || echo docker`,
      { readable: [readable] },
    )
    expect(ran.stdout.split("\n")).toEqual([
      "wrote",
      "read me",
      "readonly",
      "system",
      "root",
      "repo",
      "flyball-home",
      "shadow",
      "docker",
      "",
    ])
    expect(readFileSync(join(work, "mine"), "utf8")).toBe("x\n")
  })

  test("not even root can undo the mounts from inside, nor in namespaces of its own", async () => {
    const locked = mkdtempSync(join(folder, "locked-"))
    const undo = `mount -o remount,rw,bind ${locked}; umount /etc/shadow; echo x >${locked}/probe && echo written; head -c 9 /etc/shadow`
    const ran = await sh(
      `${undo}; unshare --user --map-root-user --mount sh -c '${undo}'; grep CapEff /proc/self/status`,
      {
        readable: [locked],
      },
    )
    expect(ran.stdout.trim(), ran.stderr).toMatch(/^CapEff:\s+0+$/)
    expect(existsSync(join(locked, "probe"))).toBe(false)
  })

  test("the session's keys are not reached, which no namespace divides", async ({ skip }) => {
    const [add, request, keyctl] = process.arch === "arm64" ? [217, 218, 219] : [248, 249, 250]
    const name = '$t = "user"; $d = "flyball-test"; $b = "hunter2";'
    const read = `${name} $k = syscall(${request}, $t, $d, 0, 0); $n = syscall(${keyctl}, 11, $k, $b = "." x 9, 9); print "$n $b"`
    const within = (argv: string[]) =>
      run(["perl", "-e", `${name} syscall(${add}, $t, $d, $b, 7, -3); exec @ARGV`, ...argv], {
        cwd: work,
        env: buildEnv({ home: "/tmp/home", tmp: "/tmp" }),
      })
    const argv = ["perl", "-e", read]
    if ((await within(argv)).stdout !== "7 hunter2..") skip("no perl, or no keyrings, here")
    const inside = await within(sandbox.wrap(argv, work, { ...confined, writable: [work] }).argv)
    expect(inside).toMatchObject({ exitCode: 0, stdout: "-1 ........." })
  })

  test("sockets are of the kinds that a network namespace divides: none leads to a virtual machine's host", async ({
    skip,
  }) => {
    const open = (family: number) => `perl -e 'print socket(my $s, ${family}, 1, 0) ? "open\n" : "$!\n"'`
    if (!(await sh("perl -e 'print 1'")).stdout.startsWith("1")) skip("no perl here")
    const [unix, inet, netlink, vsock, alg] = (
      await sh([1, 2, 16, 40, 38].map((each) => open(each).replace("16, 1", "16, 3")).join("; "))
    ).stdout.split("\n")
    expect([unix, inet, netlink]).toEqual(["open", "open", "open"])
    for (const refused of [vsock, alg]) expect(refused).toMatch(/^Address family not supported/)
  })

  test("what is hidden is so, though a folder around it is readable; what is listed in it is there", async () => {
    writeFileSync(join(folder, "beside"), "seen")
    const ran = await sh(`cat ${folder}/beside; ls -A ${folder}/repo; ls ${home}`, { readable: [folder] })
    expect(ran.stdout).toBe("seenwork\n")
  })

  test("the user's home is hidden, but for the tools on PATH in it", async () => {
    const own = process.env.HOME ?? "/root"
    const tools = toolRoots()
    const ran = await sh(`ls -A ${own} 2>/dev/null; ls -A ${own}/.ssh ${own}/.gitconfig 2>/dev/null`)
    for (const name of ran.stdout.split("\n").filter((line) => line !== "")) {
      expect(tools.some((tool) => `${tool}/`.startsWith(`${join(own, name)}/`))).toBe(true)
    }
    expect((await sh("node -e 'console.log(6*7)'")).stdout).toBe("42\n")
  })

  test("HOME and TMPDIR are private, empty and gone afterwards; or the folders given", async () => {
    const look = "echo $HOME $TMPDIR; ls -A $HOME; ls $TMPDIR/y 2>/dev/null; touch $HOME/x $TMPDIR/y"
    const expected = "/tmp/home /tmp\n"
    expect((await sh(look)).stdout).toBe(expected)
    expect((await sh(look)).stdout).toBe(expected)
    const kept = { home: join(home, "kept/home"), tmp: join(home, "kept/tmp") }
    for (const path of Object.values(kept)) mkdirSync(path, { recursive: true })
    expect((await sh("echo $HOME $TMPDIR; touch $HOME/x", kept)).stdout).toBe(`${kept.home} ${kept.tmp}\n`)
    expect(existsSync(join(kept.home, "x"))).toBe(true)
  })

  test("it sees no process but its own, and nothing of the shared memory", async () => {
    const ran = await sh("ls /proc | grep -c '^[0-9]'; ls -A /dev/shm")
    expect(Number(ran.stdout.trim())).toBeLessThan(8)
  })

  test("without network there is a loopback of its own, and nothing else; with it there is ours", async () => {
    const server = createServer((_, response) => response.end("hello"))
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    const fetching = `node -e 'fetch("http://127.0.0.1:${port}").then((r) => r.text()).then(console.log, () => console.log("refused"))'`
    const own = `node -e 'const s = require("http").createServer((_, r) => r.end("own")).listen(0, "127.0.0.1", async () => { console.log(await (await fetch("http://127.0.0.1:" + s.address().port)).text()); s.close() })'`
    expect((await sh(fetching)).stdout).toBe("refused\n")
    expect((await sh(own)).stdout).toBe("own\n")
    expect((await sh(fetching, { network: "open" })).stdout).toBe("hello\n")
    expect((await sh("cat /etc/resolv.conf | wc -c", { network: "open" })).stdout.trim()).not.toBe("0")
    server.close()
  })

  test("a secret in our environment is not in its", async () => {
    process.env.FLYBALL_TEST_SECRET = "hunter2"
    const ran = await sh("env; cat /proc/1/environ | tr '\\0' '\\n'")
    delete process.env.FLYBALL_TEST_SECRET
    expect(ran.stdout).not.toContain("hunter2")
    expect(ran.stdout).toContain("CI=true")
  })

  test("a scratch bind can be written to, by several at once, and the original stays as it was", async () => {
    const from = join(folder, "lib, with: odd name")
    mkdirSync(join(from, "pkg"), { recursive: true })
    writeFileSync(join(from, "pkg/index.js"), "original")
    mkdirSync(join(work, "deps"), { recursive: true })
    const binds = [{ from, to: join(work, "deps"), scratch: true }]
    const script =
      "cat deps/pkg/index.js; ls deps; mkdir deps/.cache && echo x > deps/.cache/x; echo changed > deps/pkg/index.js; cat deps/pkg/index.js; id -u"
    const both = await Promise.all([sh(script, { binds }), sh(script, { binds })])
    for (const ran of both) expect(ran.stdout).toBe(`originalpkg\nchanged\n${process.getuid?.()}\n`)
    expect(readFileSync(join(from, "pkg/index.js"), "utf8")).toBe("original")
    expect(existsSync(join(from, ".cache"))).toBe(false)
    expect((await sh("echo x > deps/y", { binds: [{ from, to: join(work, "deps") }] })).exitCode).not.toBe(0)
  })

  test.each([
    ["a folder that is gone", { writable: ["/nowhere/at/all"] }, "exit 0", "unready"],
    ["bubblewrap's exit code by the command's own", {}, "exit 1", "exit"],
    ["its words beside others", {}, "echo bwrap: no >&2; echo so >&2; exit 1", "exit"],
    ["its words after a test's", {}, "echo 1 failed; echo bwrap: no >&2; exit 1", "exit"],
    ["a program that is not there", {}, "exec /nowhere/at/all", "exit"],
  ])(
    "T6: a sandbox that could not be set up is told from a command that failed: %s",
    async (_, more, script, ended) => {
      const { argv, unready } = sandbox.wrap(["/bin/sh", "-c", script], work, {
        ...confined,
        writable: [work],
        ...more,
      })
      const ran = await run(argv, { cwd: work, env: buildEnv({ home: "/tmp/home", tmp: "/tmp" }), unready })
      expect(ran).toMatchObject({ ended, exitCode: expect.any(Number) })
    },
  )

  test("its tree dies whole, whoever left the session", async () => {
    const control = new AbortController()
    const { argv } = sandbox.wrap(["/bin/sh", "-c", `setsid sh -c 'exec env -i sleep 63' & echo up; sleep 63`], work, {
      ...confined,
      writable: [work],
    })
    const ran = await run(argv, {
      cwd: work,
      env: buildEnv({ home: "/tmp/home", tmp: "/tmp" }),
      signal: control.signal,
      onLine: () => control.abort(),
    })
    expect(ran.ended).toBe("aborted")
    await gone("sleep\0" + "63\0")
  })
})

test("why there is no sandbox is told", async () => {
  const none = await detectSandbox({ home, disabled: true })
  expect(none.kind).toEqual({ is: "none", why: expect.any(String) })
  expect(none.wrap(["true"], "/", confined).sandboxed).toBe(false)
})

describe("under the supervisor", () => {
  let none: Sandbox
  beforeAll(async () => {
    none = await detectSandbox({ home, disabled: true })
  })

  test("stdin, output, arguments and exit code are the command's own", async () => {
    const { argv } = none.wrap(["/bin/sh", "-c", 'cat; echo "$1" >&2; exit 7', "sh", "two words"], work, confined)
    const ran = await run(argv, { cwd: work, env: buildEnv({ home: work, tmp: work }), stdin: "in" })
    expect(ran).toMatchObject({ exitCode: 7, stdout: "in", stderr: "two words\n" })
  })

  test("HOME and TMPDIR are private and gone afterwards here too, or the folders given", async () => {
    const ran = await sh("echo $HOME; touch $HOME/x $TMPDIR/y && ls -A $HOME $TMPDIR | grep -c '^[xy]$'", {}, none)
    const [own = "", count] = ran.stdout.split("\n")
    expect(own.startsWith(join(home, "run/lifelines", String(process.pid)))).toBe(true)
    expect(count).toBe("2")
    expect(existsSync(own)).toBe(false)
    expect((await sh("echo $HOME $TMPDIR", { home: "/a b", tmp: "/c" }, none)).stdout).toBe("/a b /c\n")
  })

  test("whoever left the group is ended with the command", async () => {
    const ran = await sh("setsid sleep 64 >/dev/null 2>&1 & echo $!", {}, none)
    expect(ran).toMatchObject({ exitCode: 0, ended: "exit" })
    await gone("sleep\0" + "64\0")
  })
})

/** A program that starts a confined tree, says who is in it, and waits to be killed. */
const OWNER = `
import { bubblewrapArgv, systemMounts } from "./bubblewrap.ts"
import { closedIn, detectSandbox } from "./sandbox.ts"
import { buildEnv } from "../lib/environment.ts"
import { run } from "../lib/process.ts"
const [home, work, disabled, script] = process.argv.slice(2)
const sandbox = await detectSandbox({ home, disabled: disabled === "yes" })
const { argv, sandboxed } = sandbox.wrap(["/bin/sh", "-c", script], work, { writable: [work], readable: [], network: "none" })
console.log(sandboxed, process.getuid())
await run(argv, { cwd: work, env: buildEnv({ home: "/tmp/home", tmp: "/tmp" }), onLine: (line) => console.log(line) })
`

describe("killed with -9, the owner takes its trees along", () => {
  let program: string
  beforeAll(async () => {
    program = join(folder, "owner.mjs")
    await build({
      stdin: { contents: OWNER, resolveDir: import.meta.dirname, loader: "ts" },
      bundle: true,
      platform: "node",
      format: "esm",
      outfile: program,
      packages: "external",
      logLevel: "error",
    })
  })

  const cases: [string, boolean, boolean][] = [
    ["in the sandbox", false, false],
    ["in the sandbox, as an ordinary user", false, true],
    ["under the supervisor", true, false],
    ["under the supervisor, as an ordinary user", true, true],
  ]
  test.each(cases)("%s", async (name, disabled, ordinary) => {
    if ((!disabled && !works) || (ordinary && process.getuid?.() !== 0)) return
    const own = join(folder, name.replaceAll(/\W/g, "-"))
    mkdirSync(join(own, "work"), { recursive: true })
    if (ordinary) for (const path of [own, join(own, "work")]) chownSync(path, 65534, 65534)
    const seconds = String(7000 + cases.findIndex(([other]) => other === name))
    const script = `setsid sleep ${seconds} & (sleep ${seconds} &); echo up; sleep ${seconds}`
    const owner = spawn(
      process.execPath,
      [program, join(own, "home"), join(own, "work"), disabled ? "yes" : "no", script],
      {
        env: { PATH: process.env.PATH ?? "" },
        cwd: "/",
        stdio: ["ignore", "pipe", "inherit"],
        ...(ordinary ? { uid: 65534, gid: 65534 } : {}),
      },
    )
    let said = ""
    await new Promise<void>((resolve) => {
      owner.stdout.on("data", (chunk) => {
        said += chunk
        if (said.includes("up\n")) resolve()
      })
      owner.once("exit", () => resolve())
    })
    onTestFinished(() => void owner.kill("SIGKILL"))
    expect(said).toBe(`${!disabled} ${ordinary ? 65534 : process.getuid?.()}\nup\n`)
    await expect.poll(() => running(`sleep\0${seconds}\0`).length, { timeout: 2000, interval: 10 }).toBe(3)
    owner.kill("SIGKILL")
    await gone(`sleep\0${seconds}\0`)
  })
})

function running(commandLine: string): ProcessId[] {
  return execFileSync("ls", ["/proc"], { encoding: "utf8" })
    .split("\n")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const found = readFileSync(`/proc/${name}/cmdline`, "utf8") === commandLine ? identify(Number(name)) : undefined
        return found === undefined ? [] : [found]
      } catch {
        return []
      }
    })
}

async function gone(commandLine: string): Promise<void> {
  await expect.poll(() => running(commandLine).filter(isAlive).length, { timeout: 2000, interval: 20 }).toBe(0)
}
