import type { Evaluation } from "./evaluation.ts"
import type { Effect, MakerStop } from "./event.ts"
import type { Evidence, Measurement } from "./evidence.ts"
import type { Finding } from "./finding.ts"
import type { TreeLimits } from "./limits.ts"
import type { AgentSpec, CheckSpec, Loop } from "./loop.ts"
import type { Spend } from "./spend.ts"

/*
 * What the stages ask of each other. They never import one another: `main.ts` passes implementations in.
 * Every function that waits takes an AbortSignal; aborting kills what it started.
 */

/** Told while work goes on, for people who watch. Nothing is decided by it. */
export type Progress = (line: { verb: Verb; change?: string; text: string }) => void
export type Verb = "trigger" | "discover" | "isolate" | "make" | "verify" | "ship" | "record"

/** A repository as runs see it. */
export type Repo = {
  /** Absolute path of the user's checkout. Read; never written, but for the state file. */
  root: string
  /** Absolute path of its common git directory. */
  gitDir: string
  /** Short stable name of this repository on this machine; the folder of its data in FLYBALL_HOME. */
  key: string
  /** Absolute path of Flyball's data for it: `FLYBALL_HOME/repos/<key>`. */
  dataDir: string
}

export type Base = {
  sha: string
  /** `refs/flyball/base/origin/main` (nothing of the user's moves) or, without a remote, `refs/heads/main`. */
  ref: string
  /** The branch's short name, `main`. */
  branch: string
  remote?: { name: string; url: string }
}

/** The maker's folder for one change. It has the base's history, no remote, no hooks. */
export type Workspace = { change: string; path: string; base: string; sandboxed: boolean } & Surroundings

/** A fresh checkout of one tree, for checks; gone when disposed of. */
export type Checkout = { path: string; tree: string } & Surroundings & AsyncDisposable

/** What a folder needs around it when something runs in it: whoever confines a command there passes both on. */
export type Surroundings = {
  readable?: string[]
  binds?: Bind[]
  /** Variables of its own: a range of ports, a name for a database. */
  env?: Record<string, string>
}

/** `from` seen at `to`, read-only; with `scratch` it can be written to, and what is written vanishes with the process. */
export type Bind = { from: string; to: string; scratch?: boolean }

export type Captured = { is: "commit"; head: string; tree: string; files: number } | { is: "nothing"; head: string }
export type Merge = { is: "clean"; tree: string } | { is: "conflict"; files: string[] }

/** isolate/ implements this. All of it can be repeated without harm. */
export interface Workspaces {
  readonly repo: Repo
  /** Fetches the remote's default branch (a remote that does not answer is a Failure `REMOTE_UNREACHABLE`). */
  base(signal: AbortSignal): Promise<Base>
  /** Makes or finds the change's folder. `head` is where the last attempt ended; without one it starts at `base`. */
  open(
    change: string,
    base: string,
    head: string | undefined,
    hooks: Loop["hooks"],
    signal: AbortSignal,
  ): Promise<Workspace>
  /** Commits what the maker left, hooks off, as Flyball; imports the objects under `refs/flyball/changes/<change>`. */
  capture(workspace: Workspace, message: string, signal: AbortSignal): Promise<Captured>
  /** A fresh checkout made by object id, with the project's dependencies in place. `purpose` names the folder. */
  checkout(treeish: string, purpose: string, signal: AbortSignal): Promise<Checkout>
  merge(base: string, head: string, signal: AbortSignal): Promise<Merge>
  /** Removes the folder, after keeping uncommitted leftovers under `refs/flyball/rescue/<change>`. */
  remove(change: string, signal: AbortSignal): Promise<void>
  /** Removes folders of changes not in `live`, and checkouts of dead processes. Returns what it removed. */
  sweep(live: ReadonlySet<string>, signal: AbortSignal): Promise<string[]>
}

/**
 * The one way out of a network of its own: a unix socket of ours, which a program started in front of the command shows
 * there as a port of its loopback.
 */
export type Door = {
  socket: string
  port: number
  /** Started as `bridge… PORT SOCKET argv…`; its files are shown inside. */
  bridge: readonly string[]
}

/** A way out for one command, to what it may reach and no further; closed when disposed of. `env` tells programs of it. */
export type Way = { network: Confinement["network"]; env: Readonly<Record<string, string>> } & AsyncDisposable

/** How a command is to be confined. */
export type Confinement = {
  /** The only folder it may write, besides a private HOME and TMPDIR made for it. */
  writable: string[]
  /** More paths it may read but not write; the system's own folders always are. */
  readable: string[]
  network: "none" | "open" | Door
  /** Bound over `to`, so that a checkout sees the project's dependencies without owning them. */
  binds?: Bind[]
  /** Existing folders for HOME and TMPDIR, writable; without them both are made for the command and vanish with it. */
  home?: string
  tmp?: string
  /** What it may take of the machine; unset: the defaults. */
  limits?: TreeLimits
}

/** A limit of the machine's that a command reached, and that in words. */
export type OverLimit = { limit: "memory" | "processes"; why: string }

/** What is to be run, and how its tree is watched while it runs: `over` is called once when it takes more than it may. */
export type Wrapped = {
  argv: string[]
  sandboxed: boolean
  within?: (pid: number, marker: string, over: (limit: OverLimit) => void) => Disposable
  /** Whether what wraps it failed, and it never began: no word of its own, and no fault of its author's. */
  unready?: (ended: { exitCode: number | null; stdout: string; stderr: string }) => boolean
}

/** isolate/sandbox implements this. */
export interface Sandbox {
  /** "bubblewrap", or "none" with the reason it does not work here. */
  readonly kind: { is: "bubblewrap"; version: string } | { is: "none"; why: string }
  /** The argv that runs `argv` confined, so that its process tree dies with us. Without a sandbox: under a supervisor. */
  wrap(argv: string[], cwd: string, confinement: Confinement): Wrapped
}

/** verify/ implements this; discover/ and engine/ use it. */
export interface Prober {
  /** Measures one check on one commit, with that commit's own definitions; cached by tree and definition. */
  measure(check: CheckSpec, commit: string, signal: AbortSignal): Promise<Measurement>
}

export type AgentRole = "maker" | "reviewer" | "explorer" | "triager" | "planner" | "evaluator" | "scribe"

/** A task for an agent, whichever it is. */
export type AgentTask = {
  /** Everybody but the maker reads and answers: what they may write vanishes. */
  role: AgentRole
  agent: AgentSpec
  /** The maker's workspace, or the reviewer's read-only checkout. */
  cwd: string
  /** The folder of `cwd` that it starts in, where that is there; unset: `cwd` itself. */
  path?: string
  /** What `cwd` needs around it: the project's dependencies, and the objects its history lies in. */
  around?: Surroundings
  prompt: string
  /** JSON Schema of its last line, for agents that can be held to one; unset: its words are free. */
  answer?: Readonly<Record<string, unknown>>
  /** Skills that the prompt offers; `path` is that of the SKILL.md as the prompt names it. */
  skills?: readonly { name: string; path: string }[]
  finding: Finding
  /** 1-based. */
  attempt: number
  feedback?: string
  /** Reviewer: files that hold the diff and the evidence (JSON). */
  diffFile?: string
  evidenceFile?: string
  /** What else it may reach than its model: names of hosts, `*.example.com:443`. */
  hosts?: readonly string[]
  limits: {
    timeoutMs: number
    silenceMs: number
    outputBytes: number
    /** What is set aside for it; `extend` asks for more of the run's, and says how much was added. */
    usd?: number
    extend?: (usd: number) => Promise<number>
    tokens?: number
    turns?: number
  }
  /** Folder for the prompt, the log and the rest that is kept. */
  artifactDir: string
  change: string
}

export type AgentResult = {
  ended:
    | { is: "done" }
    | { is: "stop"; stop: MakerStop; reason: string }
    | {
        is: "failed"
        code:
          | "timeout"
          | "silence"
          | "crashed"
          | "missing_agent"
          | "refused"
          | "budget"
          | "too_much_output"
          | "too_much_memory"
          | "too_many_processes"
          | "no_recording"
          | "quota"
        why: string
        /** `quota`: when the provider says that it serves again, ISO 8601. */
        until?: string
      }
  /** The agent's last message: for a reviewer, where its verdict stands. Outside text. */
  said: string
  /** SHA-256 of all it said, for the repetition guard. */
  output: string
  spend: Spend
  model?: string
  log: string
  sandboxed: boolean
  ms: number
}

/** make/ implements this; verify/ uses it for the reviewer. */
export interface Agents {
  run(task: AgentTask, signal: AbortSignal): Promise<AgentResult>
}

/** A source turns the world into findings, or into context for triage and prompts. */
export type SourceContext = {
  repo: Repo
  base: Base
  loop: Loop
  prober: Prober
  signal: AbortSignal
  progress: Progress
  /** Runs a command on a fresh checkout of the base, confined; for `sh(CMD)`. Times out. */
  shell(
    command: string,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<{ exitCode: number | null; stdout: string; stderr: string; timedOut: boolean }>
  /** Whose text may become work, as `.flyball/config.yaml` says; unset: `defaultTrust`. */
  trust?: readonly string[]
  /** Has an agent of the loop look around the base, read-only, and pays for it; for `agent(NAME)`. Absent in a rehearsal. */
  explore?(agent: string, signal?: AbortSignal): Promise<Said>
  /** Asks the loop's evaluator whether its goal is reached on the base, whose checks are green; for `goal`. Absent where it has none. */
  evaluate?(green: readonly Green[], signal?: AbortSignal): Promise<Evaluated>
  /** What the base's own skills name that no longer stands for anything; for `stale_skills`. */
  staleSkills?(signal?: AbortSignal): Promise<readonly StaleName[]>
  /** Has the loop's triager look for what a skill describes, likewise; for `skill(NAME)`. */
  exploreBy?(skill: string, signal?: AbortSignal): Promise<Said>
}
/** A name in a skill's text that stands for nothing any more; `check` reports it under `id` for as long as it stands there. */
export type StaleName = {
  id: string
  check: string
  code: string
  file: string
  line: number
  name: string
  message: string
  /** What it may be called now. */
  repair?: string
}
/** A check that is green as a whole on the base: what it said, and where its output lies. */
export type Green = { check: string; command: string; summary: string; artifact?: string }
/** What an evaluator says of the base; its reason is outside text. `not_asked`: a rehearsal asks nobody. */
export type Evaluated =
  | ({ is: "answer"; by: string; usd: number; remembered: boolean } & Evaluation)
  | { is: "nothing"; why: string }
  | { is: "not_asked"; why: string }
/** What an agent that was asked something said at its end (outside text), or why there is nothing. */
export type Said = { is: "said"; said: string; usd: number; model?: string } | { is: "nothing"; why: string }
export type Found = {
  findings: Finding[]
  /** Lines for triage and prompts (`recent_commits`), never findings. */
  context: string[]
  /** What the person who watches should know: what was run, what could not be. */
  notes: string[]
}
export type Source = {
  name: string
  doc: string
  /** Undefined where it works here; else why it can't and what would mend it. */
  available?(loop: Loop): string | undefined
  discover(context: SourceContext, args: (string | number | boolean)[]): Promise<Found>
}

/** An action of `ship.run`. Looks before it creates; doing it twice is doing it once. */
export type ActionContext = {
  repo: Repo
  base: Base
  loop: Loop
  change: string
  finding: Finding
  /** The squashed commit on `branch`. */
  commit: string
  branch: string
  title: string
  body: string
  evidence: Evidence[]
  /** Our own earlier proposal, the only commit the branch may hold when it is moved. */
  replaces?: string
  signal: AbortSignal
}
export type Action = {
  name: string
  doc: string
  perform(context: ActionContext, args: (string | number | boolean)[]): Promise<Effect>
}
