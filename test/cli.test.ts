import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { z } from "zod"
import { ValidateReport } from "../src/cli/commands/validate.ts"
import { DoctorReport } from "../src/engine/commands/doctor.ts"
import { InboxItem, InboxReport } from "../src/engine/commands/inbox.ts"
import { LogReport } from "../src/engine/commands/logs.ts"
import { StatusReport } from "../src/engine/commands/status.ts"
import { exitCodeOf, RunReport } from "../src/engine/report.ts"
import { ChangeView } from "../src/engine/view.ts"
import { run } from "../src/lib/process.ts"
import { flyball } from "./flyball-cli.ts"
import { fixes, letGo, quickProject, sharedHome } from "./quick-loop.ts"
import { type SmallRepo, smallRepo } from "./small-repo.ts"

const home = sharedHome()

let repo: SmallRepo
beforeAll(async () => {
  const maker = `echo "I look at $item"; if [ "$item" = n2 ]; then echo '{"stop":"impossible","reason":"no"}'; else ${fixes}; fi`
  repo = await smallRepo(quickProject({ maker, items: 2, usdPerAttempt: 0.1 }))
})
afterAll(() => repo[Symbol.asyncDispose]())

const cli = (...args: string[]) => flyball(repo.root, args).ended

describe("what every command prints", () => {
  const cases: { args: string[]; shape: z.ZodType; code: number }[] = [
    { args: ["run", "fix", "--dry-run"], shape: RunReport, code: 0 },
    { args: ["run", "fix"], shape: RunReport, code: 3 },
    { args: ["run", "fix"], shape: RunReport, code: 0 },
    { args: ["status"], shape: StatusReport, code: 0 },
    { args: ["status", "fix"], shape: StatusReport, code: 0 },
    { args: ["inbox"], shape: InboxReport, code: 0 },
    { args: ["inbox", "show", "n1"], shape: InboxItem, code: 0 },
    { args: ["inbox", "answer", "n2", "try again"], shape: ChangeView, code: 0 },
    { args: ["inbox", "approve", "n1"], shape: ChangeView, code: 0 },
    { args: ["logs", "n1"], shape: LogReport, code: 0 },
    { args: ["validate"], shape: ValidateReport, code: 0 },
    { args: ["validate", "fix", "--explain"], shape: ValidateReport, code: 0 },
    { args: ["doctor"], shape: DoctorReport, code: 0 },
  ]
  test("--json: its documented shape and nothing else, and the exit code is the same", async () => {
    for (const { args, shape, code } of cases) {
      const ran = await cli(...args, "--json")
      const what = `flyball ${args.join(" ")}\n${ran.stdout}${ran.stderr}`
      expect(ran.code, what).toBe(code)
      expect(() => shape.parse(JSON.parse(ran.stdout)), what).not.toThrow()
    }
  })

  test.each([
    ["status"],
    ["inbox"],
    ["run", "fix"],
    ["run", "fix", "--dry-run"],
    ["validate"],
    ["logs"],
    ["inbox", "show", "n2"],
  ])("%s %s: no colour where nobody sits at a terminal", async (...args) => {
    const { stdout, stderr } = await cli(...args)
    expect(stdout + stderr).not.toContain("\u001b")
    expect(stdout.trim()).not.toBe("")
  })

  test("a loop is found by its name, and by its path from where one stands", async () => {
    const folder = join(repo.root, "deep", "down")
    await mkdir(folder, { recursive: true })
    for (const named of [
      "fix",
      "../../.flyball/loops/fix.yaml",
      ".flyball/loops/fix.yaml",
      join(repo.root, ".flyball/loops/fix.yaml"),
    ]) {
      const ran = await flyball(folder, ["validate", named]).ended
      expect([named, ran.code, ran.stdout]).toEqual([named, 0, "✓ .flyball/loops/fix.yaml\n"])
    }
    expect((await flyball(folder, ["validate", "../.flyball/loops/fix.yaml"]).ended).code).toBe(2)
  })

  test.runIf(process.platform === "linux")("what can't be written down is no success", async () => {
    const ran = await run(["sh", "-c", `"${process.execPath}" dist/flyball.js validate --schema > /dev/full`], {
      cwd: process.cwd(),
      env: { PATH: process.env.PATH ?? "" },
      timeoutMs: 30_000,
    })
    expect([ran.exitCode, ran.stderr]).toEqual([2, expect.stringMatching(/^OUTPUT_LOST .*ENOSPC\.\n$/)])
  })

  test.each<[Record<string, string>, boolean]>([
    [{ FORCE_COLOR: "1" }, true],
    [{ FORCE_COLOR: "0" }, false],
    [{ FORCE_COLOR: "1", NO_COLOR: "" }, true],
    [{ FORCE_COLOR: "1", NO_COLOR: "1" }, false],
  ])("%j: colours are %s", async (env, colours) => {
    const ran = await run([process.execPath, join(process.cwd(), "dist/flyball.js"), "validate"], {
      cwd: repo.root,
      env: { PATH: process.env.PATH ?? "", HOME: home.path, FLYBALL_HOME: home.path, ...env },
      timeoutMs: 30_000,
    })
    expect(ran.stdout.includes("\u001b")).toBe(colours)
  })

  test.each<[string[], string]>([
    [["frobnicate"], "UNKNOWN_COMMAND"],
    [["run"], "WRONG_USE"],
    [["run", "fix", "--frob"], "WRONG_USE"],
    [["run", "nope"], "NO_SUCH_LOOP"],
    [["inbox", "show", "nope"], "NO_SUCH_CHANGE"],
    [["inbox", "reject", "n2", "  "], "NO_WORDS"],
    [["inbox", "approve", "n1"], "NOT_WAITING"],
    [["logs", "--attempt", "x"], "WRONG_USE"],
    [["logs", "n1", "--attempt", "9"], "NO_SUCH_ATTEMPT"],
  ])("%j is wrong use: %s, what, and what to do next; exit code 2", async (args, code) => {
    const human = await cli(...args)
    expect(human).toMatchObject({ code: 2, stdout: "" })
    expect(human.stderr).toMatch(new RegExp(`^${code} \\S.*\\.\\n`, "m"))
    if (code !== "WRONG_USE" || args[0] === "run") expect(human.stderr).toMatch(/^→ \S/m)
    if (code === "UNKNOWN_COMMAND") return
    const machine = await cli(...args, "--json")
    expect(machine.code).toBe(2)
    expect(JSON.parse(machine.stdout)).toMatchObject({ error: { code, message: expect.any(String) } })
  })
})

describe("help", () => {
  test("the commands that matter with a line each; --all shows the rest", async () => {
    const { stdout } = await cli("--help")
    const listed = [...stdout.matchAll(/^ {2}([a-z]+) {2,}\S.*$/gm)].map(([, name]) => name)
    expect(listed).toEqual(["init", "demo", "run", "goal", "up", "status", "halt", "inbox"])
    expect((await cli("--help", "--all")).stdout).toMatch(/^ {2}logs +\S/m)
  })

  test.each("init demo run goal loop up status halt resume logs inbox gate trace validate doctor gc audit".split(" "))(
    "%s --help has examples",
    async (name) => {
      const { stdout, code } = await cli(name, "--help")
      expect(code).toBe(0)
      expect(stdout).toMatch(new RegExp(`Examples:\\n {2}flyball ${name}`))
    },
  )
})

describe("exit codes of a run, the first that applies", () => {
  const view = (outcome: ChangeView["outcome"]): ChangeView => ({
    id: "x",
    loop: "l",
    run: "r",
    title: "t",
    fingerprint: "f",
    source: "s",
    severity: "low",
    stage: "done",
    outcome,
    says: "",
    attempts: [],
    usd: 0,
    basis: "reported",
    startedAt: "",
    updatedAt: "",
  })
  test.each<[ChangeView["outcome"][], number]>([
    [[], 0],
    [["proposed", "already_fixed", "merged"], 0],
    [["proposed", "stopped"], 1],
    [["proposed", "closed"], 0],
    [["stopped", "asked", "proposed"], 3],
  ])("%j: %i", (outcomes, code) => expect(exitCodeOf(outcomes.map(view))).toBe(code))
})

describe("logs", () => {
  test("-f prints what is said while it is said, and ends with the session", async () => {
    const maker = `echo first; while ! test -e go; do sleep 0.02; done; rm go; echo last; ${fixes}`
    await using other = await smallRepo(quickProject({ maker }))
    const run = flyball(other.root, ["run", "fix"])
    await run.says("attempt 1")
    const logs = flyball(other.root, ["logs", "-f"])
    await logs.says("first")
    const [ended] = await letGo(home.path, Promise.all([logs.ended, run.ended]))
    expect(ended).toMatchObject({ code: 0, stdout: "first\nlast\n" })
    expect((await flyball(other.root, ["logs", "--prompt"]).ended).stdout).toContain("# The finding")
  })
})

describe("a sandbox that is demanded", () => {
  test("is refused where bubblewrap is missing, before anything starts", async () => {
    const path = join(repo.root, ".flyball/loops/boxed.yaml")
    const loop = await readFile(join(repo.root, ".flyball/loops/fix.yaml"), "utf8")
    await writeFile(path, loop.replace("name: fix", "name: boxed\nisolation: sandbox"))
    const bin = join(repo.folder, "bin")
    await mkdir(bin)
    for (const tool of ["git", "node", "sh", "ps", "mkfifo", "cat", "rm"]) await linkTool(tool, bin)
    const { code, stderr } = await flyball(repo.root, ["run", "boxed"], { PATH: bin }).ended
    expect(code, stderr).toBe(2)
    expect(stderr).toMatch(/^NO_SANDBOX .*bubblewrap is not installed/m)
  })
})

async function linkTool(name: string, folder: string): Promise<void> {
  const { symlink } = await import("node:fs/promises")
  const { findProgram } = await import("../src/make/find-program.ts")
  const found = await findProgram(name, process.env.PATH ?? "", "/")
  if (found !== undefined) await symlink(found, join(folder, name))
}
