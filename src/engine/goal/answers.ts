import { join } from "node:path"
import { z } from "zod"
import { Evaluation } from "../../core/evaluation.ts"
import type { AgentSpec } from "../../core/loop.ts"
import type { Repo } from "../../core/ports.ts"
import { memoryKey, openMemory } from "../../lib/file-memory.ts"

/** Raised when the question changes, so that what was answered to another one is forgotten. */
const VERSION = 1
const LIMITS = { entries: 500, bytes: 64 * 1024 }

/** What an evaluator said of a tree, and who it was. */
const Answer = z.object({ evaluation: Evaluation, by: z.string() })
export type Answer = z.infer<typeof Answer>

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
export function rememberedAnswer(repo: Repo, question: AnswerFor): Promise<Answer | undefined> {
  return answersOf(repo).get(keyOf(question))
}

/** One that can't be written is asked for again. */
export function rememberAnswer(repo: Repo, question: AnswerFor, answer: Answer): Promise<void> {
  return answersOf(repo).put(keyOf(question), answer)
}

function answersOf({ dataDir }: Repo) {
  return openMemory(join(dataDir, "evaluations"), Answer, LIMITS)
}

function keyOf({ tree, goal, evaluator, checks, path }: AnswerFor): string {
  const { use, model, effort, command, instructions } = evaluator
  return memoryKey([VERSION, tree, goal, [use, model, effort, command, instructions], checks, path])
}
