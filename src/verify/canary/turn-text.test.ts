import { expect, test } from "vitest"
import { turnedOutput, turnedProgram } from "./turn-text.ts"

const random = () => 0

test.each([
  ["a shell's comparison", "test/run.sh", `check "$(upper abc)" "ABC"`, `check "$(upper abc)" "BBC"`],
  ["an assertion of Perl", "t/a.t", "is(roman(9), 'IX', 'nine');", "is(roman(9), 'BX', 'bine');"],
  ["numbers, where there is nothing else", "test.py", "assert add(2, 3) == 5", "assert add(1, 1) == 1"],
  ["no number of a shell's", "run.sh", "[ $? = 0 ] || exit 1", undefined],
  ["no path, option or variable", "run.sh", `check "lib/a.sh" "-x" "$x" "a.txt"`, undefined],
  ["nothing that only loads or says", "t/a.t", "use lib 'lib';\nprint 'is it'", undefined],
])("%s is turned as it should be", (_, path, text, after) => {
  expect(turnedProgram(path, text, { random })).toBe(after)
})

test("of expected output every line is turned", () => {
  expect(turnedOutput("3 words\n\n--\n", { random })).toBe("1 words\n\n--\n")
  expect(turnedOutput("--\n", { random })).toBeUndefined()
})
