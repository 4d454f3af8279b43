import { mkdir, symlink } from "node:fs/promises"
import { join } from "node:path"
import { asFailure } from "../../core/failure.ts"
import type { Finding } from "../../core/finding.ts"
import type { CheckSpec } from "../../core/loop.ts"
import type { Sandbox } from "../../core/ports.ts"
import { run } from "../../lib/process.ts"
import { readDuration } from "../../spec/quantity.ts"
import { roleChecks } from "../../spec/vocabulary.ts"
import type { LoadedProject } from "./corpus.ts"
import type { CorpusCase, CorpusProject } from "./corpus-shape.ts"
import { type Court, openCourt } from "./court.ts"
import { applyEdits, changesBetween, EditMisfit, type Files } from "./files.ts"
import { type Calibration, calibrate, judgeCase } from "./judge-case.ts"
import { packagesFolder, type Store, sourceFiles } from "./provision.ts"
import { type CaseName, type CaseResult, unmeasured } from "./result.ts"
import { newScratch, type Scratch } from "./scratch.ts"

export type OpenProject = {
  project: LoadedProject
  /** The project's own base, as a commit and as files. */
  base: { commit: string; files: Files }
  scratch: Scratch
  court: Court
  /** Of the project's own base and checks: the same for nearly all of its cases. */
  calibrated: Calibration
  signal: AbortSignal
}

/** Makes a project of the corpus stand: its files, its dependencies, its defect, and its calibration. */
export async function openProject(
  project: LoadedProject,
  { folder, sandbox, store, signal }: { folder: string; sandbox: Sandbox; store: Store; signal: AbortSignal },
): Promise<OpenProject> {
  const fetched = project.source === undefined ? new Map() : await sourceFiles(project.source, store)
  const files = applyEdits(new Map([...fetched, ...project.own]), project.plant)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const scratch = await newScratch(folder, files)
  const packages = await packagesFolder(project.packages, store)
  if (packages !== undefined) await symlink(packages, join(scratch.repo.root, "node_modules"))
  const court = openCourt(scratch.repo, sandbox)
  const base = { commit: scratch.first, files }
  const calibrated = await calibrateOn({ project, scratch, court, signal }, base, checksOf(project.checks))
  return { project, base, scratch, court, calibrated, signal }
}

/** Programs that the project needs and this machine lacks. */
export async function lacking({ needs }: Pick<CorpusProject, "needs">): Promise<string[]> {
  const env = { PATH: process.env.PATH ?? "" }
  const asked = needs.map(async (program) => {
    const ran = await run(["/bin/sh", "-c", 'command -v "$1"', "sh", program], { cwd: "/", env, timeoutMs: 10_000 })
    return ran.exitCode === 0 ? [] : [program]
  })
  return (await Promise.all(asked)).flat()
}

/** Judges one case of edits. */
export async function runCase(open: OpenProject, each: CorpusCase): Promise<CaseResult> {
  const { project, scratch, court, signal, calibrated } = open
  const name = nameOf(project, each)
  const started = performance.now()
  try {
    const base = each.base === undefined ? open.base : await baseOf(scratch, open.base, each.base)
    const own = checksOf(project.checks)
    const sound = each.base === undefined ? calibrated : await calibrateOn(open, base, own)
    if (sound.is === "unsound") return unmeasured(name, "thrown_out", sound.why, performance.now() - started)
    const from = each.on === "base" ? base.files : applyEdits(base.files, project.reference)
    const after = applyEdits(from, each.edits)
    const head = await scratch.commit(changesBetween(base.files, after), base.commit)
    const checks = each.checks === undefined ? own : checksOf(each.checks)
    return await judgeCase(
      { ...name, base: base.commit, head, finding: findingOf(project), checks },
      { court, scratch, signal },
    )
  } catch (thrown) {
    signal.throwIfAborted()
    const came = thrown instanceof EditMisfit ? "thrown_out" : "broke"
    return unmeasured(name, came, asFailure(thrown).message, performance.now() - started)
  }
}

/** What names a case in a report. */
export function nameOf({ project }: Pick<CorpusProject, "project">, { id, is, kinds, why }: CorpusCase): CaseName {
  return { project, id, is, kinds, why }
}

type Base = OpenProject["base"]

async function baseOf(scratch: Scratch, { commit, files }: Base, edits: CorpusCase["base"]): Promise<Base> {
  const after = applyEdits(files, edits ?? {})
  return { commit: await scratch.commit(changesBetween(files, after), commit), files: after }
}

async function calibrateOn(
  { project, scratch, court, signal }: Pick<OpenProject, "project" | "scratch" | "court" | "signal">,
  base: Base,
  checks: Record<string, CheckSpec>,
): Promise<Calibration> {
  let fixed: Files
  try {
    fixed = applyEdits(base.files, project.reference)
  } catch (thrown) {
    if (!(thrown instanceof EditMisfit)) throw thrown
    return { is: "unsound", why: `The reference fix does not fit the base: ${thrown.message}.` }
  }
  const reference = await scratch.commit(changesBetween(base.files, fixed), base.commit)
  const empty = await scratch.commit(new Map(), base.commit)
  return calibrate({ base: base.commit, finding: findingOf(project), checks, reference, empty }, { court, signal })
}

/** The project's finding, as discovery would have found it. */
export function findingOf({ project, finding: { title, body, check, ids } }: CorpusProject): Finding {
  return {
    fingerprint: `audit-${project}`,
    source: "failing_tests",
    title,
    body,
    severity: "high",
    attemptable: true,
    reproduce: { check, ids },
  }
}

const CHECK_TIMEOUT_MS = 60_000

/** Checks as the corpus writes them, as a loop file's would be read. */
export function checksOf(written: CorpusProject["checks"]): Record<string, CheckSpec> {
  return Object.fromEntries(
    Object.entries(written).map(([name, raw]) => {
      const {
        run: line,
        timeout,
        kind,
      } = typeof raw === "string" ? { run: raw } : { timeout: undefined, kind: undefined, ...raw }
      const known = kinds.find((each) => each === kind)
      return [
        name,
        {
          name,
          kind: known ?? roleChecks[name] ?? "exit",
          run: line,
          timeoutMs: timeout === undefined ? CHECK_TIMEOUT_MS : readDuration(timeout),
          from: "loop",
        },
      ]
    }),
  )
}

const kinds = ["tests", "lint", "types", "build", "exit"] as const
