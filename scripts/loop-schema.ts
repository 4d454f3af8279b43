import { writeSchemas } from "../src/spec/json-schema.ts"

/** Writes docs/loop.schema.json from the zod schema of the loop file. Called by scripts/run-ts.mjs. */
export async function main(): Promise<void> {
  console.log(await writeSchemas("docs"))
}
