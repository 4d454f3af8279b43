import { writeFile } from "node:fs/promises"
import { join } from "node:path"
import { z } from "zod"
import { RawLoop, RawResource } from "./shape.ts"

/** The JSON Schema (2020-12) of the loop file, in both its forms, for editors. */
export function loopSchema(): Record<string, unknown> {
  const usual = z.toJSONSchema(RawLoop.required({ name: true, steps: true }), { io: "input", reused: "ref" })
  const resource = z.toJSONSchema(RawResource.required({ metadata: true, spec: true }), { io: "input", reused: "ref" })
  const { $schema, ...loop } = usual
  const { $schema: _, ...asResource } = resource
  return {
    $schema,
    $id: "https://flyball.dev/schema/loop.schema.json",
    title: "Flyball loop",
    if: { type: "object", required: ["apiVersion"] },
    then: { $ref: "#/$defs/resource" },
    else: { $ref: "#/$defs/loop" },
    $defs: { loop: rooted(loop, "loop"), resource: rooted(asResource, "resource") },
  }
}

/** Writes the schema where it is published, `docs/loop.schema.json`. */
export async function writeSchemas(docs: string): Promise<string> {
  const path = join(docs, "loop.schema.json")
  await writeFile(path, `${JSON.stringify(loopSchema(), null, 2)}\n`)
  return path
}

/** References of a schema that moved under `$defs/<name>`. */
function rooted(schema: unknown, name: string): unknown {
  if (Array.isArray(schema)) return schema.map((inner) => rooted(inner, name))
  if (typeof schema !== "object" || schema === null) return schema
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [
      key,
      key === "$ref" && typeof value === "string" ? value.replace(/^#/, `#/$defs/${name}`) : rooted(value, name),
    ]),
  )
}
