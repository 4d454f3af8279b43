import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { watch } from "node:fs/promises"
import { join } from "node:path"
import { expect, test } from "vitest"
import type { CheckSpec } from "../core/loop.ts"
import type { Sandbox } from "../core/ports.ts"
import { machineStamp } from "./machine.ts"
import type { MeasureOptions } from "./measuring.ts"
import { noSandbox, openTestRepo, testProber, told } from "./testing.ts"

const never = new AbortController().signal
const head = `import { test } from "node:test"; import assert from "node:assert"; import { one } from "./one.mjs"\n`
const files = {
  "package.json": JSON.stringify({ scripts: { test: "node --test" } }),
  "one.mjs": "export const one = 2\n",
  "one.test.mjs": `${head}test("one", () => assert.equal(one, 1))`,
}
const npmTest: CheckSpec = {
  name: "tests_pass",
  kind: "tests",
  run: "npm test",
  timeoutMs: 60_000,
  from: "package.json",
}
const exit = (run: string, timeoutMs = 60_000): CheckSpec => ({ name: "x", kind: "exit", run, timeoutMs, from: "loop" })

test("a measurement is remembered by its tree and definition, over processes", async () => {
  using repo = openTestRepo(files)
  const first = await testProber(repo.repo).measure(npmTest, "HEAD", never)
  expect(told(first)).toEqual({ "one.test.mjs > one": "failed" })
  expect(first).toMatchObject({
    cached: false,
    definition: "base",
    command: "npm test → node --test",
    sandboxed: false,
  })
  expect(readFileSync(first.artifact ?? "", "utf8")).toContain("$ node --test")
  repo.git("commit", "--allow-empty", "-qm", "same tree")
  const again = await testProber(repo.repo).measure({ ...npmTest, name: "other" }, "HEAD", never)
  expect(again).toMatchObject({ cached: true, check: "other", result: first.result })
  const otherwise = await testProber(repo.repo).measure({ ...npmTest, run: "node --test one.test.mjs" }, "HEAD", never)
  expect(otherwise.cached).toBe(false)
})

test.each([
  [1, { exit: 0 }],
  [2, "stopped"],
])("T6: a sandbox that could not be set up %i times says nothing of the code", async (times, outcome) => {
  using repo = openTestRepo(files)
  let failing = times
  // The first of its commands; the second is started like any other.
  const script = 'if [ -e "$0" ]; then rm "$0"; echo "bwrap: no" >&2; exit 1; fi; exec "$@"'
  const flag = join(repo.folder, "broken")
  writeFileSync(flag, "")
  const sandbox: Sandbox = {
    ...noSandbox,
    wrap: (argv) => ({
      argv: ["sh", "-c", script, flag, ...argv],
      sandboxed: true,
      unready: ({ stderr }) => {
        const isBroken = stderr.startsWith("bwrap: ")
        if (isBroken && --failing > 0) writeFileSync(flag, "")
        return isBroken
      },
    }),
  }
  const measured = await testProber(repo.repo, undefined, sandbox).measure(exit("true"), "HEAD", never)
  expect(told(measured)).toEqual(outcome)
  const cached = await testProber(repo.repo, undefined, sandbox).measure(exit("true"), "HEAD", never)
  expect(cached.cached).toBe(outcome !== "stopped")
})

test("a cache entry that does not read is no entry", async () => {
  using repo = openTestRepo(files)
  const check = exit("true")
  await testProber(repo.repo).measure(check, "HEAD", never)
  const folder = join(repo.repo.dataDir, "cache", "measurements")
  for (const name of readdirSync(folder)) writeFileSync(join(folder, name), '{"version":1,"measure')
  expect((await testProber(repo.repo).measure(check, "HEAD", never)).cached).toBe(false)
  expect((await testProber(repo.repo).measure(check, "HEAD", never)).cached).toBe(true)
})

test("two at once on one tree run it once", async () => {
  using repo = openTestRepo(files)
  const prober = testProber(repo.repo)
  const both = await Promise.all([prober.measure(npmTest, "HEAD", never), prober.measure(npmTest, "HEAD", never)])
  expect(both.map((measured) => measured.cached).sort()).toEqual([false, true])
  expect(readdirSync(join(repo.repo.dataDir, "artifacts"))).toHaveLength(1)
})

test("when the one that measures is stopped, the one that waits takes over", async () => {
  using repo = openTestRepo(files)
  const prober = testProber(repo.repo)
  const stop = new AbortController()
  const marker = join(repo.folder, "started")
  const check = exit(`if [ -e ${marker} ]; then exit 0; fi; touch ${marker}; sleep 60`)
  const first = prober.measure(check, "HEAD", stop.signal)
  if (!existsSync(marker)) for await (const _ of watch(repo.folder)) if (existsSync(marker)) break
  const second = prober.measure(check, "HEAD", never)
  stop.abort()
  expect(told(await first)).toBe("stopped")
  expect(told(await second)).toEqual({ exit: 0 })
})

test.each([
  ["timeout", exit("sleep 60", 300)],
  ["missing_tool", exit("flyball-no-such-tool")],
  ["crashed", exit("kill -9 $$")],
])("%s speaks of the machine and is not remembered", async (code, check) => {
  using repo = openTestRepo(files)
  const prober = testProber(repo.repo)
  expect(told(await prober.measure(check, "HEAD", never))).toBe(code)
  expect((await prober.measure(check, "HEAD", never)).cached).toBe(false)
})

test("T3: scripts, configuration and the names of checks come from the base", async () => {
  using repo = openTestRepo(files)
  const base = repo.git("rev-parse", "HEAD")
  const cheat = repo.commit({ ...files, "package.json": JSON.stringify({ scripts: { test: "true" } }) })
  const measured = await testProber(repo.repo).measureTree(npmTest, {
    tree: cheat,
    definitionsFrom: base,
    purpose: "head",
    signal: never,
  })
  expect(told(measured)).toEqual({ "one.test.mjs > one": "failed" })
  expect(measured.tree).toBe(repo.git("rev-parse", `${base}^{tree}`))
})

test("a check whose definition the base lacks says that it is frozen; a script that is not there is missing_check", async () => {
  using repo = openTestRepo(files)
  const prober = testProber(repo.repo)
  expect((await prober.measure({ ...exit("true"), from: ".flyball/checks.yaml" }, "HEAD", never)).definition).toBe(
    "frozen",
  )
  expect(told(await prober.measure({ ...npmTest, run: "npm run nope" }, "HEAD", never))).toBe("missing_check")
})

test("a command gets a built environment, and nothing is left of a measurement but its output", async () => {
  process.env.FLYBALL_TEST_SECRET = "s3cret"
  using repo = openTestRepo(files)
  try {
    const measured = await testProber(repo.repo).measure(exit("env; pwd"), "HEAD", never)
    const printed = readFileSync(measured.artifact ?? "", "utf8")
    expect(printed).not.toContain("s3cret")
    expect(printed).toMatch(/^CI=true$/m)
    expect(readdirSync(join(repo.repo.dataDir, "measure"))).toEqual([])
    expect(readdirSync(repo.repo.dataDir).filter((name) => name.startsWith("checkout"))).toEqual([])
  } finally {
    delete process.env.FLYBALL_TEST_SECRET
  }
})

test("a script that can't be followed runs by its exit code, and the measurement says so", async () => {
  using repo = openTestRepo({
    "package.json": JSON.stringify({ scripts: { test: "node --test | cat" } }),
    ...{ "one.test.mjs": files["one.test.mjs"], "one.mjs": files["one.mjs"] },
  })
  const measured = await testProber(repo.repo).measure(npmTest, "HEAD", never)
  expect(told(measured)).toEqual({ exit: 0 })
  expect(measured.command).toBe("npm test (by its exit code alone: the script uses `|`)")
})

test("T2: a Python project is imported from the tree, never from where the machine has it installed", async () => {
  // A module that every Python has stands for an installed copy of the project.
  using repo = openTestRepo({
    "pyproject.toml": '[project]\nname = "colorsys"\n',
    "src/colorsys/__init__.py": "mine = True\n",
    "tests/look.py": "import colorsys; assert colorsys.mine, colorsys.__file__\n",
  })
  expect(told(await testProber(repo.repo).measure(exit("python3 tests/look.py"), "HEAD", never))).toEqual({ exit: 0 })
})

test("a formatter that is red in front of the tests does not keep them from being read; a step that prepares does", async () => {
  const script = (first: string) => JSON.stringify({ scripts: { test: `${first} && node --test` } })
  const prettier = "#!/bin/sh\necho '[warn] a.js'; exit 1\n"
  // Its stand-in is a file of the tree: what is asked here is what a red one keeps from being read.
  using repo = openTestRepo({
    ...files,
    "package.json": script("sh ./bin/prettier --check ."),
    "bin/prettier": prettier,
  })
  expect(told(await testProber(repo.repo).measure(npmTest, "HEAD", never))).toBe("crashed")
  repo.commit({ ...files, "package.json": script("./bin/prettier --check ."), "bin/prettier": prettier })
  repo.git("update-index", "--chmod=+x", "bin/prettier")
  repo.git("commit", "-qm", "executable")
  expect(told(await testProber(repo.repo).measure(npmTest, "HEAD", never))).toEqual({
    "$ ./bin/prettier --check .": "failed",
    "one.test.mjs > one": "failed",
  })
})

test("what was picked and which repetition it is are remembered apart, and a fresh measurement takes the old one's place", async () => {
  using repo = openTestRepo(files)
  const folder = join(repo.folder, "counter")
  const prober = testProber(repo.repo)
  const tree = repo.git("rev-parse", "HEAD")
  const check = exit(`echo >> ${folder}; exit $(wc -l < ${folder})`)
  const ask = async (more: Partial<MeasureOptions> = {}) => {
    const options = { tree, definitionsFrom: tree, purpose: "p", signal: never, ...more }
    return told(await prober.measureTree(check, options))
  }
  expect(await ask()).toEqual({ exit: 1 })
  expect(await ask()).toEqual({ exit: 1 })
  expect(await ask({ repeat: 1 })).toEqual({ exit: 2 })
  expect(await ask({ only: [{ id: "a", name: "a" }] })).toEqual({ exit: 3 })
  expect(await ask({ fresh: true })).toEqual({ exit: 4 })
  expect(await ask()).toEqual({ exit: 4 })
})

test("another package among the dependencies, or another program on the PATH, is another machine", () => {
  using repo = openTestRepo(files)
  const stamp = () => JSON.stringify(machineStamp(repo.repo, noSandbox))
  const before = stamp()
  expect(stamp()).toBe(before)
  mkdirSync(join(repo.repo.root, "node_modules", "@scope", "one"), { recursive: true })
  const with1 = stamp()
  expect(with1).not.toBe(before)
  mkdirSync(join(repo.repo.root, "node_modules", "@scope", "two"))
  expect(stamp()).not.toBe(with1)
})
