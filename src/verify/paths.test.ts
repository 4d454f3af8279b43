import { describe, expect, test } from "vitest"
import { canonicalPath, isLockFile, isSnapshotPath, isTestPath } from "./paths.ts"

describe("test files by convention", () => {
  test.each([
    "src/add.test.ts",
    "src/add.spec.jsx",
    "test/add.js",
    "tests/test_add.py",
    "pkg/add_test.go",
    "tests/add.rs",
    "src/__tests__/add.js",
    "spec/models/user_spec.rb",
    "test_add.py",
    "src/test/java/AddTest.java",
    "packages/a/test/helpers.js",
    "cypress/e2e/a.cy.test.ts",
    "test.js",
  ])("%s is one", (path) => expect(isTestPath(path)).toBe(true))
  test.each([
    "src/spec/load.ts",
    "src/latest.ts",
    "src/contest/rules.py",
    "src/attest.go",
    "docs/testing.md",
    "src/snapshots/manager.ts",
    "src/golden/ratio.py",
    "src/testing-library.ts",
    "Latest.java",
    "src/protest.js",
  ])("%s is none", (path) => expect(isTestPath(path)).toBe(false))
})

test.each([
  "a/__snapshots__/x.snap",
  "x.snap",
  "x.ambr",
  "testdata/x.golden",
  "e2e/a.png.snapshot",
  "cmd/golden/out.txt",
])("%s is a snapshot", (path) => expect(isSnapshotPath(path)).toBe(true))

test.each(["package-lock.json", "a/b/yarn.lock", "Cargo.lock", "go.sum", "uv.lock"])("%s is a lock file", (path) =>
  expect(isLockFile(path)).toBe(true),
)

test.each([
  [".GitHub/Workflows", ".github/workflows"],
  [".g\u200bit/config", ".git/config"],
  ["\uff0egit/config", ".git/config"],
  [".g\u0456thub/x", ".github/x"],
  ["a /b.", "a/b"],
])("%j is seen as %s", (path, seen) => expect(canonicalPath(path)).toBe(seen))
