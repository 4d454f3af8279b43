import { expect, test } from "vitest"
import { load, loop } from "./testing.ts"

/** What is said of a text that YAML can't read: where, what, and what to do. */
async function told(text: string): Promise<string[]> {
  const { diagnostics } = await load(text)
  return diagnostics.map(
    ({ line, column, message, hint }) => `${line}:${column} ${message}${hint === undefined ? "" : ` ${hint}`}`,
  )
}

test.each<[string, string, string[]]>([
  [
    "a bracket that is never closed is named where it opens",
    loop({ guardrails: "guardrails: { max_diff: { files: 3 }, budget: $1/run" }),
    ["8:13 This `{` is never closed. A `}` ends it."],
  ],
  [
    "also with lines below",
    loop({ trigger: "trigger: [manual, every(5m)" }),
    ["2:10 This `[` is never closed. A `]` ends it."],
  ],
  [
    "a colon without a space",
    loop({ name: "name:x" }),
    ["1:1 This line is no `key: value`. A space must follow the colon: `name: x`."],
  ],
  [
    "text that is no key",
    loop({ name: "name; x" }),
    ["1:1 This line is no `key: value`. A colon and a space follow each key."],
  ],
  [
    "a line that is indented below a key with a value",
    loop({ name: "name: x\n description: y" }),
    [
      "1:7 This key has a value, and the line below is indented as if it belonged to it. Keys of one mapping begin in the same column.",
    ],
  ],
  [
    "two keys on a line",
    loop({ name: "name: x description: y" }),
    [expect.stringMatching(/^1:7 A second `key:` on one line\./)] as string[],
  ],
  [
    "tabs, each line of them, and nothing of what they lead to",
    loop({ discover: "\t- discover: { run: failing_tests }", act: "\t- act: { spawn: implementer(finding) }" }),
    ["4:1 YAML is indented by spaces; this is a tab.", "5:1 YAML is indented by spaces; this is a tab."],
  ],
])("%s", async (_, text, said) => {
  expect(await told(text)).toEqual(said)
})
