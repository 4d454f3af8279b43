import satisfies from "spdx-satisfies"
import { defaultLimits } from "../core/limits.ts"
import type { Guardrails } from "../core/loop.ts"
import { readOneCall } from "./calls.ts"
import { CUT } from "./check-shape.ts"
import { readHours, writeHours } from "./hours.ts"
import { Misread, reading } from "./misread.ts"
import { nearest } from "./nearest.ts"
import { type Budget, readCeiling, readDuration, readSize, writeSize } from "./quantity.ts"
import type { RawGuardrails } from "./shape.ts"
import { complain, type Path, type SourceFile } from "./source-file.ts"

const minute = 60_000

/** What holds unless the loop says otherwise: no loop runs without these. */
export const defaultGuardrails: Guardrails = {
  maxIterations: 3,
  budget: {},
  priority: "normal",
  haltOn: { noProgress: 2, sameError: 3, repeatedOutput: 3 },
  timeoutMs: 45 * minute,
  silenceMs: 10 * minute,
  reviewWip: 3,
  maxDiff: { files: 10, lines: 400 },
  maxFindings: 20,
  protect: [],
}

/** Guard rails as written, on top of those they inherit. */
export function readGuardrails(source: SourceFile, path: Path, raw: RawGuardrails, inherited: Guardrails): Guardrails {
  const count = (key: "max_iterations" | "review_wip" | "max_findings", otherwise: number) =>
    readCount(source, [...path, key], raw[key], otherwise)
  const duration = (key: "timeout" | "silence", otherwise: number) =>
    readSpan(source, [...path, key], raw[key], otherwise)
  const hours =
    raw.hours === undefined
      ? undefined
      : reading(source, [...path, "hours"], "BAD_HOURS", raw.hours, (text) => writeHours(readHours(text)))
  const inheritedHours = hours ?? inherited.hours
  return {
    maxIterations: count("max_iterations", inherited.maxIterations),
    budget: { ...inherited.budget, ...readBudget(source, [...path, "budget"], raw.budget) },
    priority: raw.priority ?? inherited.priority ?? "normal",
    haltOn: { ...inherited.haltOn, ...readHaltOn(source, [...path, "halt_on"], raw.halt_on) },
    timeoutMs: duration("timeout", inherited.timeoutMs),
    silenceMs: duration("silence", inherited.silenceMs),
    reviewWip: count("review_wip", inherited.reviewWip),
    maxDiff: {
      files: readCount(source, [...path, "max_diff", "files"], raw.max_diff?.files, inherited.maxDiff.files),
      lines: readCount(source, [...path, "max_diff", "lines"], raw.max_diff?.lines, inherited.maxDiff.lines),
    },
    maxFindings: count("max_findings", inherited.maxFindings),
    protect: [...new Set([...inherited.protect, ...readProtect(source, [...path, "protect"], raw.protect)])],
    ...readLicences(source, [...path, "licences"], raw.licences, inherited.licences),
    ...(inheritedHours === undefined ? {} : { hours: inheritedHours }),
    ...readLimits(source, [...path, "limits"], raw.limits, inherited.limits),
  }
}

/** A list takes the place of the inherited one, where an id of it can be read at all. */
function readLicences(
  source: SourceFile,
  path: Path,
  raw: string | string[] | undefined,
  inherited: string[] | undefined,
): Pick<Guardrails, "licences"> {
  const known = listed(raw, path).flatMap((item) => {
    const text = item.text.trim()
    if (text === "default" || isLicence(text)) return [text]
    complain(source, item.path, {
      code: "BAD_LICENCE",
      message: `\`${item.text}\` is no licence id of the SPDX list.`,
      hint: "Write ids such as MIT, Apache-2.0, LGPL-3.0-only; `default` stands for the usual permissive ones.",
    })
    return []
  })
  const licences = raw === undefined ? inherited : known
  return licences === undefined ? {} : { licences }
}

function isLicence(text: string): boolean {
  try {
    return /^[\w.+-]+$/.test(text) && satisfies(text, [text])
  } catch {
    return false
  }
}

function readLimits(
  source: SourceFile,
  path: Path,
  raw: RawGuardrails["limits"],
  inherited: Guardrails["limits"],
): Pick<Guardrails, "limits"> {
  const size = (key: "output" | "prompt" | "memory", least: number, inheritedBytes: number | undefined) => {
    const text = raw?.[key]
    const bytes = text === undefined ? undefined : reading(source, [...path, key], "BAD_SIZE", text, readSize)
    if (bytes === undefined || bytes >= least) return bytes ?? inheritedBytes
    complain(source, [...path, key], {
      code: "OUT_OF_RANGE",
      message: `\`${key}\` must be at least ${writeSize(least)}, not ${writeSize(bytes)}.`,
    })
    return inheritedBytes
  }
  const limits = {
    outputBytes: size("output", 1_000, inherited?.outputBytes),
    // The task, the finding and the rules alone take some of it.
    promptBytes: size("prompt", 20_000, inherited?.promptBytes),
    stepMs:
      raw?.step === undefined ? inherited?.stepMs : readSpan(source, [...path, "step"], raw.step, defaultLimits.stepMs),
    sourceMs:
      raw?.source === undefined
        ? inherited?.sourceMs
        : readSpan(source, [...path, "source"], raw.source, defaultLimits.sourceMs),
    // With less no runner of tests starts.
    memoryBytes: size("memory", 100_000_000, inherited?.memoryBytes),
    processes: readProcesses(source, [...path, "processes"], raw?.processes, inherited?.processes),
  }
  const said = Object.entries(limits).filter(([, value]) => value !== undefined)
  return said.length === 0 ? {} : { limits: Object.fromEntries(said) }
}

/** Sandbox, shell and command are some processes already. */
const FEWEST_PROCESSES = 16

function readProcesses(source: SourceFile, path: Path, raw: number | undefined, inherited: number | undefined) {
  if (raw === undefined || raw >= FEWEST_PROCESSES) return raw ?? inherited
  complain(source, path, {
    code: "OUT_OF_RANGE",
    message: `\`processes\` must be at least ${FEWEST_PROCESSES}, not ${raw}.`,
  })
  return inherited
}

/** A whole number of at least one. */
export function readCount(
  source: SourceFile,
  path: Path,
  raw: number | undefined,
  otherwise: number,
  most = 1_000_000,
): number {
  if (raw === undefined) return otherwise
  if (raw >= 1 && raw <= most) return raw
  complain(source, path, {
    code: "OUT_OF_RANGE",
    message: `\`${String(path.at(-1))}\` must be ${raw < 1 ? "at least 1" : `at most ${most}`}, not ${raw}.`,
  })
  return otherwise
}

/** A duration in milliseconds. */
export function readSpan(source: SourceFile, path: Path, raw: string | undefined, otherwise: number): number {
  return raw === undefined ? otherwise : (reading(source, path, "BAD_DURATION", raw, readDuration) ?? otherwise)
}

/** One text or a list of them, each with its path; what was cut out for being wrong is passed over. */
export function listed(raw: string | string[] | undefined, path: Path): { text: string; path: Path }[] {
  if (raw === undefined) return []
  if (typeof raw === "string") return [{ text: raw, path }]
  return raw.map((text, index) => ({ text, path: [...path, index] })).filter(({ text }) => text !== CUT)
}

/** A list of ceilings as written. */
export function readBudget(source: SourceFile, path: Path, raw: string | string[] | undefined): Budget {
  const budget: Budget = {}
  for (const item of listed(raw, path)) {
    const ceiling = reading(source, item.path, "BAD_BUDGET", item.text, readCeiling)
    if (ceiling === undefined) continue
    if (budget[ceiling.key] !== undefined)
      complain(source, item.path, {
        code: "BAD_BUDGET",
        message: `\`${item.text}\`: this ceiling is given twice.`,
        hint: "Keep the one that is meant.",
      })
    budget[ceiling.key] = ceiling.amount
  }
  const never = neverReached(budget)
  if (never !== undefined)
    complain(source, path, {
      code: "BUDGET_CONTRADICTION",
      severity: "warning",
      message: `The ceiling of ${never} is above that of what holds it, so it never stops anything.`,
      hint: "attempt ≤ change ≤ run ≤ day ≤ month",
    })
  return budget
}

/** The first ceiling that is above one which holds all of it. */
function neverReached({ usdPerAttempt, usdPerChange, usdPerRun, usdPerDay, usdPerMonth }: Budget): string | undefined {
  const inner = [
    ["an attempt", usdPerAttempt],
    ["a change", usdPerChange],
    ["a run", usdPerRun],
    ["a day", usdPerDay],
    ["a month", usdPerMonth],
  ] as const
  return inner.find(([, own], index) =>
    inner.slice(index + 1).some(([, outer]) => own !== undefined && outer !== undefined && own > outer),
  )?.[0]
}

const rules = { no_progress: "noProgress", same_error: "sameError", repeated_output: "repeatedOutput" } as const
type Rule = keyof typeof rules

function isRule(name: string): name is Rule {
  return Object.hasOwn(rules, name)
}

function readHaltOn(source: SourceFile, path: Path, raw: string | string[] | undefined): Partial<Guardrails["haltOn"]> {
  const haltOn: Partial<Guardrails["haltOn"]> = {}
  for (const item of listed(raw, path)) {
    const rule = reading(source, item.path, "BAD_HALT_ON", item.text, readRule)
    if (rule === undefined) continue
    if (haltOn[rules[rule.name]] !== undefined)
      complain(source, item.path, { code: "BAD_HALT_ON", message: `\`${rule.name}\` is given twice.` })
    haltOn[rules[rule.name]] = rule.times
  }
  return haltOn
}

function readRule(text: string): { name: Rule; times: number } {
  const { call } = readOneCall(text)
  if (!isRule(call.name)) {
    const close = nearest(call.name, Object.keys(rules))
    throw new Misread(`There is no rule \`${call.name}\`.`, {
      offset: text.indexOf(call.name),
      length: call.name.length,
      hint: close === undefined ? "no_progress(2), same_error(3), repeated_output(3)" : `Did you mean \`${close}\`?`,
      suggestion: close,
    })
  }
  const [times = defaultGuardrails.haltOn[rules[call.name]]] = call.args
  if (
    call.args.length > 1 ||
    Object.keys(call.named).length > 0 ||
    typeof times !== "number" ||
    !Number.isInteger(times) ||
    times < 1 ||
    times > 1000
  )
    throw new Misread(`\`${call.name}\` takes how many times in a row, at least 1.`, {
      hint: `${call.name}(${defaultGuardrails.haltOn[rules[call.name]]})`,
    })
  return { name: call.name, times }
}

function readProtect(source: SourceFile, path: Path, raw: string[] | undefined): string[] {
  return listed(raw, path).flatMap(({ text, path: at }) => {
    const glob = text.trim().replace(/^\.\//, "")
    const wrong =
      glob === ""
        ? "A glob was expected here."
        : glob.startsWith("!")
          ? "`protect` only adds: nothing can be taken out of it."
          : glob.startsWith("/") || /(^|\/)\.\.(\/|$)/.test(glob)
            ? "A glob is relative to the repository's root."
            : undefined
    if (wrong === undefined) return [glob]
    complain(source, at, { code: "BAD_GLOB", message: wrong, hint: '"**/*.test.*", ".github/**"' })
    return []
  })
}
