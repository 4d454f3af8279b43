import { execFileSync, spawn } from "node:child_process"
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs"
import { join } from "node:path"
import pg from "pg"
import { openDatabase } from "../src/engine/postgres/launch.ts"
import type { Project } from "./project.ts"

/** What nothing that does this work can undercut: one sample of each, in milliseconds. */
export type Limit = { name: string; sample(): Promise<number> }

/** The limits that can be measured here; closing frees what they hold. */
export async function openLimits(project: Project): Promise<AsyncDisposable & { limits: Limit[] }> {
  const database = await openDatabase({ home: project.home, signal: AbortSignal.timeout(60_000), databaseUrl: "" })
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query("create table if not exists public.bench (n int)")
  const file = openSync(join(project.home, "fsync"), "w")
  const limits: Limit[] = [
    { name: "`git commit` of one file that is staged", sample: async () => commit(project) },
    {
      name: "4 KiB appended and `fsync`ed",
      sample: () =>
        timed(async () => {
          writeSync(file, Buffer.alloc(4096, 1))
          fsyncSync(file)
        }),
    },
    { name: "`true` started by a bare Node", sample: () => timed(() => ends(["true"])) },
    { name: "a PostgreSQL commit (insert of one row)", sample: () => timed(() => client.query(INSERT)) },
  ]
  if (confines()) limits.splice(3, 0, { name: "the same in bubblewrap", sample: () => timed(() => ends(BUBBLEWRAP)) })
  return {
    limits,
    async [Symbol.asyncDispose]() {
      closeSync(file)
      await client.query("drop table public.bench")
      await client.end()
      await database.close()
    },
  }
}

const INSERT = "insert into public.bench values (1)"
const BUBBLEWRAP = [
  ..."bwrap --unshare-pid --unshare-ipc --unshare-uts --unshare-net --die-with-parent --new-session".split(" "),
  ..."--ro-bind / / --proc /proc --dev /dev --tmpfs /tmp -- true".split(" "),
]

function confines(): boolean {
  try {
    execFileSync(BUBBLEWRAP[0] ?? "", BUBBLEWRAP.slice(1), { stdio: "ignore" })
    return true
  } catch {
    return false
  }
}

function commit({ root, env }: Project): Promise<number> {
  const script =
    "echo x >>limit.txt; git add limit.txt; s=$(date +%s%N); git -c user.name=B -c user.email=b@b commit -qm x; e=$(date +%s%N); echo $((e-s))"
  const took = execFileSync("sh", ["-c", script], { cwd: root, env, encoding: "utf8" })
  return Promise.resolve(Number(took) / 1e6)
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await act()
  return performance.now() - started
}

function ends([program = "", ...args]: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    spawn(program, args, { stdio: "ignore" })
      .once("error", reject)
      .once("close", () => resolve())
  })
}
