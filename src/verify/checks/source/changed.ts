import type { SyntaxNode } from "@lezer/common"
import { isCode } from "../../paths.ts"
import { constantsOf } from "../../syntax/constants.ts"
import type { Names } from "../../syntax/render.ts"
import { lineAt, lineOf, readSource, type Source, textOf, walk } from "../../syntax/source.ts"
import { readTexts } from "../../texts.ts"
import type { ChangeFacts } from "../check.ts"
import { doctestsRun, type Example, examplesIn, withoutExamples } from "../doctests.ts"

/** A changed program file: its tree, where there is one, and which of its lines are new. */
export type ChangedSource = {
  path: string
  isTest: boolean
  source: Source | undefined
  names: Names
  /** The base's text; empty where it had no such file. */
  before: string
  added: readonly { n: number; text: string }[]
  /** The examples of the base's docstrings, where they are run: no text of them stands in `before`. */
  examples: readonly Example[]
  isNew: (node: SyntaxNode) => boolean
}

/** One that has a tree; `usedBefore` is the base's JavaScript without its comments: an example in one is no use of a value. */
export type ReadSource = ChangedSource & { source: Source; usedBefore: string }

/** Why a new node has to be looked at, if it has to be. A look says nothing of what the file did before. */
export type Look = (node: SyntaxNode, file: ReadSource) => string | undefined

/** The program text that a change adds or edits, in one reading. */
export async function changedSources(facts: ChangeFacts): Promise<ChangedSource[]> {
  const { repo, entries, lines, signal } = facts
  // A file that has its tests within it is source all the same.
  const isTest = (path: string) => facts.isTest(path) && facts.isMixed?.(path) !== true
  const sources = entries.filter((entry) => entry.status !== "deleted" && isCode(entry.path))
  // What a new file holds may have been moved there: it is held against all that the change takes from.
  const taken = entries.filter(
    ({ status, deleted, path }) => status !== "added" && deleted > 0 && isCode(path) && !isTest(path),
  )
  const texts = await readTexts(
    repo,
    [...sources.flatMap(({ oldId, newId }) => [oldId, newId]), ...taken.map(({ oldId }) => oldId)],
    signal,
  )
  const areRun = await doctestsRun(facts, (id) => texts.get(id) ?? "")
  const moved = [...new Set(taken.map(({ oldId }) => oldId))].flatMap((id) => texts.get(id) ?? []).join("\n")
  return sources.map(({ path, oldId, newId, status }) => {
    const old = status === "added" && !isTest(path) ? moved : (texts.get(oldId) ?? "")
    const hasExamples = areRun && path.endsWith(".py") && !isTest(path)
    return changedSource({
      path,
      isTest: isTest(path),
      before: hasExamples ? withoutExamples(old) : old,
      after: texts.get(newId),
      added: lines.get(path)?.added ?? [],
      examples: hasExamples ? examplesIn(old) : [],
    })
  })
}

/** One file of a change, from its two texts and the lines that are new. */
export function changedSource({
  after,
  added,
  examples = [],
  ...file
}: Pick<ChangedSource, "path" | "isTest" | "before" | "added"> & {
  after: string | undefined
  examples?: readonly Example[]
}): ChangedSource {
  const source = after === undefined ? undefined : readSource(file.path, after)
  const numbers = new Set(added.map((line) => line.n))
  return {
    ...file,
    added,
    examples,
    source,
    names: source === undefined ? new Map() : constantsOf(source),
    isNew: (node) => source !== undefined && touches(source, node, numbers),
  }
}

function touches(source: Source, node: SyntaxNode, numbers: ReadonlySet<number>): boolean {
  const last = lineAt(source, Math.max(node.from, node.to - 1))
  for (let line = lineAt(source, node.from); line <= last; line++) if (numbers.has(line)) return true
  return false
}

/** The places of the new source that one of the looks has something to say of: of each line the first look's word, and its outermost node's. */
export function placesIn(changed: ChangedSource, looks: readonly Look[]): string[] {
  const { source, path } = changed
  if (source === undefined) return []
  const usedBefore = changed.before.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "")
  const file = { ...changed, source, usedBefore }
  const nodes = newNodes(file)
  const found = new Map<number, string>()
  for (const look of looks)
    for (const node of nodes) {
      const line = lineOf(source, node)
      const why = found.has(line) ? undefined : look(node, file)
      if (why !== undefined) found.set(line, told(path, line, why, textOf(source, node)))
    }
  return [...found.values()]
}

function newNodes({ source, isNew }: ReadSource): SyntaxNode[] {
  const found: SyntaxNode[] = []
  walk(source.root, (node) => {
    if (!isNew(node)) return false
    found.push(node)
    return true
  })
  return found
}

/** A place as it is told. */
export function told(path: string, line: number, why: string, text: string): string {
  return `${path}:${line} ${why}: \`${text
    .trim()
    .replace(/\s*\n\s*/g, " ")
    .slice(0, 160)}\``
}
