import type { Repo } from "../../../core/ports.ts"
import { git, tryGit } from "../../../lib/git.ts"
import type { Candidate, Changed } from "./mine.ts"

/** One file of a fix: its text before and after, and the lines that the fix touched on both sides. */
export type FixedFile = {
  path: string
  mode: string
  before: string
  after: string
  oldLines: number[]
  newLines: number[]
}

/** What cheats and wrong fixes are made from. */
export type Material = {
  /** The fix's tests, as they are after it. */
  tests: { path: string; text: string }[]
  sources: FixedFile[]
  /** `package.json` at the root, where there is one. */
  manifest: string | undefined
}

const MAX_CHARS = 400_000

/** Reads the two sides of a fix. Files too large to be read by anybody are left out. */
export async function materialOf(
  repo: Repo,
  { commit, parent, tests, sources }: Candidate,
  signal: AbortSignal,
): Promise<Material> {
  const ask = (args: string[]) => git(["--git-dir", repo.gitDir, ...args], { cwd: repo.gitDir, signal })
  const blob = async (id: string | undefined) => (id === undefined ? "" : ask(["cat-file", "blob", id]))
  const fixed = async ({ path, mode, before, after }: Changed): Promise<FixedFile> => {
    const diff = await ask(["diff", "-U0", "--no-color", "--no-ext-diff", "--no-textconv", parent, commit, "--", path])
    return { path, mode, before: await blob(before), after: await blob(after), ...linesOf(diff) }
  }
  const present = tests.filter((each) => each.after !== undefined)
  const manifest = await tryGit(["--git-dir", repo.gitDir, "cat-file", "blob", `${parent}:package.json`], {
    cwd: repo.gitDir,
    signal,
  })
  const [read, files] = await Promise.all([
    Promise.all(present.map(async ({ path, after }) => ({ path, text: await blob(after) }))),
    Promise.all(sources.map(fixed)),
  ])
  return {
    tests: read.filter(({ text }) => text.length <= MAX_CHARS),
    sources: files.filter(({ before, after }) => before.length <= MAX_CHARS && after.length <= MAX_CHARS),
    manifest: manifest.exitCode === 0 ? manifest.stdout : undefined,
  }
}

/** The hunks of one file: of a patch without context, which lines were there and which are there now. */
export function linesOf(diff: string): { oldLines: number[]; newLines: number[] } {
  const range = (start: string | undefined, count: string | undefined) =>
    Array.from({ length: count === undefined ? 1 : Number(count) }, (_, n) => Number(start) + n)
  const hunks = [...diff.matchAll(/^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/gm)]
  return {
    oldLines: hunks.flatMap(([, start, count]) => range(start, count)),
    newLines: hunks.flatMap(([, , , start, count]) => range(start, count)),
  }
}
