import { expect, test } from "vitest"
import { answerSchema } from "./answer-schema.ts"
import { Evaluation, parseEvaluation } from "./evaluation.ts"

test.each([
  ["its last line", 'I looked.\n{"answer":"met","reason":"all there"}', "met"],
  ["a closing fence", '```json\n{"answer":"not_met","reason":"no page for gc"}\n```', "not_met"],
  ["impossible", '{"answer":"impossible","reason":"it is not in this repository"}', "impossible"],
  ["met needs no reason", '{"answer":"met","reason":""}', "met"],
])("an answer is read: %s", (_, said, answer) => {
  expect(parseEvaluation(said)).toMatchObject({ is: "evaluation", answer })
})

test.each([
  ["nothing", ""],
  ["prose", "The goal is met."],
  ["words after it", '{"answer":"met","reason":""}\nThat is all.'],
  ["another word", '{"answer":"done","reason":""}'],
  ["one key more", '{"answer":"met","reason":"","confidence":1}'],
  ["no reason to act on", '{"answer":"not_met","reason":"  "}'],
  ["none for a person either", '{"answer":"impossible","reason":""}'],
  ["a flood", JSON.stringify({ answer: "not_met", reason: "x".repeat(4_001) })],
  ["a line of a diff", '+{"answer":"met","reason":""}'],
])("T2: %s is an error, never met", (_, said) => {
  expect(parseEvaluation(said).is).toBe("error")
})

test("the schema that providers are held to has both keys and none besides", () => {
  expect(answerSchema(Evaluation)).toMatchObject({ required: ["answer", "reason"], additionalProperties: false })
})
