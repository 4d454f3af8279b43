import { randomUUID } from "node:crypto"
import { lstatSync, mkdirSync, realpathSync, writeFileSync } from "node:fs"
import { realpath } from "node:fs/promises"
import { join } from "node:path"
import type { Measurement } from "../core/evidence.ts"
import { Failure } from "../core/failure.ts"
import type { CheckSpec } from "../core/loop.ts"
import type { Prober, Repo, Sandbox, Workspaces } from "../core/ports.ts"
import { git } from "../lib/git.ts"
import { looseTree } from "../lib/loose.ts"
import { cacheKey, type MeasurementCache, openCache } from "./cache.ts"
import { type GoCaches, openGoCaches } from "./go-cache.ts"
import { machineStamp, stampIn } from "./machine.ts"
import type { MeasureOptions, MeasureTree } from "./measuring.ts"
import { overlayHarness } from "./overlay.ts"
import { cargoHome, environment, openScratch } from "./place.ts"
import { withRelativePaths } from "./relative-paths.ts"
import { filesOf, type Outcome, runPlan } from "./run-steps.ts"
import { type Plan, planCheck } from "./script.ts"
import { filesOfTree, lookAt, touchedSince, type Watched, watchedIn } from "./tracked.ts"

export type ProberOptions = {
  workspaces: Workspaces
  sandbox: Sandbox
  repo: Repo
  /** Folder for what the commands printed. */
  artifactDir: string
  /** Repository-relative path of the loop file, for checks that it defines itself. */
  loopPath?: string
  /** What brings dependencies into checkouts: another one may bring others. */
  setup?: string | undefined
  /** Variables that the project's commands need besides the built ones. */
  env?: Record<string, string>
}

/** Measures checks on commits, and on trees with another commit's definitions. */
export type TreeProber = Prober & { measureTree: MeasureTree }

/** Output of one command kept in the artefact. */
const ARTIFACT_CHARACTERS = 512 * 1024

/** Opens the one way in which a check is run: a fresh checkout, confined, without network, its machine format read. */
export function openProber(options: ProberOptions): TreeProber {
  const cache = openCache(join(options.repo.dataDir, "cache", "measurements"))
  const underWay = new Map<string, Promise<Measurement>>()
  const context: Context = {
    ...options,
    cache,
    underWay,
    known: new Map(),
    listed: new Map(),
    stamp: undefined,
    go: openGoCaches(options),
  }
  return {
    measure: (check, commit, signal) => measureIn(context, check, { tree: commit, purpose: check.name, signal }),
    measureTree: (check, given) => measureIn(context, check, given),
  }
}

type Context = ProberOptions & {
  cache: MeasurementCache
  underWay: Map<string, Promise<Measurement>>
  /** What git said of objects named by their ids, which is so for ever: two processes less for each further check. */
  known: Map<string, string>
  /** The files of the last base. */
  listed: Map<string, Watched>
  /** What the machine was like a moment ago. */
  stamp: { at: number; is: unknown[] } | undefined
  go: GoCaches
}
type Given = Omit<MeasureOptions, "definitionsFrom"> & { definitionsFrom?: string }

async function measureIn(context: Context, check: CheckSpec, given: Given): Promise<Measurement> {
  const { repo } = context
  const { tree: own, base, definition } = await resolve(context, check, given)
  const tree =
    base === undefined || base === own
      ? own
      : await once(context, `harness ${base} ${own} ${check.path ?? ""}`, async () => {
          const { differences, signal } = given
          return (await overlayHarness({ repo, base, tree: own, folder: check.path, differences, signal })).tree
        })
  const picked = given.only === undefined ? [] : [given.only.map((test) => [test.id, test.file, test.name])]
  const { run, kind, format, timeoutMs, path } = check
  const asked = [tree, run, kind, format, timeoutMs, context.env, context.setup, given.repeat ?? 0, ...picked]
  const key = cacheKey([...asked, stampOf(context), ...(path === undefined ? [] : [path, stampIn(repo, path)])])
  const differences = tree === own && base !== undefined ? given.differences : undefined
  const what = { ...given, tree, definition, base: base ?? own, differences }
  if (given.fresh === true) {
    const measured = await measureOnce(context, check, what)
    if (isLasting(measured)) await context.cache.put(key, measured)
    else if (!given.signal.aborted) await context.cache.forget(key)
    return measured
  }
  for (;;) {
    const known = await context.cache.get(key)
    if (known !== undefined) return { ...known, check: check.name, definition, cached: true, ms: 0, tookMs: known.ms }
    const other = context.underWay.get(key)
    if (other === undefined) break
    // Several changes measure one base at once: one does it. If that one was stopped, the next takes over.
    const shared = await settledBefore(other, given.signal)
    if (shared === undefined) return stopped(check, tree, definition)
    if (isLasting(shared)) return { ...shared, check: check.name, definition, cached: true, ms: 0, tookMs: shared.ms }
    if (shared.result.is === "error" && shared.result.code !== "stopped")
      return { ...shared, check: check.name, definition }
  }
  const measuring = measureOnce(context, check, what)
  context.underWay.set(key, measuring)
  try {
    const measured = await measuring
    if (isLasting(measured)) await context.cache.put(key, measured)
    return measured
  } finally {
    context.underWay.delete(key)
  }
}

/** The measurements of one change come close together: the machine is looked at once for them. */
const STAMP_MS = 1_000

function stampOf(context: Context): unknown[] {
  const now = performance.now()
  if (context.stamp === undefined || now - context.stamp.at > STAMP_MS)
    context.stamp = { at: now, is: machineStamp(context.repo, context.sandbox) }
  return context.stamp.is
}

/** What may be otherwise the next time, on the same tree: it speaks of the machine. */
const neverCached: ReadonlySet<string> = new Set(["timeout", "over_limit", "missing_tool", "crashed", "stopped"])

function isLasting({ result }: Measurement): boolean {
  return result.is === "report" || !neverCached.has(result.code)
}

type Once = Pick<MeasureOptions, "tree" | "purpose" | "signal" | "only" | "differences"> & {
  definition: Measurement["definition"]
  /** The tree that the definitions are of. */
  base: string
}

async function measureOnce(
  context: Context,
  check: CheckSpec,
  { tree, base, purpose, signal, definition, only, differences }: Once,
): Promise<Measurement> {
  if (signal.aborted) return stopped(check, tree, definition)
  const started = performance.now()
  await using checkout = await context.workspaces.checkout(tree, purpose, signal)
  await using scratch = await openScratch(context.repo)
  const root = await realpath(checkout.path)
  const plan = isFolderOf(root, check.path)
    ? planCheck(check, filesOf(root, check.path))
    : { is: "missing" as const, why: `There is no folder ${check.path} in this tree.` }
  const facts = { check: check.name, tree, command: commandOf(check, plan), definition, cached: false }
  let buildMs = 0
  const ms = () => Math.round(performance.now() - started - buildMs)
  if (plan.is === "missing") {
    return {
      ...facts,
      result: { is: "error", code: "missing_check", why: plan.why },
      exitCode: null,
      ms: ms(),
      sandboxed: context.sandbox.kind.is === "bubblewrap",
    }
  }
  const cargo = cargoHome(scratch.path)
  // What is built for all measurements is no part of what this one took.
  const built = performance.now()
  const go = await context.go.copyFor({ plan, base, folder: check.path, scratch, signal })
  buildMs = performance.now() - built
  const near = differences === undefined ? undefined : { files: await filesOfBase(context, base, signal), differences }
  const before = lookAt(root, await filesOfTree(context.repo, tree, signal, near))
  const outcome = await runPlan(plan, check.kind, {
    checkout: { ...checkout, path: root },
    ...(check.path === undefined ? {} : { folder: check.path }),
    sandbox: context.sandbox,
    env: environment(root, scratch, cargo.env, { ...go, ...context.env, ...checkout.env }, check.path),
    scratch,
    readable: cargo.readable,
    ...(only === undefined ? {} : { only }),
    deadline: performance.now() + check.timeoutMs,
    signal,
  })
  const touched = touchedSince(root, before)
  const artifact = keepOutput(context.artifactDir, check, outcome)
  return {
    ...facts,
    result: withRelativePaths(outcome.result, [root, checkout.path]),
    exitCode: outcome.exitCode,
    ms: ms(),
    artifact,
    sandboxed: outcome.sandboxed,
    ...(only === undefined ? {} : { alone: outcome.alone === true }),
    ...(touched.length === 0 ? {} : { touched }),
  }
}

/** The files of the base, which all heads of a run are compared with: listed once. */
async function filesOfBase({ repo, listed }: Context, base: string, signal: AbortSignal): Promise<Watched> {
  const files = listed.get(base) ?? (await watchedIn(repo, base, signal))
  if (!listed.has(base)) listed.clear()
  listed.set(base, files)
  return files
}

/** The check as written, what it was found to start, and how its outcome is known. */
function commandOf(check: CheckSpec, plan: Plan): string {
  const line = typeof check.run === "string" ? check.run : (check.run ?? []).join(" ")
  const written = check.path === undefined ? line : `${check.path}: ${line}`
  if (plan.is === "missing") return written
  if (plan.is === "whole") return `${written} (by its exit code alone: ${plan.why})`
  const steps = plan.steps.map((step) => step.text).join(" && ")
  return steps === line ? written : `${written} → ${steps}`
}

/** Whether the checkout has that folder, as itself and not as a link to another one. */
function isFolderOf(root: string, path: string | undefined): boolean {
  if (path === undefined) return true
  const found = lstatSync(join(root, path), { throwIfNoEntry: false })
  return found?.isDirectory() === true && realpathSync(join(root, path)) === join(root, path)
}

type Resolved = { tree: string; base: string | undefined; definition: Measurement["definition"] }

/**
 * The trees behind what was given, and whether the base holds the check's definition or the copy frozen at the run's
 * start had to do: one process answers all of it.
 */
async function resolve(context: Context, check: CheckSpec, given: Given): Promise<Resolved> {
  const { repo, loopPath } = context
  const { tree, definitionsFrom, signal } = given
  const path = check.from === "loop" ? loopPath : check.from
  const from = definitionsFrom ?? tree
  const defined = [`${from}^{tree}`, `${from}:${path ?? ""}`]
  const ask = async (names: readonly string[]) => {
    if (names.some((name) => /[\n\0]/.test(name))) return ""
    const stdin = `${names.join("\n")}\n`
    return await git(["--git-dir", repo.gitDir, "cat-file", "--batch-check"], { cwd: repo.gitDir, stdin, signal })
  }
  // A head is another one each time, and was written just now; the base's definition is the same for all of a run.
  const loose = looseTree(repo.gitDir, tree)?.tree
  const names = loose === undefined ? [`${tree}^{tree}`, ...defined] : defined
  const byId = [tree, from].every((name) => /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(name))
  const answer = byId
    ? await once(context, `resolve ${names.join("\n")}`, () => ask(names), ALL_TREES_FOUND)
    : await ask(names)
  const found = answer.split("\n").map((line) => /^([0-9a-f]{40,64}) (tree|blob)/.exec(line)?.[1])
  const [own, base, definition] = loose === undefined ? found : [loose, ...found]
  if (own === undefined || base === undefined) {
    const missing = own === undefined ? tree : (definitionsFrom ?? tree)
    throw new Failure("UNKNOWN_COMMIT", `${missing} is no commit or tree of ${repo.root}.`, {
      hint: "It may have been removed by a `git gc`, or belong to another repository.",
    })
  }
  const where = path !== undefined && definition !== undefined ? "base" : "frozen"
  return {
    tree: own,
    base: definitionsFrom === undefined ? undefined : base,
    definition: check.from === "builtin" ? "builtin" : where,
  }
}

/** Asks what can't change once; what failed is asked again. */
async function once({ known }: Context, question: string, ask: () => Promise<string>, lasting = /./): Promise<string> {
  const answer = known.get(question) ?? (await ask())
  if (known.size >= MAX_KNOWN) known.clear()
  if (lasting.test(answer)) known.set(question, answer)
  return answer
}

/** A commit that is missing may be fetched later. */
const ALL_TREES_FOUND = /^(\S+ tree \d+\n)+(?!.*\^\{tree\})/

const MAX_KNOWN = 10_000

function keepOutput(artifactDir: string, check: CheckSpec, { transcript }: Outcome): string {
  mkdirSync(artifactDir, { recursive: true, mode: 0o700 })
  const path = join(artifactDir, `${check.name.replace(/[^\w.-]+/g, "-").slice(0, 60)}-${randomUUID()}.log`)
  const text = transcript.map(({ text: command, ran }) => {
    const exit = `exit ${ran.exitCode ?? ran.signal ?? "none"} (${ran.ended}, ${Math.round(ran.ms)} ms)`
    const lost = ran.droppedBytes === 0 ? "" : `\n… ${ran.droppedBytes} bytes more were printed and not kept …`
    return [`$ ${command}`, clipped(ran.stdout), "--- stderr", clipped(ran.stderr) + lost, `--- ${exit}`].join("\n")
  })
  writeFileSync(path, `${text.join("\n\n")}\n`, { mode: 0o600 })
  return path
}

function clipped(text: string): string {
  if (text.length <= ARTIFACT_CHARACTERS) return text
  const half = ARTIFACT_CHARACTERS / 2
  return `${text.slice(0, half)}\n… ${text.length - ARTIFACT_CHARACTERS} characters left out …\n${text.slice(-half)}`
}

function stopped(check: CheckSpec, tree: string, definition: Measurement["definition"]): Measurement {
  const command = typeof check.run === "string" ? check.run : (check.run ?? []).join(" ")
  return {
    check: check.name,
    tree,
    command,
    result: { is: "error", code: "stopped", why: "The measurement was stopped." },
    exitCode: null,
    ms: 0,
    sandboxed: false,
    definition,
    cached: false,
  }
}

/** What a promise gives, unless the signal comes first; a failure of the other one is nobody's but its own. */
async function settledBefore(promise: Promise<Measurement>, signal: AbortSignal): Promise<Measurement | undefined> {
  if (signal.aborted) return undefined
  let abort = () => {}
  const aborted = new Promise<undefined>((resolve) => {
    abort = () => resolve(undefined)
  })
  signal.addEventListener("abort", abort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener("abort", abort)
  }
}
