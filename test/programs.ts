import { type ChildProcess, spawn } from "node:child_process"
import { mkdir, mkdtemp, rm } from "node:fs/promises"
import { basename, join, resolve } from "node:path"
import { build } from "esbuild"

const root = resolve()

/** Bundles programs that tests run as processes of their own (`…/fixtures/worker.ts` → `worker.js`, `name=…` → `name.js`), with the supervisor beside. */
export async function bundle(...sources: string[]): Promise<{ path(name: string): string; remove(): Promise<void> }> {
  const cache = join(root, "node_modules", ".cache")
  await mkdir(cache, { recursive: true })
  // Inside the repository, so that what they import is found; apart from `dist/`, so that tests may run at once.
  const outdir = await mkdtemp(join(cache, "flyball-test-"))
  const entries = [
    ...sources.map((source) => (source.includes("=") ? source.split("=") : [basename(source, ".ts"), source])),
    ["postgres-supervisor", "src/engine/postgres/supervisor.ts"],
    ["bridge", "src/make/gateway/bridge-main.ts"],
    ["door", "src/make/gateway/door.pl"],
    ["acp", "src/make/acp-main.ts"],
  ]
  await build({
    absWorkingDir: root,
    entryPoints: Object.fromEntries(entries),
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    external: ["pg-native"],
    loader: { ".pl": "copy" },
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
    logLevel: "error",
  })
  const { chmod } = await import("node:fs/promises")
  await chmod(outdir, 0o755)
  return { path: (name) => join(outdir, `${name}.js`), remove: () => rm(outdir, { recursive: true, force: true }) }
}

export type Program = {
  child: ChildProcess
  /** Resolves with the first line, seen already or still to come, that satisfies `is`. */
  line(is: (line: string) => boolean): Promise<string>
  lines: string[]
  stderr(): string
  exit: Promise<{ code: number | null; signal: string | null }>
}

/** Runs a bundled program and reads the lines that it prints. */
export function start(
  path: string,
  args: string[],
  options: { env?: Record<string, string>; uid?: number; gid?: number } = {},
): Program {
  const { env = {}, ...as } = options
  const child = spawn(process.execPath, [path, ...args], {
    cwd: "/",
    env: { PATH: "/usr/local/bin:/usr/bin:/bin", ...env },
    stdio: ["ignore", "pipe", "pipe"],
    ...as,
  })
  const lines: string[] = []
  const waiting = new Set<() => void>()
  let rest = ""
  let stderr = ""
  let ended = false
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n")
    rest = parts.pop() ?? ""
    lines.push(...parts)
    for (const wake of waiting) wake()
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text
  })
  const exit = new Promise<{ code: number | null; signal: string | null }>((resolve) => {
    child.on("close", (code, signal) => {
      ended = true
      for (const wake of waiting) wake()
      resolve({ code, signal })
    })
  })
  const line = (is: (line: string) => boolean) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = lines.find(is)
        if (found === undefined && !ended) return
        waiting.delete(look)
        if (found !== undefined) resolve(found)
        else reject(new Error(`the program ended without that line:\n${lines.join("\n")}\n${stderr}`))
      }
      waiting.add(look)
      look()
    })
  return { child, line, lines, stderr: () => stderr, exit }
}
