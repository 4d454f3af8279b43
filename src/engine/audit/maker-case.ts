import { randomUUID } from "node:crypto"
import { mkdir, readdir, readFile, symlink } from "node:fs/promises"
import { join } from "node:path"
import { stringify } from "yaml"
import { checksOf as namesOf } from "../../core/check-expr.ts"
import { asFailure, Failure } from "../../core/failure.ts"
import { git } from "../../lib/git.ts"
import { run } from "../../lib/process.ts"
import { layersFor } from "../gate/offered.ts"
import { RunReport } from "../report.ts"
import { checksOf, findingOf, nameOf, type OpenProject } from "./corpus-project.ts"
import type { CorpusCase } from "./corpus-shape.ts"
import { applyEdits, type Files, textFile } from "./files.ts"
import { type CaseResult, clip, isRight, unmeasured } from "./result.ts"
import { writeFiles } from "./scratch.ts"

export type MakerOptions = {
  /** The command line of Flyball itself. */
  flyball: readonly string[]
  /** A FLYBALL_HOME of the audit's own. */
  home: string
}

const LOOP_MS = 5 * 60_000
const HARM_MS = 30_000

/**
 * Runs a whole loop with the case's script as its maker, in a repository with a remote made for it, and then looks for the
 * harm it may have done. The script is told where checkout, remote, witness and the branch with the right fix lie: it need
 * not guess.
 */
export async function runMakerCase(open: OpenProject, each: CorpusCase, options: MakerOptions): Promise<CaseResult> {
  const { project, calibrated, signal } = open
  const name = nameOf(project, each)
  const started = performance.now()
  const ms = () => performance.now() - started
  if (calibrated.is === "unsound") return unmeasured(name, "thrown_out", calibrated.why, ms())
  try {
    const stage = await build(open, each)
    const before = await seen(stage)
    const report = await fly(stage, options, signal)
    const stayed = await endLeftBehind(stage.witness)
    const harm = stayed || (await seen(stage)) !== before || (await harmed(stage, each.harm, signal))
    const shipped = await branches(stage)
    const attempts = report.changes.flatMap((change) => change.attempts)
    if (attempts.length === 0) return unmeasured(name, "broke", `No attempt was made: ${report.notes.join("; ")}`, ms())
    const evidence = attempts.flatMap((attempt) => attempt.evidence)
    const came = shipped.length > 0 ? "accepted" : report.changes.some(asks) ? "asked" : "refused"
    const right = isRight(each.is, came, harm)
    const [change] = report.changes
    return {
      ...unmeasured(name, came, change?.question ?? change?.says ?? "", ms()),
      harm,
      ...(evidence.length === 0 ? {} : { sandboxed: evidence.every((one) => one.sandboxed) }),
      ...(right === undefined ? {} : { right }),
      obstacles: evidence
        .filter((one) => one.outcome !== "pass")
        .map(({ check, outcome, blame, summary }) => ({ check, outcome, blame, summary: clip(summary) })),
      ran: [...new Set(evidence.map((one) => one.check))],
      ...(right === true ? {} : { diff: `# the maker's script\n${each.maker}` }),
    }
  } catch (thrown) {
    signal.throwIfAborted()
    return unmeasured(name, "broke", asFailure(thrown).message, ms())
  }
}

/** A change that waits for a person's judgement; one that used up its attempts was refused. */
function asks({ outcome, reason }: RunReport["changes"][number]): boolean {
  return outcome === "asked" && reason !== "max_iterations" && reason !== "no_progress" && reason !== "same_error"
}

type Stage = { root: string; remote: string; witness: string }

async function build(open: OpenProject, each: CorpusCase): Promise<Stage> {
  const folder = join(open.scratch.repo.dataDir, "..", `loop-${each.id}-${randomUUID().slice(0, 8)}`)
  const stage = { root: join(folder, "project"), remote: join(folder, "remote.git"), witness: join(folder, "witness") }
  await mkdir(stage.root, { recursive: true, mode: 0o755 })
  await mkdir(stage.witness)
  const base = each.base === undefined ? open.base.files : applyEdits(open.base.files, each.base)
  await writeFiles(stage.root, new Map([...base, ...loopFiles(open, each, stage)]))
  const cwd = stage.root
  await git(["init", "--quiet", "--initial-branch=main"], { cwd })
  await git(["add", "--all", "--force"], { cwd })
  const who = ["-c", "user.name=Someone", "-c", "user.email=someone@localhost"]
  await git([...who, "commit", "--quiet", "--no-verify", "-m", "base"], { cwd })
  await git(["init", "--quiet", "--bare", "--initial-branch=main", stage.remote], { cwd: folder })
  await git(["remote", "add", "origin", stage.remote], { cwd })
  await branchOff(cwd, applyEdits(base, open.project.reference), who)
  await git(["push", "--quiet", "origin", "main", FIX], { cwd })
  const installed = join(open.scratch.repo.root, "node_modules")
  if ((await readdir(installed).catch(() => undefined)) !== undefined) {
    await symlink(installed, join(stage.root, "node_modules"))
  }
  return stage
}

/** The right fix on a branch beside: what a maker that gets at it could copy. */
const FIX = "mended"

async function branchOff(cwd: string, fixed: Files, who: readonly string[]): Promise<void> {
  await git(["checkout", "--quiet", "-b", FIX], { cwd })
  await writeFiles(cwd, fixed)
  await git(["add", "--all", "--force"], { cwd })
  await git([...who, "commit", "--quiet", "--no-verify", "-m", "the fix"], { cwd })
  await git(["checkout", "--quiet", "main"], { cwd })
}

function loopFiles({ project }: OpenProject, each: CorpusCase, stage: Stage): Files {
  const told = Object.entries({ CHECKOUT: stage.root, REMOTE: stage.remote, WITNESS: stage.witness, FIX })
  const script = [...told.map(([key, value]) => `export ${key}='${value}'`), each.maker ?? ""].join("\n")
  const agent = { name: "implementer", description: "a script", use: "command", command: ["bash", "-c", script] }
  const written = each.checks ?? project.checks
  const layers = layersFor(checksOf(written), { finding: findingOf(project), paths: [] })
  const loop = {
    name: "audit",
    checks: written,
    steps: [
      { discover: { run: "failing_tests", write_to: "state/audit.md" } },
      { act: { for_each: "finding in state/audit.md", spawn: "implementer(finding)" } },
      {
        verify: {
          layers: layers.flatMap((layer) =>
            layer.by === "check" ? [{ check: namesOf(layer.expr).join(" AND ") }] : [],
          ),
        },
      },
      { ship: { if: "verified", run: "open_pr" } },
    ],
    guardrails: { max_iterations: 1, max_findings: 1, timeout: "2m" },
  }
  return new Map([
    [".flyball/agents/implementer.md", textFile(`---\n${stringify(agent)}---\n`)],
    [".flyball/loops/audit.yaml", textFile(stringify(loop))],
  ])
}

async function fly({ root }: Stage, { flyball, home }: MakerOptions, signal: AbortSignal): Promise<RunReport> {
  const { PATH = "", HOME = "" } = process.env
  const env = { PATH, HOME, FLYBALL_HOME: home }
  const argv = [...flyball, "run", "audit", "--json"]
  const ran = await run(argv, { cwd: root, env, timeoutMs: LOOP_MS, signal })
  signal.throwIfAborted()
  if (ran.ended !== "exit" || !ran.stdout.trimStart().startsWith("{")) {
    throw new Failure("AUDIT_RUN_FAILED", `The loop did not run: ${ran.ended}: ${ran.stderr.trim().slice(-600)}`)
  }
  return RunReport.parse(JSON.parse(ran.stdout))
}

/** What a loop may never change: the remote's refs but its own branches, and the checkout's configuration and hooks. */
async function seen({ root, remote }: Stage): Promise<string> {
  const refs = async (cwd: string) =>
    (await git(["for-each-ref", "--format=%(refname) %(objectname)"], { cwd }))
      .split("\n")
      .filter((line) => !/^refs\/(heads\/flyball|flyball|remotes\/origin)\//.test(line))
  const hooks = (await readdir(join(root, ".git/hooks"))).sort()
  const config = await readFile(join(root, ".git/config"), "utf8")
  const status = await git(["status", "--porcelain", "--", ".", ":!.flyball", ":!node_modules"], { cwd: root })
  return JSON.stringify([await refs(root), await refs(remote), hooks, config, status])
}

/** Ends what the maker left running, if anything: whatever comes of it has the witness's name in its arguments or environment. */
async function endLeftBehind(witness: string): Promise<boolean> {
  const left = process.platform === "linux" ? await linuxProcesses() : await listedProcesses()
  const own = left.filter(({ pid, text }) => pid !== process.pid && text.includes(witness))
  for (const { pid } of own) {
    try {
      process.kill(pid, "SIGKILL")
    } catch {
      // gone by itself: it was there when we looked
    }
  }
  return own.length > 0
}

type Running = { pid: number; text: string }

async function linuxProcesses(): Promise<Running[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name))
  const read = (pid: string, name: string) => readFile(`/proc/${pid}/${name}`, "latin1").catch(() => "")
  return Promise.all(
    pids.map(async (pid) => ({
      pid: Number(pid),
      text: `${await read(pid, "cmdline")}\0${await read(pid, "environ")}`,
    })),
  )
}

async function listedProcesses(): Promise<Running[]> {
  const env = { PATH: process.env.PATH ?? "" }
  const { stdout } = await run(["ps", "-Aww", "-o", "pid=,args="], { cwd: "/", env, timeoutMs: HARM_MS })
  return stdout.split("\n").map((text) => ({ pid: Number.parseInt(text, 10), text }))
}

async function harmed({ root, remote, witness }: Stage, script: string | undefined, signal: AbortSignal) {
  if (script === undefined) return false
  const { PATH = "", HOME = "" } = process.env
  const env = { PATH, HOME, REMOTE: remote, WITNESS: witness, CHECKOUT: root }
  const ran = await run(["bash", "-c", script], { cwd: root, env, timeoutMs: HARM_MS, signal })
  signal.throwIfAborted()
  return ran.exitCode === 0
}

async function branches({ remote }: Stage): Promise<string[]> {
  const listed = await git(["for-each-ref", "--format=%(refname)", "refs/heads/flyball"], { cwd: remote })
  return listed.split("\n").filter((name) => name !== "")
}
