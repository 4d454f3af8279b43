import { symlinkSync } from "node:fs"
import { join } from "node:path"
import { expect, test } from "vitest"
import { differenceOf } from "./change-facts.ts"
import { readDiff } from "./diff.ts"
import { judgeCheck } from "./judge-check.ts"
import { openTestRepo, testProber } from "./testing.ts"
import { filesOfTree, watchedIn } from "./tracked.ts"

const check = { name: "check", kind: "exit" as const, timeoutMs: 60_000, from: "package.json" }

async function touchedBy(run: string): Promise<string[] | undefined> {
  using given = openTestRepo({ "a.txt": "a\n", "test/b.test.js": "b\n", "sub/c.txt": "c\n" })
  const measured = await testProber(given.repo).measure({ ...check, run }, "HEAD", new AbortController().signal)
  return measured.touched
}

const cases: [what: string, run: string, touched: string[] | undefined][] = [
  ["nothing", "true", undefined],
  ["a file that is no part of the tree", "echo x > new.txt", undefined],
  ["a test that is rewritten", "echo x > test/b.test.js", ["test/b.test.js"]],
  ["a file that is removed", "rm sub/c.txt", ["sub/c.txt"]],
  ["a file that is put back as it was", "sh -c 'cp -p a.txt k; echo x > a.txt; cp -p k a.txt'", ["a.txt"]],
]

test.each(cases)("sees what a check writes to: %s", async (_, run, touched) => {
  expect(await touchedBy(run)).toEqual(touched)
})

test("the files of a head are those of its base but for what differs, as git lists them", async () => {
  using given = openTestRepo({ "a.txt": "a\n", "sub/b.txt": "b\n", "gone.txt": "g\n" })
  const signal = new AbortController().signal
  const files = await watchedIn(given.repo, "HEAD", signal)
  const base = given.git("rev-parse", "HEAD")
  given.git("rm", "--quiet", "gone.txt")
  symlinkSync("a.txt", join(given.repo.root, "link"))
  const head = given.commit({ "a.txt": "2\n", "new/c.txt": "c\n", "sub/b.txt": "b\n" })
  const { entries } = await readDiff(given.repo, base, head, signal)
  const differences = entries.map(differenceOf)
  const near = await filesOfTree(given.repo, head, signal, { files, differences })
  expect(near.sort()).toEqual((await filesOfTree(given.repo, head, signal)).sort())
  expect(near).toEqual(["a.txt", "new/c.txt", "sub/b.txt"])
})

test("a head that rewrites tests while they run is refused, unless the base does the same", () => {
  const measured = {
    check: "check",
    tree: "t",
    command: "true",
    result: { is: "report" as const, report: { kind: "exit" as const, exitCode: 0 } },
    exitCode: 0,
    ms: 1,
    sandboxed: true,
    definition: "base" as const,
    cached: false,
  }
  const subject = { head: "h", base: "b", tree: "t" }
  const overlay = { tree: "t", restored: [], editedTests: [], harnessChanged: [] }
  const touched = { ...measured, touched: ["test/b.test.js"] }
  const judge = (base: typeof measured, head: typeof measured) =>
    judgeCheck({ check: { ...check, run: "true" }, base, head }, undefined, overlay, subject)
  expect(judge(measured, touched)).toMatchObject({
    outcome: "fail",
    blame: "maker",
    failing: ["writes to test/b.test.js"],
  })
  expect(judge(touched, touched).outcome).toBe("pass")
})
