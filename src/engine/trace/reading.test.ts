import { describe, expect, test } from "vitest"
import { trailersIn } from "./commits.ts"
import { readTarget } from "./target.ts"

describe("what is to be traced", () => {
  test.each([
    ["src/a.ts:12", { is: "lines", file: "src/a.ts", from: 12, to: 12 }],
    ["src/a.ts:12-20", { is: "lines", file: "src/a.ts", from: 12, to: 20 }],
    ["C:odd:name:3", { is: "lines", file: "C:odd:name", from: 3, to: 3 }],
    ["#12", { is: "pull", number: 12 }],
    ["PR 12", { is: "pull", number: 12 }],
    ["!12", { is: "pull", number: 12 }],
    ["https://github.com/o/r/pull/12/files", { is: "pull", number: 12 }],
    ["https://gitlab.example/o/r/-/merge_requests/7#note_1", { is: "pull", number: 7 }],
    ["3f2a91c", { is: "name", name: "3f2a91c" }],
    ["HEAD~1", { is: "name", name: "HEAD~1" }],
    ["src/a.ts", { is: "name", name: "src/a.ts" }],
  ])("%s", (text, expected) => expect(readTarget(text)).toEqual(expected))
})

const one = "Flyball-Loop: fix\nFlyball-Run: r1\nFlyball-Change: c1\nFlyball-Finding: f1"

describe("trailers", () => {
  test.each([
    ["at the end", `Fix: a\n\nwords\n\n${one}\n`, [{ loop: "fix", run: "r1", change: "c1", finding: "f1" }]],
    [
      "in a forge's squash, indented, with others after them",
      `Mend (#3)\n\n* Fix: a\n\n  ${one.replaceAll("\n", "\n  ")}\n\n* oops\n\nCo-authored-by: A <a@b>`,
      [{ loop: "fix", run: "r1", change: "c1", finding: "f1" }],
    ],
    [
      "of two changes",
      `${one}\n\n${one.replaceAll("1", "2")}`,
      [
        { loop: "fix", run: "r1", change: "c1", finding: "f1" },
        { loop: "fix", run: "r2", change: "c2", finding: "f2" },
      ],
    ],
    ["of one change twice", `${one}\n\n${one}`, [{ loop: "fix", run: "r1", change: "c1", finding: "f1" }]],
    ["without a change", "Flyball-Loop: fix", []],
    ["in a sentence", "see the Flyball-Change: c1 of last week", []],
    ["with words after them", "Flyball-Change: c1 and more", []],
  ])("%s", (_, message, expected) => expect(trailersIn(message)).toEqual(expected))
})
