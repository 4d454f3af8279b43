import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { removeDatabase } from "../src/engine/postgres/launch.ts"
import { git } from "../src/lib/git.ts"

export type Project = AsyncDisposable & {
  root: string
  /** FLYBALL_HOME of its own. */
  home: string
  env: Record<string, string>
  /** A loop with this many findings, none of which was seen before. */
  find(count: number): Promise<void>
}

/** The null agent: one trivial edit, another one each time, by a shell that starts nothing else. */
export const NULL_AGENT = "read -r id </proc/sys/kernel/random/uuid; echo // $id >>src/f1.js"
/** The same edit with the time in it: nanoseconds since 1970. */
export const CLOCK_AGENT = "echo // $(date +%s%N) >>src/f1.js"

/** A repository of 100 files without a remote, and a home: everything goes when it is disposed of. */
export async function openProject(): Promise<Project> {
  const folder = await mkdtemp(join(tmpdir(), "flyball-bench-"))
  const root = join(folder, "project")
  const home = join(folder, "home")
  await put(root, { "package.json": '{ "name": "bench", "type": "module" }\n', ".gitignore": "node_modules\n" })
  const lines = Array.from({ length: 30 }, (_, line) => `export const line${line} = ${line}\n`).join("")
  for (let n = 1; n <= 96; n++) await put(root, { [`src/f${n}.js`]: lines })
  await put(root, { ".flyball/loops/null.yaml": loopOf(NULL_AGENT), ".flyball/loops/clock.yaml": loopOf(CLOCK_AGENT) })
  await git(["init", "--quiet", "--initial-branch=main"], { cwd: root })
  await git(["add", "--all"], { cwd: root })
  await git([...WHO, "commit", "--quiet", "-m", "first"], { cwd: root })
  let asked = 0
  return {
    root,
    home,
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin", HOME: folder, FLYBALL_HOME: home, TMPDIR: tmpdir() },
    async find(count) {
      asked += 1
      const list = Array.from({ length: count }, (_, n) => `- [ ] piece ${asked}-${n}\n`).join("")
      await put(root, { "WORK.md": list })
      await git(["add", "WORK.md"], { cwd: root })
      await git([...WHO, "commit", "--quiet", "-m", `work ${asked}`], { cwd: root })
    },
    async [Symbol.asyncDispose]() {
      await removeDatabase(home)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const WHO = ["-c", "user.name=Bench", "-c", "user.email=bench@localhost"]

/** One check that runs in a fresh checkout, and those that read the change; a proposal on a local branch for each. */
function loopOf(agent: string): string {
  return `name: ${agent === NULL_AGENT ? "null-agent" : "clock-agent"}
agents:
  editor: { use: command, command: ${JSON.stringify(agent)} }
checks:
  ok: { run: "true", format: exit }
steps:
  - discover: { run: checklist(WORK.md) }
  - act: { for_each: finding, spawn: editor(finding), max_parallel: 1 }
  - verify: { check: ok AND diff_reasonable }
  - ship: { run: open_pr }
guardrails: { max_iterations: 1, max_findings: 1000, review_wip: 100000 }
`
}

async function put(root: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), text)
  }
}
