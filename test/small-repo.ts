import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { git } from "../src/lib/git.ts"

export type SmallRepo = AsyncDisposable & {
  /** Everything lies in here: the checkout, its remote, and FLYBALL_HOME. */
  folder: string
  root: string
  remote: string
  home: string
  branches(): Promise<string[]>
}

/** A real repository with files, one commit, and a bare remote, in a folder of its own. */
export async function smallRepo(files: Record<string, string>): Promise<SmallRepo> {
  const folder = await mkdtemp(join(tmpdir(), "flyball-repo-"))
  const root = join(folder, "project")
  const remote = join(folder, "remote.git")
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
    if (text.startsWith("#!")) await chmod(join(root, path), 0o755)
  }
  const who = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
  await git(["init", "--quiet", "--initial-branch=main"], { cwd: root })
  await git(["add", "--all"], { cwd: root })
  await git([...who, "commit", "--quiet", "-m", "first"], { cwd: root })
  await git(["init", "--quiet", "--bare", "--initial-branch=main", remote], { cwd: folder })
  await git(["remote", "add", "origin", remote], { cwd: root })
  await git(["push", "--quiet", "origin", "main"], { cwd: root })
  return {
    folder,
    root,
    remote,
    home: join(folder, "home"),
    branches: async () => {
      const listed = await git(["for-each-ref", "--format=%(refname:short)", "refs/heads"], { cwd: remote })
      return listed.split("\n").filter((name) => name !== "")
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  }
}

/** Processes of this machine whose command line or environment names the folder: what a run left behind. */
export async function processesOf(folder: string): Promise<string[]> {
  const found: string[] = []
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)) {
    const texts = await Promise.all(
      ["cmdline", "environ"].map((name) => readFile(join("/proc", pid, name), "utf8").catch(() => "")),
    )
    if (texts.some((text) => text.includes(folder))) found.push(`${pid} ${texts[0]?.replaceAll("\0", " ")}`)
  }
  return found
}

/** A project whose one test fails until `add` adds, and a loop over it with the given maker. */
export function addingProject(
  maker: string,
  extra: { usdPerAttempt?: number; budget?: string; planner?: string; plannerUsd?: number; act?: string } = {},
): Record<string, string> {
  const costOf = (usd: number | undefined) => (usd === undefined ? "" : `\ncost: $${usd}/attempt`)
  const agent = (name: string, command: string, usd: number | undefined) => ({
    [`.flyball/agents/${name}.md`]: `---\nname: ${name}\ndescription: a script\nuse: command\ncommand: ${JSON.stringify(command)}${costOf(usd)}\n---\n`,
  })
  return {
    "package.json": '{ "name": "adding", "type": "module", "scripts": { "test": "node --test" } }\n',
    "src/add.js": "export const add = (a, b) => a - b\n",
    "src/mul.js": "export const mul = (a, b) => a * b\n",
    "test/add.test.js":
      'import assert from "node:assert/strict"\nimport { test } from "node:test"\nimport { add } from "../src/add.js"\ntest("adds", () => assert.equal(add(2, 3), 5))\n',
    "test/mul.test.js":
      'import assert from "node:assert/strict"\nimport { test } from "node:test"\nimport { mul } from "../src/mul.js"\ntest("multiplies", () => assert.equal(mul(2, 3), 6))\n',
    ...agent("implementer", maker, extra.usdPerAttempt),
    ...(extra.planner === undefined ? {} : agent("planner", extra.planner, extra.plannerUsd)),
    ".flyball/loops/fix.yaml": `name: fix
steps:
  - discover: { run: failing_tests, write_to: state/fix.md }
${extra.planner === undefined ? "" : "  - plan: { spawn: planner(finding) }\n"}  - act: { for_each: finding in state/fix.md, spawn: implementer(finding)${extra.act === undefined ? "" : `, ${extra.act}`} }
  - verify: { check: tests_pass AND diff_reasonable }
  - ship: { if: verified, run: open_pr }
guardrails: { max_iterations: 3, budget: ${extra.budget ?? "$5/run"}, halt_on: no_progress(2) }
`,
  }
}

/** Makers as shell lines. */
export const makers = {
  fixes: "printf 'export const add = (a, b) => a + b\\n' > src/add.js",
  stops: `echo '{"stop":"impossible","reason":"no such API"}'`,
  idles: "true",
} as const

/** Without its remote: a repository that lives on this machine alone. */
export async function withoutRemote({ root }: Pick<SmallRepo, "root">): Promise<void> {
  await git(["remote", "remove", "origin"], { cwd: root })
}

/** Somebody else's commit on the remote's main: nothing of it is in the checkout. */
export async function commitTo(
  { remote, folder }: Pick<SmallRepo, "remote" | "folder">,
  files: Record<string, string>,
  message: string,
): Promise<void> {
  const clone = await mkdtemp(join(folder, "colleague-"))
  await git(["clone", "--quiet", remote, clone], { cwd: folder })
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(clone, path)), { recursive: true })
    await writeFile(join(clone, path), text)
  }
  await git(["add", "--all"], { cwd: clone })
  await git(["-c", "user.name=Colleague", "-c", "user.email=c@localhost", "commit", "--quiet", "-m", message], {
    cwd: clone,
  })
  await git(["push", "--quiet", "origin", "main"], { cwd: clone })
}
