import { existsSync } from "node:fs"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"

/** Path of another entry point of the build (`dist/<name>`), beside this bundle, or in `dist/` when run from source. */
export function entry(name: string): string {
  const here = fileURLToPath(import.meta.url)
  const folder = here.endsWith(".ts") ? join(dirname(here), "..", "..", "dist") : dirname(here)
  const path = join(folder, name)
  if (!existsSync(path)) throw new Error(`${path} is missing: run \`npm run build\``)
  return path
}
