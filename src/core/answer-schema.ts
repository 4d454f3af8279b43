import { z } from "zod"

/**
 * The JSON Schema of an agent's last line, in the strict form that providers hold their models to: every key required
 * (what may be left out may be null), none besides, and no lengths, which some refuse. What is read is still checked by
 * the zod schema itself.
 */
export function answerSchema(shape: z.ZodType): Record<string, unknown> {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, {
    override: ({ jsonSchema }) => {
      delete jsonSchema.minLength
      delete jsonSchema.maxLength
      if (jsonSchema.properties === undefined) return
      jsonSchema.required = Object.keys(jsonSchema.properties)
      jsonSchema.additionalProperties = false
    },
  })
  return schema
}
