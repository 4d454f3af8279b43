import { expect, test } from "vitest"
import type { Finding } from "./finding.ts"
import type { CheckSpec } from "./loop.ts"
import { reproducingCheck } from "./reproduce.ts"

const tests: CheckSpec = { name: "tests_pass", kind: "tests", run: "npm test", timeoutMs: 1, from: "loop" }
const finding = (reproduce?: Finding["reproduce"]): Finding => ({
  fingerprint: "f",
  source: "open_issues",
  title: "t",
  body: "",
  severity: "low",
  attemptable: true,
  url: "issues/1.md",
  ...(reproduce === undefined ? {} : { reproduce }),
})

test.each<[string, Finding["reproduce"], unknown]>([
  ["nothing declared", undefined, undefined],
  ["a check of the loop", { check: "tests_pass", ids: ["a"] }, tests],
  ["a check that the loop does not know", { check: "nope", ids: [] }, undefined],
  ["a name that every object has", { check: "constructor", ids: [] }, undefined],
  [
    "a command of a file of the base",
    { check: "reproduce issues/1.md", ids: [], command: "node repro.js" },
    expect.objectContaining({ kind: "exit", run: "node repro.js", from: "issues/1.md" }),
  ],
])("%s", (_name, reproduce, expected) => {
  expect(reproducingCheck(finding(reproduce), { tests_pass: tests })).toEqual(expected)
})
