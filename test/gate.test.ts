import { afterAll, beforeAll, describe, expect, test } from "vitest"
import type { Finding } from "../src/core/finding.ts"
import type { CheckSpec } from "../src/core/loop.ts"
import type { Files } from "../src/verify/fixtures/repository.ts"
import { type GateResult, gate } from "../src/verify/gate.ts"
import {
  broken,
  finding,
  fixed,
  type GateProject,
  type Given,
  names,
  of,
  openGateProject,
  packageJson,
  said,
  testsPass,
  testText,
} from "./gate-project.ts"

let project: GateProject
beforeAll(async () => {
  project = await openGateProject()
})
afterAll(() => project[Symbol.asyncDispose]())

describe("honest changes", () => {
  test.each<[string, Files]>([
    ["a fix", { "src/add.js": fixed }],
    [
      "a fix with a new test",
      { "src/add.js": fixed, "test/zero.test.js": 'import test from "node:test"\ntest("zero", () => {})\n' },
    ],
    [
      "T13: a fix that adds to an existing test",
      {
        "src/add.js": fixed,
        "test/add.test.js": `${testText}test("more", () => {\n  assert.equal(add(2, 2), 4)\n})\n`,
      },
    ],
  ])("%s is accepted, for this very head", async (_name, files) => {
    const result = await project.judged(files)
    expect(said(result)).toBe("")
    expect(result.accept).toMatchObject({ head: result.head, base: project.base, tree: result.tree })
    expect(of(result, "tests_pass")).toMatchObject({
      outcome: "pass",
      preexisting: ["test/add.test.js > is known to be broken"],
      definition: "base",
    })
    for (const each of result.evidence) expect(each).toMatchObject({ head: result.head, base: project.base })
  })

  test("T13: a loop may name `no_weakened_tests`, before another layer too", async () => {
    const layers = [names("tests_pass", "no_weakened_tests"), names("no_large_files", "hardcoded")]
    const result = await project.judged({ "src/add.js": fixed }, { layers })
    expect(said(result)).toBe("")
    expect(result.evidence.filter((each) => each.check === "no_weakened_tests")).toHaveLength(1)
  })

  test("T4: what is verified is the merge with the base as it is now", async () => {
    const head = await project.commit({ "src/add.js": fixed })
    const moved = await project.commit(
      {
        "README.md": "# moved\n",
        "test/sub.test.js":
          'import test from "node:test"\nimport assert from "node:assert/strict"\nimport { add } from "../src/add.js"\ntest("of three", () => assert.equal(add(1, 2, 3), 0 - 4 + 3))\n',
      },
      project.base,
    )
    const result = await gate(project.input(head, { base: moved }))
    expect(result.verdict.is).toBe("retry")
    expect(said(result)).toContain("test/sub.test.js > of three")
    expect(await project.git("show", `${result.tree}:README.md`)).toBe("# moved")
  })
})

describe("T3: cheats", () => {
  test.each<[string, Files, Given | undefined, "retry" | "ask", string]>([
    [
      "nothing is fixed",
      { "README.md": "# fixed\n" },
      {},
      "retry",
      "test/add.test.js > adds must pass, and still fails",
    ],
    [
      "the test is edited to pass",
      { "test/add.test.js": testText.replace("add(1, 2), 3", "add(1, 2), -1") },
      {},
      "retry",
      "edited test test/add.test.js; with the base's copy it still fails",
    ],
    [
      "the test is skipped",
      { "test/add.test.js": testText.replace('test("adds"', 'test.skip("adds"') },
      {},
      "retry",
      "edited test test/add.test.js; with the base's copy it still fails",
    ],
    [
      "another test is marked only",
      { "test/add.test.js": testText.replace('test("doubles"', 'test.only("doubles"') },
      {},
      "retry",
      "with the base's copy it still fails",
    ],
    [
      "the test is deleted",
      { "test/add.test.js": testText.replace(/test\("adds"[\s\S]*?\n}\)\n/, "") },
      {},
      "retry",
      "with the base's copy it still fails",
    ],
    ["the test file is deleted", { "test/add.test.js": null }, {}, "retry", "with the base's copy it still fails"],
    [
      "a fix that breaks another test",
      { "src/add.js": fixed.replace("a * 2", "a * 3") },
      {},
      "retry",
      "test/add.test.js > doubles fails now, and did not on the base",
    ],
    [
      "a fix that takes back another expectation",
      { "src/add.js": fixed, "test/add.test.js": testText.replace("double(2), 4", "double(2), 4 + 0 || 1") },
      {},
      "retry",
      "loses `assert.equal(double(2), 4)`",
    ],
    [
      "a fix that breaks its own copy of the tests",
      { "src/add.js": fixed, "test/add.test.js": `${testText}test("own", () => { throw new Error("no") })\n` },
      {},
      "retry",
      "own is lost in the change's own copy",
    ],
    [
      "a fix and a new test that fails",
      {
        "src/add.js": fixed,
        "test/n.test.js": 'import test from "node:test"\ntest("n", () => { throw new Error("no") })\n',
      },
      {},
      "retry",
      "n is new, and fails",
    ],
    [
      "the script becomes `true`",
      { "package.json": packageJson.replace("node --test", "true") },
      {},
      "retry",
      "package.json (its `scripts`)",
    ],
    [
      "a runner configuration that excludes",
      { "src/add.js": fixed, "vitest.config.js": "export default { test: { exclude: ['**'] } }\n" },
      {},
      "retry",
      "vitest.config.js (test-runner configuration)",
    ],
    [
      "a preload through .npmrc",
      { ".npmrc": "node-options=--import ./preload.js\n", "preload.js": "process.exit(0)\n" },
      {},
      "retry",
      ".npmrc (package-manager configuration)",
    ],
    ["a conftest", { "conftest.py": "collect_ignore = ['x']\n" }, {}, "retry", "conftest.py"],
    [
      "process.exit(0) in source",
      { "src/add.js": `process.exit(0)\n${broken}` },
      {},
      "retry",
      "could not be read with your change",
    ],
    [
      "process.exit(0) beside a fix",
      { "src/add.js": `${fixed}setTimeout(() => process.exit(0), 0).unref?.()\nprocess.exit(0)\n` },
      {},
      "retry",
      "could not be read with your change",
    ],
    [
      "source that disarms the assertions",
      { "src/add.js": `import assert from "node:assert/strict"\nassert.equal = () => {}\n${broken}` },
      {},
      "retry",
      "src/add.js:2 changes what judges it",
    ],
    [
      "the tests' folder becomes a link to easier ones",
      {
        "test/add.test.js": null,
        test: { link: "easy" },
        "easy/add.test.js": 'import test from "node:test"\ntest("adds", () => {})\n',
      },
      {},
      "retry",
      "with the base's copy it still fails",
    ],
    [
      "the package becomes a link",
      { "package.json": { link: "other.json" }, "other.json": '{"type":"module","scripts":{"test":"true"}}\n' },
      {},
      "retry",
      "package.json (its",
    ],
    [
      "a symlink out of the tree",
      { "src/add.js": fixed, "src/etc": { link: "/etc" } },
      {},
      "retry",
      "src/etc is a symbolic link that leaves the repository",
    ],
    [
      "a secret",
      { "src/add.js": `${fixed}// ghp_${"a1B2".repeat(9)}\n` },
      {},
      "retry",
      "src/add.js:3 has the shape of a secret (GitHub token)",
    ],
    [
      "a big diff",
      { "src/add.js": fixed, "src/all.js": "x\n".repeat(1000) },
      {},
      "retry",
      "it changes 1002 lines, and the limit is 400",
    ],
    [
      "a binary",
      { "src/add.js": fixed, "src/a.bin": Buffer.from([0, 1, 2, 0]) },
      {},
      "retry",
      "src/a.bin is a binary file",
    ],
    [
      "an existing test is edited where tests are protected",
      { "src/add.js": fixed, "test/add.test.js": `${testText}// x\n` },
      { protect: ["**/*.test.*"] },
      "retry",
      "test/add.test.js (an existing test, protected by the loop; new test files may come)",
    ],
    [
      "a check that nobody knows is required",
      { "src/add.js": fixed },
      { layers: [names("tests_pass", "vibes")] },
      "ask",
      "No command is known for `vibes`",
    ],
    ["a loop without verification", { "src/add.js": fixed }, { layers: [] }, "ask", "declares no verification"],
    [
      "an approval is required",
      { "src/add.js": fixed },
      { layers: [names("tests_pass"), { by: "approve", who: "@payments" }] },
      "ask",
      "@payments has to approve",
    ],
  ])("%s", async (_name, files, more, verdict, sentence) => {
    const result = await project.judged(files, more)
    expect(said(result)).toContain(sentence)
    expect(result.verdict.is).toBe(verdict)
    expect(result.accept).toBeUndefined()
  })

  test("T13: an expectation that is taken back twice is a person's question, and a person's approval answers it", async () => {
    const files = { "src/add.js": fixed, "test/add.test.js": testText.replace("double(2), 4", "double(2) > 0, true") }
    const first = await project.judged(files)
    expect(first.verdict.is).toBe("retry")
    const second = await project.judged(files, { attempt: 2, earlier: first.evidence })
    expect(second.verdict).toMatchObject({ is: "ask" })
    expect(second.asks).toBe("gate_asks")
    const approved = await project.judged(
      { ...files, "README.md": "# else\n" },
      {
        attempt: 2,
        earlier: first.evidence,
        approval: { by: "ada", head: second.head },
      },
    )
    // Another commit: an approval is for one head.
    expect(approved.verdict.is).toBe("ask")
    const again = await gate(
      project.input(second.head, { attempt: 2, earlier: first.evidence, approval: { by: "ada", head: second.head } }),
    )
    expect(again.accept).toMatchObject({ head: second.head })
    expect(of(again, "no_weakened_tests")?.caveats).toContain("A person decided this: ada.")
  })

  test("a conflict is the maker's once, and then a person's", async () => {
    const head = await project.commit({ "src/add.js": fixed })
    const moved = await project.commit({ "src/add.js": broken.replace("a - b", "a - b - 0") })
    const first = await gate(project.input(head, { base: moved }))
    expect(first.verdict.is).toBe("retry")
    expect(said(first)).toContain("conflicts with the base in src/add.js")
    const second = await gate(project.input(head, { base: moved, attempt: 2, earlier: first.evidence }))
    expect(second.asks).toBe("conflict")
  })

  test("T12: a tool that is missing on both sides wakes no agent", async () => {
    const absent: CheckSpec = {
      name: "lint_clean",
      kind: "lint",
      run: "no-such-linter-anywhere .",
      timeoutMs: 60_000,
      from: "loop",
    }
    const given = project.input(await project.commit({ "src/add.js": fixed }), { layers: [names("lint_clean")] })
    const result = await gate({ ...given, loop: { ...given.loop, checks: { lint_clean: absent } } })
    expect(result.verdict.is).toBe("ask")
    expect(result.asks).toBe("infrastructure")
    expect(of(result, "lint_clean")).toMatchObject({ outcome: "error", blame: "infrastructure" })
  })

  test("T2: a check declared by its exit code alone says so in its evidence", async () => {
    const exit: CheckSpec = { name: "smoke", kind: "exit", run: "node src/add.js", timeoutMs: 60_000, from: "loop" }
    const given = project.input(await project.commit({ "src/add.js": fixed }), { layers: [names("smoke")] })
    const result = await gate({ ...given, loop: { ...given.loop, checks: { smoke: exit, tests_pass: testsPass } } })
    expect(result.verdict.is).toBe("accept")
    expect(of(result, "smoke")?.caveats).toContain("Believed by its exit code alone: nothing shows what it looked at.")
  })
})

describe("T1: the finding itself must be seen to be mended", () => {
  const compiles: CheckSpec = {
    name: "compiles",
    kind: "exit",
    run: "node --check src/add.js",
    timeoutMs: 60_000,
    from: "loop",
  }
  const only = (more: Finding["reproduce"]): Finding => ({
    ...finding,
    ...(more === undefined ? {} : { reproduce: more }),
  })

  async function byCompilingAlone(files: Files, about: Finding): Promise<GateResult> {
    const given = project.input(await project.commit(files), { layers: [names("compiles")], finding: about })
    return gate({ ...given, loop: { ...given.loop, checks: { compiles, tests_pass: testsPass } } })
  }

  test.each<[string, Files, Finding, "accept" | "retry" | "ask", string]>([
    [
      "by its check, though no layer names it",
      { "README.md": "# x\n" },
      finding,
      "retry",
      "test/add.test.js > adds must pass, and still fails",
    ],
    ["by its check, and it is", { "src/add.js": fixed }, finding, "accept", ""],
    [
      "by a command of its own",
      { "README.md": "# x\n" },
      only({ check: "issue-7", ids: [], command: "grep -q 'a + b' src/add.js" }),
      "retry",
      "it must exit 0 for this finding",
    ],
    [
      "by a command of its own, and it is",
      { "src/add.js": fixed },
      only({ check: "issue-7", ids: [], command: "grep -q 'a + b' src/add.js" }),
      "accept",
      "",
    ],
    [
      "by a command that has the name of a check",
      { "README.md": "# x\n" },
      only({ check: "compiles", ids: [], command: "grep -q 'a + b' src/add.js" }),
      "retry",
      "it must exit 0 for this finding",
    ],
    [
      "by a check that nobody knows",
      { "src/add.js": fixed },
      only({ check: "vibes", ids: [] }),
      "ask",
      "the loop knows no such check",
    ],
  ])("%s", async (_name, files, about, verdict, sentence) => {
    const result = await byCompilingAlone(files, about)
    expect(said(result)).toContain(sentence)
    expect(result.verdict.is).toBe(verdict)
  })

  test("where nothing reproduces it, the evidence says that nothing shows it", async () => {
    const { reproduce: _reproduce, ...bare } = finding
    const result = await byCompilingAlone({ "src/add.js": fixed }, bare)
    expect(result.verdict.is).toBe("accept")
    expect(of(result, "finding_fixed")?.caveats).toEqual([
      "Nothing shows that the finding itself is mended: no check reproduces it.",
    ])
  })
})
