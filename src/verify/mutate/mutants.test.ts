import { describe, expect, test } from "vitest"
import { mutantsOf } from "./mutants.ts"

const changed = (path: string, text: string, lines?: number[]) =>
  mutantsOf(path, text, lines, 1).map((mutant) => `${mutant.line}: ${mutant.before} → ${mutant.after}`)

describe("what is broken, by language", () => {
  test.each<[string, string, string[]]>([
    [
      "a.ts",
      `import a from "a"\nexport const f = (x: 1 | "b"): boolean => {\n  if (x === 1 && !a.ok) return x.trim() + 1\n  log("y")\n  return true\n}`,
      [
        "3: && → ||",
        "3: ! → ",
        "3: (x === 1 && !a.ok) → (!(x === 1 && !a.ok))",
        "3: x.trim() → x",
        "3: === → !==",
        "3: + → -",
        '4: log("y") → ;',
        "5: true → false",
        "5: true → undefined",
      ],
    ],
    [
      "a.js",
      `export const g = (a) => Math.max(a?.b ?? 0, [1, 2].length)\nthrow new Error("x")`,
      ["1: max → min", "1: ?. → .", "1: [1, 2] → []", '2: throw new Error("x") → ;'],
    ],
    [
      "a.py",
      `import os\ndef f(a, b):\n    """doc"""\n    if not a and b >= 3:\n        return a.strip()\n    b += 1\n    raise ValueError("no")\n`,
      [
        "4: not  → ",
        "4: >= → <",
        "4: >= → >",
        "4: and → or",
        "5: a.strip() → None",
        "5: a.strip() → a",
        "6: += → -=",
        "6: b += 1 → pass",
      ],
    ],
    [
      "a.go",
      `package a\n\nimport "fmt"\n\nfunc F(a int) (int, error) {\n\tif a >= 3 && !b {\n\t\treturn a + 1, nil\n\t}\n\tn++\n\treturn 0, errors.New("x")\n}\n`,
      ["6: >= → <", "6: && → ||", "6: ! → ", "6: a >= 3 && !b → !(a >= 3 && !b)", "7: + → -", "9: ++ → --"],
    ],
    [
      "a.rs",
      `// a == b\nfn f() -> bool {\n    if a == b && n < 3 { true } else { false }\n}\n#[cfg(test)]\nmod t { fn x() { y == 1 } }\n`,
      ["3: == → !=", "3: && → ||", "3: true → false"],
    ],
  ])("%s", (path, text, expected) => {
    expect(changed(path, text)).toEqual(expect.arrayContaining(expected))
  })
})

test("imports, types, directives and tests in the source are left alone", () => {
  const text = `"use strict"\nimport x from "y"\nconst r = require("z")\ntype T = "a" | 1\nif (import.meta.vitest) { f(1) }`
  expect(changed("a.ts", text)).toEqual([])
  expect(changed("a.rs", "#[cfg(test)]\nmod t { fn x() -> bool { true } }")).toEqual([])
})

test("only the given lines are broken, in an order that the seed decides", () => {
  const text = Array.from({ length: 20 }, (_, n) => `const v${n} = a${n} + ${n}`).join("\n")
  expect(new Set(mutantsOf("a.js", text, [3, 5], 1).map(({ line }) => line))).toEqual(new Set([3, 5]))
  expect(mutantsOf("a.js", text, undefined, 7)).toEqual(mutantsOf("a.js", text, undefined, 7))
  expect(mutantsOf("a.js", text, undefined, 7)[0]).not.toEqual(mutantsOf("a.js", text, undefined, 8)[0])
})

test("a mutant is the original but for one place", () => {
  const text = "export function f(a) {\n  return a > 1 ? a * 2 : `x`\n}\n"
  const mutants = mutantsOf("a.js", text, undefined, 3)
  expect(mutants.length).toBeGreaterThan(4)
  for (const mutant of mutants) {
    expect(mutant.text).not.toBe(text)
    expect(mutant.text.length).toBe(text.length - mutant.before.length + mutant.after.length)
  }
})
