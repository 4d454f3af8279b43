import { expect, test } from "vitest"
import { likeness } from "./likeness.ts"

const long =
  "I looked at the parser and changed the way in which it reads numbers, then ran the tests, which still fail at the same place as they did before my change was made."

test.each<[string, string, string, (value: number) => void]>([
  ["the same", long, long, (value) => expect(value).toBe(1)],
  [
    "but for a count and a time",
    `${long} 12 of 30 in 4.2 s`,
    `${long} 13 of 30 in 5.9 s`,
    (value) => expect(value).toBe(1),
  ],
  ["a word changed", long, long.replace("parser", "lexer"), (value) => expect(value).toBeGreaterThan(0.85)],
  [
    "another text",
    long,
    "The cause is the cache: its key left out the user, and so one saw what was the other's.",
    (value) => expect(value).toBeLessThan(0.2),
  ],
  ["short and different", "done", "finished", (value) => expect(value).toBe(0)],
  ["nothing and nothing", "", " ", (value) => expect(value).toBe(1)],
])("%s", (_, a, b, holds) => {
  holds(likeness(a, b))
})
