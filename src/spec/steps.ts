import type { Call, Loop } from "../core/loop.ts"
import { triagerOf } from "../core/loop-roles.ts"
import { readCalls, readOneCall } from "./calls.ts"
import type { Mentions } from "./draft.ts"
import { listed, readCount } from "./guardrails.ts"
import { Misread, reading } from "./misread.ts"
import type { RawLoop } from "./shape.ts"
import { complain, type Path, type SourceFile } from "./source-file.ts"
import { readStatePath } from "./state-path.ts"
import { missing, type Reading, readCel } from "./step-parts.ts"
import { readVerify } from "./verify-step.ts"

const order = ["discover", "plan", "act", "verify", "ship"] as const
type StepName = (typeof order)[number]
type RawStep = NonNullable<RawLoop["steps"]>[number]
type RawSteps = { [K in StepName]?: { raw: NonNullable<RawStep[K]>; path: Path } }

const MAX_PARALLEL = 2
const LIMIT_PARALLEL = 64

/** The steps of a loop: short forms read, defaults filled in. */
export async function readSteps(reader: Reading, raw: RawLoop): Promise<Loop["steps"]> {
  const steps = placeSteps(reader.source, raw)
  const [discover, layers, ship] = await Promise.all([
    readDiscover(reader, steps),
    readVerify(reader, raw, steps.verify),
    readShip(reader, steps),
  ])
  const plan =
    steps.plan === undefined
      ? undefined
      : readSpawn(reader, steps.plan.path, steps.plan.raw.spawn, "planner", "planner")
  const act = steps.act === undefined ? undefined : readAct(reader, steps.act.path, steps.act.raw, discover.writeTo)
  return {
    discover,
    ...(plan === undefined ? {} : { plan: { agent: plan } }),
    ...(act === undefined ? {} : { act }),
    verify: { layers },
    ...(ship === undefined ? {} : { ship }),
  }
}

/** Where in the file a step stands. */
export function stepPath(raw: RawLoop, name: string): Path {
  const index = (raw.steps ?? []).findIndex((step) => Object.hasOwn(step, name))
  return index === -1 ? ["steps"] : ["steps", index, name]
}

function placeSteps(source: SourceFile, raw: RawLoop): RawSteps {
  const placed: RawSteps = {}
  let last = -1
  for (const [index, step] of (raw.steps ?? []).entries()) {
    const names = order.filter((name) => step[name] !== undefined)
    const [, second] = names
    if (second !== undefined)
      complain(source, ["steps", index, second], {
        code: "STEP_SHAPE",
        part: "key",
        message: `\`${second}\` is a step of its own.`,
        hint: `Begin it with a dash: \`- ${second}:\``,
      })
    for (const name of names) {
      const path: Path = ["steps", index, name]
      if (placed[name] !== undefined)
        complain(source, path, {
          code: "STEP_TWICE",
          part: "key",
          message: `There are two \`${name}\` steps.`,
          hint: "A loop has one of each.",
        })
      else if (order.indexOf(name) < last)
        complain(source, path, {
          code: "STEP_ORDER",
          part: "key",
          message: `\`${name}\` comes too late.`,
          hint: `The order is ${order.join(", ")}.`,
        })
      last = Math.max(last, order.indexOf(name))
      if (placed[name] === undefined) assign(placed, name, step, path)
    }
  }
  return placed
}

function assign<K extends StepName>(placed: RawSteps, name: K, step: RawStep, path: Path): void {
  const raw = step[name]
  if (raw !== undefined) Object.assign(placed, { [name]: { raw, path } })
}

async function readDiscover(reader: Reading, steps: RawSteps): Promise<Loop["steps"]["discover"]> {
  const { source, mentions } = reader
  if (steps.discover === undefined) return { run: [] }
  const { raw, path } = steps.discover
  if (raw.run === undefined) missing(source, path, "run", "run: failing_tests + open_issues")
  const run = readList(source, [...path, "run"], raw.run, mentions.sources)
  for (const { call, path: at, at: place } of mentions.sources) {
    const [agent] = call.name === "skill" ? [triagerOf(raw)] : call.args
    // Whom `triage` names is mentioned there.
    const named = call.name === "agent" || (call.name === "skill" && raw.triage === undefined)
    if (named && typeof agent === "string" && agent !== "")
      mentions.agents.push({ name: agent, path: at, role: "explorer", ...(place === undefined ? {} : { at: place }) })
  }
  const writeTo =
    raw.write_to === undefined
      ? undefined
      : reading(source, [...path, "write_to"], "BAD_PATH", raw.write_to, readStatePath)
  if (raw.triage !== undefined) mentions.agents.push({ name: raw.triage, path: [...path, "triage"], role: "triager" })
  const attemptIf = await readCel(source, [...path, "attempt_if"], raw.attempt_if, "attempt_if")
  return {
    run,
    ...(writeTo === undefined ? {} : { writeTo }),
    ...(raw.triage === undefined ? {} : { triage: raw.triage }),
    ...(attemptIf === undefined ? {} : { attemptIf }),
  }
}

function readAct(
  reader: Reading,
  path: Path,
  raw: NonNullable<RawStep["act"]>,
  writeTo: string | undefined,
): Loop["steps"]["act"] {
  const { source } = reader
  if (raw.for_each !== undefined)
    reading(source, [...path, "for_each"], "BAD_FOR_EACH", raw.for_each, (text) => readForEach(text, writeTo))
  const agent = readSpawn(reader, path, raw.spawn, "maker", "implementer")
  const bestOf = readBestOf(source, [...path, "best_of"], raw.best_of)
  return {
    agent: agent ?? "implementer",
    maxParallel: readCount(source, [...path, "max_parallel"], raw.max_parallel, MAX_PARALLEL, LIMIT_PARALLEL),
    ...(bestOf === undefined ? {} : { bestOf }),
  }
}

const LIMIT_BEST_OF = 5

/** How many makers try the same; one is what there is without it. */
function readBestOf(source: SourceFile, path: Path, raw: number | undefined): number | undefined {
  if (raw === undefined || (raw >= 2 && raw <= LIMIT_BEST_OF)) return raw
  complain(source, path, {
    code: "OUT_OF_RANGE",
    message: `\`best_of\` must be ${raw < 2 ? "at least 2" : `at most ${LIMIT_BEST_OF}`}, not ${raw}.`,
    hint: raw === 1 ? "One maker is what there is without it: leave it out." : "best_of: 3",
  })
  return undefined
}

/** `finding`, or `finding in FILE`, where FILE must be what `write_to` names. */
function readForEach(text: string, writeTo: string | undefined): void {
  const match = /^\s*(\w+)(?:\s+in\s+(\S.*?))?\s*$/.exec(text)
  const [, variable, file] = match ?? []
  if (variable === undefined)
    throw new Misread("This is written `finding`, or `finding in FILE`.", {
      hint: "for_each: finding in state/triage.md",
    })
  if (variable !== "finding")
    throw new Misread(`Each piece of work is called \`finding\`, not \`${variable}\`.`, {
      offset: text.indexOf(variable),
      length: variable.length,
      suggestion: "finding",
      hint: `Write \`${text.replace(variable, "finding")}\`.`,
    })
  if (file === undefined) return
  const place = { offset: text.lastIndexOf(file), length: file.length }
  if (writeTo === undefined)
    throw new Misread(`Nothing writes \`${file}\`.`, {
      ...place,
      hint: `Add \`write_to: ${file}\` to \`discover\`, or write \`for_each: finding\`.`,
    })
  let path: string
  try {
    path = readStatePath(file)
  } catch (error) {
    if (error instanceof Misread) throw new Misread(error.message, { ...place, hint: error.hint })
    throw error
  }
  if (path !== writeTo)
    throw new Misread(`\`${file}\` is not what \`write_to\` names.`, {
      ...place,
      hint: `\`write_to\` names ${writeTo}.`,
    })
}

function readSpawn(
  reader: Reading,
  path: Path,
  raw: string | undefined,
  role: "maker" | "planner",
  example: string,
): string | undefined {
  if (raw === undefined) return missing(reader.source, path, "spawn", `spawn: ${example}(finding)`)
  const at = [...path, "spawn"]
  return reading(reader.source, at, "BAD_SPAWN", raw, (text) => {
    const { call, offset } = readOneCall(text)
    const length = call.name.length
    const [first] = call.args
    if (call.args.length > 1 || Object.keys(call.named).length > 0 || (first !== undefined && first !== "finding"))
      throw new Misread("An agent is started with the finding alone.", {
        hint: `spawn: ${call.name}(finding)`,
        suggestion: `${call.name}(finding)`,
      })
    reader.mentions.agents.push({ name: call.name, path: at, at: { value: text, offset, length }, role })
    return call.name
  })
}

async function readShip(reader: Reading, steps: RawSteps): Promise<Loop["steps"]["ship"]> {
  const { source, mentions } = reader
  if (steps.ship === undefined) return undefined
  const { raw, path } = steps.ship
  if (raw.run === undefined) missing(source, path, "run", "run: open_pr")
  const condition = await readCel(source, [...path, "if"], raw.if, "if")
  return {
    if: condition ?? "verified",
    run: readList(source, [...path, "run"], raw.run, mentions.actions),
    then: readList(source, [...path, "then"], raw.then, mentions.followUps),
  }
}

function readList(
  source: SourceFile,
  path: Path,
  raw: string | string[] | undefined,
  mentions: Mentions["sources"],
): Call[] {
  return listed(raw, path).flatMap((item) => {
    const calls = reading(source, item.path, "BAD_CALL", item.text, readCalls) ?? []
    for (const { call, offset } of calls)
      mentions.push({
        name: call.name,
        path: item.path,
        at: { value: item.text, offset, length: call.name.length },
        call,
      })
    return calls.map(({ call }) => call)
  })
}
