import { createHash, randomUUID } from "node:crypto"
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { z } from "zod"
import { Evaluation } from "../../core/evaluation.ts"
import type { AgentSpec } from "../../core/loop.ts"
import type { Repo } from "../../core/ports.ts"
import { keepNewest } from "../../lib/keep-newest.ts"

/** Raised when the question changes, so that what was answered to another one is forgotten. */
const VERSION = 1
/** The oldest beyond this many are removed. */
const MAX_ENTRIES = 500

const Entry = z.object({ version: z.literal(VERSION), evaluation: Evaluation, by: z.string() })
/** What an evaluator said of a tree, and who it was. */
export type Answer = { evaluation: Evaluation; by: string }

export type AnswerFor = {
  /** The tree that it speaks of. */
  tree: string
  goal: string
  evaluator: AgentSpec
  /** The checks that were green, by their commands. */
  checks: readonly { name: string; run: string }[]
  path?: string | undefined
}

/** What was answered to the same question before: an unchanged tree costs nothing again (catalogue M4, M6). */
export async function rememberedAnswer(repo: Repo, question: AnswerFor): Promise<Answer | undefined> {
  const text = await readFile(fileOf(repo, question), "utf8").catch(() => undefined)
  if (text === undefined) return undefined
  try {
    const parsed = Entry.safeParse(JSON.parse(text))
    return parsed.success ? { evaluation: parsed.data.evaluation, by: parsed.data.by } : undefined
  } catch {
    return undefined
  }
}

/** Written whole or not at all; one that can't be written is asked for again. */
export async function rememberAnswer(repo: Repo, question: AnswerFor, answer: Answer): Promise<void> {
  const folder = folderOf(repo)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const temporary = join(folder, `.${randomUUID()}`)
  try {
    await writeFile(temporary, JSON.stringify({ version: VERSION, ...answer }), { mode: 0o600 })
    await rename(temporary, fileOf(repo, question))
  } finally {
    await rm(temporary, { force: true })
  }
  await keepNewest(folder, MAX_ENTRIES)
}

function folderOf({ dataDir }: Repo): string {
  return join(dataDir, "evaluations")
}

function fileOf(repo: Repo, { tree, goal, evaluator, checks, path }: AnswerFor): string {
  const { use, model, effort, command, instructions } = evaluator
  const parts = [VERSION, tree, goal, [use, model, effort, command, instructions], checks, path]
  return join(folderOf(repo), `${createHash("sha256").update(JSON.stringify(parts)).digest("hex")}.json`)
}
