import semver from "semver"
import { z } from "zod"
import { askNpm } from "../../lib/npm.ts"
import type { Locked } from "./lock.ts"

/** A known weakness of one package as it would be installed. */
export type Advisory = { name: string; version: string; title: string; severity: string; fixed?: string | undefined }

/** What was asked and what came of it; what could not be asked is said, and is never "none known". */
export type Asked =
  | {
      is: "known"
      advisories: Advisory[]
      by: string
      /** Packages that whoever was asked could not look up. */
      unseen?: string[]
    }
  | { is: "unknown"; why: string }

const TIMEOUT_MS = 25_000

/**
 * Asks the registry, through `npm audit`, for advisories on these packages. npm sees a manifest and a lock file in an empty
 * folder and nothing else of the change, so none of its code can run; the registry learns the names and versions in the lock.
 */
export async function npmAdvisories(
  files: { manifest: string; lock: string; npmrc: string | undefined },
  packages: readonly Locked[],
  signal: AbortSignal,
): Promise<Asked> {
  const asked = await askNpm(["audit", "--package-lock-only"], files, { timeoutMs: TIMEOUT_MS, signal })
  if (asked.is === "unknown") return asked
  return readNpmAudit(asked.stdout, packages) ?? { is: "unknown", why: `${asked.registry} could not be asked` }
}

const Via = z.object({
  name: z.string(),
  title: z.string().nullish(),
  severity: z.string().nullish(),
  range: z.string().nullish(),
  url: z.string().nullish(),
})
const NpmAudit = z.object({
  auditReportVersion: z.number(),
  vulnerabilities: z.record(z.string(), z.object({ severity: z.string(), via: z.array(z.union([z.string(), Via])) })),
})

/** What `npm audit --json` says of these packages; undefined where it says nothing that can be read. */
export function readNpmAudit(stdout: string, packages: readonly Locked[]): Asked | undefined {
  let json: unknown
  try {
    json = JSON.parse(stdout)
  } catch {
    return undefined
  }
  const parsed = NpmAudit.safeParse(json)
  if (!parsed.success) return undefined
  const advisories = packages.flatMap(({ name, version }) =>
    (parsed.data.vulnerabilities[name]?.via ?? []).flatMap((via): Advisory[] => {
      if (typeof via === "string" || via.name !== name) return []
      const range = via.range ?? "*"
      if (semver.valid(version) !== null && !semver.satisfies(version, range, { includePrerelease: true })) return []
      const title = [via.title ?? "an advisory without a title", via.url ?? ""].filter((part) => part !== "").join(" ")
      return [{ name, version, title, severity: via.severity ?? "unknown", fixed: `outside ${range}` }]
    }),
  )
  return { is: "known", advisories, by: "npm audit" }
}
