import { readFile } from "node:fs/promises"
import { join } from "node:path"
import type { Change } from "../core/change.ts"
import { checksOf } from "../core/check-expr.ts"
import { limitsOf, type PoolSize } from "../core/limits.ts"
import type { Loop } from "../core/loop.ts"
import { checkersOf } from "../core/loop-roles.ts"
import type { Agents, AgentTask, Progress, Repo, Sandbox, Workspaces } from "../core/ports.ts"
import { beforeRound } from "../core/round.ts"
import { withLimits } from "../isolate/sandbox.ts"
import type { Watch } from "../isolate/watchdog.ts"
import { openWorkspaces } from "../isolate/workspaces.ts"
import { entry } from "../lib/entry.ts"
import { tryGit } from "../lib/git.ts"
import type { GatewayPort } from "../make/access.ts"
import { evaluatorPrompt } from "../make/evaluator-prompt.ts"
import { lend } from "../make/logins.ts"
import { plannerPrompt } from "../make/planner-prompt.ts"
import { assemblePrompt, type PromptParts } from "../make/prompt.ts"
import { promptWithin } from "../make/prompt-within.ts"
import { openAgents } from "../make/run-agent.ts"
import { openWay } from "../make/way.ts"
import { fenced } from "../record/database.ts"
import { compileCondition } from "../spec/condition.ts"
import { baseTrouble } from "../verify/base-trouble.ts"
import type { ReviewFacts } from "../verify/checker.ts"
import { gate } from "../verify/gate.ts"
import { type FindGateFiles, openGateFiles } from "../verify/gate-scripts/named.ts"
import { openProber, type TreeProber } from "../verify/measure.ts"
import { openOpinions } from "../verify/opinion-memory.ts"
import { heardBefore } from "../verify/opinions.ts"
import { overlayTree } from "../verify/overlay.ts"
import { standing } from "../verify/standing.ts"
import { artifactDir } from "./artifacts.ts"
import { changeFacts } from "./change-facts.ts"
import type { Context, GateMatter, PromptFacts } from "./context.ts"
import { guardAgents, type Work } from "./guarded-agents.ts"
import type { Halting } from "./halting.ts"
import { handOver } from "./hand-over.ts"
import { openLessons, triedElsewhere } from "./lessons/told.ts"
import type { Fleet } from "./money.ts"
import { openReach } from "./reach.ts"
import type { Session } from "./session.ts"
import { alsoSkills, withSkillsCheck } from "./skills/check.ts"
import { offering, ownSkills } from "./skills/own.ts"
import { aroundHere, skillsFor } from "./skills/places.ts"
import { notesOn, readSaid } from "./state-words.ts"
import { outcomeOf } from "./view.ts"

export type ContextOptions = {
  session: Session
  loop: Loop
  sandbox: Sandbox
  fleet: Fleet
  /** What stands between agents and their models. */
  gateway: GatewayPort
  progress: Progress
  /** The watchdog that ends process trees when we can't; started by the first call. */
  watch(work: Work): Watch
  halting: Halting
  /** In whose name it writes: once others took over, it may not. */
  executor: string
  /** How much is checked out ahead. */
  pool: PoolSize
  /** Unset for a look that works on nothing. */
  run?: string
}

/** A context with what discovery measures by; what runs in its sandbox, a halt reaches. */
export type OpenContext = Context & { prober: TreeProber; sandbox: Sandbox }

/** Puts the stages together for one frozen loop. */
export function openContext(options: ContextOptions): OpenContext {
  const { session, loop, progress, halting, run } = options
  const { repo, home } = session
  const work: Work = { repo: repo.key, loop: loop.name, ...(run === undefined ? {} : { run }) }
  const sandbox = watched(withLimits(options.sandbox, loop.guardrails.limits), () => options.watch(work))
  const db = fenced(session.db, options.executor)
  const { afterIsolate } = loop.hooks
  const inPath = loop.path === undefined ? {} : { path: loop.path }
  const reach = openReach(repo, loop, process.env)
  const way = async () => openWay(options.gateway, "after_isolate", await reach({ use: "command" }))
  const workspaces = handOver(
    openWorkspaces({
      repo,
      sandbox,
      progress,
      pool: options.pool,
      ...(afterIsolate === undefined ? {} : { afterIsolate }),
      ...inPath,
      ...(loop.network === undefined ? {} : { way }),
    }),
  )
  const instructions = openInstructions(repo.gitDir, loop.path)
  const gateFiles = openGateFiles()
  const lessons = openLessons(repo.gitDir, loop.path)
  const prober = withSkillsCheck(
    repo,
    openProber({
      workspaces,
      sandbox,
      repo,
      artifactDir: join(repo.dataDir, "checks"),
      loopPath: loop.source.path,
      setup: afterIsolate === undefined || loop.path === undefined ? afterIsolate : `${loop.path}: ${afterIsolate}`,
    }),
  )
  const agents = guardAgents(
    (watch) =>
      openAgents({
        sandbox,
        outer: process.env,
        home: join(home, "sessions"),
        root: repo.root,
        replayArgv: [process.execPath, entry("replay.js")],
        acpArgv: [process.execPath, entry("acp.js")],
        gateway: options.gateway,
        logins: (kind) => lend(kind, process.env, home),
        watch,
      }),
    {
      watch: options.watch,
      work,
      db,
      halting,
    },
  )
  return {
    db,
    repo,
    loop,
    fleet: options.fleet,
    workspaces,
    agents,
    prober,
    sandbox,
    progress,
    standing: (finding, base, signal) => standing(finding, base, { checks: alsoSkills(loop.checks), prober, signal }),
    baseTrouble: (base, signal) =>
      baseTrouble({ layers: loop.steps.verify.layers, checks: loop.checks, prober, base, signal }),
    gate: (matter, signal) =>
      judge(matter, { ...options, workspaces, prober, agents, instructions, gateFiles }, signal),
    heard: ({ change, attempt, maker, ...subject }) =>
      heardBefore({ ...loop, layers: loop.steps.verify.layers }, subject, {
        maker,
        change: change.id,
        attempt,
        memory: opinionsIn(repo),
      }),
    makerPrompt: (facts) => makerPrompt(facts, { ...options, instructions, lessons }),
    plannerPrompt: (facts) => promptOfPlanner(facts, { ...options, instructions, lessons }),
    skills: (agent) => skillsFor({ loop, agent, root: repo.root, home, userHome: process.env.HOME }),
    reach,
    artifactDir: (change, attempt) => artifactDir(repo, change, attempt),
  }
}

/**
 * Before the first command of a check or a source starts, the watchdog does: whoever halts a process that hangs must find
 * what it runs, and a check can hang for as long as an agent can.
 */
function watched(sandbox: Sandbox, watch: () => unknown): Sandbox {
  return {
    kind: sandbox.kind,
    wrap: (argv, cwd, confinement) => {
      watch()
      return sandbox.wrap(argv, cwd, confinement)
    },
  }
}

type Judging = Telling & { workspaces: Workspaces; prober: TreeProber; agents: Agents; gateFiles: FindGateFiles }

async function judge(
  matter: GateMatter,
  { session, loop, workspaces, prober, agents, progress, instructions, gateFiles }: Judging,
  signal: AbortSignal,
) {
  const { change, attempt, base, head, maker, earlier, approval, paid } = matter
  const { repo } = session
  const { guardrails } = loop
  const reviewed = checkersOf(loop.steps.verify.layers).length > 0
  const told = reviewed ? await instructions(base, signal) : []
  const own = await ownSkills(checkersOf(loop.steps.verify.layers), loop.agents, aroundHere(repo))
  const limits: AgentTask["limits"] = {
    timeoutMs: guardrails.timeoutMs,
    silenceMs: guardrails.silenceMs,
    outputBytes: limitsOf(guardrails).outputBytes,
  }
  return gate({
    repo,
    workspaces,
    measureTree: prober.measureTree,
    overlayTree,
    gateFiles,
    loop: { ...loop, checks: alsoSkills(loop.checks), layers: loop.steps.verify.layers },
    base,
    head,
    finding: change.finding,
    change: change.id,
    attempt,
    earlier,
    ...(approval === undefined ? {} : { approval }),
    reviewers: {
      agents: paid.counted(offering(agents, own)),
      maker,
      limits,
      share: paid.share,
      together: paid.whole,
      // A person's approval is looked at anew.
      ...(approval === undefined ? { memory: opinionsIn(repo), heard: paid.heard } : {}),
      ...(loop.goal?.doneWhen === undefined ? {} : { goalPrompt: goalPromptOf(loop, loop.goal.doneWhen) }),
      prompt: (facts) =>
        within(loop, change.id, progress, {
          role: "reviewer",
          agent: facts.reviewer,
          finding: facts.finding,
          attempt,
          ...shared(loop),
          repositoryInstructions: told,
          skills: own.get(facts.reviewer.name) ?? [],
          diff: facts.diff,
          evidence: facts.evidence,
        }),
    },
    condition: await whenOf(loop, change, repo, matter, signal),
    artifactDir: artifactDir(repo, change.id, attempt),
    signal,
    progress,
  })
}

function opinionsIn({ dataDir }: Repo) {
  return openOpinions(join(dataDir, "opinions"))
}

/** What the evaluator is asked of a change: no word of the maker's, or of another who judges, is among it. */
function goalPromptOf(loop: Loop, goal: string): (facts: ReviewFacts) => string {
  return ({ reviewer, finding, diff, evidence }) =>
    evaluatorPrompt({
      agent: reviewer,
      goal,
      path: loop.path,
      of: { is: "change", finding, diff },
      evidence,
      maxBytes: limitsOf(loop.guardrails).promptBytes,
    })
}

/** What maker and reviewer are told alike. */
function shared(loop: Loop): Pick<PromptParts, "goal" | "doneWhen" | "checks" | "protectedGlobs" | "path"> {
  const checks = loop.steps.verify.layers.flatMap((layer) => (layer.by === "check" ? checksOf(layer.expr) : []))
  return {
    ...(loop.description === undefined ? {} : { goal: loop.description }),
    ...(loop.goal?.doneWhen === undefined ? {} : { doneWhen: loop.goal.doneWhen }),
    checks,
    ...(loop.path === undefined ? {} : { path: loop.path }),
    protectedGlobs: loop.guardrails.protect,
  }
}

type Learned = Telling & { lessons: ReturnType<typeof openLessons> }

async function makerPrompt(facts: PromptFacts, telling: Learned): Promise<string> {
  const { session, loop, progress } = telling
  const { change } = facts
  const came = change.planned?.came
  return within(loop, change.id, progress, {
    ...(await aboutAttempt(facts, telling)),
    ...(came?.is === "plan" ? { plan: came.plan } : {}),
    context: await contextLines(session.repo.dataDir, change.run),
  })
}

async function promptOfPlanner(facts: PromptFacts, telling: Learned): Promise<string> {
  const { loop, progress } = telling
  return within(loop, facts.change.id, progress, await aboutAttempt(facts, telling), plannerPrompt)
}

/** What whoever plans an attempt and whoever makes it are told alike. */
async function aboutAttempt(
  { agent, change, attempt, base, skills, feedback }: PromptFacts,
  { session, loop, instructions, lessons }: Learned,
): Promise<PromptParts> {
  const { repo } = session
  const signal = AbortSignal.timeout(30_000)
  const [told, said, learned, earlier] = await Promise.all([
    instructions(base, signal),
    readSaid(session, loop, [change]),
    lessons(base, signal),
    triedElsewhere(session.db, repo, change),
  ])
  return {
    role: "maker",
    agent,
    finding: change.finding,
    attempt,
    ...shared(loop),
    skills,
    repositoryInstructions: told,
    lessons: learned,
    tried: triedBefore(change, attempt),
    earlier,
    ...(feedback === undefined ? {} : { feedback }),
    notes: notesOn(said, change.finding),
  }
}

/** The prompt within the loop's limit; what had to be left out is said in it, and to whoever watches. */
function within(
  { guardrails }: Loop,
  change: string,
  progress: Progress,
  parts: PromptParts,
  assemble = assemblePrompt,
): string {
  const { text, left } = promptWithin(parts, limitsOf(guardrails).promptBytes, assemble)
  if (left.length > 0)
    progress({
      verb: "make",
      change,
      text: `the prompt is over its limit (limits.prompt): left out ${left.join(", ")}`,
    })
  return text
}

function triedBefore(change: Change, attempt: number): { attempt: number; what: string }[] {
  return beforeRound(change.attempts, attempt).map((each) => ({ attempt: each.n, what: outcomeOf(each) }))
}

const instructionFiles = ["AGENTS.md", "CLAUDE.md"]

type Instructions = (base: string, signal: AbortSignal) => Promise<{ path: string; text: string }[]>
type Telling = ContextOptions & { instructions: Instructions }

/** Read once for each base: a commit says the same for ever, and each look is a process. */
function openInstructions(gitDir: string, path: string | undefined): Instructions {
  const files = [...instructionFiles, ...(path === undefined ? [] : instructionFiles.map((name) => `${path}/${name}`))]
  const known = new Map<string, { path: string; text: string }[]>()
  return async (base, signal) => {
    const found = known.get(base) ?? (await repositoryInstructions(gitDir, base, files, signal))
    // What an abort cut short is no answer.
    if (!signal.aborted) known.set(base, found)
    return found
  }
}

/** What the repository tells agents, as the base has it. */
async function repositoryInstructions(
  gitDir: string,
  base: string,
  files: readonly string[],
  signal: AbortSignal,
): Promise<{ path: string; text: string }[]> {
  const found: { path: string; text: string }[] = []
  const listed = await tryGit(["ls-tree", "--name-only", base, ...files], { cwd: gitDir, signal })
  for (const path of listed.stdout.split("\n").filter((name) => name !== "")) {
    const blob = await tryGit(["cat-file", "blob", `${base}:${path}`], { cwd: gitDir, signal })
    if (blob.exitCode === 0) found.push({ path, text: blob.stdout })
  }
  return found
}

/** Context lines that the run's discovery left (`recent_commits`), for prompts. */
async function contextLines(dataDir: string, run: string): Promise<string[]> {
  const text = await readFile(contextFile(dataDir, run), "utf8").catch(() => "[]")
  const lines: unknown = JSON.parse(text)
  return Array.isArray(lines) ? lines.filter((line) => typeof line === "string") : []
}

/** Where a run's context lines are kept. */
export function contextFile(dataDir: string, run: string): string {
  return join(dataDir, "runs", `${run}.context.json`)
}

/** Evaluates the `when` of `approve:` layers on this change; unknown is undefined, and then approval is needed. */
async function whenOf(
  loop: Loop,
  change: Change,
  repo: Repo,
  { base, head }: GateMatter,
  signal: AbortSignal,
): Promise<(when: string) => boolean | undefined> {
  const texts = loop.steps.verify.layers.flatMap((layer) =>
    layer.by === "approve" && layer.when !== undefined ? [layer.when] : [],
  )
  if (texts.length === 0) return () => undefined
  const compiled = new Map(
    await Promise.all(texts.map(async (text) => [text, await compileCondition(text, "when")] as const)),
  )
  const facts = await changeFacts(repo, change, { base, head }, signal)
  return (when) => {
    const outcome = compiled.get(when)?.evaluate({ finding: change.finding, change: facts })
    return outcome?.is === "known" ? outcome.value : undefined
  }
}
