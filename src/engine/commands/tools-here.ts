import { existsSync } from "node:fs"
import { join } from "node:path"
import type { CheckSpec } from "../../core/loop.ts"
import type { Repo } from "../../core/ports.ts"
import { buildEnv } from "../../lib/environment.ts"
import { run } from "../../lib/process.ts"
import { findProgram } from "../../make/find-program.ts"
import { filesOf } from "../../verify/run-steps.ts"
import { stepsBehind } from "../../verify/script.ts"

/** A check of the project that can't be run on this machine, and the program it needs. */
export type Lacking = { check: string; needs: string }

/**
 * The checks whose programs are not here. Nothing of the project is run: it is a look at the PATH and at the project's own
 * folders of tools, and one question to Python for each of its modules.
 */
export async function lackingTools({ root }: Repo, checks: readonly CheckSpec[]): Promise<Lacking[]> {
  const local = ["node_modules/.bin", ".venv/bin", "venv/bin"].map((path) => join(root, path))
  const path = [...local, process.env.PATH ?? ""].join(":")
  // Nothing is known of a package's own tools before they are installed.
  const installed = existsSync(join(root, "node_modules"))
  const looks = checks.map(async ({ name, run: line, from, path: folder }): Promise<Lacking[]> => {
    if (!installed && (from === "package.json" || from === "tsconfig.json")) return []
    const steps = typeof line === "string" ? stepsBehind(line, filesOf(root, folder)) : []
    for (const { argv } of steps) {
      const needs = await lackingProgram(argv, path, root)
      if (needs !== undefined) return [{ check: name, needs }]
    }
    return []
  })
  return (await Promise.all(looks)).flat()
}

async function lackingProgram(argv: readonly string[], path: string, root: string): Promise<string | undefined> {
  const [program = "", flag, module] = argv
  const found = await findProgram(program, path, root)
  if (found === undefined) return program
  if (!/^python[0-9.]*$/.test(program) || flag !== "-m" || module === undefined) return undefined
  const question = `import importlib.util as u, sys; sys.exit(3 if u.find_spec(${JSON.stringify(module)}) is None else 0)`
  const env = { ...buildEnv({ home: "/", tmp: "/tmp" }), PATH: path }
  const ran = await run([found, "-c", question], { cwd: "/", env, timeoutMs: 10_000, limitBytes: 64 * 1024 })
  return ran.exitCode === 3 ? `${module} (for ${program})` : undefined
}
