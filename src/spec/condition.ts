import type { Environment } from "@marcbachmann/cel-js"
import { Failure } from "../core/failure.ts"
import { Finding } from "../core/finding.ts"
import { Misread } from "./misread.ts"
import { nearest } from "./nearest.ts"

/** Where a condition stands decides what it may speak of. */
export type ConditionPlace = "if" | "when" | "attempt_if"

/** What is known when a condition is evaluated. What is left out is unknown, never false or zero. */
export type ConditionFacts = {
  verified?: boolean
  finding?: Pick<Finding, "severity" | "source" | "title"> &
    Partial<Pick<Finding, "confidence" | "size" | "module" | "file">>
  change?: { paths: readonly string[]; lines: number; attempts: number }
  run?: { trigger: string; findings: number; usd: number }
}

type ConditionOutcome = { is: "known"; value: boolean } | { is: "unknown"; why: string }

/** A condition that was compiled and type-checked. */
export type Condition = { text: string; evaluate: (facts: ConditionFacts) => ConditionOutcome }

type Type = "bool" | "int" | "double" | "string"

const fields = {
  finding: {
    confidence: "double",
    size: "string",
    severity: "string",
    module: "string",
    source: "string",
    title: "string",
    file: "string",
  },
  change: { files: "int", lines: "int", attempts: "int" },
  run: { trigger: "string", findings: "int", usd: "double" },
} as const satisfies Record<string, Record<string, Type>>

const enumerations: Record<string, readonly string[]> = {
  "finding.size": Finding.shape.size.unwrap().options,
  "finding.severity": Finding.shape.severity.options,
}

const variables: Record<ConditionPlace, readonly string[]> = {
  if: ["verified", "finding", "change", "run"],
  when: ["verified", "finding", "change", "run"],
  attempt_if: ["finding", "run"],
}

/** Compiles a condition that validation has passed. Throws Failure `CONDITION_INVALID` for one that it has not. */
export async function compileCondition(text: string, place: ConditionPlace): Promise<Condition> {
  try {
    return await readCondition(text, place)
  } catch (error) {
    if (!(error instanceof Misread)) throw error
    throw new Failure("CONDITION_INVALID", `The condition \`${text}\` can't be used: ${error.message}`, {
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    })
  }
}

/** The same, telling what is wrong and where in the text. */
export async function readCondition(text: string, place: ConditionPlace): Promise<Condition> {
  refuseWords(text)
  const { Environment } = await import("@marcbachmann/cel-js")
  const { default: picomatch } = await import("picomatch")
  const environment = declare(
    new Environment({ limits: { maxAstNodes: 1000, maxDepth: 50 } }),
    place,
    (paths, glob) => {
      const matches = picomatch(glob, { dot: true })
      return paths.some((path) => matches(path))
    },
  )
  const checked = environment.check(text)
  if (!checked.valid) throw explainCel(checked.error, text, place)
  if (checked.type !== "bool" && checked.type !== "dyn")
    throw new Misread(`This is ${checked.type}, and a condition must be true or false.`, {
      hint: "Compare it with something: finding.confidence >= 0.7",
    })
  const program = environment.parse(text)
  for (const { field, literal, at } of comparisons(program.ast)) {
    const known = enumerations[field]
    if (known === undefined || known.includes(literal)) continue
    const close = nearest(literal, known)
    throw new Misread(`\`${field}\` is never '${literal}'; it is one of ${known.join(", ")}.`, {
      offset: at.start,
      length: at.end - at.start,
      hint: close && `Did you mean '${close}'?`,
      suggestion: close && `'${close}'`,
    })
  }
  return {
    text,
    evaluate: (facts) => {
      try {
        const value: unknown = program(toCel(facts))
        return typeof value === "boolean"
          ? { is: "known", value }
          : { is: "unknown", why: `it came to ${String(value)}` }
      } catch (error) {
        return { is: "unknown", why: summaryOf(error) }
      }
    },
  }
}

/** What a condition at this place may name, for hints and documentation. */
function conditionNames(place: ConditionPlace): string[] {
  return variables[place].flatMap((name) =>
    isDeclared(name)
      ? [
          ...Object.keys(fields[name]).map((field) => `${name}.${field}`),
          ...(name === "change" ? ["change.touches('glob')"] : []),
        ]
      : [name],
  )
}

function isDeclared(name: string): name is keyof typeof fields {
  return Object.hasOwn(fields, name)
}

class FindingFacts {}
class RunFacts {}
class ChangeFacts {
  readonly paths: readonly string[]
  constructor(paths: readonly string[]) {
    this.paths = paths
  }
}

function declare(
  environment: Environment,
  place: ConditionPlace,
  touches: (paths: readonly string[], glob: string) => boolean,
): Environment {
  environment.registerType("Finding", { ctor: FindingFacts, fields: fields.finding })
  environment.registerType("Change", { ctor: ChangeFacts, fields: fields.change })
  environment.registerType("Run", { ctor: RunFacts, fields: fields.run })
  environment.registerFunction(
    "Change.touches(string): bool",
    (change: unknown, glob: unknown) => change instanceof ChangeFacts && touches(change.paths, String(glob)),
  )
  const types: Record<string, string> = { verified: "bool", finding: "Finding", change: "Change", run: "Run" }
  for (const name of variables[place]) environment.registerVariable(name, types[name] ?? "dyn")
  return environment
}

/** CEL's whole numbers are 64-bit; facts that are missing stay missing, so that CEL says so. */
function toCel({ verified, finding, change, run }: ConditionFacts): Record<string, unknown> {
  const known = (facts: object) => Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))
  return {
    ...(verified === undefined ? {} : { verified }),
    ...(finding === undefined ? {} : { finding: Object.assign(new FindingFacts(), known(finding)) }),
    ...(change === undefined
      ? {}
      : {
          change: Object.assign(new ChangeFacts(change.paths), {
            files: BigInt(change.paths.length),
            lines: BigInt(change.lines),
            attempts: BigInt(change.attempts),
          }),
        }),
    ...(run === undefined ? {} : { run: Object.assign(new RunFacts(), { ...run, findings: BigInt(run.findings) }) }),
  }
}

/** AND, OR and NOT read as words in `check:` alone; the two languages never mix in one string. */
function refuseWords(text: string): void {
  if (text.trim() === "") throw new Misread("The condition is empty.", { hint: "if: verified" })
  const bare = text.replace(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/g, (quoted) => "_".repeat(quoted.length))
  const word = /(?<![.\w])(AND|OR|NOT|and|or|not)(?![\w(])/.exec(bare)
  if (word !== null) {
    const cel: Record<string, string> = { AND: "&&", OR: "||", NOT: "!" }
    const mended = text
      .replace(/\bAND\b/gi, "&&")
      .replace(/\bOR\b/gi, "||")
      .replace(/\bNOT\s+/gi, "!")
    throw new Misread(
      `\`${word[0]}\` is for names of checks in \`check:\`; conditions are CEL, where it is \`${cel[word[0].toUpperCase()]}\`.`,
      {
        offset: word.index,
        length: word[0].length,
        hint: `Write \`${mended}\`.`,
        suggestion: cel[word[0].toUpperCase()],
      },
    )
  }
  const single = /(?<![=!<>])=(?!=)/.exec(bare)
  if (single !== null)
    throw new Misread("`=` assigns nothing here; comparing is `==`.", {
      offset: single.index,
      length: 1,
      suggestion: "==",
      hint: "Write `==`.",
    })
}

function explainCel(error: unknown, text: string, place: ConditionPlace): Misread {
  const range = rangeOf(error) ?? { start: 0, end: text.length }
  const at = {
    offset: Math.min(range.start, Math.max(0, text.length - 1)),
    length: Math.max(1, range.end - range.start),
  }
  const word = text.slice(range.start, range.end)
  const code = typeof error === "object" && error !== null && "code" in error ? error.code : undefined
  if (code === "unknown_variable") {
    const known = variables[place]
    if (variables.if.includes(word))
      return new Misread(`\`${word}\` isn't known yet when \`${place}\` is asked.`, {
        ...at,
        hint: `Known here: ${conditionNames(place).join(", ")}.`,
      })
    const close = nearest(word, known)
    return new Misread(`Unknown name \`${word}\`.`, {
      ...at,
      hint: close === undefined ? `Known here: ${conditionNames(place).join(", ")}.` : `Did you mean \`${close}\`?`,
      suggestion: close,
    })
  }
  if (code === "no_such_key") {
    const owner = /(\w+)\s*\.\s*$/.exec(text.slice(0, range.start))?.[1] ?? ""
    const known = isDeclared(owner) ? Object.keys(fields[owner]) : []
    const close = nearest(word, known)
    return new Misread(`\`${owner}\` has no \`${word}\`.`, {
      ...at,
      hint: close === undefined ? `It has ${known.join(", ")}.` : `Did you mean \`${close}\`?`,
      suggestion: close,
    })
  }
  return new Misread(`${summaryOf(error)}.`, at)
}

function summaryOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "summary" in error) return String(error.summary)
  return error instanceof Error ? error.message : String(error)
}

function rangeOf(error: unknown): { start: number; end: number } | undefined {
  if (typeof error !== "object" || error === null || !("range" in error)) return undefined
  return spanFrom(error.range)
}

function spanFrom(range: unknown): { start: number; end: number } | undefined {
  if (typeof range !== "object" || range === null || !("start" in range) || !("end" in range)) return undefined
  return typeof range.start === "number" && typeof range.end === "number"
    ? { start: range.start, end: range.end }
    : undefined
}

type Comparison = { field: string; literal: string; at: { start: number; end: number } }

/** Every `finding.size == 'x'` and `finding.size in ['x']` in a syntax tree. */
function comparisons(node: unknown): Comparison[] {
  if (Array.isArray(node)) return node.flatMap(comparisons)
  if (typeof node !== "object" || node === null || !("op" in node) || !("args" in node)) return []
  const inner = comparisons(node.args)
  if (!["==", "!=", "in"].includes(String(node.op)) || !Array.isArray(node.args)) return inner
  const [left, right]: unknown[] = node.args
  const field = fieldName(left) ?? fieldName(right)
  if (field === undefined) return inner
  const literals = [left, right].flatMap((side) => literalsOf(side))
  return [...inner, ...literals.map(({ literal, at }) => ({ field, literal, at }))]
}

function fieldName(node: unknown): string | undefined {
  if (
    typeof node !== "object" ||
    node === null ||
    !("op" in node) ||
    !("args" in node) ||
    node.op !== "." ||
    !Array.isArray(node.args)
  )
    return undefined
  const [holder, name]: unknown[] = node.args
  return typeof holder === "object" && holder !== null && "op" in holder && holder.op === "id" && "args" in holder
    ? `${String(holder.args)}.${String(name)}`
    : undefined
}

function literalsOf(node: unknown): { literal: string; at: { start: number; end: number } }[] {
  if (typeof node !== "object" || node === null || !("op" in node) || !("args" in node)) return []
  if (node.op === "list" && Array.isArray(node.args)) return node.args.flatMap(literalsOf)
  const at = "range" in node ? spanFrom(node.range) : undefined
  return node.op === "value" && typeof node.args === "string" && at !== undefined ? [{ literal: node.args, at }] : []
}
