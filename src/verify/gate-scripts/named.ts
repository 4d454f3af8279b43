import { posix } from "node:path"
import picomatch from "picomatch"
import { z } from "zod"
import type { CheckSpec } from "../../core/loop.ts"
import type { Repo } from "../../core/ports.ts"
import { readTexts } from "../texts.ts"
import { type Member, packagesOf } from "./packages.ts"
import { type Use, usesIn } from "./uses.ts"

/** A file that a check of the base runs, is set up by, or compares with. */
export type GateFile = {
  check: string
  kind: CheckSpec["kind"]
  as: "script" | "settings" | "expectation" | "data"
  piped: boolean
  shell: boolean
  /** Named by the check itself, its package script or its recipe; else by a script that these run. */
  direct: boolean
  /** It may be another package's script that is run: what was written can't be followed for sure. */
  guessed: boolean
  /** Where it lies, from the root; unset where only the end of its path is known. */
  folder?: string
  /** Whether a path of the tree is that file. */
  is: (path: string) => boolean
}

/** Scripts that name scripts deeper than this, or more of them, are followed no further. */
const MAX_DEPTH = 5
const MAX_FILES = 200
const MAX_TEXT_CHARS = 200_000

type Text = {
  check: CheckSpec
  text: string
  cwd: string | undefined
  piped: boolean
  direct: boolean
  guessed: boolean
}

/**
 * What the checks' commands name, followed through the base's package scripts, Makefiles and shell scripts. Whoever could
 * edit these would grade their own work; a linter's own arguments, and what a program reads, are the subject and not listed.
 */
export async function gateFiles(
  { repo, base, signal }: { repo: Repo; base: string; signal: AbortSignal },
  checks: readonly CheckSpec[],
): Promise<GateFile[]> {
  const files: GateFile[] = []
  const seen = new Set<string>()
  let packages: Awaited<ReturnType<typeof packagesOf>> | undefined
  let texts: Text[] = checks.flatMap((check) =>
    check.run === undefined
      ? []
      : [{ check, text: commandLine(check.run), cwd: check.path ?? "", piped: false, direct: true, guessed: false }],
  )
  for (let depth = 0; depth < MAX_DEPTH && texts.length > 0; depth++) {
    const uses = texts.flatMap(({ check, text, cwd, piped, ...told }) =>
      usesIn(text.slice(0, MAX_TEXT_CHARS), cwd).map((use) => ({ check, ...use, piped: use.piped || piped, ...told })),
    )
    for (const { check, as, name, loose, piped, shell, direct, guessed } of uses) {
      if (as === "make" || as === "npm") continue
      files.push({
        check: check.name,
        kind: check.kind,
        as,
        piped,
        shell: shell || isShell(name),
        direct,
        guessed,
        is: matcher(name, loose),
        ...(loose || !name.includes("/") ? {} : { folder: posix.dirname(name) }),
      })
    }
    const wanted = uses.filter((use) => {
      // Of two checks that run one script each has its own say of it.
      const key = JSON.stringify([
        use.check.name,
        use.as,
        use.name,
        use.cwd,
        use.packages,
        use.piped,
        use.direct,
        use.guessed,
      ])
      const fresh = !seen.has(key) && seen.size < MAX_FILES
      if (fresh) seen.add(key)
      return fresh
    })
    texts = await behind({ repo, base, signal }, wanted)
    if (wanted.some(({ packages: of }) => of !== undefined)) {
      packages ??= await packagesOf(repo, base, signal)
      texts.push(...inPackages(wanted, packages))
    }
  }
  return files
}

export type FindGateFiles = typeof gateFiles

/** The same, asked of git once for each base and its checks: a commit says the same for ever. */
export function openGateFiles(): FindGateFiles {
  const known = new Map<string, GateFile[]>()
  return async (where, checks) => {
    const key = JSON.stringify([where.base, checks.map(({ name, kind, run, path }) => [name, kind, run, path])])
    const found = known.get(key) ?? (await gateFiles(where, checks))
    known.set(key, found)
    return found
  }
}

function commandLine(run: string | readonly string[]): string {
  return typeof run === "string" ? run : run.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ")
}

function isShell(path: string): boolean {
  return /\.(ba|da|z|k)?sh$/i.test(path) || !/\.\w+$/.test(posix.basename(path))
}

function matcher(name: string, loose: boolean): (path: string) => boolean {
  if (/[*?[{]/.test(name)) return picomatch(loose ? [name, `**/${name}`] : name, { dot: true })
  return loose ? (path) => path === name || path.endsWith(`/${name}`) : (path) => path === name
}

type Used = Use & { check: CheckSpec; direct: boolean; guessed: boolean }

/** The scripts of the packages that a command names. */
function inPackages(uses: readonly Used[], membersOf: (of: NonNullable<Use["packages"]>) => Member[]): Text[] {
  return uses.flatMap(({ check, name, packages, piped, direct, guessed }) =>
    packages === undefined
      ? []
      : membersOf(packages).flatMap(({ folder, manifest, sure }): Text[] => {
          const text = packageScript(manifest, name)
          return text === "" ? [] : [{ check, text, cwd: folder, piped, direct, guessed: guessed || !sure }]
        }),
  )
}

/** The texts that these uses lead to: scripts of the manifest, recipes, and what a shell would read. */
async function behind(
  { repo, base, signal }: { repo: Repo; base: string; signal: AbortSignal },
  uses: readonly Used[],
): Promise<Text[]> {
  const fileOf = (use: Used): string[] => {
    const at = (name: string) => (use.cwd === undefined || use.cwd === "" ? name : `${use.cwd}/${name}`)
    if (use.as === "npm") return use.packages === undefined ? [at("package.json")] : []
    if (use.as === "make") return ["GNUmakefile", "makefile", "Makefile", "justfile", ".justfile", "Justfile"].map(at)
    return use.as === "script" && !use.loose && (use.shell || isShell(use.name)) ? [use.name] : []
  }
  const paths = [...new Set(uses.flatMap(fileOf))].filter((path) => !/[\n\u0001]/.test(path))
  const texts = await readTexts(
    repo,
    paths.map((path) => `${base}:${path}`),
    signal,
  )
  return uses.flatMap((use) => {
    const { check, cwd, piped, guessed } = use
    const direct = use.direct && use.as !== "script"
    const text = fileOf(use).flatMap((path) => texts.get(`${base}:${path}`) ?? [])[0]
    if (text === undefined) return []
    const lines = use.as === "npm" ? packageScript(text, use.name) : use.as === "make" ? recipes(text, use.name) : text
    return [{ check, text: lines, cwd, piped, direct, guessed }]
  })
}

const Manifest = z.object({ scripts: z.record(z.string(), z.string()) })

function packageScript(text: string, name: string): string {
  try {
    const { scripts } = Manifest.parse(JSON.parse(text))
    const names = name.includes("*") ? Object.keys(scripts).filter(scriptPattern(name)) : [name]
    const named = names
      .flatMap((each) => [`pre${each}`, each, `post${each}`])
      .filter((each) => Object.hasOwn(scripts, each))
    return named.map((each) => scripts[each] ?? "").join("\n")
  } catch {
    return ""
  }
}

/** `test:*`, as runners of several scripts take it: a star stands for what is between two colons. */
function scriptPattern(pattern: string): (name: string) => boolean {
  const matches = picomatch(pattern.replaceAll(":", "/"))
  return (name) => matches(name.replaceAll(":", "/"))
}

/** The recipe of a target and of what it needs first; without a name, of the first. Patterns and functions are not understood. */
function recipes(text: string, target: string): string {
  const rules = new Map<string, { needs: string[]; lines: string[] }>()
  let current: { needs: string[]; lines: string[] } | undefined
  let first: string | undefined
  for (const line of text.replace(/\\\n/g, " ").split("\n")) {
    if (/^[\t ]/.test(line)) {
      current?.lines.push(line.trim())
      continue
    }
    const rule = /^([^\s#=:][^#=:]*)::?(?!=)([^#;=]*)(?:;(.*))?$/.exec(line)
    if (rule === null) continue
    const names = (rule[1] ?? "").trim().split(/\s+/)
    for (const name of names) {
      const known = rules.get(name) ?? { needs: [], lines: [] }
      known.needs.push(...(rule[2] ?? "").trim().split(/\s+/))
      if (rule[3] !== undefined) known.lines.push(rule[3])
      rules.set(name, known)
      current = known
      if (!name.startsWith(".")) first ??= name
    }
  }
  const lines: string[] = []
  const done = new Set<string>()
  const follow = (name: string) => {
    const rule = rules.get(name)
    if (rule === undefined || done.has(name)) return
    done.add(name)
    for (const need of rule.needs) follow(need)
    lines.push(...rule.lines)
  }
  follow(target === "" ? (first ?? "") : target)
  return lines.join("\n")
}

/** Folders that hold nothing but what checks. `scripts` and `tools` hold all sorts of things. */
const checkingFolder = /(^|\/)(tests?|specs?|checks?|verify|verification|e2e|qa|acceptance|selftests?)(\/|$)/i
const caseFolder = /(^|\/)(cases|examples|samples|expected|expectations|goldens?|fixtures|testdata)(\/|$)/i

/**
 * Whether a path is what a script of the gate reads to judge by: what lies beside it in a folder for tests, or the cases that it goes
 * through. Of such files, as of tests, the base's copies are used.
 */
export function isGateData(path: string, files: readonly GateFile[]): boolean {
  if (files.some((file) => file.as !== "data" && file.is(path))) return false
  return files.some(
    ({ as, folder }) =>
      folder !== undefined &&
      path.startsWith(`${folder}/`) &&
      (as === "data" || as === "expectation" ? caseFolder : checkingFolder).test(folder),
  )
}
