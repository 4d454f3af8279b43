import { describe, expect, test } from "vitest"
import type { CheckSpec } from "../core/loop.ts"
import { explain } from "./explain.ts"
import { loadLoop } from "./load.ts"
import { load, loop, nothing } from "./testing.ts"
import type { ReadTree } from "./tree.ts"

const inFolder = (path: string, more = "") => loop({ name: `name: x\npath: ${path}${more}` })

describe("a loop's `path`", () => {
  test.each([
    ["services/payments", "services/payments"],
    ["./services//payments/", "services/payments"],
    ["services/./payments", "services/payments"],
    ["app/[id]", "app/[id]"],
    [".", undefined],
    ["./", undefined],
  ])("%s is %s", async (written, path) => {
    const { loop: loaded, diagnostics } = await load(inFolder(written))
    expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([])
    expect(loaded?.path).toBe(path)
  })

  test.each([
    ["/srv/payments", 7, 20, /named from the repository's root/],
    ["C:/payments", 7, 18, /named from the repository's root/],
    ["~/payments", 7, 17, /named from the repository's root/],
    ["../payments", 7, 9, /`\.\.` leads out/],
    ["services/../payments", 16, 18, /`\.\.` leads out/],
    ["packages/*", 16, 17, /no pattern/],
    ["packages/{a,b}", 16, 17, /no pattern/],
    ["'!packages'", 8, 9, /no pattern/],
    ["'services\\payments'", 8, 25, /written with `\/`/],
    ["' '", 8, 9, /folder of the repository was expected/],
    [".git/hooks", 7, 17, /Nothing works in/],
  ])("%s is an error at its place", async (written, column, endColumn, message) => {
    const { loop: loaded, diagnostics } = await load(inFolder(written))
    expect(loaded).toBeUndefined()
    expect(diagnostics.filter(({ severity }) => severity === "error")).toMatchObject([
      { code: "BAD_PATH", line: 2, column, endColumn, message: expect.stringMatching(message) },
    ])
  })

  test("an empty one, and a list of them, are errors too", async () => {
    expect((await load(inFolder(""))).diagnostics).toMatchObject([{ severity: "error", line: 2 }])
    expect((await load(inFolder("[a, b]"))).diagnostics).toMatchObject([{ code: "WRONG_TYPE", line: 2 }])
    expect((await load(inFolder("3"))).diagnostics).toMatchObject([{ code: "WRONG_TYPE", line: 2 }])
  })

  test("stands in the resource form under spec", async () => {
    const text = `apiVersion: flyball.dev/v1\nkind: Loop\nmetadata: { name: x }\nspec:\n  path: ../a\n${loop({
      name: "",
    })
      .split("\n")
      .map((line) => `  ${line}`)
      .join("\n")}`
    expect((await load(text)).diagnostics).toMatchObject([{ code: "BAD_PATH", line: 5, column: 9 }])
  })

  test("a folder that the checkout has not got is a warning, and an error when strict", async () => {
    const tree: ReadTree = { ...nothing, isFolder: async (path) => path === "packages/a" }
    const read = (path: string, strict: boolean) =>
      loadLoop({ file: "l.yaml", text: inFolder(path) }, { repo: "/repo", tree, strict })
    expect((await read("packages/a", true)).diagnostics).toEqual([])
    const missing = { code: "NO_SUCH_FOLDER", line: 2, column: 7, message: "There is no folder packages/b here." }
    expect((await read("packages/b", false)).diagnostics).toMatchObject([{ ...missing, severity: "warning" }])
    expect((await read("packages/b", true)).diagnostics).toMatchObject([{ ...missing, severity: "error" }])
  })

  test("is part of the hash where it is, and of no other", async () => {
    const [none, root, a] = await Promise.all([load(loop({})), load(inFolder(".")), load(inFolder("packages/a"))])
    expect(root.loop?.hash).toBe(none.loop?.hash)
    expect(a.loop?.hash).not.toBe(none.loop?.hash)
    expect(JSON.stringify(none.loop)).not.toContain('"path":"packages')
  })
})

describe("checks of a loop with a `path`", () => {
  const detected: CheckSpec[] = [
    { name: "tests_pass", kind: "tests", run: "npm test", timeoutMs: 1000, path: "a", from: "a/package.json" },
    { name: "lint_clean", kind: "lint", run: "npm run lint", timeoutMs: 1000, from: "package.json" },
  ]
  const files: Record<string, string> = {
    ".flyball/checks.yaml": "e2e: { run: ./e2e.sh, path: . }\nsmoke: ./smoke.sh\n",
  }
  const tree: ReadTree = { read: async (path) => files[path], list: async () => [] }
  const asked: (string | undefined)[] = []
  const read = (text: string) =>
    loadLoop(
      { file: "l.yaml", text },
      {
        repo: "/repo",
        tree,
        surroundings: {
          checksIn: async (path) => {
            asked.push(path)
            return detected
          },
        },
      },
    )
  const text = inFolder(
    "a",
    "\nchecks: { own: ./own.sh, other: { run: ./o.sh, path: b }, root: { run: ./r.sh, path: . } }",
  )

  test("run in it, unless they say another folder; the table of names says where", async () => {
    const { loop: loaded, names } = await read(text)
    const paths = Object.fromEntries(Object.values(loaded?.checks ?? {}).map(({ name, path }) => [name, path]))
    expect(paths).toMatchObject({ own: "a", other: "b", smoke: "a", tests_pass: "a" })
    expect([paths.root, paths.e2e, paths.lint_clean, paths.diff_reasonable]).toEqual(Array(4).fill(undefined))
    const table = Object.fromEntries(
      names.filter(({ kind }) => kind === "check").map((each) => [each.name, each.became]),
    )
    expect(table).toMatchObject({
      tests_pass: "npm test (in a)",
      lint_clean: "npm run lint (at the root)",
      e2e: "./e2e.sh (at the root)",
      other: "./o.sh (in b)",
    })
    expect(asked).toEqual(["a"])
  })

  test("what is explained is the same loop with the same hash", async () => {
    const { loop: loaded } = await read(text)
    if (loaded === undefined) throw new Error("not loaded")
    const explained = explain(loaded)
    expect(explained).toContain("path: a\n")
    const again = await read(explained)
    expect(again.diagnostics.filter(({ severity }) => severity === "error")).toEqual([])
    expect(again.loop?.hash).toBe(loaded.hash)
  })

  test("a folder that can't be one is an error at its place", async () => {
    const { diagnostics } = await load(loop({ more: "checks: { own: { run: ./own.sh, path: ../b } }" }))
    expect(diagnostics).toMatchObject([{ code: "BAD_PATH", line: 9 }])
  })
})
