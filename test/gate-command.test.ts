import { createHash } from "node:crypto"
import { lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join, resolve } from "node:path"
import { afterAll, beforeAll, describe, expect, test } from "vitest"
import { DoctorReport } from "../src/engine/commands/doctor.ts"
import { ProveReport } from "../src/engine/commands/prove.ts"
import { GateReport } from "../src/engine/gate/report.ts"
import { removeDatabase } from "../src/engine/postgres/launch.ts"
import { git as runGit } from "../src/lib/git.ts"
import { run } from "../src/lib/process.ts"
import { flyball } from "./flyball-cli.ts"

/* `flyball gate` as people and CI call it: the built command line, real git, real checks. */

type Files = Record<string, string | null>

let folder: string
let root: string
let home: string

const git = (...args: string[]) =>
  runGit(["-c", "user.name=Test", "-c", "user.email=t@localhost", "-c", "protocol.file.allow=always", ...args], {
    cwd: root,
  })

/** A branch with these files on top of another. */
async function branch(name: string, onto: string, files: Files): Promise<string> {
  await git("checkout", "--quiet", "--force", "-B", name, onto)
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    if (text === null) await rm(join(root, path))
    else await writeFile(join(root, path), text)
  }
  await git("add", "--all")
  await git("commit", "--quiet", "--allow-empty", "-m", `of ${name}`)
  return (await git("rev-parse", "HEAD")).trim()
}

const source = (add: string, mul = "a * b") =>
  `export const add = (a, b) => ${add}\nexport const mul = (a, b) => ${mul}\n`
const tests = [
  'import assert from "node:assert/strict"',
  'import { test } from "node:test"',
  'import { add, mul } from "../src/sums.js"',
  'test("adds", () => assert.equal(add(2, 3), 5))',
  `test('multiplies <"two"> & \\u0007 more', () => assert.equal(mul(2, 3), 6, 'no <![CDATA[ \\u0000 ]]> "here" & there'))`,
  "",
].join("\n")

const loop = (check: string) => `name: strict
steps:
  - discover: { run: failing_tests }
  - act: { for_each: finding, spawn: implementer(finding) }
  - verify: { agent: reviewer, check: ${check} }
guardrails: { budget: $1/run }
`

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "flyball-gate-cli-"))
  root = join(folder, "project")
  home = join(folder, "home")
  await mkdir(root)
  await git("init", "--quiet", "--initial-branch=main")
  await branch("main", "HEAD", {}).catch(() => git("commit", "--quiet", "--allow-empty", "-m", "root"))
  await branch("main", "main", {
    "package.json": '{ "name": "p", "type": "module", "scripts": { "test": "node --test" } }\n',
    "src/sums.js": source("a - b"),
    "test/sums.test.js": tests,
    ".flyball/loops/strict.yaml": loop("tests_pass AND diff_reasonable"),
    "README.md": "# p\n",
  })
  await branch("fix", "main", { "src/sums.js": source("a + b") })
  await branch("worse", "main", { "src/sums.js": source("a + b", "a / b") })
  await branch("ci", "fix", { ".github/workflows/ci.yml": "on: push\n" })
  await branch("loosened", "fix", { ".flyball/loops/strict.yaml": loop("diff_reasonable") })
  await branch("other", "main", { "src/sums.js": source("a + b + 0") })
  await git("checkout", "--quiet", "main")
}, 60_000)
afterAll(async () => {
  await removeDatabase(home)
  await rm(folder, { recursive: true, force: true })
})

async function gate(args: string[], { cwd = root, env = {} }: { cwd?: string; env?: Record<string, string> } = {}) {
  return flyball(cwd, ["gate", ...args], { FLYBALL_HOME: home, ...env }).ended
}
async function judged(args: string[], options: Parameters<typeof gate>[1] = {}) {
  const { code, stdout, stderr } = await gate([...args, "--json"], options)
  const value: unknown = JSON.parse(stdout)
  return { code, stderr, report: GateReport.parse(value) }
}
async function refused(args: string[], options: Parameters<typeof gate>[1] = {}) {
  const { code: exit, stdout } = await gate([...args, "--json"], options)
  return { exit, ...JSON.parse(stdout).error }
}

const finding = ["--finding", "tests_pass:test/sums.test.js > adds"]

describe("the verdict is the exit code", () => {
  test.each<[string, string[], number, GateReport["verdict"]]>([
    ["a fix", ["main", "fix", ...finding], 0, "accept"],
    ["a fix, by its id", ["main", "fix~0"], 0, "accept"],
    ["a change that breaks what worked", ["main", "worse"], 1, "retry"],
    ["a change that does not mend its finding", ["main", "main~0", ...finding], 1, "retry"],
    ["a change of what judges", ["main", "ci"], 1, "retry"],
    ["a conflict", ["fix", "other"], 1, "retry"],
    ["a command of one's own", ["main", "fix", "--check", "node -e 0"], 0, "accept"],
    [
      "a command of one's own, red on the head alone",
      ["main", "worse", "--check", "! grep -q / src/sums.js"],
      1,
      "retry",
    ],
    [
      "T12: a tool that is not here, on base and head alike",
      ["main", "fix", "--check", "no-such-tool --all"],
      3,
      "ask",
    ],
  ])("%s", async (_, args, code, verdict) => {
    const result = await judged(args)
    expect(result.report.reason ?? "accepted", result.stderr).toBeTruthy()
    expect(result.report.verdict, JSON.stringify(result.report.checks, null, 1)).toBe(verdict)
    expect(result.code).toBe(code)
    for (const each of result.report.checks) expect(each.head).toBe(result.report.head.sha)
  })

  test.each<[string, string[], string]>([
    ["no base", [], "WRONG_USE"],
    ["a commit that is not here", ["main", "nowhere"], "NO_SUCH_COMMIT"],
    ["a loop that the base does not have", ["main", "fix", "--loop", "none"], "NO_SUCH_LOOP"],
    ["two that want stdout", ["main", "fix", "--sarif", "-"], "WRONG_USE"],
    ["a loop and a command", ["main", "fix", "--loop", "strict", "--check", "true"], "WRONG_USE"],
    ["a finding of an unknown check", ["main", "fix", "--finding", "nope:a"], "NO_SUCH_CHECK"],
    ["a finding in a file that is not there", ["main", "fix", "--finding", "no/file.json"], "NO_SUCH_FINDING"],
    ["a file that is no finding", ["main", "fix", "--finding", "package.json"], "FINDING_INVALID"],
    ["an empty command", ["main", "fix", "--check", " "], "CHECK_EMPTY"],
  ])("wrong use is 2: %s", async (_, args, code) => {
    expect(await refused(args)).toMatchObject({ exit: 2, code })
  })

  test("a finding can be written down in a file; its text never becomes a command", async () => {
    const path = join(folder, "finding.json")
    const reproduce = {
      check: "tests_pass",
      ids: ["test/sums.test.js > adds"],
      command: `touch ${join(folder, "ran")}`,
    }
    await writeFile(path, JSON.stringify({ title: "adds is wrong", reproduce }))
    const { report } = await judged(["main", "fix", "--finding", path])
    expect(report).toMatchObject({ verdict: "accept", finding: { title: "adds is wrong", check: "tests_pass" } })
    await expect(lstat(join(folder, "ran"))).rejects.toThrow()
  })
})

test("text for people: each check, why, what it can't show, and whether it was sandboxed", async () => {
  const { stdout, stderr, code } = await gate(["main", "worse"])
  expect(code).toBe(1)
  // Each check stands once, in the list; what is told meanwhile is what goes on.
  expect(stderr).toMatch(/tests_pass on the base and on the change/)
  expect(stderr).not.toMatch(/: (pass|fail|error|skipped): /)
  expect(stdout).toMatch(/✗ tests_pass +.*multiplies.*\(2 ran/)
  expect(stdout).toContain("REJECT")
  expect(stdout).toMatch(/(not )?sandboxed \(/)
  expect(stdout).not.toMatch(/\u0007/)
})

test("T9: an unreadable check, a broken definition and a skipped layer never exit 0", async () => {
  await branch("mute", "main", {
    "package.json": '{ "type": "module", "scripts": { "test": "node --test nowhere/" } }\n',
  })
  await branch("mute-fix", "mute", { "src/sums.js": source("a + b") })
  expect(await judged(["mute", "mute-fix"])).toMatchObject({ code: 3, report: { asks: "infrastructure" } })
  await branch("bad-checks", "main", { ".flyball/checks.yaml": "tests_pass: [\n" })
  expect(await refused(["bad-checks", "fix"])).toMatchObject({ code: "LOOP_INVALID" })
  await git("checkout", "--quiet", "main")
  const asks = await judged(["main", "fix", "--loop", "strict"])
  expect(asks).toMatchObject({ code: 3, report: { verdict: "ask" } })
})

test("D10: what is judged is one commit id, whatever the branch does meanwhile", async () => {
  const before = await branch("moving", "fix", { "README.md": "# moving\n" })
  const run = flyball(root, ["gate", "main", "moving"], { FLYBALL_HOME: home })
  await run.says("tests_pass on the base")
  await git("checkout", "--quiet", "main")
  await git("branch", "--quiet", "--force", "moving", "worse")
  const { code, stdout } = await run.ended
  expect(code).toBe(0)
  expect(stdout).toContain(`ACCEPT ${before.slice(0, 10)}`)
})

describe("a loop's layers", () => {
  test("are those of the base, whatever the head made of them", async () => {
    const { report, code } = await judged(["main", "loosened", "--loop", "strict", "--checks-only"])
    expect(report.layers.join()).toContain("tests_pass")
    expect(code).toBe(1)
    expect(report.reason).toMatch(/\.flyball/)
  })

  test("without what only an agent could say, which is told", async () => {
    const { report, code } = await judged(["main", "fix", "--loop", "strict", "--checks-only"])
    expect(code).toBe(0)
    expect(report.notes.join("\n")).toMatch(/Left out: review:reviewer/)
  })
})

describe("nothing of the repository is written", () => {
  test("with a dirty checkout, whose dirt is not judged", async () => {
    await writeFile(join(root, "src/sums.js"), "not even JavaScript\n")
    await writeFile(join(root, "new.txt"), "new\n")
    const before = await contentOf(root)
    const { report, code } = await judged(["main", "fix", ...finding])
    expect(code).toBe(0)
    expect(report.notes.join("\n")).toContain("2 changes that no commit holds")
    await judged(["main", "worse"])
    await gate(["--prove", "--json"])
    expect(await contentOf(root)).toEqual(before)
    await git("checkout", "--quiet", "--force", "main")
    await rm(join(root, "new.txt"))
  })

  test("in a bare clone", async () => {
    const bare = join(folder, "bare.git")
    await git("clone", "--quiet", "--bare", root, bare)
    const before = await contentOf(bare)
    const { code, report } = await judged(["main", "fix"], { cwd: bare })
    expect({ code, verdict: report.verdict }).toEqual({ code: 0, verdict: "accept" })
    expect(await contentOf(bare)).toEqual(before)
  })
})

describe("as CI checks out", () => {
  const clone = async (name: string, ...options: string[]) => {
    const cwd = join(folder, name)
    await git("clone", "--quiet", ...options, `file://${root}`, cwd)
    return cwd
  }

  test("a shallow clone without the base says what is missing, and how to have it", async () => {
    const cwd = await clone("shallow", "--depth=1", "--branch=fix")
    const missing = await refused(["main", "HEAD"], { cwd })
    expect(missing).toMatchObject({ code: "NO_SUCH_COMMIT", hint: expect.stringContaining("fetch-depth: 0") })
    await runGit(["fetch", "--quiet", "--depth=1", "origin", "main:main"], { cwd })
    expect(await refused(["main", "HEAD"], { cwd })).toMatchObject({
      code: "HISTORY_MISSING",
      hint: expect.stringContaining("git fetch --unshallow"),
    })
    await runGit(["fetch", "--quiet", "--depth=2", "origin", "fix"], { cwd })
    expect((await judged(["main", "HEAD"], { cwd })).code).toBe(0)
    await runGit(["fetch", "--quiet", "--unshallow", "origin"], { cwd })
    expect((await judged(["main", "HEAD"], { cwd })).code).toBe(0)
    // What merges knows the history as it is now, not as it was cut when it was made.
    const data = join(home, "repos")
    const cut = (await readdir(data)).filter((name) => name.startsWith("shallow-")).map((name) => join(data, name))
    expect(await readdir(join(cut[0] ?? "", "merge.git"))).not.toContain("shallow")
  })

  test("a base that only the remote has is meant by its name", async () => {
    const cwd = await clone("single", "--branch=fix")
    const { report, code } = await judged(["main"], { cwd })
    expect(code).toBe(0)
    expect(report.base.name).toBe("origin/main")
    expect(report.notes.join()).toContain("`origin/main` is meant")
  })

  test("a partial clone that lacks files is refused before anything is done", async () => {
    await git("config", "uploadpack.allowFilter", "true")
    const cwd = await clone("partial", "--filter=blob:none", "--no-checkout", "--branch=fix")
    expect(await refused(["origin/main", "HEAD"], { cwd })).toMatchObject({ code: "OBJECTS_MISSING" })
  })
})

describe("what CI reads", () => {
  test("SARIF names each test that stands in the way, with file and line", async () => {
    const { stdout, code } = await gate(["main", "worse", "--sarif", "-"])
    expect(code).toBe(1)
    const sarif = JSON.parse(stdout)
    expect(sarif).toMatchObject({
      version: "2.1.0",
      runs: [
        {
          tool: { driver: { name: "flyball gate", rules: [{ id: "tests_pass" }] } },
          invocations: [{ executionSuccessful: true }],
        },
      ],
    })
    const [result] = sarif.runs[0].results
    expect(result).toMatchObject({
      ruleId: "tests_pass",
      ruleIndex: 0,
      level: "error",
      locations: [{ physicalLocation: { artifactLocation: { uri: "test/sums.test.js" }, region: { startLine: 5 } } }],
    })
  })

  test("an accepted change has no SARIF results, and JUnit passes", async () => {
    const files = { sarif: join(folder, "a b.sarif"), junit: join(folder, "a.xml") }
    const { code } = await gate(["main", "fix", "--sarif", files.sarif, "--junit", files.junit])
    expect(code).toBe(0)
    expect(JSON.parse(await readFile(files.sarif, "utf8")).runs[0].results).toEqual([])
    expect(await readFile(files.junit, "utf8")).toMatch(/failures="0" errors="0"/)
  })

  test("a file that can't be written is said before anything is judged, and is no pass", async () => {
    const { code, stderr } = await gate(["main", "fix", "--junit", join(folder, "no/such/folder/a.xml")])
    expect([code, stderr]).toEqual([2, expect.stringContaining("FILE_NOT_WRITABLE")])
    expect(stderr).not.toContain("tests_pass")
  })
})

test.each([
  [["main..fix"], "flyball gate main fix"],
  [["main", ""], "unset"],
])("wrong use %j is answered by the right one", async (args, says) => {
  const { code, stderr } = await gate(args)
  expect([code, stderr]).toEqual([2, expect.stringContaining(says)])
})

// Nobody may make a folder in /sys, root neither.
test.skipIf(process.platform !== "linux")(
  "a home that can't be written is said to be that, and is no verdict",
  async () => {
    const { code, stderr } = await gate(["main", "fix"], { env: { FLYBALL_HOME: "/sys/flyball" } })
    expect([code, stderr]).toEqual([3, expect.stringContaining("HOME_NOT_WRITABLE")])
  },
)

test("a pipe that closes early makes no refusal a 0", async () => {
  const script = `set -o pipefail; "${process.execPath}" "${resolve("dist/flyball.js")}" gate main worse --check "npm test" 2>&1 | true`
  const ran = await run(["bash", "-c", script], {
    cwd: root,
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", FLYBALL_HOME: home },
    timeoutMs: 60_000,
    limitBytes: 65_536,
  })
  expect(ran.exitCode).toBe(1)
})

test("a finding's test that nothing knows is said to be that, with the name that was meant", async () => {
  const { code, stdout } = await gate(["main", "fix", "--finding", "tests_pass:test/sums.test.js > ads"])
  expect([code, stdout]).toEqual([1, expect.stringContaining("Did you mean `test/sums.test.js > adds`?")])
})

describe("--prove", () => {
  const proved = async (args: string[] = []) => {
    const { code, stdout, stderr } = await gate(["--prove", ...args, "--json"])
    if (!stdout.startsWith("{")) throw new Error(stderr)
    return { code, report: ProveReport.parse(JSON.parse(stdout)) }
  }

  test("tests that notice a mistake go red, and a check that looks at nothing is found out", async () => {
    await branch("gates", "fix", {
      ".flyball/checks.yaml":
        'nothing: { run: "true", kind: exit }\nparses: { run: node --check src/sums.js, kind: exit }\n',
    })
    const { code, report } = await proved()
    const by = Object.fromEntries(report.checks.map((each) => [each.name, each]))
    expect(by.tests_pass).toMatchObject({ base: { is: "green", ran: 2 }, proof: { is: "goes_red" } })
    expect(by.tests_pass?.proof.says).toMatch(/in src\/sums\.js:\d/)
    expect(by.parses?.proof.is).toBe("goes_red")
    expect(by.nothing?.proof.is).toBe("stays_green")
    expect(code).toBe(1)
    expect(report.readiness).toMatchObject({ is: "ready_with_care", measured: "proved" })
    expect(report.readiness.raise.join("\n")).toContain("Mend `nothing`")
  })

  test("tests that cover nothing, and tests that are not the same twice", async () => {
    await branch("toothless", "fix", {
      "test/sums.test.js": 'import { test } from "node:test"\ntest("is there", () => {})\n',
    })
    const toothless = await proved()
    expect(toothless.report.checks[0]?.proof.says).toContain("the tests seem not to cover it")
    expect(toothless.report.readiness.raise.join("\n")).toContain("Cover the source")
    const coin =
      'import assert from "node:assert/strict"\nimport { test } from "node:test"\nfor (const n of Array(24).keys()) test("coin " + n, () => assert.ok(Math.random() < 0.5))\n'
    await branch("flaky", "fix", { "test/coin.test.js": coin })
    const flaky = await proved()
    expect(flaky.report.checks[0]?.base.is).toBe("flaky")
    expect(flaky.report.readiness.raise.join("\n")).toContain("the same every time")
  })

  test("red as it is by exit code alone, and no checks at all: it can't be shown, and is no pass", async () => {
    await branch("red", "main", {
      "package.json": "{}",
      ".flyball/checks.yaml": "broken: { run: exit 4, kind: exit }\n",
    })
    const red = await proved()
    expect(red).toMatchObject({ code: 3, report: { checks: [{ base: { is: "red" }, proof: { is: "not_shown" } }] } })
    await branch("bare", "red", { ".flyball/checks.yaml": null })
    const none = await proved()
    expect(none).toMatchObject({ code: 3, report: { checks: [], readiness: { is: "not_yet", trust: [] } } })
    await git("checkout", "--quiet", "--force", "main")
  })
})

test("`doctor` says how ready the repository is: by its files, and with --prove by what was seen", async () => {
  await git("checkout", "--quiet", "--force", "fix")
  const doctor = async (...args: string[]) => {
    const { stdout } = await flyball(root, ["doctor", "--json", ...args], { FLYBALL_HOME: home }).ended
    return DoctorReport.parse(JSON.parse(stdout))
  }
  const quick = await doctor()
  expect(quick.readiness).toMatchObject({ measured: "no" })
  expect(quick.proof).toBeUndefined()
  const proved = await doctor("--prove")
  expect(proved.readiness).toMatchObject({ measured: "proved" })
  expect(proved.proof?.checks[0]?.proof.is).toBe("goes_red")
  expect(proved.readiness?.trust.join()).toContain("defects that a test shows")
  await git("checkout", "--quiet", "main")
})

/** Every file of a folder with what is in it; nothing may appear, go or change. */
async function contentOf(path: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of (await readdir(path, { recursive: true })).sort()) {
    const full = join(path, name)
    const facts = await lstat(full)
    if (facts.isSymbolicLink()) found[name] = await readlink(full)
    else if (facts.isFile())
      found[name] = createHash("sha256")
        .update(await readFile(full))
        .digest("hex")
    else found[name] = ""
  }
  return found
}

test("D2: what a gate leaves that is killed goes with the next one", async () => {
  const killed = flyball(root, ["gate", "HEAD~1", "HEAD", "--check", "sleep 7071"], { FLYBALL_HOME: home })
  const checkouts = async () => {
    const repos = await readdir(join(home, "repos"))
    const lists = repos.map((repo) => readdir(join(home, "repos", repo, "checkouts")).catch(() => []))
    return (await Promise.all(lists)).flat().filter((name) => name.includes(`.${killed.child.pid}.`))
  }
  await expect.poll(checkouts, { timeout: 20_000, interval: 50 }).not.toEqual([])
  killed.child.kill("SIGKILL")
  await killed.ended
  expect(await checkouts()).not.toEqual([])
  await flyball(root, ["gate", "HEAD~1", "HEAD", "--check", "true"], { FLYBALL_HOME: home }).ended
  expect(await checkouts()).toEqual([])
})
