import { afterAll, beforeAll, expect, test } from "vitest"
import { type Changes, changes } from "../fixtures/change.ts"
import type { Files } from "../fixtures/repository.ts"
import { protectedPaths } from "./protected-paths.ts"

/* A loop with `path: src` changes nothing outside of it. */

let change: Changes
beforeAll(async () => {
  change = await changes()
})
afterAll(() => change[Symbol.asyncDispose]())

const judged = async (files: Files, source = "failing_tests", protect: string[] = []) =>
  protectedPaths(await change.facts(files, { within: "src", source, protect }))

test.each<[string, Files]>([
  ["a file changed", { "src/add.js": "export const add = (a, b) => a + b\n" }],
  ["a file added, deep down", { "src/deep/er/x.js": "export {}\n" }],
])("inside: %s", async (_, files) => {
  expect(await judged(files)).toMatchObject({ outcome: "pass" })
})

test.each<[string, Files, string]>([
  ["a file changed", { "run.sh": "echo ho\n" }, "run.sh"],
  ["a file added beside it", { "src2/x.js": "export {}\n" }, "src2/x.js"],
  ["a file deleted", { "run.sh": null }, "run.sh"],
  ["a new test", { "test/new.test.js": "x\n" }, "test/new.test.js"],
  ["the root's manifest", { "package.json": '{ "name": "q" }\n' }, "package.json"],
])("outside: %s goes back to the maker, named", async (_, files, path) => {
  const evidence = await judged(files)
  expect(evidence).toMatchObject({
    outcome: "fail",
    blame: "maker",
    failing: expect.arrayContaining([`protected: ${path}`]),
  })
  expect(evidence.feedback).toContain(`- ${path} (outside of src, where this loop works)`)
})

test("nothing lifts it", async () => {
  expect((await judged({ "run.sh": "echo ho\n" }, "failing_tests", ["!run.sh"])).outcome).toBe("fail")
})

test("the lock file that governs the folder may change where it may in any loop", async () => {
  const lock = { "package-lock.json": '{ "lockfileVersion": 3 }\n' }
  expect((await judged(lock)).outcome).toBe("fail")
  expect((await judged(lock, "outdated_dependencies")).outcome).toBe("pass")
  expect((await judged({ "other/package-lock.json": "{}\n" }, "outdated_dependencies")).outcome).toBe("fail")
})
