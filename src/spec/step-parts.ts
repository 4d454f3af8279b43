import { type ConditionPlace, readCondition } from "./condition.ts"
import type { Mentions } from "./draft.ts"
import { Misread, reading } from "./misread.ts"
import { complain, type Path, type SourceFile } from "./source-file.ts"

/** What the readers of steps share: where to complain, and the names they meet. */
export type Reading = { source: SourceFile; mentions: Mentions; knownChecks: ReadonlySet<string> }

/** A condition in CEL, compiled and type-checked. */
export async function readCel(
  source: SourceFile,
  path: Path,
  raw: string | undefined,
  place: ConditionPlace,
): Promise<string | undefined> {
  if (raw === undefined) return undefined
  try {
    return (await readCondition(raw, place)).text
  } catch (error) {
    if (!(error instanceof Misread)) throw error
    reading(source, path, "BAD_CONDITION", raw, () => {
      throw error
    })
    return undefined
  }
}

/** Reports a key that must be there. */
export function missing(source: SourceFile, path: Path, key: string, example: string): undefined {
  complain(source, path, {
    code: "MISSING_KEY",
    part: "key",
    message: `\`${String(path.at(-1))}\` has no \`${key}\`.`,
    hint: example,
  })
}
