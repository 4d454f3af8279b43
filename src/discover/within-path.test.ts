import { expect, test } from "vitest"
import type { Report } from "../core/evidence.ts"
import type { Loop } from "../core/loop.ts"
import { discover } from "./discover.ts"
import { fixture } from "./testing.ts"

/* What a loop with `path: packages/a` finds: real git; only what the checks say is given. */

type Calls = Loop["steps"]["discover"]["run"]
const call = (name: string, ...args: (string | number)[]): Calls[number] => ({ name, args, named: {} })

const issues: Report = {
  kind: "issues",
  issues: ["packages/a/x.js", "packages/ab/x.js", "x.js"].map((file) => ({
    fingerprint: `r | ${file} | m`,
    rule: "r",
    file,
    message: "m",
    severity: "error",
  })),
}
const tests: Report = {
  kind: "tests",
  tests: [
    { id: "packages/a/a.test.js > a", file: "packages/a/a.test.js", name: "a", status: "failed", message: "no" },
    { id: "packages/b/b.test.js > b", file: "packages/b/b.test.js", name: "b", status: "failed", message: "no" },
    { id: "$ ./whole", name: "$ ./whole", status: "failed", message: "no" },
  ],
}

async function found(files: Record<string, string>, ...run: Calls) {
  const measured = {
    lint_clean: { kind: "lint" as const, result: issues },
    types: { kind: "types" as const, result: issues },
    tests_pass: { kind: "tests" as const, result: tests },
  }
  await using repo = await fixture({ files: { "packages/a/x.js": "", ...files }, run, measured })
  repo.context.loop.path = "packages/a"
  const { findings, notes, context } = await discover(repo.context)
  return { titles: findings.map(({ title }) => title), files: findings.map(({ file }) => file), notes, context }
}

test.each([
  ["lint_findings", ["packages/a/x.js"], "lint_findings: 2 findings outside of packages/a left out."],
  ["type_errors", ["packages/a/x.js"], "type_errors: 2 findings outside of packages/a left out."],
  ["failing_tests", ["packages/a/a.test.js", undefined], "failing_tests: 1 finding outside of packages/a left out."],
])("%s finds what lies below the loop's path, and what names no file", async (name, files, note) => {
  const seen = await found({}, call(name))
  expect(seen.files).toEqual(files)
  expect(seen.notes).toContain(note)
})

test("todo_comments look there alone", async () => {
  const todo = "// TODO: mend\n"
  const seen = await found({ "packages/a/y.js": todo, "packages/ab/y.js": todo, "y.js": todo }, call("todo_comments"))
  expect(seen.files).toEqual(["packages/a/y.js"])
  expect(seen.notes).toEqual(["todo_comments: 1 comment marked TODO, FIXME, HACK."])
})

test("a checklist is the folder's", async () => {
  const seen = await found({ "packages/a/TODO.md": "- [ ] a\n", "TODO.md": "- [ ] b\n" }, call("checklist", "TODO.md"))
  expect([seen.titles, seen.files]).toEqual([["a"], ["packages/a/TODO.md"]])
  const none = await found({ "TODO.md": "- [ ] b\n" }, call("checklist", "TODO.md"))
  expect(none.notes.join()).toContain("main holds no file packages/a/TODO.md")
})

test("recent commits are those that touched it", async () => {
  await using repo = await fixture({ files: { "packages/a/x.js": "" }, run: [call("recent_commits")] })
  await repo.commit({ "packages/b/x.js": "" }, "only b")
  await repo.commit({ "packages/a/x.js": "1" }, "a too")
  repo.context.loop.path = "packages/a"
  const { context } = await discover(repo.context)
  expect(context.map((line) => line.replace(/^.*: /, ""))).toEqual(["a too", "first"])
})

test("issues that name no file come to every loop; one about another folder does not", async () => {
  const issue = (title: string, head = "") => `---\ntitle: ${title}\n${head}---\nIt is wrong.\n`
  const seen = await found(
    {
      "issues/1.md": issue("anywhere"),
      "issues/2.md": issue("here", "file: packages/a/x.js\n"),
      "issues/3.md": issue("there", "file: packages/b/x.js\n"),
    },
    call("open_issues"),
  )
  expect(seen.titles.sort()).toEqual(["anywhere", "here"])
})

test("a command names files from the folder it is run in, or from the root", async () => {
  const line = (file: string) => `echo '{"title":"${file}","file":"${file}"}'`
  const seen = await found(
    { "x.js": "" },
    call("sh", ["x.js", "packages/a/x.js", "packages/b/x.js"].map(line).join(";")),
  )
  expect(seen.files).toEqual(["packages/a/x.js", "packages/a/x.js"])
})
