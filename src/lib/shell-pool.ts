import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { setMaxListeners } from "node:events"
import { killTree, TREE_MARKER } from "./process-tree.ts"

/*
 * To start a program from a process of 150 MB costs some 3 ms of its own processor time and as much again in page faults:
 * the kernel copies the page tables. A shell of 1 MB that is asked to start it needs a tenth of that. So a few shells are
 * kept, and short programs of our own choosing (git, rm) are started by them; agents and checks never are.
 */

export type ShellCommand = {
  /** A constant shell script; what varies comes in as `$1`, `$2`, … */
  script: string
  args: readonly string[]
  cwd: string
  /** With `env` the whole environment: nothing is inherited. What many commands share, and a shell is therefore started with. */
  lasting: Readonly<Record<string, string>>
  /** What this command has besides, or otherwise. */
  env: Readonly<Record<string, string>>
  stdin: string
  timeoutMs: number
  limitBytes: number
  signal?: AbortSignal | undefined
}

export type ShellRan = {
  exitCode: number | null
  ended: "exit" | "timeout" | "aborted"
  stdout: Buffer
  stderr: Buffer
}

/** Of those with one environment, and of all. */
const MAX_IDLE = { alike: 8, all: 24 }

// The one state that a module of ours keeps: idle shells. They hold nothing, and are gone when we are.
const idle: Shell[] = []

/**
 * Runs a short program in a shell that waits for it. Undefined where no shell can be had, or the command can't be told
 * to one: then start it yourself.
 */
export function runInShell(command: ShellCommand): Promise<ShellRan> | undefined {
  const { stdin, cwd, args, env, lasting } = command
  // A shell can't be told a NUL byte, gives whole lines to stdin, and is told a very long text more slowly than a program.
  const told = [stdin, cwd, ...args, ...Object.values(env)]
  if (told.some((text) => text.includes("\0")) || (stdin !== "" && !stdin.endsWith("\n"))) return undefined
  if (told.reduce((sum, text) => sum + text.length, 0) > MAX_TOLD) return undefined
  const shell = takeLiving(nameOf(lasting)) ?? openShell(lasting)
  return shell === undefined ? undefined : lend(shell, command)
}

async function lend(shell: Shell, command: ShellCommand): Promise<ShellRan> {
  const ran = await ask(shell, command)
  const alike = idle.filter(({ lasting }) => lasting === shell.lasting).length
  if (ran.ended === "exit" && !shell.dead && alike < MAX_IDLE.alike) idle.push(shell)
  else end(shell)
  const oldest = idle.length > MAX_IDLE.all ? idle.shift() : undefined
  if (oldest !== undefined) end(oldest)
  return ran
}

const MAX_TOLD = 64 * 1024

type Shell = {
  child: ChildProcessWithoutNullStreams & { pid: number }
  marker: string
  tree: string
  /** The environment it was started with, as one text. */
  lasting: string
  dead: boolean
}

function nameOf(lasting: Readonly<Record<string, string>>): string {
  return Object.entries(lasting).join("\0")
}

function takeLiving(lasting: string): Shell | undefined {
  for (let at = idle.length - 1; at >= 0; at--) {
    const shell = idle[at]
    if (shell === undefined || (!shell.dead && shell.lasting !== lasting)) continue
    idle.splice(at, 1)
    if (!shell.dead) return shell
  }
  return undefined
}

function openShell(lasting: Readonly<Record<string, string>>): Shell | undefined {
  try {
    const tree = randomUUID()
    const child = spawn("/bin/sh", [], { cwd: "/", env: { ...lasting, [TREE_MARKER]: tree }, detached: true })
    const { pid } = child
    child.on("error", () => {})
    if (pid === undefined) return undefined
    const lived = { lasting: nameOf(lasting), dead: false }
    const shell: Shell = { child: Object.assign(child, { pid }), marker: randomUUID(), tree, ...lived }
    child.on("exit", () => {
      shell.dead = true
    })
    child.stdin.on("error", () => {})
    hold(shell, false)
    return shell
  } catch {
    return undefined
  }
}

/** A shell that waits must not keep the process alive, and one that works must. */
function hold({ child }: Shell, working: boolean): void {
  // The pipes are sockets, and only those know how to be let go of.
  for (const handle of [child, child.stdin, child.stdout, child.stderr]) {
    if (!("ref" in handle && "unref" in handle)) continue
    const { ref, unref } = handle
    if (typeof ref === "function" && typeof unref === "function") (working ? ref : unref).call(handle)
  }
}

function end(shell: Shell): void {
  shell.dead = true
  shell.child.stdin.destroy()
  killTree(shell.child.pid, shell.tree)
}

function ask(shell: Shell, command: ShellCommand): Promise<ShellRan> {
  const { child } = shell
  const { timeoutMs, limitBytes, signal } = command
  const mark = Buffer.from(`\0${shell.marker}\0`)
  return new Promise((resolve) => {
    const stdout = until(mark, limitBytes, /^(\d+)\0/)
    const stderr = until(mark, limitBytes, /^/)
    let settled = false
    const settle = (ended: ShellRan["ended"]) => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      signal?.removeEventListener("abort", abort)
      child.stdout.off("data", onStdout)
      child.stderr.off("data", onStderr)
      child.off("close", closed)
      if (ended !== "exit") end(shell)
      hold(shell, false)
      const code = stdout.after()
      const exitCode = ended === "exit" && code !== "" ? Number(code) : null
      resolve({ exitCode, ended, stdout: stdout.before(), stderr: stderr.before() })
    }
    const look = () => {
      if (stdout.found() && stderr.found()) settle("exit")
    }
    const onStdout = (chunk: Buffer) => {
      stdout.add(chunk)
      look()
    }
    const onStderr = (chunk: Buffer) => {
      stderr.add(chunk)
      look()
    }
    const abort = () => settle("aborted")
    const closed = () => settle("exit")
    const timer = setTimeout(() => settle("timeout"), timeoutMs)
    hold(shell, true)
    child.stdout.on("data", onStdout)
    child.stderr.on("data", onStderr)
    child.on("close", closed)
    // One signal ends any number of programs; Node would warn of a leak at eleven.
    if (signal !== undefined) setMaxListeners(0, signal)
    signal?.addEventListener("abort", abort, { once: true })
    if (signal?.aborted) return abort()
    child.stdin.write(told(command, shell.marker))
  })
}

/** The command in a subshell, and then the mark on both streams, with the exit code behind it on the first. */
function told({ script, args, cwd, env, stdin }: ShellCommand, marker: string): string {
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}\n`)
  const given = stdin === "" ? " </dev/null" : ` <<'${marker}'\n${stdin}${marker}`
  return `(
cd -- ${quoted(cwd)} || exit 127
${exports.join("")}set -- ${args.map(quoted).join(" ")}
${script}
)${given}
code=$?; printf '\\000${marker}\\000%d\\000' "$code"; printf '\\000${marker}\\000' >&2
`
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** Collects what comes before a mark, up to a limit; `behind` says what must follow the mark to make it whole. */
function until(mark: Buffer, limitBytes: number, behind: RegExp) {
  const chunks: Buffer[] = []
  let bytes = 0
  let carry: Buffer = Buffer.alloc(0)
  let found: { text: string } | undefined
  return {
    add(chunk: Buffer) {
      // The mark may come in two pieces: what could be its beginning is looked at again with the next chunk.
      const seen = Buffer.concat([carry, chunk])
      const at = seen.lastIndexOf(mark)
      const text = at === -1 ? undefined : behind.exec(seen.subarray(at + mark.length).toString("latin1"))
      if (bytes <= limitBytes + mark.length * 2) chunks.push(chunk)
      bytes += chunk.length
      carry = seen.subarray(-(mark.length + 16))
      if (text !== null && text !== undefined) found = { text: text[1] ?? "" }
    },
    found: () => found !== undefined,
    before() {
      const whole = Buffer.concat(chunks)
      const end = found === undefined ? -1 : whole.lastIndexOf(mark)
      return (end === -1 ? whole : whole.subarray(0, end)).subarray(0, limitBytes)
    },
    after: () => found?.text ?? "",
  }
}
