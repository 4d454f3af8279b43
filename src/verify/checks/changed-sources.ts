import type { SyntaxNode } from "@lezer/common"
import { isCode } from "../paths.ts"
import { constantsOf } from "../syntax/constants.ts"
import type { Names } from "../syntax/render.ts"
import { lineAt, readSource, type Source, walk } from "../syntax/source.ts"
import { readTexts } from "../texts.ts"
import type { ChangeFacts } from "./check.ts"

/** A changed program file: its tree, where there is one, and which of its lines are new. */
export type ChangedSource = {
  path: string
  isTest: boolean
  source: Source | undefined
  names: Names
  /** The base's text; empty where it had no such file. */
  before: string
  added: readonly { n: number; text: string }[]
  isNew: (node: SyntaxNode) => boolean
}

/** The program text that a change adds or edits, in one reading. */
export async function changedSources({ repo, entries, lines, isTest, signal }: ChangeFacts): Promise<ChangedSource[]> {
  const sources = entries.filter((entry) => entry.status !== "deleted" && isCode(entry.path))
  const texts = await readTexts(
    repo,
    sources.flatMap((entry) => [entry.oldId, entry.newId]),
    signal,
  )
  // What a new file holds may have been moved there: it is held against all that the change takes from.
  const taken = entries.filter(
    ({ status, deleted, path }) => status !== "added" && deleted > 0 && isCode(path) && !isTest(path),
  )
  const moved = await readTexts(
    repo,
    taken.map(({ oldId }) => oldId),
    signal,
  )
  return sources.map(({ path, oldId, newId, status }) =>
    changedSource({
      path,
      isTest: isTest(path),
      before: status === "added" && !isTest(path) ? [...moved.values()].join("\n") : (texts.get(oldId) ?? ""),
      after: texts.get(newId),
      added: lines.get(path)?.added ?? [],
    }),
  )
}

/** One file of a change, from its two texts and the lines that are new. */
export function changedSource({
  after,
  added,
  ...file
}: Pick<ChangedSource, "path" | "isTest" | "before" | "added"> & { after: string | undefined }): ChangedSource {
  const source = after === undefined ? undefined : readSource(file.path, after)
  const numbers = new Set(added.map((line) => line.n))
  return {
    ...file,
    added,
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

/** The nodes that the change adds or edits, outermost first. */
export function newNodes({ source, isNew }: ChangedSource): SyntaxNode[] {
  const found: SyntaxNode[] = []
  if (source === undefined) return found
  walk(source.root, (node) => {
    if (!isNew(node)) return false
    found.push(node)
    return true
  })
  return found
}
