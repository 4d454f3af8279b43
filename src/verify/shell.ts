import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Sandbox, Workspaces } from "../core/ports.ts"
import { buildEnv } from "../lib/environment.ts"
import { run } from "../lib/process.ts"

export type ShellOptions = {
  workspaces: Workspaces
  sandbox: Sandbox
  commit: string
  command: string
  /** The folder of the checkout that it runs in; unset: the root. */
  path?: string | undefined
  timeoutMs: number
  signal: AbortSignal
}

const LIMIT_BYTES = 4 * 1024 * 1024

/** Runs a shell line of the loop on a fresh checkout of a commit, confined, without network; for `sh(CMD)`. */
export async function shellOn({ workspaces, sandbox, commit, command, path = "", timeoutMs, signal }: ShellOptions) {
  await using checkout = await workspaces.checkout(commit, "sh", signal)
  const tmp = await mkdtemp(join(tmpdir(), "flyball-sh-"))
  try {
    const { argv, within, unready } = sandbox.wrap(["/bin/sh", "-c", command], join(checkout.path, path), {
      writable: [checkout.path],
      readable: checkout.readable ?? [],
      network: "none",
      home: tmp,
      tmp,
      ...(checkout.binds === undefined ? {} : { binds: checkout.binds }),
    })
    const ran = await run(argv, {
      cwd: join(checkout.path, path),
      env: buildEnv({ home: tmp, tmp, ...(checkout.env === undefined ? {} : { extra: checkout.env }) }),
      timeoutMs,
      limitBytes: LIMIT_BYTES,
      signal,
      within,
      unready,
    })
    signal.throwIfAborted()
    const stderr = ran.over === undefined ? ran.stderr : `${ran.stderr}\nIt was ended: ${ran.over.why}.`
    return { exitCode: ran.exitCode, stdout: ran.stdout, stderr, timedOut: ran.ended === "timeout" }
  } finally {
    await rm(tmp, { recursive: true, force: true })
  }
}
