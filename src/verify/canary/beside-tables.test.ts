import { expect, test } from "vitest"
import { readSource } from "../syntax/source.ts"
import { goBeside } from "./beside-go.ts"
import { javascriptBeside } from "./beside-javascript.ts"
import { pythonBeside } from "./beside-python.ts"

const knows = { random: () => 0, word: () => "w", isKnown: () => false }
const besides = { javascript: javascriptBeside, python: pythonBeside, go: goBeside }

function besideOf(path: string, text: string, name: string, message = "") {
  const source = readSource(path, text)
  if (source === undefined || source.broken) throw new Error("unreadable")
  return besides[source.language](source, { name, message, failedAt: undefined }, knows)
}

const goTable = `package a

import "testing"

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		want     int
	}{
		{"plain", "12", 12},
		{name: "brackets", in: "(45)", want: -45},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Read(tt.in); got != tt.want {
				t.Fatal("bad")
			}
		})
	}
}
`

test.each([
  [
    "the row of test.each that the name tells",
    "a.test.js",
    'test.each([["12", 12], ["(45)", -45]])("reads %s as %d", (text, want) => {\n  expect(read(text)).toBe(want)\n})\n',
    "reads (45) as -45",
    'test.each([["(15)", -45]])("w", (text, want) => {\nexpect(read(text)).toBe(want)\n})',
  ],
  [
    "a table that has a name, of objects",
    "a.test.ts",
    'const cases = [{ given: "12", want: 12 }, { given: "(45)", want: -45 }] as const\ntest.each(cases)("reads $given", ({ given, want }) => expect(read(given)).toBe(want))\n',
    "reads (45)",
    'test.each([{ given: "(15)", want: -45 }])("w", ({ given, want }) => { return expect(read(given)).toBe(want) })',
  ],
  [
    "a loop that makes tests",
    "a.test.js",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the text of a test
    'for (const [text, want] of [["12", 12], ["(45)", -45]]) {\n  it(`reads ${text}`, () => {\n    assert.equal(read(text), want)\n  })\n}\n',
    "sums > reads (45)",
    'for (const [text, want] of [["(15)", -45]]) {\n  it("w", () => {\nassert.equal(read(text), want)\n})\n}',
  ],
  [
    "a helper's arguments",
    "a.test.js",
    'const check = (text, want) => expect(read(text)).toBe(want)\ntest("brackets", () => {\n  check("(45)", -45)\n})\n',
    "brackets",
    'test("w", () => {\ncheck("(15)", -45)\n})',
  ],
  [
    "pytest's parameters",
    "test_a.py",
    '@pytest.mark.parametrize("text, want", [("12", 12), pytest.param("(45)", -45, id="b")])\ndef test_reads(text, want, tmp_path):\n    """Reads."""\n    assert read(text) == want, "bad"\n',
    "test_reads[b]",
    'def test_w(tmp_path):\n    (text, want,) = ("(15)", -45,)\n    raise AssertionError("came: " + repr((read(text))))\n',
  ],
  [
    "a loop over a table in a method",
    "test_a.py",
    'CASES = [("12", 12), ("(45)", -45)]\n\n\nclass TestRead(unittest.TestCase):\n    def test_reads(self):\n        for text, want in CASES:\n            with self.subTest(text):\n                self.assertEqual(read(text), want)\n',
    "TestRead > test_reads",
    '    def test_w(self):\n        for text, want in [("15", 12)]:\n            with self.subTest(text):\n                self.assertEqual(read(text), want)\n',
  ],
  [
    "a plain test, whose earlier expectation is done and asserted no more",
    "test_a.py",
    'def test_reads():\n    r = Reader("x")\n    assert r.read("12") == 12\n    assert r.read("(45)") == -45\n',
    "test_reads",
    'def test_w():\n    r = Reader("x")\n    try: (r.read("22"))\n    except Exception: pass\n    raise AssertionError("came: " + repr((r.read("(15)"))))\n',
  ],
  [
    "a table of Go's, told by a subtest",
    "a_test.go",
    goTable,
    "TestRead > brackets",
    '{name: "brackets", in: "(15)", want: -45}} {\n\t\tt.Run(tt.name, func(t *testing.T) {\n\tdefer func() { if r := recover(); r != nil { t.Errorf("panic: %v", r) } }()\n\n\t\t\tif got := Read(tt.in); got != tt.want {\n\t\t\t\tt.Errorf("came: %#v", got)\nt.Error("bad")',
  ],
  [
    "a table of Go's own function, beside another of that name",
    "a_test.go",
    'package a\n\nfunc TestA(t *testing.T) {\n\ttests := []string{"12"}\n\tfor _, in := range tests {\n\t\tif F(in) != 1 {\n\t\t\tt.Fatal(in)\n\t\t}\n\t}\n}\n\nfunc TestB(t *testing.T) {\n\ttests := []string{"(45)"}\n\tfor _, in := range tests {\n\t\tif F(in) != 1 {\n\t\t\tt.Fatal(in)\n\t\t}\n\t}\n}\n',
    "TestB",
    '\ttests := []string{"(15)"}\n\tfor _, in := range tests {\n\t\tif F(in) != 1 {\n\t\t\tt.Errorf("came: %#v", F(in))\nt.Error(in)',
  ],
])("other values in %s", (_, path, text, name, wanted) => {
  const beside = besideOf(path, text, name)
  expect(beside?.edit.insert).toContain(wanted)
  expect(readSource(path, beside?.edit.insert ?? "(")?.broken).toBe(false)
})
