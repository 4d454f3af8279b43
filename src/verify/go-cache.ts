import { createHash } from "node:crypto"
import { constants, realpathSync, statSync } from "node:fs"
import { cp, mkdir, readdir, realpath, rename, rm, stat, utimes, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Checkout, Repo, Sandbox, Workspaces } from "../core/ports.ts"
import { buildEnv } from "../lib/environment.ts"
import { run } from "../lib/process.ts"
import { environment, openScratch, type Scratch } from "./place.ts"
import { filesOf } from "./run-steps.ts"
import { goTest } from "./runners/go-test.ts"
import type { Plan, Step } from "./script.ts"

/*
 * Without a build cache Go compiles the standard library and every dependency for each measurement. A cache that code under
 * test may write to can be forged by it: entries are found by what went in, and nothing shows what really came out. So the
 * one that is kept is filled by the compiler alone: the base's tests are built and not run. Each measurement gets a copy
 * of its own, which vanishes with it.
 */

export type GoCaches = {
  /** A copy for one measurement, in its HOME: the variables that name it; none where the plan starts no `go test`. */
  copyFor(asked: {
    plan: Plan
    /** The base's tree: what is depended on there is built. */
    base: string
    /** The folder that the check runs in. */
    folder: string | undefined
    scratch: Scratch
    signal: AbortSignal
  }): Promise<Record<string, string>>
}

export type GoCacheOptions = {
  repo: Repo
  sandbox: Sandbox
  workspaces: Workspaces
  /** Variables that the project's commands need besides the built ones. */
  env?: Record<string, string>
}

/** One that is larger is not kept: to copy it would take as long as to build it. */
const MAX_BYTES = 1024 * 1024 * 1024
/** One for each toolchain, set of dependencies and kind of build (`-race`); the least used goes. */
const MAX_KEPT = 4
const FILL_TIMEOUT_MS = 15 * 60_000

/** The build caches of one repository, below its data; nothing is made before the first `go test`. */
export function openGoCaches(options: GoCacheOptions): GoCaches {
  const filling = new Map<string, Promise<string | undefined>>()
  return {
    async copyFor({ plan, base, folder = ".", scratch, signal }) {
      const [step] = plan.is === "steps" ? plan.steps.filter(({ runner }) => runner === goTest) : []
      if (step === undefined || hasOwnTools(step, options.env ?? {})) return {}
      const given = { ...options, step, base, folder, signal }
      const asked = [base, folder, step.text].join(" ")
      const found = filling.get(asked) ?? filled(given)
      filling.set(asked, found)
      const kept = await found.catch(() => undefined)
      // What was stopped, or can't be kept, is tried again by the next one that asks.
      if (kept === undefined) filling.delete(asked)
      const own = join(scratch.home, "go-build")
      await mkdir(own, { recursive: true, mode: 0o700 })
      if (kept !== undefined && !(await copied(kept, own))) {
        filling.delete(asked)
        await rm(own, { recursive: true, force: true })
      }
      await forgetResults(own)
      return { GOCACHE: own }
    },
  }
}

type Filling = GoCacheOptions & { step: Step; base: string; folder: string; signal: AbortSignal }

/** Programs that the project puts between Go and what it builds, or a cache of its own: then nothing is built beforehand. */
function hasOwnTools(step: Step, env: Record<string, string>): boolean {
  const names = ["GOCACHE", "GOFLAGS", "GOENV", "GOROOT", "CC", "CXX", "AR", "PKG_CONFIG", "PATH"]
  const flag = /^--?(exec|toolexec|overlay|compiler|ldflags|gcflags|asmflags|gccgoflags|o|c)(=|$)/
  return names.some((name) => name in step.env || name in env) || step.argv.some((word) => flag.test(word))
}

/** The folder of what the base's tests are built from, built now unless it is there. */
async function filled(given: Filling): Promise<string | undefined> {
  const { repo, workspaces, base, signal } = given
  await using checkout = await workspaces.checkout(base, "go-build", signal)
  const root = join(await realpath(checkout.path), given.folder)
  const parent = join(repo.dataDir, "cache", "go-build")
  const kept = join(parent, keyOf(given, root))
  if ((await stat(kept).catch(() => undefined)) === undefined) {
    const fresh = await build(given, checkout, root)
    if (fresh === undefined) return undefined
    await mkdir(parent, { recursive: true, mode: 0o700 })
    try {
      if ((await bytesIn(fresh.cache)) > MAX_BYTES) return undefined
      // Whoever was first keeps it.
      await rename(fresh.cache, kept).catch(() => undefined)
    } finally {
      await fresh.scratch[Symbol.asyncDispose]()
    }
    await prune(parent)
  }
  const now = new Date()
  await utimes(kept, now, now).catch(() => undefined)
  return kept
}

/**
 * Builds the base's tests and hands each to `true` in its place. Of the project nothing runs, and no program of its own is
 * on the PATH, so that what is kept is what the compiler made. A package that does not compile leaves the others.
 */
async function build(
  { repo, sandbox, step, env = {}, signal }: Filling,
  checkout: Checkout,
  cwd: string,
): Promise<{ scratch: Scratch; cache: string } | undefined> {
  const scratch = await openScratch(repo)
  const cache = join(scratch.home, "go-build")
  await mkdir(cache, { mode: 0o700 })
  const { argv } = goTest.command({
    argv: step.argv,
    reportDir: scratch.reports,
    supplied: scratch.supplied,
    tree: filesOf(cwd),
  })
  const at = argv.indexOf("test")
  const words = [...argv.slice(0, at + 1), "-exec=true", "-run=^$", ...argv.slice(at + 1)]
  const wrapped = sandbox.wrap(["sh", "-c", 'exec "$@"', "sh", ...words], cwd, {
    writable: [],
    readable: [checkout.path, ...(checkout.readable ?? [])],
    network: "none",
    ...(checkout.binds === undefined ? {} : { binds: checkout.binds }),
    home: scratch.home,
    tmp: scratch.tmp,
  })
  const ran = await run(wrapped.argv, {
    cwd,
    env: {
      ...environment(cwd, scratch, {}, { ...env, ...step.env }),
      PATH: machinePath(),
      GOCACHE: cache,
    },
    timeoutMs: FILL_TIMEOUT_MS,
    limitBytes: 1024 * 1024,
    signal,
    within: wrapped.within,
    unready: wrapped.unready,
  })
  if (ran.ended === "exit") return { scratch, cache }
  await scratch[Symbol.asyncDispose]()
  return undefined
}

/** The toolchain and the C compiler by what they are, what is depended on, and the kind of build. */
function keyOf({ step, env = {} }: Filling, root: string): string {
  const tree = filesOf(root)
  const path = machinePath().split(":")
  const parts = [
    ["go", "gcc", "g++", "cc", "clang"].map((name) => programStamp(name, path)),
    ["go.mod", "go.sum", "go.work", "go.work.sum", "vendor/modules.txt"].map((name) => tree.read(name)),
    step.argv.filter((word) => word.startsWith("-")),
    step.env,
    env,
  ]
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32)
}

/** Without the tree's own tools. */
function machinePath(): string {
  return buildEnv({ home: "", tmp: "" }).PATH ?? ""
}

function programStamp(name: string, path: readonly string[]): string | undefined {
  for (const folder of path) {
    const found = statSync(join(folder, name), { throwIfNoEntry: false })
    if (found?.isFile() === true) return `${realpathSync(join(folder, name))} ${found.size} ${found.mtimeMs}`
  }
  return undefined
}

async function copied(from: string, to: string): Promise<boolean> {
  // Real copies, or such as the file system parts at the first write: a link would share what is written.
  return await cp(from, to, { recursive: true, mode: constants.COPYFILE_FICLONE }).then(
    () => true,
    () => false,
  )
}

/** Go would tell the results of tests again without running them: a date in the far future makes it forget them all. */
async function forgetResults(cache: string): Promise<void> {
  await mkdir(cache, { recursive: true, mode: 0o700 })
  await writeFile(join(cache, "testexpire.txt"), `${(2n ** 63n - 1n).toString()}\n`)
}

async function bytesIn(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const sizes = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => (await stat(join(entry.path, entry.name))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

async function prune(parent: string): Promise<void> {
  const names = await readdir(parent)
  const aged = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(parent, name)).catch(() => undefined))?.mtimeMs ?? 0 })),
  )
  const old = aged.sort((a, b) => b.at - a.at).slice(MAX_KEPT)
  await Promise.all(old.map(({ name }) => rm(join(parent, name), { recursive: true, force: true })))
}
