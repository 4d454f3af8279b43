import semver from "semver"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import type { Finding } from "../../core/finding.ts"
import type { Source } from "../../core/ports.ts"
import { askNpm } from "../../lib/npm.ts"
import { fingerprint } from "../fingerprint.ts"
import { bodyOf, oneLine, titleOf } from "../text.ts"
import { type NpmFiles, npmFiles, unreachable, whereOf } from "./npm-files.ts"

const TIMEOUT_MS = 2 * 60_000
const MOST = 200

/** Direct dependencies for which the registry has a newer version. */
export const outdatedDependencies: Source = {
  name: "outdated_dependencies",
  doc: "`outdated_dependencies`: one finding for each direct dependency of package.json that the registry has a newer version of, by `npm outdated`; `outdated_dependencies(major)` takes new major versions too. Needs npm and its registry.",
  async discover(context, args) {
    const found = (notes: string[], findings: Finding[] = []) => ({ findings, context: [], notes })
    const files = await npmFiles(context)
    if (files === undefined)
      throw new Failure("SOURCE_UNAVAILABLE", `outdated_dependencies: ${whereOf(context)} has no package.json.`, {
        hint: "npm alone is asked so far; for others, `sh(CMD)` takes any command's findings.",
        retry: "person",
      })
    const asked = await askNpm(["outdated"], files, { timeoutMs: TIMEOUT_MS, signal: context.signal })
    if (asked.is === "unknown") throw unreachable("outdated_dependencies", asked.why)
    const rows = readOutdated(asked.stdout, lockedVersions(files))
    if (rows === undefined) throw unreachable("outdated_dependencies", `${asked.registry} could not be asked`)
    const majors = args.includes("major")
    const taken = rows.filter((row) => majors || !row.major)
    const left = rows.length - taken.length
    const findings = taken.slice(0, MOST).map((row) => toFinding(row, files, context.base.sha))
    return found(
      [
        `npm outdated: ${rows.length} of the direct dependencies are behind the registry.`,
        ...(files.lock === undefined
          ? [
              "There is no package-lock.json on the base: of what has no lock nothing is known, and nothing was compared.",
            ]
          : []),
        ...(left === 0
          ? []
          : [`${left} of them by a major version, left out: \`outdated_dependencies(major)\` takes them too.`]),
      ],
      findings,
    )
  },
}

type Row = { name: string; current: string; target: string; latest: string; major: boolean }

const Entry = z.object({ current: z.string().optional(), wanted: z.string(), latest: z.string() })
const Outdated = z.record(z.string(), z.union([Entry, z.array(Entry)]))
const LockFile = z.object({ packages: z.record(z.string(), z.object({ version: z.string().optional() })) })

/** Nothing is installed where npm is asked: what is current is what the lock file says. */
function lockedVersions({ lock, sharesLock }: NpmFiles): ReadonlyMap<string, string> {
  const parsed = LockFile.safeParse(jsonOf(lock ?? "{}"))
  const packages = Object.entries(parsed.success ? parsed.data.packages : {})
  // What a member of a workspace has for itself comes last, and so goes before what all of them share.
  return new Map(
    ["", ...(sharesLock === undefined ? [] : [`${sharesLock.path}/`])].flatMap((folder) =>
      packages.flatMap(([path, { version }]) => {
        const inside = path.startsWith(folder) ? path.slice(folder.length) : ""
        const name = /^node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(inside)?.[1]
        return name === undefined || version === undefined ? [] : [[name, version] as const]
      }),
    ),
  )
}

function readOutdated(stdout: string, locked: ReadonlyMap<string, string>): Row[] | undefined {
  const parsed = Outdated.safeParse(stdout.trim() === "" ? {} : jsonOf(stdout))
  if (!parsed.success) return undefined
  return Object.entries(parsed.data).flatMap(([name, entries]): Row[] => {
    const entry = [entries].flat()[0]
    const current = locked.get(name) ?? entry?.current
    if (entry === undefined || current === undefined || semver.valid(current) === null) return []
    const newer = (version: string) => semver.valid(version) !== null && semver.gt(version, current)
    if (newer(entry.wanted)) return [{ name, current, target: entry.wanted, latest: entry.latest, major: false }]
    if (!newer(entry.latest)) return []
    const major = semver.major(entry.latest) !== semver.major(current)
    return [{ name, current, target: entry.latest, latest: entry.latest, major }]
  })
}

function toFinding({ name, current, target, latest, major }: Row, files: NpmFiles, commit: string): Finding {
  const shown = oneLine(name, 100)
  const more = target === latest ? "" : ` The newest version is ${latest}.`
  return {
    fingerprint: fingerprint({ kind: "dependency", rule: name, file: files.manifestPath, wrong: `to ${target}` }),
    source: "outdated_dependencies",
    title: titleOf(`Update ${shown} from ${current} to ${target}`),
    body: bodyOf(
      `${files.manifestPath}'s ${shown} is locked at ${current}; the registry has ${target}${major ? ", a new major version: read its changelog for what breaks" : ""}.${more} Change the manifest and the lock file together, with the package manager.`,
    ),
    severity: "low",
    module: "dependencies",
    file: files.manifestPath,
    commit,
    suggested: oneLine(`npm install ${name}@${target}`, 200),
    attemptable: true,
    confidence: major ? 0.4 : 0.7,
    size: major ? "medium" : "small",
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
