import { createHash } from "node:crypto"
import { lstat, mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import type { Finding } from "../../core/finding.ts"
import type { AgentSpec, Loop } from "../../core/loop.ts"
import type { Agents, AgentTask } from "../../core/ports.ts"
import { NOTHING_SPENT } from "../../core/spend.ts"
import type { Standing } from "../../core/standing.ts"
import { tryGit } from "../../lib/git.ts"
import type { Context } from "../context.ts"
import { guidePath } from "./finding-of.ts"
import { isSaid, lessonsIn, withLesson } from "./guide.ts"

/** Whether a change is a proposal of lessons: its maker is Flyball itself, and no agent. */
export function isLessons({ lessons }: Finding): boolean {
  return lessons !== undefined
}

const EDITOR: AgentSpec = {
  name: "flyball",
  use: "command",
  description: "Adds the lines as they were proposed.",
  command: ["flyball", "lessons"],
  skills: [],
  from: "builtin",
}

/**
 * The loop by which lessons go their way: nothing to discover, nothing to install, no agent, no money, one attempt. The
 * gate reads the change, and asks a person.
 */
export function lessonsLoop(loop: Loop): Loop {
  const { path: _path, network: _network, learn: _learn, goal: _goal, ...rest } = loop
  return {
    ...rest,
    autonomy: "draft",
    agents: { [EDITOR.name]: EDITOR },
    skills: [],
    hooks: {},
    steps: {
      discover: { run: [] },
      act: { agent: EDITOR.name, maxParallel: 1 },
      verify: { layers: [{ by: "check", expr: { and: [{ check: "diff_reasonable" }, { check: "no_secrets" }] } }] },
      ship: { if: "verified", run: [], then: [] },
    },
    guardrails: { ...loop.guardrails, maxIterations: 1, budget: {} },
  }
}

/** What performs it, like every change, except that the lines are written by Flyball in its own folder, and no prompt is. */
export function withEditor<C extends Context>(context: C): C {
  return {
    ...context,
    agents: editor,
    standing: (finding, base, signal) => standingOf(finding, base, context.repo.gitDir, signal),
    baseTrouble: async () => undefined,
    makerPrompt: async ({ change }) => `No agent was asked: these lines are added.\n\n${change.finding.body}\n`,
    skills: async () => [],
    reach: async () => ({ hosts: [], env: {} }),
  }
}

const editor: Agents = {
  async run(task, signal) {
    signal.throwIfAborted()
    const started = performance.now()
    const said = await write(task)
    const log = join(task.artifactDir, `${task.role}.log`)
    await mkdir(task.artifactDir, { recursive: true })
    await writeFile(join(task.artifactDir, `${task.role}.prompt.md`), task.prompt, { mode: 0o600 })
    await writeFile(log, `${said}\n`, { mode: 0o600 })
    return {
      ended: { is: "done" },
      said,
      output: createHash("sha256").update(said).digest("hex"),
      spend: NOTHING_SPENT,
      log,
      sandboxed: false,
      ms: Math.round(performance.now() - started),
    }
  },
}

/** Adds each line to its file, where it does not say so already. */
async function write({ cwd, finding }: Pick<AgentTask, "cwd" | "finding">): Promise<string> {
  const told: string[] = []
  for (const { file, text } of finding.lessons ?? []) {
    const path = guidePath(file)
    if (path === undefined || !(await isPlain(cwd, path))) {
      told.push(`${file} is no plain file of a guide: left alone`)
      continue
    }
    const before = await readFile(join(cwd, path), "utf8").catch(() => undefined)
    if (before === undefined && !path.endsWith("LESSONS.md")) {
      told.push(`${path} is not there any more: left alone`)
      continue
    }
    if (before !== undefined && isSaid(text, lessonsIn(before))) {
      told.push(`${path} says so already`)
      continue
    }
    await mkdir(join(cwd, path, ".."), { recursive: true })
    await writeFile(join(cwd, path), withLesson(before, text))
    told.push(`${path}: + ${text}`)
  }
  return told.join("\n")
}

/** Neither the file nor a folder above it is a link, which could lead out of the workspace. */
async function isPlain(root: string, path: string): Promise<boolean> {
  const parts = path.split("/")
  for (let n = 1; n <= parts.length; n++) {
    const facts = await lstat(join(root, ...parts.slice(0, n))).catch(() => undefined)
    if (facts === undefined) return true
    if (n < parts.length ? !facts.isDirectory() : !facts.isFile()) return false
  }
  return true
}

/** Gone once all of it stands on the base. */
async function standingOf(
  { lessons = [] }: Finding,
  base: string,
  gitDir: string,
  signal: AbortSignal,
): Promise<Standing> {
  for (const { file, text } of lessons) {
    const blob = await tryGit(["cat-file", "blob", `${base}:${file}`], { cwd: gitDir, signal })
    if (blob.exitCode !== 0 || !isSaid(text, lessonsIn(blob.stdout)))
      return { is: "stands", why: `${file} does not say it yet` }
  }
  return { is: "gone", why: "the guides say it already" }
}
