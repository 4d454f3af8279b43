import { isAbsolute, relative, resolve } from "node:path"
import { Failure } from "../core/failure.ts"
import type { AgentSpec, CheckSpec, Loop } from "../core/loop.ts"
import { isChecker, reviewersOf, rolesIn } from "../core/loop-roles.ts"
import type { Repo } from "../core/ports.ts"
import { git } from "../lib/git.ts"
import { type DetectedAgent, resolveAuto } from "../make/detect-agents.ts"
import type { Diagnostic } from "../spec/diagnostic.ts"
import { hashLoop } from "../spec/hash.ts"
import { type Loaded, loadLoop } from "../spec/load.ts"
import { listNames, loopNames, namedLoop } from "../spec/loop-names.ts"
import type { Resolved } from "../spec/resolve.ts"
import { checkoutTree } from "../spec/tree.ts"
import { detectChecksIn } from "../verify/detect-in.ts"
import { agentsHere } from "./agents-here.ts"
import { keptGoal, keptGoals } from "./goal/kept.ts"
import { flyballHome } from "./home.ts"
import { ceilingWords, subscriptionOf, withTokenCeiling } from "./login-ceiling.ts"
import { agentsOfPlugins } from "./plugins/store.ts"
import { allSkills, aroundHere } from "./skills/places.ts"

export type LoadedLoop = { loop: Loop; names: Resolved[]; diagnostics: Diagnostic[] }

/** A loop that stands in no file, read as if it stood in this one. */
export type LoopText = { file: string; text: string }

/** The loop file that a person means: a path, or a name under `.flyball/loops/`. Throws Failure NO_SUCH_LOOP. */
export async function findLoopFile(repo: Repo, wanted: string, cwd: string = repo.root): Promise<string> {
  const tree = checkoutTree(repo.root)
  const known = await loopNames(tree)
  const named = namedLoop(known, wanted)
  if (named !== undefined) return named.file
  if (/\.ya?ml$/.test(wanted)) {
    // As a shell completes it from where one stands; a path from the root is meant everywhere.
    const here = relative(repo.root, resolve(cwd, wanted))
    const fromRoot = relative(repo.root, resolve(repo.root, wanted))
    for (const path of [here, fromRoot])
      if (!path.startsWith("..") && !isAbsolute(path) && (await tree.read(path)) !== undefined) return path
  }
  const names = [...listNames(known), ...keptGoals(repo)]
  throw new Failure("NO_SUCH_LOOP", `There is no loop "${wanted}" in ${repo.root}.`, {
    hint: names.length === 0 ? await noneHere(repo) : `Here are: ${names.join(", ")}.`,
  })
}

/** In a sparse checkout the loops may be there, and lie on no disk. */
async function noneHere(repo: Repo): Promise<string> {
  const tracked = await trackedFiles(repo)
  return tracked.some((path) => /^\.flyball\/loops\/[^/]+\.ya?ml$/.test(path))
    ? "They are committed and not checked out: `git sparse-checkout add .flyball`."
    : "There are no loops here yet: `flyball init` writes a first one."
}

/** Loads a loop of the checkout with what this machine and this project offer. */
export async function loadHere(
  repo: Repo,
  file: string,
  { text, ...options }: { strict?: boolean; text?: string } = {},
): Promise<Loaded & { detected: DetectedAgent[] }> {
  const tree = checkoutTree(repo.root)
  const detected = await agentsHere({ versions: false })
  const loaded = await loadLoop(
    { file, ...(text === undefined ? {} : { text }) },
    {
      repo: repo.root,
      tree,
      plugins: await agentsOfPlugins(repo.root, flyballHome(process.env)),
      siblings: await loopNames(tree),
      surroundings: {
        agents: detected,
        checksIn: (path) => detectHere(repo, path),
        skills: () => allSkills(aroundHere(repo)),
        choose: (agent, maker, beside) => chosen(agent, detected, maker, beside),
      },
      ...options,
    },
  )
  return { ...loaded, detected }
}

/** What an agent would be here: an `auto` the one that is chosen for it, undefined where there is none to choose. */
function chosen(
  agent: AgentSpec,
  detected: readonly DetectedAgent[],
  maker?: AgentSpec,
  beside?: readonly AgentSpec[],
): AgentSpec | undefined {
  if (agent.use !== "auto") return agent
  const choice = beside === undefined ? {} : { beside }
  return detected.some((each) => each.usable) ? resolveAuto(agent, detected, maker, choice) : undefined
}

/** The checks that the project itself has, or one folder of it, as its checkout stands. */
export function detectHere(repo: Repo, path?: string): Promise<CheckSpec[]> {
  return detectChecksIn({ read: checkoutTree(repo.root).read, list: () => trackedFiles(repo) }, path)
}

/** The files that git knows in the checkout. */
export async function trackedFiles({ root }: Repo): Promise<string[]> {
  const listed = await git(["ls-files", "-z"], { cwd: root })
  return listed.split("\0").filter((path) => path !== "")
}

/**
 * The loop as a run freezes it: valid, every `auto` resolved, every name known. Throws what `run` exits 2 with. A rehearsal
 * starts no agent: for it, an `auto` may stay what it is.
 */
export async function loadForRun(
  repo: Repo,
  wanted: string | LoopText,
  { rehearsal = false, cwd = repo.root } = {},
): Promise<LoadedLoop> {
  const goal = typeof wanted === "string" ? await keptGoal(repo, wanted) : wanted
  const file = goal?.file ?? (await findLoopFile(repo, String(wanted), cwd))
  const given = goal === undefined ? {} : { text: goal.text }
  const { loop, names, diagnostics, detected } = await loadHere(repo, file, given)
  if (loop === undefined) {
    throw new Failure("LOOP_INVALID", `${file} can't be run.`, {
      hint: "`flyball validate` shows every problem with its place.",
      facts: { diagnostics },
    })
  }
  const resolved = rehearsal && !detected.some((agent) => agent.usable) ? loop : withAgents(loop, detected)
  return { loop: resolved, names: named(names, resolved, detected), diagnostics }
}

/** Resolves `use: auto`, for the agents that the loop's steps name: maker first, so that checkers can differ from it. */
function withAgents(loop: Loop, detected: readonly DetectedAgent[]): Loop {
  const agents = { ...loop.agents }
  const maker = loop.steps.act?.agent
  const making = maker === undefined ? undefined : agents[maker]
  const made = making === undefined ? undefined : resolveAuto(making, detected)
  if (maker !== undefined && made !== undefined) agents[maker] = made
  for (const { role, agent } of rolesIn(loop)) {
    const spec = agents[agent]
    if (spec === undefined || (agent === maker && !isChecker(role))) continue
    const choice = { small: role === "evaluator", beside: besideIn(loop, agent, agents) }
    agents[agent] = resolveAuto(spec, detected, isChecker(role) ? made : undefined, choice)
  }
  const next = withTokenCeiling({ ...loop, agents }, detected)
  const { hash: _hash, source: _source, ...body } = next
  return { ...next, hash: hashLoop(body) }
}

/** Those of its panels that are chosen already: a panel is to be of several opinions. */
function besideIn({ steps }: Loop, name: string, agents: Loop["agents"]): AgentSpec[] {
  const panels = steps.verify.layers.filter((layer) => layer.by === "panel" && layer.agents.includes(name))
  const others = panels.flatMap((panel) => [...reviewersOf(panel)]).filter((other) => other !== name)
  return others.flatMap((other) => agents[other] ?? []).filter(({ use }) => use !== "auto")
}

function named(names: readonly Resolved[], loop: Loop, detected: readonly DetectedAgent[]): Resolved[] {
  return names.map((each) => {
    const agent = each.kind === "agent" ? loop.agents[each.name] : undefined
    if (agent === undefined || agent.use === "auto") return each
    const payer = subscriptionOf(agent.use, detected)
    const paid = payer === undefined ? "" : `, with ${payer}: ${ceilingWords(loop)}`
    return { ...each, became: `${described(agent)}${paid}` }
  })
}

function described({ use, model, command }: AgentSpec): string {
  const line = typeof command === "string" ? command : command?.join(" ")
  if (use === "command" && line !== undefined) return `command: ${line.replace(/\s+/g, " ").trim()}`
  return model === undefined ? use : `${use} ${model}`
}
