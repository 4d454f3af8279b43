import { describe, expect, test } from "vitest"
import { fingerprint, type Identity } from "./fingerprint.ts"

const of = (more: Partial<Identity>) =>
  fingerprint({ kind: "test", rule: "sum.test.js > adds", file: "sum.test.js", wrong: "expected 3 to be 4", ...more })
const wrong = (text: string) => of({ wrong: text })

test("a fingerprint is 16 hex digits, and the same for the same finding", () => {
  expect(of({})).toMatch(/^[\da-f]{16}$/)
  expect(of({})).toBe(of({}))
})

describe("what stays the same when nothing else is wrong", () => {
  test.each<[string, string, string]>([
    [
      "stack lines",
      "TypeError: x is not a function\n    at add (/home/me/p/src/sum.js:3:9)\n    at node:internal/main:1:1",
      "TypeError: x is not a function\n    at sum (/ci/p/src/sum.js:30:9)",
    ],
    [
      "the place of a vitest error",
      "AssertionError: expected 3 to be 4\n ❯ src/sum.test.js:12:20",
      "AssertionError: expected 3 to be 4\n ❯ src/sum.test.js:99:1",
    ],
    [
      "code frames",
      "expected 3 to be 4\n  11| it('adds')\n> 12| expect(\n    |   ^",
      "expected 3 to be 4\n  21| it('adds')\n> 22| expect(\n    |   ^",
    ],
    ["line numbers of Go", "sum_test.go:12: got 3, want 4", "sum_test.go:31: got 3, want 4"],
    [
      "line numbers of Python",
      '  File "/tmp/x/a.py", line 3, in f\nValueError: bad',
      '  File "/srv/a.py", line 9, in g\nValueError: bad',
    ],
    [
      "line numbers of Rust",
      "thread 'adds' panicked at src/lib.rs:12:5:\nboom",
      "thread 'adds' panicked at src/lib.rs:80:9:\nboom",
    ],
    ["line numbers of TypeScript", "src/a.ts(3,5): error TS2322: Type", "src/a.ts(9,1): error TS2322: Type"],
    ["words for lines", "Unexpected token at line 3 column 8", "Unexpected token at line 10 column 1"],
    ["colours", "\u001b[31mexpected 3 to be 4\u001b[39m", "expected 3 to be 4"],
    ["addresses", "segfault at 0x7ffd3e2a10", "segfault at 0x7ffc00aa99"],
    ["times", "expired at 2026-11-20T09:00:00.123Z", "expired at 2027-01-02T10:11:12Z"],
    ["epochs", "token of 1763629200123 expired", "token of 1795165200456 expired"],
    ["durations", "Timeout of 5003ms exceeded", "Timeout of 5 s exceeded"],
    ["ports", "connect ECONNREFUSED 127.0.0.1:43121", "connect ECONNREFUSED 127.0.0.1:55555"],
    ["ports of localhost", "GET http://localhost:3000/a failed", "GET http://localhost:4000/a failed"],
    ["ids", "no user 3fa85f64-5717-4562-b3fc-2c963f66afa6", "no user 0b1c2d3e-5717-4562-b3fc-2c963f66afa6"],
    ["commits", "at 3f2a9c1d0b77e5", "at a81b22cc90fe14"],
    ["random names", "no queue V1StGXR8Z5jdHi6B", "no queue a9XbGTR8Z5jdQq6C"],
    ["process ids", "process 4711 died", "process 12 died"],
    [
      "temporary folders",
      "ENOENT: no such file '/tmp/test-Xa81Qz/config.json'",
      "ENOENT: no such file '/var/folders/ab/c1/T/x-99/config.json'",
    ],
    [
      "where the checkout is",
      "Cannot find module '/home/me/p/src/b.js'",
      "Cannot find module '/ci/build/17/p/src/b.js'",
    ],
    ["a file address", "Cannot find module file:///home/me/p/src/b.js", "Cannot find module file:///ci/p/src/b.js"],
    ["white space", "expected  3\n to be 4 ", "expected 3 to be 4"],
  ])("%s", (_name, one, other) => {
    expect(wrong(one)).toBe(wrong(other))
  })

  test("the way a path is written", () => {
    expect(of({ file: "./src/sum.js" })).toBe(of({ file: "src/sum.js" }))
    expect(of({ file: "src\\sum.js" })).toBe(of({ file: "src/sum.js" }))
  })
})

describe("what makes it another finding", () => {
  test.each<[string, string, string]>([
    ["another value", "expected 3 to be 4", "expected 5 to be 4"],
    ["another error", "TypeError: x is not a function", "ReferenceError: x is not defined"],
    ["another name", "Cannot find module './a.js'", "Cannot find module './b.js'"],
    [
      "another file of the checkout",
      "Cannot find module '/home/me/p/src/a.js'",
      "Cannot find module '/home/me/p/src/b.js'",
    ],
    ["another file in a temporary folder", "no '/tmp/x1/a.json'", "no '/tmp/x1/b.json'"],
    ["another rule's words", "'x' is unused", "'y' is unused"],
    ["no message", "expected 3 to be 4", ""],
    ["another host", "GET http://a.example/x failed", "GET http://b.example/x failed"],
    ["another status", "got 404", "got 500"],
  ])("%s", (_name, one, other) => {
    expect(wrong(one)).not.toBe(wrong(other))
  })

  test.each<[string, Partial<Identity>]>([
    ["another kind", { kind: "lint" }],
    ["another test", { rule: "sum.test.js > subtracts" }],
    ["another file", { file: "other.test.js" }],
    ["the parts divided otherwise", { rule: "sum.test.js > adds\u0000sum", file: ".test.js" }],
  ])("%s", (_name, more) => {
    expect(of(more)).not.toBe(of({}))
  })
})

test("a message of a megabyte takes no time to speak of", () => {
  const started = performance.now()
  for (const text of [
    "a/".repeat(500_000),
    "0".repeat(1_000_000),
    "aB1".repeat(300_000),
    "/tmp".repeat(200_000),
    "Mon ".repeat(200_000),
  ])
    wrong(text)
  expect(performance.now() - started).toBeLessThan(5_000)
})
