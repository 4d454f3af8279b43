import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout as delay } from "node:timers/promises"
import type { Repo, Sandbox } from "../src/core/ports.ts"
import { POOL_LIMITS, poolOf } from "../src/isolate/pool.ts"
import { openRepo } from "../src/isolate/repo.ts"
import { detectSandbox } from "../src/isolate/sandbox.ts"
import { openWorkspaces } from "../src/isolate/workspaces.ts"
import { spread } from "./cost.ts"

const FOLDERS = 500
const FILES_EACH = 100
const POOL = { ...POOL_LIMITS, entries: 2 }

/** What a workspace and a checkout of a repository of 50,000 files take, cold and from the pool, beside what bounds them. */
export async function large(rounds: number): Promise<void> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "flyball-large-")))
  try {
    const root = join(folder, "project")
    makeRepository(root)
    const repo = await openRepo(root, join(folder, "home"))
    const sandbox = await detectSandbox({ home: join(folder, "home"), hidden: [root] })
    if (sandbox.kind.is === "none") console.log("There is no sandbox here, and so no pool: all of it is cold.")
    const taken = { ...(await workspacesOf(repo, sandbox, rounds)), ...limitsOf(root, folder, rounds) }
    console.log(`\n${FOLDERS * FILES_EACH} files (wall ms; median and quartiles of ${rounds})`)
    for (const [what, ms] of Object.entries(taken)) console.log(`${what}: ${spread(ms)}`)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

type Samples = Record<string, number[]>

async function workspacesOf(repo: Repo, sandbox: Sandbox, rounds: number): Promise<Samples> {
  const signal = new AbortController().signal
  const progress = () => {}
  const cold = openWorkspaces({ repo, sandbox, progress, pool: { ...POOL, entries: 0 } })
  const warm = openWorkspaces({ repo, sandbox, progress, pool: POOL })
  const { sha } = await cold.base(signal)
  await warm.base(signal)
  // The base's history is packed apart once, with the first workspace.
  await cold.open("first", sha, undefined, {}, signal)
  const samples: Samples = {}
  for (const [kind, workspaces] of [
    ["cold", cold],
    ["from the pool", warm],
  ] as const) {
    // The first one finds nothing ready; from then on one is made ahead for each that is taken.
    if (kind !== "cold") await (await workspaces.checkout(sha, "first", signal))[Symbol.asyncDispose]()
    for (let round = 0; round < rounds; round++) {
      const change = `${kind.replaceAll(" ", "-")}-${round}`
      await isFull(repo, kind !== "cold" && sandbox.kind.is !== "none")
      const workspace = await timed(samples, `workspace, ${kind}`, () =>
        workspaces.open(change, sha, undefined, {}, signal),
      )
      writeFileSync(join(workspace.path, "new.txt"), "new\n")
      const { head } = await timed(samples, `capture, ${kind}`, () => workspaces.capture(workspace, "One file", signal))
      await isFull(repo, kind !== "cold" && sandbox.kind.is !== "none")
      const checkout = await timed(samples, `checkout of the change for verification, ${kind}`, () =>
        workspaces.checkout(head, "verify", signal),
      )
      await checkout[Symbol.asyncDispose]()
      await timed(samples, "workspace given back", () => workspaces.remove(change, signal))
      await workspaces.sweep(new Set(["first"]), signal)
    }
  }
  return samples
}

/** Waits until the background has made what it may: the figures are of taking, not of waiting. */
async function isFull(repo: Repo, wanted: boolean): Promise<void> {
  const entries = () => (existsSync(poolOf(repo)) ? readdirSync(poolOf(repo)) : [])
  const ready = () => entries().filter((name) => name.startsWith("ready-")).length
  for (let waited = 0; wanted && ready() < POOL.entries; waited++) {
    if (waited > 1200) throw new Error("the pool does not fill")
    await delay(100)
  }
}

async function timed<T>(samples: Samples, what: string, act: () => Promise<T>): Promise<T> {
  const started = performance.now()
  const result = await act()
  samples[what] = [...(samples[what] ?? []), performance.now() - started]
  return result
}

/** What git and the file system take by themselves. */
function limitsOf(root: string, folder: string, rounds: number): Samples {
  const samples: Samples = {}
  const bare = join(folder, "bare")
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", GIT_DIR: join(root, ".git") }
  const sample = (what: string, script: string) => {
    const started = performance.now()
    execFileSync("sh", ["-ec", script], { cwd: bare, env, stdio: "ignore" })
    samples[what] = [...(samples[what] ?? []), performance.now() - started]
  }
  for (let round = 0; round < rounds; round++) {
    mkdirSync(join(bare, "tree"), { recursive: true })
    sample(
      "limit: git read-tree -u into an empty folder",
      "GIT_WORK_TREE=$PWD/tree GIT_INDEX_FILE=$PWD/index git -c checkout.workers=4 read-tree --reset -u HEAD",
    )
    sample("limit: cp -rl of the same", "cp -rl tree copy")
    sample(
      "limit: git update-ref and symbolic-ref",
      "git update-ref refs/bench/a HEAD; git symbolic-ref refs/bench/b refs/bench/a",
    )
    rmSync(bare, { recursive: true, force: true })
  }
  return samples
}

function makeRepository(root: string): void {
  for (let n = 0; n < FOLDERS; n++) {
    const folder = join(root, `package-${n % 25}`, `module-${n}`, "src")
    mkdirSync(folder, { recursive: true })
    for (let m = 0; m < FILES_EACH; m++) {
      const lines = Array.from({ length: 12 }, (_, line) => `export const line${line} = ${n * m + line}\n`)
      writeFileSync(join(folder, `file-${m}.ts`), lines.join(""))
    }
  }
  const env = { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: root }
  const git = (...args: string[]) => execFileSync("git", args, { cwd: root, env, stdio: "ignore" })
  git("init", "--quiet", "--initial-branch=main")
  git("add", "--all")
  git("-c", "user.name=Bench", "-c", "user.email=bench@localhost", "commit", "--quiet", "-m", "first")
}
