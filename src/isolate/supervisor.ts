import { closeSync, constants, mkdirSync, openSync, readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { Failure } from "../core/failure.ts"
import type { Confinement } from "../core/ports.ts"
import { run } from "../lib/process.ts"
import { identify, TREE_MARKER } from "../lib/process-tree.ts"
import { FIRST_TO_GO } from "./bubblewrap.ts"

/** A named pipe that this process holds open for as long as it lives: its end is the news of our death. */
export type Lifeline = { path: string }

/** Makes the pipe. Nothing is ever written to it; whoever reads it waits until we are gone, however we went. */
export async function openLifeline(home: string): Promise<Lifeline> {
  const folder = join(home, "run", "lifelines")
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const clear = (isOver: (pid: number) => boolean) => {
    for (const name of readdirSync(folder)) {
      if (isOver(Number.parseInt(name, 10))) rmSync(join(folder, name), { force: true, recursive: true })
    }
  }
  clear((pid) => identify(pid) === undefined)
  const path = join(folder, String(process.pid))
  rmSync(path, { force: true })
  const made = await run(["mkfifo", "-m", "600", path], {
    cwd: "/",
    env: { PATH: process.env.PATH ?? "/usr/bin:/bin" },
    timeoutMs: 5000,
  })
  if (made.exitCode !== 0)
    throw new Failure("SUPERVISOR_FAILED", `No named pipe could be made at ${path}: ${made.stderr.trim()}`)
  const held = openSync(path, constants.O_RDWR | constants.O_NONBLOCK)
  process.once("exit", () => {
    closeSync(held)
    clear((pid) => pid === process.pid)
  })
  return { path }
}

/**
 * Where there is no sandbox: runs `argv` in its group beside a watcher that ends the group when the lifeline does, and
 * ends whoever left the group but still carries the tree's marker, at that time and when the command ends.
 * It cannot catch a process that left the group and dropped its environment; and it hides nothing: what runs here can
 * reach what the user can.
 */
export function supervise(
  argv: readonly string[],
  { home = "-", tmp = "-" }: Confinement,
  lifeline: Lifeline,
): string[] {
  return ["/bin/sh", "-c", SCRIPT, "flyball-supervisor", lifeline.path, home, tmp, ...argv]
}

const SCRIPT = `
pipe=$1 home=$2 tmp=$3; shift 3
[ ! -w /proc/self/oom_score_adj ] || ${FIRST_TO_GO}
made=
if [ "$home" = - ] || [ "$tmp" = - ]; then
  made=$(mktemp -d "$pipe.XXXXXX") && mkdir "$made/home" "$made/tmp" || exit 125
fi
[ "$home" != - ] || home=$made/home
[ "$tmp" != - ] || tmp=$made/tmp
export HOME="$home" TMPDIR="$tmp"
marker="${TREE_MARKER}=\${${TREE_MARKER}:-none}"
# The marker alone tells who belongs to us; we and our own helpers carry it too.
escaped() {
  [ -d /proc/self ] || return 0
  read -r self _ </proc/self/stat
  # Again while there were any: who forks may have done so between the look and the kill.
  for round in 1 2 3 4 5; do
    any=
    for file in $(grep -lasF "$marker" /proc/[0-9]*/environ 2>/dev/null); do
      pid=\${file#/proc/}; pid=\${pid%/environ}
      [ "$pid" = $$ ] || [ "$pid" = "$self" ] || [ "$pid" = "$watcher" ] || { any=yes; kill -KILL "$pid" 2>/dev/null; }
    done
    [ -n "$any" ] || return 0
  done
}
( watcher=; read -r _ <"$pipe"; escaped; kill -KILL -$$ ) </dev/null >/dev/null 2>&1 &
watcher=$!
# The shell takes stdin away from what it starts in the background.
exec 3<&0
"$@" <&3 3<&- &
wait $!
code=$?
escaped
kill -KILL "$watcher" 2>/dev/null
[ -z "$made" ] || rm -rf "$made"
exit $code
`
