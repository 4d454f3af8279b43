import { readTarget } from "../core/judge-metrics.ts"
import { Loop } from "../core/loop.ts"
import { type PluginAgentFile, readAgentFiles } from "./agent-files.ts"
import { type Unavailable, unavailable } from "./availability.ts"
import { CUT, checkShape } from "./check-shape.ts"
import { readAgent, readChecks } from "./definitions.ts"
import { type Diagnostic, hasErrors, sortDiagnostics } from "./diagnostic.ts"
import type { Draft, Mentions } from "./draft.ts"
import { missingFolder, ROOT, readFolder } from "./folder-path.ts"
import { listed, readGuardrails } from "./guardrails.ts"
import { hashLoop } from "./hash.ts"
import { readLearn } from "./learn.ts"
import { lint } from "./lint.ts"
import { lintSiblings, type NamedLoop } from "./loop-names.ts"
import { Misread, reading } from "./misread.ts"
import { readNetwork } from "./network.ts"
import { type ProjectConfig, readChecksFile, readConfig } from "./project-files.ts"
import { knownCheckNames, type Resolved, resolveNames, type Surroundings } from "./resolve.ts"
import { type RawLoop, RawLoop as RawLoopSchema, RawResource } from "./shape.ts"
import { resolveSkillSources } from "./skill-sources.ts"
import { complain, openText, type Path, type SourceFile } from "./source-file.ts"
import type { Reading } from "./step-parts.ts"
import { readSteps, stepPath } from "./steps.ts"
import { checkoutTree, type ReadTree } from "./tree.ts"
import { readTrigger } from "./trigger-text.ts"
import { loopVocabulary } from "./vocabulary.ts"
import { readYaml } from "./yaml-file.ts"

export type LoadContext = {
  /** Absolute path of the checkout. */
  repo: string
  /** Where agents, checks and configuration are read; the checkout unless given. */
  tree?: ReadTree
  surroundings?: Surroundings
  /** Agents of the plug-ins that are trusted here. */
  plugins?: readonly PluginAgentFile[]
  /** As if the loop had `strict: true`. */
  strict?: boolean
  /** All loops of the repository, where this one is to be seen beside them. */
  siblings?: readonly NamedLoop[]
}

/** `loop` is there exactly when no diagnostic is an error. */
export type Loaded = { loop?: Loop; diagnostics: Diagnostic[]; names: Resolved[] }

/** Reads a loop file, or a text as if it stood in `file`: all that is wrong with it at once, or the canonical loop. */
export async function loadLoop(input: { file: string; text?: string }, context: LoadContext): Promise<Loaded> {
  const tree = context.tree ?? checkoutTree(context.repo)
  const diagnostics: Diagnostic[] = []
  const text = input.text ?? (await tree.read(input.file))
  if (text === undefined) {
    complain(openText(input.file, "", diagnostics), [], {
      code: "FILE_NOT_FOUND",
      message: `There is no file ${input.file}.`,
      hint: "Loops are in .flyball/loops/*.yaml; `flyball init` writes a first one.",
    })
    return { diagnostics, names: [] }
  }
  const file = readYaml(input.file, text, "A loop file", diagnostics)
  const form = file.data === undefined ? undefined : readForm(file.source, file.data)
  if (form === undefined) return { diagnostics: sortDiagnostics(diagnostics), names: [] }
  const [agentFiles, checksFile, config] = await Promise.all([
    readAgentFiles(tree, context.plugins),
    readChecksFile(tree, diagnostics),
    readConfig(tree, diagnostics),
  ])
  const { source, raw } = form
  const path = readPath(source, raw)
  const { checksIn, ...offered } = context.surroundings ?? {}
  const surroundings = checksIn === undefined ? offered : { ...offered, checks: await checksIn(path) }
  const known = knownCheckNames(Object.keys(raw.checks ?? {}), checksFile, surroundings)
  const draft = await readDraft(source, raw, config, known, context.strict ?? false)
  if (path !== undefined) draft.path = path
  await lintPath(source, draft, tree)
  const resolved = resolveNames({ source, draft, agentFiles, checksFile, surroundings })
  const { agents, checks } = resolved
  const bySkill = draft.mentions.sources.some(({ name }) => name === "skill")
  const skills = bySkill ? await surroundings.skills?.() : undefined
  const names = resolveSkillSources(source, draft.mentions, resolved.names, skills)
  const { mentions, ...rest } = draft
  // `--strict` is asked of this reading, not said by the loop: the loop and its hash stay the same.
  const body = { ...rest, agents, checks, strict: raw.strict ?? config.strict }
  lint({ source, raw, loop: { ...body, strict: draft.strict }, mentions, choose: surroundings.choose })
  const loop: Loop = { ...body, source: { repo: context.repo, path: input.file }, hash: hashLoop(body) }
  if (context.siblings !== undefined)
    lintSiblings(
      source,
      loop,
      raw.trigger,
      context.siblings.filter(({ file }) => file !== input.file),
    )
  for (const missing of unavailable(loop)) complainOfMissing(source, raw, mentions, missing)
  const sorted = sortDiagnostics(diagnostics)
  return hasErrors(sorted) ? { diagnostics: sorted, names } : { loop: Loop.parse(loop), diagnostics: sorted, names }
}

/** The usual form of a loop, from either form; places in a resource are those of the resource. */
function readForm(source: SourceFile, data: Record<string, unknown>): { source: SourceFile; raw: RawLoop } | undefined {
  if (!("apiVersion" in data) && !("kind" in data)) {
    const raw = checkShape(source, RawLoopSchema, data, loopVocabulary)
    return raw === undefined ? undefined : { source, raw }
  }
  for (const key of ["apiVersion", "kind", "metadata", "spec"])
    if (!(key in data))
      complain(source, [], {
        code: "MISSING_KEY",
        message: `The resource has no \`${key}\`.`,
        hint: "apiVersion: flyball.dev/v1, kind: Loop, metadata: { name: … }, spec: { … }",
      })
  const { sections, synonyms } = loopVocabulary
  const resource = checkShape(source, RawResource, data, {
    sections: { ...sections, "": sections.resource ?? [] },
    synonyms,
  })
  if (resource === undefined) return undefined
  const { name, description } = resource.metadata ?? {}
  const raw: RawLoop = {
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
    ...resource.spec,
  }
  const span: SourceFile["span"] = (path, part) =>
    source.span(
      path.length === 0 ? [] : [path[0] === "name" || path[0] === "description" ? "metadata" : "spec", ...path],
      part,
    )
  return { source: { ...source, span }, raw }
}

async function readDraft(
  source: SourceFile,
  raw: RawLoop,
  config: ProjectConfig,
  knownChecks: ReadonlySet<string>,
  strict: boolean,
): Promise<Draft> {
  const mentions: Mentions = { sources: [], actions: [], followUps: [], checks: [], agents: [] }
  const reader: Reading = { source, mentions, knownChecks }
  const steps = await readSteps(reader, raw)
  if (raw.steps === undefined || raw.steps.length === 0)
    missingTop(source, raw, "steps", "steps:, then `- discover:`, `- act:`, `- verify:`, `- ship:`")
  else if (steps.discover.run.length === 0 && stepPath(raw, "discover").length === 1 && raw.goal === undefined)
    complain(source, ["steps"], {
      code: "MISSING_KEY",
      part: "key",
      message: "Nothing finds work: there is no `discover` step.",
      hint: "- discover: { run: failing_tests }",
    })
  const goal = readGoal(source, raw)
  const hooks = readHooks(source, raw)
  const learn = readLearn(raw.learn, mentions)
  const network = readNetwork(source, ["network"], raw.network) ?? config.network
  const agents = Object.fromEntries(
    Object.entries(raw.agents ?? {}).map(([name, agent]) => [
      name,
      readAgent(source, ["agents", name], name, agent, "loop"),
    ]),
  )
  return {
    name: readName(source, raw),
    ...(raw.description === undefined ? {} : { description: raw.description.trim() }),
    trigger: await readTriggers(source, raw),
    ...(goal === undefined ? {} : { goal }),
    autonomy: raw.autonomy ?? config.autonomy,
    isolation: readIsolation(source, raw) ?? config.isolation,
    strict: strict || (raw.strict ?? config.strict),
    agents,
    checks: readChecks(source, ["checks"], raw.checks ?? {}, "loop"),
    skills: [...new Set((raw.skills ?? []).filter((skill) => skill !== CUT))],
    steps,
    guardrails: readGuardrails(source, ["guardrails"], raw.guardrails ?? {}, config.guardrails),
    hooks,
    ...(network === undefined ? {} : { network }),
    ...(learn === undefined ? {} : { learn }),
    ...(raw.state?.branch === undefined ? {} : { state: { branch: raw.state.branch } }),
    mentions,
  }
}

function missingTop(source: SourceFile, raw: RawLoop, key: "name" | "steps", hint: string): void {
  // Already said, as a key without a value or of the wrong type.
  if (raw[key] === undefined && source.diagnostics.some(({ message }) => message.includes(`\`${key}\``))) return
  complain(source, [], { code: "MISSING_KEY", part: "key", message: `The loop has no \`${key}\`.`, hint })
}

const LIMIT_NAME = 64

function readName(source: SourceFile, raw: RawLoop): string {
  if (raw.name === undefined) {
    missingTop(source, raw, "name", "name: daily-triage")
    return "unnamed"
  }
  return (
    reading(source, ["name"], "BAD_NAME", raw.name, (name) => {
      if (/^[a-z0-9]+([._-][a-z0-9]+)*$/.test(name) && name.length <= LIMIT_NAME) return name
      const mended = name
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, "-")
        .replace(/^-+|-+$/g, "")
        .slice(0, LIMIT_NAME)
      const suggestion = mended === "" ? undefined : mended
      throw new Misread(`\`${name.slice(0, LIMIT_NAME + 8)}\` can't be the name of a loop.`, {
        hint: `Lower-case letters, digits and dashes, at most ${LIMIT_NAME}${suggestion === undefined ? "" : `: \`${suggestion}\``}.`,
        suggestion,
      })
    }) ?? "unnamed"
  )
}

/** The folder that the loop works in; undefined for the whole repository. */
function readPath(source: SourceFile, raw: RawLoop): string | undefined {
  const path = raw.path === undefined ? undefined : readFolder(source, ["path"], raw.path)
  return path === ROOT ? undefined : path
}

async function lintPath(source: SourceFile, { path, strict }: Draft, tree: ReadTree): Promise<void> {
  const missing = path === undefined ? undefined : await missingFolder(tree, path)
  if (missing === undefined) return
  complain(source, ["path"], {
    code: "NO_SUCH_FOLDER",
    severity: strict ? "error" : "warning",
    message: missing,
    hint: "A run needs it on the base: is it spelt as it is there, from the repository's root?",
  })
}

async function readTriggers(source: SourceFile, raw: RawLoop): Promise<Loop["trigger"]> {
  const triggers: Loop["trigger"] = []
  for (const { text, path } of listed(raw.trigger, ["trigger"])) {
    try {
      triggers.push(await readTrigger(text))
    } catch (error) {
      if (!(error instanceof Misread)) throw error
      reading(source, path, "BAD_TRIGGER", text, () => {
        throw error
      })
    }
  }
  return triggers.length === 0 ? [{ on: "manual" }] : triggers
}

function readIsolation(source: SourceFile, raw: RawLoop): Loop["isolation"] | undefined {
  const path = stepPath(raw, "act")
  const inner = raw.steps?.find((step) => step.act !== undefined)?.act?.isolation
  if (inner !== undefined && raw.isolation !== undefined && inner !== raw.isolation)
    complain(source, [...path, "isolation"], {
      code: "SAID_TWICE",
      message: `\`isolation\` is ${raw.isolation} at the top and ${inner} here.`,
      hint: "Keep one of the two.",
    })
  return inner ?? raw.isolation
}

function readHooks(source: SourceFile, raw: RawLoop): Loop["hooks"] {
  if (raw.setup !== undefined && raw.hooks?.after_isolate !== undefined)
    complain(source, ["setup"], {
      code: "SAID_TWICE",
      part: "key",
      message: "`setup` is short for `hooks.after_isolate`, which stands here too.",
      hint: "Keep one of the two.",
    })
  const afterIsolate = raw.hooks?.after_isolate ?? raw.setup
  const onEscalate = raw.hooks?.on_escalate
  return {
    ...(afterIsolate === undefined ? {} : { afterIsolate }),
    ...(onEscalate === undefined ? {} : { onEscalate }),
  }
}

function readGoal(source: SourceFile, { goal }: RawLoop): Loop["goal"] {
  if (goal === undefined) return undefined
  if (goal.done_when === undefined && (goal.metrics ?? []).length === 0)
    complain(source, ["goal"], {
      code: "MISSING_KEY",
      part: "key",
      message: "The goal says nothing.",
      hint: "goal: { done_when: tests_pass AND lint_clean }",
    })
  const metrics = (goal.metrics ?? []).flatMap(({ name, run, target, direction }, index) => {
    for (const [key, value] of Object.entries({ name, run, target }))
      if (value === undefined)
        complain(source, ["goal", "metrics", index], {
          code: "MISSING_KEY",
          message: `The metric has no \`${key}\`.`,
          hint: '{ name: failing_tests, run: "./count.sh", target: 0 }',
        })
    if (target !== undefined && readTarget({ target }) === undefined)
      complain(source, ["goal", "metrics", index, "target"], {
        code: "BAD_TARGET",
        message: `\`${target}\` is no number that could be reached.`,
        hint: 'target: 0, target: "<= 200 kB", target: "80%"',
      })
    return name === undefined || run === undefined || target === undefined
      ? []
      : [{ name, run, target, ...(direction === undefined ? {} : { direction }) }]
  })
  return { ...(goal.done_when === undefined ? {} : { doneWhen: goal.done_when.trim() }), metrics }
}

function complainOfMissing(
  source: SourceFile,
  raw: RawLoop,
  mentions: Mentions,
  { feature, where, effect, needs, instead }: Unavailable,
): void {
  const mention = [...mentions.sources, ...mentions.actions, ...mentions.followUps, ...mentions.checks].find(
    ({ name }) => name === where.split(".").at(-1),
  )
  const place = mention?.at === undefined ? {} : { at: mention.at }
  complain(source, mention?.path ?? rawPath(raw, where), {
    code: "NOT_AVAILABLE_YET",
    severity: effect === "refused" ? "warning" : "info",
    message: `\`${feature}\` is not available yet: it needs ${needs}. ${effect === "refused" ? "`run` refuses this loop until then." : `A run skips it and says so${instead === undefined ? "" : `; ${instead}`}.`}`,
    ...place,
  })
}

/** From a canonical place to the file's: steps stand in a list there, one trigger may stand alone. */
function rawPath(raw: RawLoop, where: string): Path {
  const [first = "", second = "", ...rest] = where.split(".")
  if (first === "steps") return [...stepPath(raw, second), ...rest]
  if (first === "trigger") return Array.isArray(raw.trigger) ? [first, Number(second)] : [first]
  return second === "" ? [first] : [first, second, ...rest]
}
