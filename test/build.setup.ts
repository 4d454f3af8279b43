import { execFile } from "node:child_process"
import { readdir, rm, stat } from "node:fs/promises"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"

const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Builds `dist/` before the tests, unless it is newer than all sources. */
export async function setup(): Promise<void> {
  if (await isCurrent("flyball")) return
  try {
    await build()
  } catch (error) {
    // Tests of the sources alone still mean something; those that run the CLI must not find the last good one.
    await rm(join(root, "dist", "flyball.js"), { force: true })
    console.error(
      `The CLI does not build, and tests that run it will fail:\n${error instanceof Error ? error.message : error}`,
    )
    await buildHelpers()
  }
}

/** Builds only the processes that the sources start by themselves, whatever state the rest is in. */
export async function buildHelpers(): Promise<void> {
  if (await isCurrent("postgres-supervisor")) return
  await build("postgres-supervisor", "watchdog")
}

async function build(...names: string[]): Promise<void> {
  await promisify(execFile)(process.execPath, [join(root, "scripts", "build.mjs"), ...names], { cwd: root })
}

async function isCurrent(name: string): Promise<boolean> {
  const built = await changed(join(root, "dist", `${name}.js`))
  const sources = await readdir(join(root, "src"), { recursive: true })
  const times = await Promise.all(
    [...sources.map((source) => join(root, "src", source)), join(root, "scripts", "build.mjs")].map(changed),
  )
  return Math.max(...times) < built
}

async function changed(path: string): Promise<number> {
  return await stat(path).then(
    (found) => found.mtimeMs,
    () => 0,
  )
}
