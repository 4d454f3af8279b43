import type { Edit } from "./syntax.ts"

type TextRule = { find: RegExp; put: (found: RegExpExecArray) => string; rule: string; doubt: number }

const table = (words: Readonly<Record<string, string>>, rule: string, doubt: number): TextRule => ({
  find: new RegExp(
    `(?<=\\s)(?:${Object.keys(words)
      .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
      .join("|")})(?=\\s)`,
    "g",
  ),
  put: ([word]) => words[word] ?? word,
  rule,
  doubt,
})

const rules: readonly TextRule[] = [
  table({ "==": "!=", "!=": "==", "<=": ">", ">=": "<" }, "a comparison turned round", 0),
  table({ "&&": "||", "||": "&&" }, "and for or", 1),
  table({ "+": "-", "*": "/", "%": "*" }, "another arithmetic", 0),
  table({ "+=": "-=", "-=": "+=" }, "another arithmetic", 0),
  {
    find: /\b(?:true|false)\b/g,
    put: ([word]) => (word === "true" ? "false" : "true"),
    rule: "true for false",
    doubt: 0,
  },
  {
    find: /(?<![\w."'#])\d+(?![\w."'])/g,
    put: ([word]) => String(BigInt(word) + 1n),
    rule: "another number",
    doubt: 0,
  },
  {
    find: /(?<=\bif\s*)\((?=[^()]*\)\s*\{)/g,
    put: () => "(!",
    rule: "a condition turned round",
    doubt: 0,
  },
]

/** Lines that hold no program: comments, imports, attributes. */
const idle = /^\s*(\/\/|\/\*|\*|#(?!\{)|--|use\s|import\s|include\s|package\s|require\b|@)/

/** By words alone, for languages whose syntax is not read: operators that stand free, numbers, true and false. */
export function textEdits(path: string, text: string): Edit[] {
  const edits: Edit[] = []
  let at = 0
  for (const line of text.split("\n")) {
    if (!idle.test(line)) {
      // What stands in a string is text, and a comment behind the program is none of it.
      const masked = line
        .replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, (found) => `"${"_".repeat(Math.max(0, found.length - 2))}"`)
        .replace(path.endsWith(".py") || path.endsWith(".rb") ? /\s#.*$/ : /\/\/.*$/, (found) =>
          " ".repeat(found.length),
        )
      for (const { find, put, rule, doubt } of rules) {
        for (const found of masked.matchAll(find)) {
          const from = at + found.index
          edits.push({ from, to: from + found[0].length, insert: put(found), rule, doubt })
        }
      }
    }
    at += line.length + 1
  }
  return edits
}
