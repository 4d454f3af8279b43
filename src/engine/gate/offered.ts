import { Failure } from "../../core/failure.ts"
import type { Finding } from "../../core/finding.ts"
import type { AgentSpec, CheckSpec, Guardrails, Layer } from "../../core/loop.ts"
import type { Repo } from "../../core/ports.ts"
import { git } from "../../lib/git.ts"
import { type Diagnostic, hasErrors } from "../../spec/diagnostic.ts"
import { loadLoop } from "../../spec/load.ts"
import { listNames, loopNames, namedLoop } from "../../spec/loop-names.ts"
import { readChecksFile, readConfig } from "../../spec/project-files.ts"
import { placed } from "../../spec/resolve.ts"
import { commitTree } from "../../spec/tree.ts"
import { changeChecks } from "../../verify/checks/index.ts"
import { detectChecksIn } from "../../verify/detect-in.ts"
import { isTestPath } from "../../verify/paths.ts"
import { runningChecks } from "../../verify/proof/index.ts"
import { agentsHere } from "../agents-here.ts"
import { flyballHome } from "../home.ts"
import { agentsOfPlugins } from "../plugins/store.ts"

/** What a gate judges by: the definitions of one base commit. */
export type Definitions = {
  agents: Record<string, AgentSpec>
  strict: boolean
  checks: Record<string, CheckSpec>
  guardrails: Guardrails
  /** A loop's own layers; without them they follow from what is judged (`layersFor`). */
  layers?: readonly Layer[]
  /** Repository-relative path of the loop's file. */
  loopPath?: string
  /** The folder that the loop works in. */
  path?: string
  hook?: string
}

/** The checks of a commit's own files: `.flyball/checks.yaml` first, and what its tools and scripts offer. */
export async function offeredChecks(repo: Repo, commit: string): Promise<Record<string, CheckSpec>> {
  const tree = commitTree(repo.gitDir, commit)
  const diagnostics: Diagnostic[] = []
  const [declared, detected] = await Promise.all([readChecksFile(tree, diagnostics), detectAt(repo, commit)])
  if (hasErrors(diagnostics)) throw invalid(".flyball/checks.yaml", commit, diagnostics)
  const here = Object.values(declared).map((check) => [check.name, placed(check, undefined)] as const)
  return { ...Object.fromEntries(detected.map((check) => [check.name, check])), ...Object.fromEntries(here) }
}

/** What a commit's project offers, with the guard rails of its `.flyball/config.yaml`. */
export async function offeredAt(repo: Repo, commit: string): Promise<Definitions> {
  const diagnostics: Diagnostic[] = []
  const [checks, config] = await Promise.all([
    offeredChecks(repo, commit),
    readConfig(commitTree(repo.gitDir, commit), diagnostics),
  ])
  if (hasErrors(diagnostics)) throw invalid(".flyball/config.yaml", commit, diagnostics)
  return { agents: {}, strict: config.strict, checks, guardrails: config.guardrails }
}

/** A loop's layers, as its file stands on a commit. Throws Failure NO_SUCH_LOOP or LOOP_INVALID. */
export async function loopAt(repo: Repo, commit: string, wanted: string): Promise<Definitions> {
  const tree = commitTree(repo.gitDir, commit)
  const known = await loopNames(tree)
  const file = namedLoop(known, wanted)?.file
  if (file === undefined) {
    const names = listNames(known)
    throw new Failure("NO_SUCH_LOOP", `There is no loop "${wanted}" on ${commit.slice(0, 10)}.`, {
      hint:
        names.length === 0
          ? "The gate reads loops from the base, and there are none on it: is `.flyball/` committed?"
          : `On the base are: ${names.join(", ")}.`,
    })
  }
  const agents = await agentsHere({ versions: false })
  const surroundings = { agents, checksIn: (path: string | undefined) => detectAt(repo, commit, path) }
  const plugins = await agentsOfPlugins(repo.root, flyballHome(process.env))
  const { loop, diagnostics } = await loadLoop({ file }, { repo: repo.root, tree, surroundings, plugins })
  if (loop === undefined) throw invalid(file, commit, diagnostics)
  const { afterIsolate } = loop.hooks
  return {
    agents: loop.agents,
    strict: loop.strict,
    checks: loop.checks,
    guardrails: loop.guardrails,
    layers: loop.steps.verify.layers,
    loopPath: file,
    ...(loop.path === undefined ? {} : { path: loop.path }),
    ...(afterIsolate === undefined ? {} : { hook: afterIsolate }),
  }
}

/** The built-in checks that only read the change. */
const READING = ["diff_reasonable", "no_secrets", "no_large_files", "dependencies_ok", "hardcoded"]
/** Those that show something of a fix or of new tests, and of nothing else. */
const PROVING = ["fix_is_proved", "tests_have_teeth"]
/** Cheap to dear. */
const KINDS = ["lint", "types", "build", "exit", "tests"] as const

/** The layers by which a change is judged where no loop says so: all that the project and Flyball offer, cheap to dear. */
export function layersFor(
  checks: Readonly<Record<string, CheckSpec>>,
  { finding, paths }: { finding?: Finding | undefined; paths: readonly string[] },
): Layer[] {
  const proves = finding !== undefined || paths.some(isTestPath)
  const measured = KINDS.map((kind) =>
    Object.values(checks).flatMap((check) => (check.kind === kind && check.run !== undefined ? [check.name] : [])),
  )
  const steps = [
    READING.filter((name) => Object.hasOwn(changeChecks, name)),
    ...measured,
    proves ? PROVING.filter((name) => Object.hasOwn(runningChecks, name)) : [],
  ]
  return steps
    .filter((names) => names.length > 0)
    .map((names) => ({ by: "check", expr: { and: names.map((check) => ({ check })) } }))
}

async function detectAt(repo: Repo, commit: string, path?: string): Promise<CheckSpec[]> {
  const listed = await git(["ls-tree", "-r", "-z", "--name-only", commit], { cwd: repo.gitDir })
  const paths = listed.split("\0").filter((path) => path !== "")
  return detectChecksIn({ read: commitTree(repo.gitDir, commit).read, list: async () => paths }, path)
}

function invalid(file: string, commit: string, diagnostics: readonly Diagnostic[]): Failure {
  return new Failure("LOOP_INVALID", `${file} of ${commit.slice(0, 10)} can't be judged by.`, {
    hint: "`flyball validate` shows every problem with its place.",
    facts: { diagnostics },
  })
}
