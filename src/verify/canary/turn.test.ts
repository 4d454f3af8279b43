import { expect, test } from "vitest"
import { turned } from "./turn.ts"

const chooses = { random: () => 0.1, word: () => "wx" }

const python = `import pytest

def test_half():
    value = half(5)
    assert value == Decimal("2.45")

@pytest.mark.parametrize("n", [1, 2])
def test_rows(n):
    assert half(n) == n / 2

class TestIt:
    def test_in(self):
        self.assertIn("a", keys())

@pytest.mark.skip
def test_off():
    assert half(1) == 7
`
const node = `import { test } from "node:test"
import assert from "node:assert"
test("sums, and adds", () => {
  assert.equal(sum(1, 2), 34)
})
test("throws", () => {
  assert.throws(() => sum())
})
`
const short = `import test from "node:test"
import assert from "node:assert/strict"
test("is four", () => assert.equal(add(2, 2), 4))
`
const vitest = `import { expect, test } from "vitest"
test("joins", async () => {
  expect(await join("a")).toBe("abc")
})
test("same", () => {
  expect(join(x)).toEqual(join(y))
})
`
const chai = `const { expect } = require("chai")
it("counts", () => {
  expect(count("x")).to.equal(12)
})
`
const go = `package half

import "testing"

func TestHalf(t *testing.T) {
	for _, row := range rows {
		if got := Half(row.given); got != row.want {
			t.Errorf("got %v", got)
		}
	}
}
`

const rust = `pub fn add(a: i32, b: i32) -> i32 { a + b }

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adds() {
        // assert_eq!(1, 2);
        let text = "}";
        if text.is_empty() { assert_eq!(add(0, 0), 0); }
        assert_eq!(add(2, 2), 4, "{}", text);
    }

    #[test]
    fn grows() {
        assert!(add(1, 1) > 1, "it, grows");
    }

    #[test]
    fn same() -> Result<(), String> {
        assert_eq!(add(1, 2), add(2, 1));
        Ok(())
    }

    #[test]
    #[should_panic]
    fn panics() { add(1, 1); panic!() }

    #[test]
    #[ignore]
    fn later() { assert_eq!(add(1, 1), 2); }
}
`

const cases: [what: string, path: string, text: string, name: string, surely: boolean, becomes: string][] = [
  [
    "another value in a test of one expression",
    "a.test.js",
    short,
    "is four",
    false,
    "() => assert.equal(add(2, 2), 5))",
  ],
  [
    "the beginning of a test of one expression",
    "a.test.js",
    short,
    "is four",
    true,
    '() => { assert.equal("wx", "wx"); return assert.equal(add(2, 2), 4) })',
  ],
  ["another value in pytest", "test_a.py", python, "test_half", false, 'assert value == Decimal("2.46")'],
  ["a row of a table by its comparison", "test_a.py", python, "test_rows[1]", false, "assert half(n) != n / 2"],
  ["unittest's own assertion", "test_a.py", python, "TestIt > test_in", false, 'self.assertNotIn("a", keys())'],
  ["the beginning in pytest", "test_a.py", python, "test_half", true, 'assert "wx" == "wx"\n    value = half(5)'],
  ["another value in node:test", "a.test.js", node, "sums, and adds", false, "assert.equal(sum(1, 2), 35)"],
  ["the beginning, where nothing is compared", "a.test.js", node, "throws", false, 'assert.equal("wx", "wx");'],
  ["another value in vitest", "a.test.ts", vitest, "joins", false, 'toBe("dbc")'],
  ["vitest's matcher", "a.test.ts", vitest, "same", false, "expect(join(x)).not.toEqual(join(y))"],
  ["another value in chai", "a.test.js", chai, "counts", false, "to.equal(13)"],
  ["the beginning by chai", "a.test.js", chai, "counts", true, 'expect("wx").to.equal("wx");'],
  ["the condition of a Go test", "a_test.go", go, "TestHalf", false, "got == row.want"],
  ["another value in Rust, at a line that every run comes to", "a.rs", rust, "tests::adds", false, "add(2, 2), 5, "],
  ["the condition of a Rust assertion", "a.rs", rust, "tests::grows", false, 'assert!(!(add(1, 1) > 1), "it, grows")'],
  ["an equality in Rust", "a.rs", rust, "tests::same", false, "assert_ne!(add(1, 2), add(2, 1))"],
  ["the beginning of a Rust test", "a.rs", rust, "tests::adds", true, 'fn adds() { assert_eq!("wx", "");'],
  ["the beginning of a Go test", "a_test.go", go, "TestHalf", true, 't.Fatal("wx")'],
]

test.each(cases)("turns %s", (_, path, text, name, surely, becomes) => {
  const found = turned(path, text, [name], { ...chooses, surely })
  expect(found?.text).toContain(becomes)
  expect([...(found?.by.keys() ?? [])]).toEqual([name])
})

const subtests = [
  "package a",
  "func TestAll(t *testing.T) {",
  "\tif one() != 1 {",
  '\t\tt.Error("one")',
  "\t}",
  '\tt.Run("is two", func(t *testing.T) {',
  "\t\tif two() != 2 {",
  '\t\t\tt.Error("two")',
  "\t\t}",
  "\t})",
  '\tt.Run("is three", func(t *testing.T) {',
  "\t\tif three() != 3 {",
  '\t\t\tt.Error("three")',
  "\t\t}",
  "\t})",
  '\tt.Run("looks at nothing", func(t *testing.T) { three() })',
  "\tfor _, name := range names {",
  "\t\tt.Run(name, func(t *testing.T) {",
  "\t\t\tif any(name) != 7 {",
  '\t\t\t\tt.Error("seven")',
  "\t\t\t}",
  "\t\t})",
  "\t}",
  "}",
  "",
].join("\n")

test.each([
  ["is_two", 0, "two() != "],
  ["is_three#01", 0, "three() != "],
  ["is_three", 0.99, "any(name) != "],
  ["any_row", 0, "any(name) != "],
])("a subtest of Go is turned where it stands, never in its neighbour: %s", (name, random, before) => {
  const given = { ...chooses, random: () => random, surely: false }
  const found = turned("a_test.go", subtests, [`TestAll > ${name}`], given)
  expect(found?.by.get(`TestAll > ${name}`)).toBe("value")
  const lines = found?.text.split("\n").filter((line, n) => line !== subtests.split("\n")[n]) ?? []
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain(before)
})

test("a test that is skipped, or is not there, is not turned", () => {
  expect(turned("test_a.py", python, ["test_off", "test_none"], { ...chooses, surely: false })).toBeUndefined()
  expect(turned("a.rs", rust, ["tests::panics", "tests::later"], { ...chooses, surely: true })).toBeUndefined()
})

test("several tests of one file are turned at once", () => {
  const found = turned("a.test.js", node, ["sums, and adds", "throws"], { ...chooses, surely: false })
  expect(found?.by.size).toBe(2)
})
