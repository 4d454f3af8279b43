import { expect, test } from "vitest"
import { changedText } from "../fixtures/changed-text.ts"
import { suppressionsIn } from "./suppressions.ts"

test("a comment that silences a check is told, one that was on the line before is not", () => {
  const old = "x = f()  # type: ignore\ny = 1\n"
  expect(suppressionsIn([changedText("a.py", old, "x = g()  # type: ignore\ny = 1\n")])).toEqual([])
  const more = "x = f()  # type: ignore\ny = 1  # noqa: E501\n"
  expect(suppressionsIn([changedText("a.py", old, more)])).toEqual(["a.py:2 silences a check: `y = 1  # noqa: E501`"])
})
