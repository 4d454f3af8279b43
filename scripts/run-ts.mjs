// Runs one TypeScript file of the project on Node 20, which can't by itself: `node scripts/run-ts.mjs FILE [ARGS…]`
import { mkdtemp, rm } from "node:fs/promises"
import { join, resolve } from "node:path"
import { pathToFileURL } from "node:url"
import { build } from "esbuild"

const [file, ...args] = process.argv.slice(2)
if (file === undefined) {
  console.error("usage: node scripts/run-ts.mjs FILE [ARGS…]")
  process.exit(2)
}
// Beside the packages, so that what stays outside the bundle is found.
const folder = await mkdtemp(join(resolve("node_modules"), ".run-ts-"))
try {
  const outfile = join(folder, "main.mjs")
  await build({
    entryPoints: [file],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
  })
  process.argv.splice(1, process.argv.length - 1, resolve(file), ...args)
  const { main } = await import(pathToFileURL(outfile).href)
  await main(args)
} finally {
  await rm(folder, { recursive: true, force: true })
}
