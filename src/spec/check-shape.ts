import type { z } from "zod"
import { nearest } from "./nearest.ts"
import { complain, type Path, type SourceFile } from "./source-file.ts"
import { isRecord } from "./yaml-file.ts"

type Issue = z.core.$ZodIssue

/** Keys by section, and words from elsewhere that people write for them: what makes a hint for an unknown key. */
export type Vocabulary = { sections: Record<string, readonly string[]>; synonyms: Record<string, string> }

/** Rounds of cutting what is wrong; each cuts at least one value. */
const LIMIT_ROUNDS = 50

/**
 * Holds data against a schema, reports everything that is wrong where it stands, and returns what is left once the wrong
 * parts are cut out, so that the rest can be read too. Undefined when nothing is left.
 */
export function checkShape<T>(
  source: SourceFile,
  schema: z.ZodType<T>,
  data: unknown,
  vocabulary: Vocabulary,
  prefix: Path = [],
): T | undefined {
  let left: unknown = structuredClone(data)
  const told = new Set<string>()
  for (let round = 0; round < LIMIT_ROUNDS; round++) {
    const parsed = schema.safeParse(left)
    if (parsed.success) return parsed.data
    for (const issue of flatten(parsed.error.issues, [])) {
      const key = JSON.stringify([issue.path, issue.code, issue.code === "unrecognized_keys" ? issue.keys : ""])
      if (!told.has(key)) tell(source, issue, left, vocabulary, prefix)
      told.add(key)
    }
    for (const issue of flatten(parsed.error.issues, [])) {
      if (issue.path.length === 0 && issue.code !== "unrecognized_keys") return undefined
      left =
        issue.code === "unrecognized_keys"
          ? issue.keys.reduce((value, name) => without(value, [...issue.path, name]), left)
          : without(left, issue.path)
    }
  }
  return undefined
}

/** A union's issues become those of the branch whose kind of value was meant. */
function flatten(issues: readonly Issue[], prefix: PropertyKey[]): Issue[] {
  return issues.flatMap((issue): Issue[] => {
    const path = [...prefix, ...issue.path]
    if (issue.code !== "invalid_union") return [{ ...issue, path }]
    const meant = issue.errors.find((branch) =>
      branch.every((inner) => inner.path.length > 0 || inner.code === "unrecognized_keys"),
    )
    return meant === undefined ? [{ ...issue, path }] : flatten(meant, path)
  })
}

function tell(source: SourceFile, issue: Issue, data: unknown, vocabulary: Vocabulary, prefix: Path): void {
  const inner = issue.path.map((step) => (typeof step === "number" ? step : String(step)))
  const path = [...prefix, ...inner]
  if (issue.code === "unrecognized_keys") {
    for (const key of issue.keys) tellUnknownKey(source, [...path, key], key, inner, vocabulary)
    return
  }
  const value = valueAt(data, inner)
  const name =
    path.length === 0
      ? "the file"
      : `\`${String([...path].reverse().find((step) => typeof step === "string") ?? path[0])}\``
  if (value === null) {
    complain(source, path, {
      code: "EMPTY_VALUE",
      part: "key",
      message: `${name} has no value.`,
      hint: "Give it one, or remove the line.",
    })
    return
  }
  const choices = issue.code === "invalid_value" ? issue.values.map(String) : []
  const expected = choices.length > 1 ? `one of ${choices.join(", ")}` : issue.message
  const suggestion = choices.length > 1 ? nearest(String(value), choices) : otherwise(expected, value)
  complain(source, path, {
    code: choices.length > 1 ? "UNKNOWN_VALUE" : "WRONG_TYPE",
    message: `${name} must be ${expected}, not ${describe(value)}.`,
    hint:
      suggestion === undefined
        ? undefined
        : choices.length > 1
          ? `Did you mean \`${suggestion}\`?`
          : `Write \`${suggestion}\`.`,
    suggestion,
  })
}

/** A value of the wrong type that plainly means one of the right type. */
function otherwise(expected: string, value: unknown): string | undefined {
  if (expected === "a whole number" && typeof value === "string" && /^\d{1,9}$/.test(value.trim())) return value.trim()
  if (expected === "true or false" && typeof value === "string") {
    if (/^(yes|on|true)$/i.test(value)) return "true"
    if (/^(no|off|false)$/i.test(value)) return "false"
  }
  if (expected.startsWith("a duration") && typeof value === "number") return `${value}m`
  if (expected.startsWith("a mapping such as { use") && typeof value === "string") return `{ use: ${value} }`
  if (expected.startsWith("money such as") && typeof value === "number") return `$${value}/run`
  return undefined
}

/** Sections that are no keys of the file themselves. */
const singular = new Set(["step", "layer", "metric", "check"])

function tellUnknownKey(
  source: SourceFile,
  path: Path,
  key: string,
  holder: Path,
  { sections, synonyms }: Vocabulary,
): void {
  const section = sectionOf(holder)
  const known = sections[section] ?? []
  const lower = key.toLowerCase()
  const close = [nearest(key, known), synonyms[`${section}.${lower}`], synonyms[lower]].find(
    (word) => word !== undefined && known.includes(word),
  )
  const elsewhere = Object.entries(sections).find(([name, keys]) => name !== section && keys.includes(key))?.[0]
  const where = section === "" ? "" : ` in ${singular.has(section) ? `a ${section}` : `\`${section}\``}`
  complain(source, path, {
    code: "UNKNOWN_KEY",
    part: "key",
    message: `Unknown key \`${key}\`${where}.`,
    hint: hintFor(key, close, elsewhere, section, known),
    suggestion: close,
  })
}

function hintFor(
  key: string,
  close: string | undefined,
  elsewhere: string | undefined,
  section: string,
  known: readonly string[],
): string | undefined {
  if (/[()"']/.test(key)) return "A comma inside { } or [ ] begins the next item: put the whole value in quotes."
  if (elsewhere !== undefined && (close === undefined || close.toLowerCase() !== key.toLowerCase())) {
    const place = elsewhere === "" ? "at the top of the file" : `under \`${elsewhere}\``
    return section === "step" ? `\`${key}\` belongs ${place}; mind the indentation.` : `\`${key}\` belongs ${place}.`
  }
  if (close !== undefined) return `Did you mean \`${close}\`?`
  return known.length === 0 ? undefined : `Known here: ${known.join(", ")}.`
}

/** `steps.0.discover` is the section `discover`; `agents.x` is `agent`; the top is "". */
function sectionOf(path: Path): string {
  const names = path.filter((step): step is string => typeof step === "string" && step !== "spec")
  const last = names.at(-1)
  const parent = names.at(-2)
  if (last === undefined) return path[0] === "spec" ? "spec" : ""
  if (last === "then" || parent === "agents") return "agent"
  if (parent === "checks") return "check"
  if (typeof path.at(-1) === "number")
    return last === "steps" ? "step" : last === "layers" ? "layer" : last === "metrics" ? "metric" : last
  return last
}

/** A value in a few words: `the text "3"`, `a list`, `5`. */
function describe(value: unknown): string {
  if (typeof value === "string")
    return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value)}`
  if (Array.isArray(value)) return "a list"
  if (isRecord(value)) return "a mapping"
  return value === undefined ? "nothing" : String(value)
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, step) => (Array.isArray(value) ? value[Number(step)] : isRecord(value) ? value[String(step)] : undefined),
    data,
  )
}

/** Stands in a list where an item was cut, so that the others keep their places; readers pass over it. */
export const CUT = "\u0000"

/** A mapping is cut to an empty one; what that does not mend becomes CUT, and the other way round. */
function placeholder(item: unknown): unknown {
  const empty = isRecord(item) && Object.keys(item).length === 0
  return item === CUT || (isRecord(item) && !empty) ? {} : CUT
}

function without(data: unknown, path: readonly PropertyKey[]): unknown {
  const [step, ...rest] = path
  if (step === undefined) return undefined
  if (Array.isArray(data)) {
    const index = Number(step)
    return data.map((item, i) => (i !== index ? item : rest.length > 0 ? without(item, rest) : placeholder(item)))
  }
  if (!isRecord(data)) return data
  const name = String(step)
  if (rest.length > 0) return { ...data, [name]: without(data[name], rest) }
  return Object.fromEntries(Object.entries(data).filter(([key]) => key !== name))
}
