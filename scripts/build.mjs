// Bundles every entry point, or those named, into a flat `dist/`: one file each, what they share in chunks.
// node scripts/build.mjs [NAME…]
import { existsSync } from "node:fs"
import { chmod, mkdir, readdir, readFile, rename, unlink, writeFile } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "esbuild"

/** Name in `dist/` → source. `entry(name)` of `src/lib/entry.ts` finds them at run time. */
const entries = {
  flyball: "src/main.ts",
  "postgres-supervisor": "src/engine/postgres/supervisor.ts",
  watchdog: "src/isolate/watchdog-main.ts",
  replay: "src/make/replay-main.ts",
  bridge: "src/make/gateway/bridge-main.ts",
  door: "src/make/gateway/door.pl",
  acp: "src/make/acp-main.ts",
}

// Optional parts of pg: asked for inside try.
const absent = ["pg-native"]

// Loaded by the few who can't run PostgreSQL: it reads its own files from beside itself, 40 MB of them.
const beside = ["@electric-sql/pglite"]

// CommonJS dependencies ask for these; a module of our own must not inherit the caller's folder by accident.
const banner = `import { createRequire as __createRequire } from "node:module";
import { dirname as __dirnameOf } from "node:path";
import { fileURLToPath as __fileURLToPath } from "node:url";
const require = __createRequire(import.meta.url);
const __filename = __fileURLToPath(import.meta.url);
const __dirname = __dirnameOf(__filename);`

// What dependencies load or hold for surroundings that are never ours. Each is a saving at every start, told beside it.
const lighter = {
  name: "lighter",
  setup({ onLoad }) {
    // To find out whether this is a Cloudflare worker it makes a `Response`, for which Node 20 loads undici: 25 ms.
    onLoad({ filter: /[\\/]pg[\\/]lib[\\/]stream\.js$/ }, async ({ path }) => {
      const asked = "function isCloudflareRuntime() {"
      const text = await readFile(path, "utf8")
      if (!text.includes(asked)) throw new Error(`${path} has changed: look whether it still asks for Cloudflare`)
      return { contents: text.replace(asked, `${asked} return false;`) }
    })
    // Forty languages of error messages, of which one is ever spoken: 250 KB to read.
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js"',
    }))
  },
}

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const outdir = join(root, "dist")
const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"))
const wanted = process.argv.slice(2)
const present = Object.fromEntries(
  Object.entries(entries).filter(([name, source]) => {
    if (wanted.length > 0 && !wanted.includes(name)) return false
    if (existsSync(join(root, source))) return true
    console.error(`build: ${name} skipped, ${source} does not exist yet`)
    return false
  }),
)

const result = await build({
  absWorkingDir: root,
  entryPoints: present,
  outdir,
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: true,
  // Source text would double what a start has to map; the source files are in the package's repository.
  sourcesContent: false,
  external: [...absent, ...beside],
  plugins: [lighter],
  loader: { ".pl": "copy" },
  define: { FLYBALL_VERSION: JSON.stringify(version) },
  banner: { js: banner },
  write: false,
  logLevel: "warning",
})

// Each file is moved into place whole, chunks before entries: a process that starts meanwhile never reads half a file.
await mkdir(outdir, { recursive: true })
const order = (file) => (Object.keys(present).some((name) => basename(file.path).startsWith(`${name}.js`)) ? 1 : 0)
for (const file of [...result.outputFiles].sort((a, b) => order(a) - order(b))) {
  const temporary = `${file.path}.${process.pid}.tmp`
  await writeFile(temporary, file.contents)
  if (basename(file.path) === "flyball.js") await chmod(temporary, 0o755)
  await rename(temporary, file.path)
}
const written = new Set(result.outputFiles.map((file) => basename(file.path)))
for (const name of wanted.length > 0 ? [] : await readdir(outdir)) {
  if (/\.js(\.map)?$/.test(name) && !written.has(name)) await unlink(join(outdir, name)).catch(() => {})
}
