import { type Ran, run } from "./process.ts"
import { runInShell } from "./shell-pool.ts"

export type GitOptions = {
  cwd: string
  env?: Record<string, string>
  stdin?: string
  signal?: AbortSignal
  timeoutMs?: number
}

/** A git that failed: its arguments, exit code and what it said. Callers turn it into a Failure that speaks of their domain. */
export class GitError extends Error {
  override readonly name = "GitError"
  readonly args: readonly string[]
  readonly ran: Ran
  constructor(args: readonly string[], ran: Ran) {
    super(`git ${args.slice(0, 3).join(" ")}: ${ran.stderr.trim() || ran.ended} (exit ${ran.exitCode})`)
    this.args = args
    this.ran = ran
  }
}

/** Runs git with hooks off and an environment built from nothing but what git needs. Throws GitError. */
export async function git(args: readonly string[], options: GitOptions): Promise<string> {
  const ran = await tryGit(args, options)
  if (ran.exitCode !== 0) throw new GitError(args, ran)
  return ran.stdout
}

/** The same, for callers to whom a non-zero exit is an answer. */
export function tryGit(args: readonly string[], options: GitOptions): Promise<Ran> {
  return args.some((arg) => remote.has(arg))
    ? start(["git", ...args], options)
    : ask('exec git "$@"', args, options, ["git"])
}

/**
 * Several gits in one shell script, which stops at the first that fails: starting a process costs more the larger we
 * are. The script is a constant; what varies comes in as `$1`, `$2`, … Throws GitError.
 */
export async function gitScript(script: string, args: readonly string[], options: GitOptions): Promise<string> {
  const ran = await ask(`set -e\n${script}`, args, options, ["/bin/sh", "-e", "-c", script, "git-script"])
  if (ran.exitCode !== 0) throw new GitError(["(script)", ...args], ran)
  return ran.stdout
}

/** What talks to another machine may ask for a password or take minutes: it gets a process of its own. */
const remote: ReadonlySet<string> = new Set(["fetch", "push", "ls-remote", "clone"])

const GIT_LIMIT_BYTES = 256 * 1024 * 1024

/** Told to a waiting shell where that can be done, and started directly where not. */
async function ask(
  script: string,
  args: readonly string[],
  options: GitOptions,
  direct: readonly string[],
): Promise<Ran> {
  const { cwd, stdin = "", signal, timeoutMs = 120_000 } = options
  const started = performance.now()
  const [lasting, env] = [gitEnvironment(), options.env ?? {}]
  const limits = { timeoutMs, limitBytes: GIT_LIMIT_BYTES, signal }
  const ran = await runInShell({ script, args, cwd, lasting, env, stdin, ...limits })
  // No shell, no git, or no folder: the direct way tells which.
  if (ran === undefined || ran.exitCode === 127 || (ran.ended === "exit" && ran.exitCode === null))
    return start([...direct, ...args], options)
  const [stdout, stderr] = [ran.stdout.toString(), ran.stderr.toString()]
  return { ...ran, signal: null, stdout, stderr, droppedBytes: 0, ms: performance.now() - started }
}

function start(argv: readonly string[], { cwd, env, stdin, signal, timeoutMs = 120_000 }: GitOptions): Promise<Ran> {
  return run(argv, {
    cwd,
    env: { ...gitEnvironment(), ...env },
    timeoutMs,
    limitBytes: GIT_LIMIT_BYTES,
    ...(stdin === undefined ? {} : { stdin }),
    ...(signal === undefined ? {} : { signal }),
  })
}

/** Never the user's hooks, editor, pager, prompts or signing; never a background `gc` that outlives us. */
const QUIET = {
  "core.hooksPath": "/dev/null",
  "gc.auto": "0",
  "maintenance.auto": "false",
  "core.fsmonitor": "false",
  "commit.gpgSign": "false",
  "tag.gpgSign": "false",
  "advice.detachedHead": "false",
  "submodule.recurse": "false",
  // Where we run in a git directory, we mean it.
  "safe.bareRepository": "all",
  "fetch.recurseSubmodules": "false",
} as const

function gitEnvironment(): Record<string, string> {
  const env: Record<string, string> = {
    ...{ GIT_TERMINAL_PROMPT: "0", LC_ALL: "C", GIT_OPTIONAL_LOCKS: "0" },
    // A commit is what its id says: replacements and grafts are views of one clone, and a pack made by them has holes.
    ...{ GIT_NO_REPLACE_OBJECTS: "1", GIT_GRAFT_FILE: "/dev/null/none" },
  }
  // Credentials for fetch and push are the user's own: their HOME, agent socket, proxy and ssh command.
  for (const name of PASSED_ON) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  // As variables, so that a git started by git, and each one in a script, gets them too.
  const quiet = Object.entries(QUIET)
  env.GIT_CONFIG_COUNT = String(quiet.length)
  for (const [index, [key, value]] of quiet.entries()) {
    env[`GIT_CONFIG_KEY_${index}`] = key
    env[`GIT_CONFIG_VALUE_${index}`] = value
  }
  return env
}

const PASSED_ON = [
  ...["PATH", "HOME", "USER", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"],
  ...["SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GIT_SSH", "GIT_ASKPASS", "SSH_ASKPASS"],
  ...["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_SSL_CAINFO", "SSL_CERT_FILE"],
  ...["http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"],
]
