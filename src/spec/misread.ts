import { complain, type Path, type SourceFile } from "./source-file.ts"

export type MisreadFacts = {
  offset?: number
  length?: number
  hint?: string | undefined
  suggestion?: string | undefined
}

/** A short form that can't be read. Never leaves spec/: it becomes a diagnostic at its place in the file. */
export class Misread extends Error {
  override readonly name = "Misread"
  readonly offset: number
  readonly length: number
  readonly hint: string | undefined
  readonly suggestion: string | undefined

  constructor(message: string, { offset = 0, length, hint, suggestion }: MisreadFacts = {}) {
    super(message)
    this.offset = offset
    this.length = length ?? Number.POSITIVE_INFINITY
    this.hint = hint
    this.suggestion = suggestion
  }
}

/** Reads one short form at a path; what is wrong with it is reported there, and undefined returned. */
export function reading<T>(
  source: SourceFile,
  path: Path,
  code: string,
  value: string,
  read: (text: string) => T,
): T | undefined {
  try {
    return read(value)
  } catch (error) {
    if (!(error instanceof Misread)) throw error
    const length = Math.max(1, Math.min(error.length, value.length - error.offset))
    complain(source, path, {
      code,
      message: error.message,
      hint: error.hint,
      suggestion: error.suggestion,
      at: { value, offset: error.offset, length },
    })
    return undefined
  }
}
