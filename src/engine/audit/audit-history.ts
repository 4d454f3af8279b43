import { mkdirSync } from "node:fs"
import { join } from "node:path"
import type { Repo } from "../../core/ports.ts"
import { borrowRepo } from "../../isolate/borrow.ts"
import { detectSandbox } from "../../isolate/sandbox.ts"
import { git } from "../../lib/git.ts"
import { version } from "../../version.ts"
import { type AuditOptions, endedBy, inOrder, notesOn, sampled } from "./audit-corpus.ts"
import { openCourt } from "./court.ts"
import { cheatsFrom, type Made } from "./history/cheats.ts"
import { type Candidate, mine } from "./history/mine.ts"
import { type Fix, type Opening, offeredAndWorking, openFix, provedWrong } from "./history/open-fix.ts"
import { wrongFrom } from "./history/wrong.ts"
import { judgeCase } from "./judge-case.ts"
import { seedOf } from "./order.ts"
import { openPlace } from "./place.ts"
import { pool } from "./pool.ts"
import { type AuditReport, reportOf } from "./report.ts"
import { type CaseName, type CaseResult, unmeasured } from "./result.ts"
import { scratchOf } from "./scratch.ts"
import { judgeAll } from "./work.ts"

export type HistoryOptions = AuditOptions & { repo: Repo; commits: number; setup: string | undefined }

/** The share of the time that looking for fixes may take: the rest is for judging. */
const MINING_SHARE = 0.4

/**
 * Runs the gate on what a repository's own history knows the answers of: its fixes as they were committed, and cheats and
 * wrong fixes made from them. Nothing of the repository is written: commits are made in a repository that borrows from it.
 */
export async function auditHistory(options: HistoryOptions): Promise<AuditReport> {
  const started = performance.now()
  const at = new Date().toISOString()
  const { seed, parallel, told, say } = options
  await using place = await openPlace(options.home, options)
  const dataDir = join(place.folder, "repos", "audit")
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  place.remember(dataDir, options.repo.key)
  await using borrowed = borrowRepo({ ...options.repo, dataDir }, "audit")
  const limit = AbortSignal.timeout(options.timeMs)
  const signal = AbortSignal.any([options.signal, limit])
  const sandbox = await detectSandbox({ home: place.home, hidden: [options.repo.root] })
  const opening: Opening = {
    scratch: scratchOf(borrowed, place.folder),
    court: openCourt(borrowed, sandbox, options.setup),
    signal,
  }
  const mined = await fixesOf(options, opening)
  const cases = sampled(
    mined.fixes.flatMap((fix) => casesOf(fix, seed)),
    options,
  )
  say(`${mined.fixes.length} fixes in ${mined.looked} commits; ${cases.length} cases made from them`)
  const undecided = { n: 0 }
  const judge = (each: HistoryCase) => judgeOne(each, opening, undecided)
  const results = await judgeAll(cases, judge, { parallel, signal, told })
  return reportOf({
    of: { is: "repository", name: options.repo.root.slice(options.repo.root.lastIndexOf("/") + 1) },
    version,
    at,
    seed,
    sandbox: sandbox.kind.is,
    ended: mined.cut && !options.signal.aborted ? "time" : endedBy(options.signal, limit, results),
    ms: Math.round(performance.now() - started),
    notes: [...mined.notes, ...notesOn(results.filter((each) => each.says !== UNDECIDED))],
    cases: inOrder(results),
    undecided: undecided.n,
  })
}

type Mined = { fixes: Fix[]; looked: number; cut: boolean; notes: string[] }

/** The fixes in the history, measured; what is none is counted with its reason. */
async function fixesOf(options: HistoryOptions, opening: Opening): Promise<Mined> {
  const { repo, commits, parallel, timeMs, say } = options
  const head = (await git(["rev-parse", "HEAD^{commit}"], { cwd: repo.root })).trim()
  const candidates = await mine(repo, head, commits, opening.signal)
  say(`${candidates.length} small commits changed source and tests together; measuring them`)
  const enough = AbortSignal.timeout(timeMs * MINING_SHARE)
  const limit = pool(parallel)
  const reasons = new Map<string, number>()
  const opened = await Promise.all(
    candidates.map((candidate) =>
      limit(async () => {
        if (enough.aborted || opening.signal.aborted) return undefined
        const found = await openOr(candidate, opening)
        if (found === undefined) return undefined
        if ("why" in found) reasons.set(found.why, (reasons.get(found.why) ?? 0) + 1)
        say(`${candidate.commit.slice(0, 10)}: ${"why" in found ? `left out: ${found.why.slice(0, 120)}` : "a fix"}`)
        return found
      }),
    ),
  )
  const looked = opened.filter((each) => each !== undefined).length
  const fixes = opened.filter((each): each is Fix => each !== undefined && !("why" in each))
  return {
    fixes,
    looked,
    cut: looked < candidates.length,
    notes: [
      ...(candidates.length === 0 ? ["No small commit of the history changed source and tests together."] : []),
      ...leftOutNotes(fixes),
      ...[...reasons].map(
        ([why, n]) => `${n} ${n === 1 ? "commit was" : "commits were"} left out: ${why.slice(0, 300)}`,
      ),
      ...(looked < candidates.length
        ? [
            `${candidates.length - looked} commits were not looked at: the time was needed for judging. Give more with --time.`,
          ]
        : []),
    ],
  }
}

/** Once for each check, with what was said first. */
function leftOutNotes(fixes: readonly Fix[]): string[] {
  const all = fixes.flatMap(({ left }) => left)
  return [...new Set(all.map(({ check }) => check))].map((name) => {
    const own = all.filter(({ check }) => check === name)
    const times = own.length === 1 ? "one fix" : `${own.length} fixes`
    return `\`${name}\` is left out for ${times}: it can't be measured there (${own[0]?.why ?? ""}).`
  })
}

async function openOr(candidate: Candidate, opening: Opening): Promise<Fix | { why: string } | undefined> {
  try {
    return await openFix(candidate, opening)
  } catch (thrown) {
    if (opening.signal.aborted) return undefined
    return { why: `it can't be measured: ${thrown instanceof Error ? thrown.message : String(thrown)}` }
  }
}

const UNDECIDED = "No test of the fix tells it from the fix: it may mean the same."

type HistoryCase = CaseName & { fix: Fix; made?: Made }

/** A fix as its people committed it, and what can be made from it. */
function casesOf(fix: Fix, seed: number): HistoryCase[] {
  const { candidate, material } = fix
  const project = candidate.commit.slice(0, 10)
  const own: HistoryCase = {
    project,
    id: "as-committed",
    is: "honest",
    kinds: ["as-committed"],
    why: `As it was committed: ${candidate.subject.slice(0, 120)}`,
    fix,
  }
  const made = [...cheatsFrom(material), ...wrongFrom(material, seedOf(`${seed} ${candidate.commit}`))]
  return [
    own,
    ...made.map((each) => ({ project, id: each.id, is: each.is, kinds: each.kinds, why: each.why, fix, made: each })),
  ]
}

async function judgeOne(each: HistoryCase, opening: Opening, undecided: { n: number }): Promise<CaseResult> {
  const { fix, made } = each
  const { scratch } = opening
  const { candidate, base, reference, finding, checks } = fix
  // On the parent no test shows the finding yet: the gate is told of it as of somebody's issue.
  const { reproduce: _, ...untested } = finding
  if (made === undefined) {
    const own = { ...each, base: candidate.parent, head: candidate.commit, finding: untested, lastWord: true }
    return judgeCase({ ...own, checks: (await offeredAndWorking(candidate.parent, opening)).checks }, opening)
  }
  if (fix.calibrated.is === "unsound") return unmeasured(each, "thrown_out", fix.calibrated.why)
  if (made.proveWrong) {
    const shown = await scratch.commit(made.changes, made.on === "base" ? base : reference)
    if ((await provedWrong(fix, shown, opening)) !== true) {
      undecided.n++
      return unmeasured(each, "thrown_out", UNDECIDED)
    }
  }
  if (made.on !== "parent") {
    const onto = made.on === "base" ? base : reference
    const head = await scratch.commit(made.changes, onto)
    return judgeCase({ ...each, base, head, finding, checks }, opening)
  }
  const head = await scratch.commit(made.changes, candidate.parent)
  const there = await offeredAndWorking(candidate.parent, opening)
  return judgeCase({ ...each, base: candidate.parent, head, finding: untested, checks: there.checks }, opening)
}
