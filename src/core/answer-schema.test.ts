import { expect, test } from "vitest"
import { z } from "zod"
import { answerSchema } from "./answer-schema.ts"

test("every key is required, at any depth; what may be missing may be null; there are no lengths", () => {
  const shape = z.strictObject({
    list: z.array(z.strictObject({ a: z.string().min(1).max(9), b: z.number().int().nullish() })).max(3),
    minLength: z.string().optional(),
  })
  expect(answerSchema(shape)).toEqual({
    type: "object",
    properties: {
      list: {
        type: "array",
        maxItems: 3,
        items: {
          type: "object",
          properties: {
            a: { type: "string" },
            b: {
              anyOf: [
                { type: "integer", minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
                { type: "null" },
              ],
            },
          },
          required: ["a", "b"],
          additionalProperties: false,
        },
      },
      minLength: { type: "string" },
    },
    required: ["list", "minLength"],
    additionalProperties: false,
  })
})
