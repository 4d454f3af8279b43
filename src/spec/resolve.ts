import type { AgentKind, AgentSpec, Call, CheckSpec } from "../core/loop.ts"
import type { AgentFile } from "./agent-files.ts"
import { CHECK_TIMEOUT_MS } from "./definitions.ts"
import type { Draft, Mention } from "./draft.ts"
import { ROOT } from "./folder-path.ts"
import { nearest } from "./nearest.ts"
import type { OfferedSkill } from "./skill-sources.ts"
import { complain, type SourceFile } from "./source-file.ts"
import {
  builtinAgents,
  builtinChecks,
  type Known,
  knownActions,
  knownFollowUps,
  knownSources,
  roleChecks,
} from "./vocabulary.ts"

/** What this machine and this project offer; what is left out was not looked at, and nothing is said of it. */
export type Surroundings = {
  /** Agents installed here; `usable` is false for one that this version can't run. */
  agents?: readonly InstalledAgent[]
  /** What `use: auto` becomes for a run, for a checker beside its maker and others of its panel; undefined where nothing can be chosen. */
  choose?: (agent: AgentSpec, maker?: AgentSpec, beside?: readonly AgentSpec[]) => AgentSpec | undefined
  /** Checks found in the project itself: package.json scripts, pytest, cargo, … */
  checks?: readonly CheckSpec[]
  /** The same for the folder that the loop works in, which only its file says; takes the place of `checks`. */
  checksIn?: (path: string | undefined) => Promise<readonly CheckSpec[]>
  /** Sources and actions, besides Flyball's own; `missing` says why one can't work here. */
  sources?: readonly Offered[]
  actions?: readonly Offered[]
  /** Skills by their names, looked up where a loop names one among its sources. */
  skills?: () => Promise<readonly OfferedSkill[]>
  /** Connectors with settings, besides those of `.flyball/config.yaml`. */
  connectors?: readonly string[]
}
type InstalledAgent = { kind: AgentKind; usable?: boolean }
type Offered = { name: string; missing?: string | undefined }

/** What a name in the loop became, for the table that `run` prints. */
export type Resolved = { kind: "agent" | "check" | "source" | "action"; name: string; became: string; from: string }

export type Resolution = { agents: Record<string, AgentSpec>; checks: Record<string, CheckSpec>; names: Resolved[] }

type Given = {
  source: SourceFile
  draft: Draft
  agentFiles: readonly AgentFile[]
  checksFile: Record<string, CheckSpec>
  surroundings: Surroundings
}

/** Finds what every name in the loop stands for, and reports those that stand for nothing. */
export function resolveNames(given: Given): Resolution {
  const agents = resolveAgents(given)
  const checks = resolveChecks(given)
  const names: Resolved[] = [
    ...Object.values(agents).map(
      ({ name, use, model, from }): Resolved => ({
        kind: "agent",
        name,
        became: model === undefined ? use : `${use} ${model}`,
        from,
      }),
    ),
    ...Object.values(checks).map(
      (check): Resolved => ({
        kind: "check",
        name: check.name,
        became: commandOf(check, given.draft.path),
        from: check.from,
      }),
    ),
    ...resolveCalls(given, "source", given.draft.mentions.sources, knownSources, given.surroundings.sources ?? []),
    ...resolveCalls(given, "action", given.draft.mentions.actions, knownActions, given.surroundings.actions ?? []),
    ...resolveCalls(given, "action", given.draft.mentions.followUps, knownFollowUps, given.surroundings.actions ?? []),
  ]
  return { agents, checks, names }
}

/** Every name of a check that means something here; one word of `done_when` is a check only if it is among these. */
export function knownCheckNames(
  declared: Iterable<string>,
  checksFile: Record<string, CheckSpec>,
  surroundings: Surroundings,
): Set<string> {
  return new Set([
    ...declared,
    ...Object.keys(checksFile),
    ...(surroundings.checks ?? []).map(({ name }) => name),
    ...Object.keys(roleChecks),
    ...builtinChecks,
  ])
}

function commandOf({ run, kind, path }: CheckSpec, loopPath: string | undefined): string {
  if (run === undefined) return `Flyball's own (${kind})`
  const line = typeof run === "string" ? run : run.join(" ")
  if (path !== undefined) return `${line} (in ${path})`
  return loopPath === undefined ? line : `${line} (at the root)`
}

function resolveAgents({ source, draft, agentFiles, surroundings }: Given): Record<string, AgentSpec> {
  const agents: Record<string, AgentSpec> = { ...draft.agents }
  const fileOf = (name: string) => agentFiles.find(({ agent }) => agent.name === name)
  for (const [name] of Object.entries(draft.agents)) {
    const hidden = fileOf(name)
    if (hidden !== undefined)
      complain(source, ["agents", name], {
        code: "AGENT_HIDDEN",
        severity: "info",
        part: "key",
        message: `This \`${name}\` is used, and ${hidden.path} is not.`,
      })
  }
  for (const mention of draft.mentions.agents) {
    if (Object.hasOwn(agents, mention.name)) continue
    const file = fileOf(mention.name)
    const builtin = Object.hasOwn(builtinAgents, mention.name) ? builtinAgents[mention.name] : undefined
    if (file !== undefined) agents[mention.name] = file.agent
    else if (builtin !== undefined)
      agents[mention.name] = { name: mention.name, use: "auto", description: builtin, skills: [], from: "builtin" }
    else
      unknownAgent(source, mention, [
        ...Object.keys(draft.agents),
        ...agentFiles.map(({ agent }) => agent.name),
        ...Object.keys(builtinAgents),
      ])
  }
  const used = new Set(draft.mentions.agents.map(({ name }) => name))
  for (const { agent, diagnostics } of agentFiles) {
    // A broken file that this loop doesn't use must not stop it.
    const matters = used.has(agent.name) && agents[agent.name] === agent
    source.diagnostics.push(
      ...diagnostics.map((d) => (matters || d.severity !== "error" ? d : { ...d, severity: "warning" as const })),
    )
  }
  if (surroundings.agents !== undefined) complainOfAbsent(source, draft, agents, surroundings.agents)
  return agents
}

function unknownAgent(source: SourceFile, mention: Mention, known: string[]): void {
  const close = nearest(mention.name, known)
  complain(source, mention.path, {
    code: "UNKNOWN_AGENT",
    message: `There is no agent \`${mention.name}\`.`,
    hint:
      close === undefined
        ? `Known are ${[...new Set(known)].join(", ")}; others are defined under \`agents:\` or in .flyball/agents/${mention.name}.md.`
        : `Did you mean \`${close}\`?`,
    suggestion: close,
    ...(mention.at === undefined ? {} : { at: mention.at }),
  })
}

function complainOfAbsent(
  source: SourceFile,
  draft: Draft,
  agents: Record<string, AgentSpec>,
  installed: readonly InstalledAgent[],
): void {
  const severity = draft.strict ? "error" : "warning"
  const told = new Set<string>()
  for (const mention of draft.mentions.agents) {
    const named = Object.hasOwn(agents, mention.name) ? agents[mention.name] : undefined
    for (let agent = named; agent !== undefined; agent = agent.then) {
      const { use } = agent
      if (
        ["command", "replay", "acp"].includes(use) ||
        told.has(use) ||
        (use === "auto" ? installed.some(({ usable }) => usable !== false) : installed.some(({ kind }) => kind === use))
      )
        continue
      told.add(use)
      const place = { path: mention.path, ...(mention.at === undefined ? {} : { at: mention.at }) }
      complain(source, place.path, {
        code: "AGENT_NOT_INSTALLED",
        severity,
        message:
          use === "auto"
            ? `\`${mention.name}\` is the best installed agent, and none is installed here.`
            : `\`${mention.name}\` uses ${use}, which isn't installed here.`,
        hint: "Install claude or codex, or define the agent as a command: { use: command, command: … }; `flyball doctor` shows what is there.",
        ...(place.at === undefined ? {} : { at: place.at }),
      })
    }
  }
}

function resolveChecks({ source, draft, checksFile, surroundings }: Given): Record<string, CheckSpec> {
  const builtin = (name: string): CheckSpec => ({ name, kind: "builtin", timeoutMs: CHECK_TIMEOUT_MS, from: "builtin" })
  const detected = Object.fromEntries((surroundings.checks ?? []).map((check) => [check.name, check]))
  const declared = { ...checksFile, ...draft.checks }
  const checks: Record<string, CheckSpec> = { ...detected }
  for (const [name, check] of Object.entries(declared)) checks[name] = placed(check, draft.path)
  for (const name of builtinChecks.filter((each) => each !== "goal_metrics")) checks[name] = builtin(name)
  const metrics = draft.goal?.metrics ?? []
  if (metrics.length > 0) checks.goal_metrics = { ...builtin("goal_metrics"), metrics }
  for (const mention of draft.mentions.checks) {
    if (Object.hasOwn(checks, mention.name)) continue
    if (mention.name === "goal_metrics") noMetrics(source, mention)
    else if (Object.hasOwn(roleChecks, mention.name)) {
      if (surroundings.checks !== undefined) undefinedCheck(source, mention, draft.strict)
    } else unknownCheck(source, mention, [...Object.keys(checks), ...Object.keys(roleChecks)])
  }
  return checks
}

/** A command that says nothing of its folder runs where the loop works. */
export function placed({ path, ...check }: CheckSpec, loopPath: string | undefined): CheckSpec {
  const folder = path ?? loopPath
  return folder === undefined || folder === ROOT ? check : { ...check, path: folder }
}

function noMetrics(source: SourceFile, mention: Mention): void {
  complain(source, mention.path, {
    code: "CHECK_NOT_FOUND",
    message: "`goal_metrics` measures what the goal declares, and the goal declares no metrics.",
    hint: "goal: { metrics: [ { name: bundle_kb, run: ./bundle-size.sh, target: 200, direction: down } ] }",
    ...(mention.at === undefined ? {} : { at: mention.at }),
  })
}

function undefinedCheck(source: SourceFile, mention: Mention, strict: boolean): void {
  complain(source, mention.path, {
    code: "CHECK_NOT_FOUND",
    severity: strict ? "error" : "warning",
    message: `Nothing in this project says how \`${mention.name}\` is checked, so it can never pass.`,
    hint: `Say so under \`checks:\` or in .flyball/checks.yaml: \`${mention.name}: COMMAND\`.`,
    ...(mention.at === undefined ? {} : { at: mention.at }),
  })
}

function unknownCheck(source: SourceFile, mention: Mention, known: string[]): void {
  const close = nearest(mention.name, known)
  complain(source, mention.path, {
    code: "UNKNOWN_CHECK",
    message: `There is no check \`${mention.name}\`.`,
    hint:
      close === undefined
        ? `Define it under \`checks:\`: \`${mention.name}: COMMAND\`. Known are ${[...new Set(known)].join(", ")}.`
        : `Did you mean \`${close}\`?`,
    suggestion: close,
    ...(mention.at === undefined ? {} : { at: mention.at }),
  })
}

function resolveCalls(
  { source, draft }: Given,
  kind: "source" | "action",
  mentions: readonly (Mention & { call: Call })[],
  known: readonly Known[],
  offered: readonly Offered[],
): Resolved[] {
  return mentions.flatMap((mention): Resolved[] => {
    const { name, call, path, at } = mention
    const place = at === undefined ? {} : { at }
    const plugged = offered.find((one) => one.name === name)
    const own = known.find((one) => one.name === name)
    if (own === undefined && plugged === undefined) {
      const all = [...known, ...offered].map((one) => one.name)
      const close = nearest(name, all)
      complain(source, path, {
        code: kind === "source" ? "UNKNOWN_SOURCE" : "UNKNOWN_ACTION",
        message: `There is no ${kind} \`${name}\`.`,
        hint: close === undefined ? `Known are ${[...new Set(all)].join(", ")}.` : `Did you mean \`${close}\`?`,
        suggestion: close,
        ...place,
      })
      return []
    }
    if (own !== undefined) complainOfArguments(source, mention, own)
    if (plugged?.missing !== undefined)
      complain(source, path, {
        code: kind === "source" ? "SOURCE_UNAVAILABLE" : "ACTION_UNAVAILABLE",
        severity: draft.strict ? "error" : "warning",
        message: `\`${name}\` can't work here: ${plugged.missing}`,
        ...place,
      })
    const written = call.args.length === 0 ? name : `${name}(${call.args.join(", ")})`
    const missing = plugged?.missing ?? (plugged === undefined ? own?.needs : undefined)
    return [
      {
        kind,
        name: written,
        became: missing === undefined ? name : `skipped: needs ${missing}`,
        from: own === undefined ? "plug-in" : "builtin",
      },
    ]
  })
}

function complainOfArguments(
  source: SourceFile,
  { call, path, at }: Mention & { call: Call },
  { name, args: [min, max] }: Known,
): void {
  const count = call.args.length + Object.keys(call.named).length
  if (count >= min && count <= max) return
  const wanted = max === 0 ? "nothing in parentheses" : min === max ? "one thing in parentheses" : `at most ${max}`
  const example = name === "checklist" ? "checklist(TODO.md)" : name === "sh" ? 'sh("./find-work.sh")' : undefined
  complain(source, path, {
    code: "BAD_ARGUMENTS",
    message: `\`${name}\` takes ${wanted}.`,
    hint: example,
    ...(at === undefined ? {} : { at }),
  })
}
