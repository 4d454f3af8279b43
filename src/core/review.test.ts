import { expect, test } from "vitest"
import { parseReview, parseStop } from "./review.ts"

const accept = '{"verdict":"accept","reasons":["sound"]}'

test.each([
  ["the last line", `I looked.\n${accept}`],
  ["the last line, with white space after it", `I looked.\n${accept}\n\n  `],
  ["a closing code fence", `I looked.\n\`\`\`json\n${accept}\n\`\`\``],
  ["the whole message, over several lines", JSON.stringify(JSON.parse(accept), null, 2)],
])("a verdict is read from %s", (_, said) => {
  expect(parseReview(said)).toEqual({ is: "review", verdict: "accept", reasons: ["sound"] })
})

test.each([
  ["nothing", ""],
  ["prose", "Looks good to me, accept."],
  ["words after the verdict", `${accept}\nThat is all.`],
  ["words on the verdict's line", `Verdict: ${accept}`],
  ["another verdict", '{"verdict":"approve","reasons":[]}'],
  ["a verdict of another case", '{"verdict":"ACCEPT","reasons":[]}'],
  ["no reasons", '{"verdict":"accept"}'],
  ["reasons that are no list", '{"verdict":"accept","reasons":"sound"}'],
  ["a key too many", '{"verdict":"accept","reasons":[],"confidence":1}'],
  ["a list of verdicts", `[${accept}]`],
  ["half a line", '{"verdict":"accept","rea'],
  ["a quoted verdict", JSON.stringify(accept)],
  ["a fence that is not the end", `\`\`\`\n${accept}\n\`\`\`\nBut I am not sure.`],
  ["a stop", '{"stop":"impossible","reason":"no"}'],
])("T1: %s is an error, never an acceptance", (_, said) => {
  expect(parseReview(said).is).toBe("error")
})

test.each([
  ["impossible", 'I tried.\n{"stop":"impossible","reason":"the API is gone"}', "the API is gone"],
  ["ambiguous", '{"stop":"ambiguous","reason":"two specs"}', "two specs"],
  ["already_fixed", '```\n{"stop":"already_fixed","reason":"see abc"}\n```', "see abc"],
])("T15: a maker may stop with %s", (stop, said, reason) => {
  expect(parseStop(said)).toEqual({ stop, reason })
})

test.each([
  ["an unknown word", '{"stop":"tired","reason":"x"}'],
  ["no reason", '{"stop":"impossible"}'],
  ["an empty reason", '{"stop":"impossible","reason":"  "}'],
  ["a key too many", '{"stop":"impossible","reason":"x","then":"merge"}'],
  ["an earlier line", '{"stop":"impossible","reason":"x"}\nBut then I did it.'],
  ["prose", "This is impossible."],
])("%s is not a stop", (_, said) => {
  expect(parseStop(said)).toBeUndefined()
})
