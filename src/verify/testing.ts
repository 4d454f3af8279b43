import { execFileSync } from "node:child_process"
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import type { Measurement } from "../core/evidence.ts"
import type { CheckKind } from "../core/loop.ts"
import type { Repo, Sandbox, Workspaces } from "../core/ports.ts"
import { openProber, type TreeProber } from "./measure.ts"

/* Support of the tests in this stage: a real repository, and the smallest real `Workspaces`. No part of the product imports it. */

export type Files = Record<string, string>

/** A repository in a temporary folder; `commit` replaces all files and returns the new commit. */
export type TestRepo = Disposable & {
  folder: string
  repo: Repo
  commit(files: Files): string
  git(...args: string[]): string
}

/** The folder of Flyball's own node_modules: its vitest, tsc and biome are the real tools of these tests. */
export const ownModules = join(dirname(fileURLToPath(import.meta.url)), "..", "..", "node_modules")

/** The tools that are installed for tests alone. */
export const toolModules = join(ownModules, "..", "test", "tools", "node_modules")

export function openTestRepo(files: Files): TestRepo {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "flyball-verify-")))
  const root = join(folder, "repo")
  mkdirSync(root)
  const env = { PATH: process.env.PATH ?? "", HOME: folder, GIT_CONFIG_NOSYSTEM: "1" }
  const git = (...args: string[]) =>
    execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@t", ...args], {
      cwd: root,
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    }).trim()
  const commit = (content: Files) => {
    git("rm", "-rqf", "--ignore-unmatch", ".")
    for (const [path, text] of Object.entries(content)) {
      mkdirSync(dirname(join(root, path)), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    git("add", "-A", "-f")
    git("commit", "-qm", "x", "--allow-empty")
    return git("rev-parse", "HEAD")
  }
  git("init", "-q", "-b", "main")
  commit(files)
  const repo: Repo = { root, gitDir: join(root, ".git"), key: "test", dataDir: join(folder, "repos", "test") }
  return {
    folder,
    repo,
    commit,
    git,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  }
}

/** Checkouts by `git archive`'s cousin: read-tree into a folder. `modules` stands in it as node_modules. */
export function gitWorkspaces(repo: Repo, modules: string | undefined): Workspaces {
  const never = () => Promise.reject(new Error("not part of these tests"))
  let count = 0
  return {
    repo,
    base: never,
    open: never,
    capture: never,
    merge: never,
    remove: never,
    sweep: never,
    checkout: (treeish) => {
      count += 1
      const path = join(repo.dataDir, `checkout-${count}`)
      mkdirSync(path, { recursive: true })
      const env = {
        PATH: process.env.PATH ?? "",
        HOME: repo.dataDir,
        GIT_INDEX_FILE: join(repo.dataDir, `index-${count}`),
      }
      const git = (...args: string[]) =>
        execFileSync("git", ["--git-dir", repo.gitDir, "--work-tree", path, ...args], {
          cwd: path,
          env,
          encoding: "utf8",
        }).trim()
      git("read-tree", treeish)
      git("checkout-index", "-a", "-f")
      if (modules !== undefined) symlinkSync(modules, join(path, "node_modules"))
      const tree = git("rev-parse", `${treeish}^{tree}`)
      return Promise.resolve({
        path,
        tree,
        [Symbol.asyncDispose]: async () => rmSync(path, { recursive: true, force: true, maxRetries: 3 }),
      })
    },
  }
}

/** Commands run as they are: what a machine without a sandbox does, less the supervisor. */
export const noSandbox: Sandbox = {
  kind: { is: "none", why: "a test of reading, not of confining" },
  wrap: (argv) => ({ argv, sandboxed: false }),
}

export function testProber(repo: Repo, modules?: string, sandbox: Sandbox = noSandbox): TreeProber {
  return openProber({
    workspaces: gitWorkspaces(repo, modules),
    sandbox,
    repo,
    artifactDir: join(repo.dataDir, "artifacts"),
  })
}

export type Measuring = {
  run: string
  kind?: CheckKind
  format?: string
  timeoutMs?: number
  modules?: string
  sandbox?: Sandbox
}

/** Measures one command on a repository of these files. */
export async function measureFiles(
  files: Files,
  { run, kind = "tests", format, timeoutMs = 60_000, modules, sandbox }: Measuring,
): Promise<Measurement> {
  using test = openTestRepo(files)
  const check = {
    name: "check",
    kind,
    run,
    timeoutMs,
    from: "package.json",
    ...(format === undefined ? {} : { format }),
  }
  return await testProber(test.repo, modules, sandbox).measure(check, "HEAD", new AbortController().signal)
}

/** A measurement as tests compare it: ids with their status, fingerprints, or the code of the error. */
export function told({ result }: Measurement): unknown {
  if (result.is === "error") return result.code
  const { report } = result
  if (report.kind === "tests") return Object.fromEntries(report.tests.map((test) => [test.id, test.status]))
  if (report.kind === "numbers")
    return Object.fromEntries(
      report.numbers.map(({ id, unit, better, samples }) => [id, [unit, better, samples.length]]),
    )
  return report.kind === "issues" ? report.issues.map((issue) => issue.fingerprint) : { exit: report.exitCode }
}
