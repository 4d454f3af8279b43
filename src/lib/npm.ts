import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { homedir, tmpdir } from "node:os"
import { join } from "node:path"
import { buildEnv } from "./environment.ts"
import { type Ran, run } from "./process.ts"

export type NpmAsked = { is: "answered"; stdout: string; registry: string } | { is: "unknown"; why: string }

/**
 * Asks npm something about a manifest and a lock file, in an empty folder with nothing else in it: no code of the project
 * can run, and the registry learns what these two files say. `npmrc` gives the registry's address, never a credential.
 */
export async function askNpm(
  args: readonly string[],
  files: {
    manifest: string
    lock: string | undefined
    npmrc: string | undefined
    /** One package of a workspace, where the manifest is the workspace's. */
    member?: { path: string; manifest: string }
  },
  { timeoutMs, signal }: { timeoutMs: number; signal: AbortSignal },
): Promise<NpmAsked> {
  const folder = await mkdtemp(join(tmpdir(), "flyball-npm-"))
  try {
    await writeFile(join(folder, "package.json"), files.manifest)
    if (files.lock !== undefined) await writeFile(join(folder, "package-lock.json"), files.lock)
    if (files.member !== undefined) {
      await mkdir(join(folder, files.member.path), { recursive: true })
      await writeFile(join(folder, files.member.path, "package.json"), files.member.manifest)
    }
    const registry = await registryOf(files.npmrc)
    const where = registry === undefined ? [] : [`--registry=${registry}`]
    const ran = await run(["npm", ...args, "--json", "--ignore-scripts", ...where], {
      cwd: folder,
      env: buildEnv({ home: folder, tmp: folder, extra: quick(folder) }),
      timeoutMs,
      signal,
    })
    signal.throwIfAborted()
    return answerOf(ran, registry ?? "npm's registry")
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

/** Who does not answer at once is not asked again: whoever asks can do without the answer, and says so. */
function quick(folder: string): Record<string, string> {
  return {
    npm_config_fetch_retries: "0",
    npm_config_fetch_timeout: "15000",
    npm_config_update_notifier: "false",
    npm_config_cache: join(folder, ".npm"),
  }
}

function answerOf({ ended, stdout, exitCode }: Ran, registry: string): NpmAsked {
  if (ended === "missing") return { is: "unknown", why: "npm is not installed here" }
  if (ended === "timeout") return { is: "unknown", why: `${registry} did not answer in time` }
  if (stdout.trim() === "" && exitCode !== 0) return { is: "unknown", why: `${registry} could not be asked` }
  return { is: "answered", stdout, registry }
}

/** The registry of the project's own .npmrc, else the user's. */
async function registryOf(npmrc: string | undefined): Promise<string | undefined> {
  const users = await readFile(join(homedir(), ".npmrc"), "utf8").catch(() => undefined)
  for (const text of [npmrc, users]) {
    const found = /^\s*registry\s*=\s*["']?(https?:\/\/[^\s"']+)/m.exec(text ?? "")?.[1]
    if (found !== undefined) return found
  }
  return undefined
}
