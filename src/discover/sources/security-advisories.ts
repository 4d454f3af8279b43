import { posix } from "node:path"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import { type Finding, Severity } from "../../core/finding.ts"
import type { Source, SourceContext } from "../../core/ports.ts"
import { askNpm } from "../../lib/npm.ts"
import { findBase } from "../base-files.ts"
import { fingerprint } from "../fingerprint.ts"
import { bodyOf, count, oneLine, titleOf } from "../text.ts"
import { npmFiles, unreachable, whereOf } from "./npm-files.ts"

const TIMEOUT_MS = 2 * 60_000

/** Known weaknesses of what the lock file pins. */
export const securityAdvisories: Source = {
  name: "security_advisories",
  doc: "`security_advisories`: one finding for each locked package with known advisories, by `npm audit`; `security_advisories(high)` leaves out what is less grave. Needs npm and its registry.",
  async discover(context, args) {
    const found = (notes: string[], findings: Finding[] = []) => ({ findings, context: [], notes })
    const files = await npmFiles(context)
    if (files?.lock === undefined) throw await lacksLock(context, files !== undefined)
    const { manifest, lock, npmrc, sharesLock } = files
    // Of a member of a workspace: what it needs, as the lock file that all of them share pins it.
    const asking =
      sharesLock === undefined
        ? { manifest, lock, npmrc }
        : { manifest: sharesLock.root, lock, npmrc, member: { path: sharesLock.path, manifest } }
    const only = sharesLock === undefined ? [] : [`--workspace=${sharesLock.path}`]
    const asked = await askNpm(["audit", "--package-lock-only", ...only], asking, {
      timeoutMs: TIMEOUT_MS,
      signal: context.signal,
    })
    if (asked.is === "unknown") throw unreachable("security_advisories", asked.why)
    const weak = readAudit(asked.stdout)
    if (weak === undefined) throw unreachable("security_advisories", `${asked.registry} could not be asked`)
    const least = Severity.safeParse(args[0] === "moderate" ? "medium" : args[0])
    const grave = weak.filter(({ severity }) => !least.success || order.indexOf(severity) <= order.indexOf(least.data))
    const left = weak.length - grave.length
    const file = sharesLock === undefined ? (files.lockPath ?? "package-lock.json") : files.manifestPath
    return found(
      [
        `npm audit: ${count(weak.length, "package")} with known advisories${left === 0 ? "" : `, ${left} of them less grave than asked for`}.`,
      ],
      grave.map((each) => toFinding(each, file, context.base.sha)),
    )
  },
}

/** Other package managers' locks, and what of each tells of advisories. */
const otherLocks = {
  "pnpm-lock.yaml": "pnpm audit --json",
  "yarn.lock": "yarn npm audit --json",
  "poetry.lock": "pip-audit --format json",
  "uv.lock": "pip-audit --format json",
  "Pipfile.lock": "pip-audit --format json",
  "Cargo.lock": "cargo audit --json",
  "go.sum": "govulncheck -format json ./...",
}

/** What is missing, and how to have it, or the same from elsewhere. */
async function lacksLock(context: SourceContext, hasManifest: boolean): Promise<Failure> {
  const where = whereOf(context)
  const folder = context.loop.path ?? ""
  const found: string[] = []
  for (const name of Object.keys(otherLocks)) {
    const path = posix.join(folder, name)
    if ((await findBase(context, path)) !== undefined) found.push(name)
  }
  const [other] = Object.entries(otherLocks).filter(([name]) => found.includes(name))
  const has = other === undefined ? "" : `, but ${other[0]}, which npm can't be asked about`
  const missing = hasManifest ? "no package-lock.json" : "neither package.json nor package-lock.json"
  const hint =
    other !== undefined
      ? `Take the source out of the loop, and run \`${other[1]}\` in CI: \`scan_ci_failures\` makes findings of what fails there.`
      : hasManifest
        ? "`npm install --package-lock-only` writes one without installing anything: commit it."
        : "Take the source out of the loop: npm's packages are all it knows."
  return new Failure("SOURCE_UNAVAILABLE", `security_advisories: ${where} has ${missing}${has}.`, {
    hint,
    retry: "person",
  })
}

const order: Severity[] = ["critical", "high", "medium", "low"]

const Advisory = z.object({
  source: z.union([z.number(), z.string()]).optional(),
  name: z.string(),
  title: z.string().nullish(),
  url: z.string().nullish(),
  range: z.string().nullish(),
})
const Audit = z.object({
  auditReportVersion: z.number(),
  vulnerabilities: z.record(
    z.string(),
    z.object({
      severity: z.string(),
      isDirect: z.boolean().optional(),
      via: z.array(z.union([z.string(), Advisory])),
      effects: z.array(z.string()).optional(),
      fixAvailable: z
        .union([
          z.boolean(),
          z.object({ name: z.string(), version: z.string(), isSemVerMajor: z.boolean().optional() }),
        ])
        .optional(),
    }),
  ),
})
type Advisory = z.infer<typeof Advisory>
type Vulnerable = z.infer<typeof Audit>["vulnerabilities"][string]
type Weak = { name: string; severity: Severity; advisories: Advisory[]; facts: Vulnerable }

/** The packages that are weak themselves; those that only depend on one are told of in its text. */
function readAudit(stdout: string): Weak[] | undefined {
  let json: unknown
  try {
    json = JSON.parse(stdout)
  } catch {
    return undefined
  }
  const parsed = Audit.safeParse(json)
  if (!parsed.success) return undefined
  return Object.entries(parsed.data.vulnerabilities).flatMap(([name, facts]): Weak[] => {
    const advisories = facts.via.filter((via) => typeof via !== "string").filter((via) => via.name === name)
    return advisories.length === 0 ? [] : [{ name, severity: severityOf(facts.severity), advisories, facts }]
  })
}

function severityOf(word: string): Severity {
  const known = Severity.safeParse(word)
  if (known.success) return known.data
  return word === "moderate" ? "medium" : "low"
}

function toFinding({ name, severity, advisories, facts }: Weak, file: string, commit: string): Finding {
  const { isDirect, effects = [], fixAvailable } = facts
  const ids = advisories.map(({ source, url }) => String(url ?? source ?? "")).sort()
  const lines = advisories.map(({ title, range, url }) =>
    [title ?? "an advisory", range === undefined || range === null ? "" : `(${range})`, url ?? ""].join(" ").trim(),
  )
  const way = isDirect === true ? "A direct dependency." : `Comes through: ${effects.join(", ") || "another package"}.`
  const fix =
    typeof fixAvailable === "object"
      ? `npm install ${fixAvailable.name}@${fixAvailable.version}${fixAvailable.isSemVerMajor === true ? " (a new major version)" : ""}`
      : fixAvailable === true
        ? "npm audit fix"
        : undefined
  const url = advisories[0]?.url
  return {
    fingerprint: fingerprint({ kind: "advisory", rule: name, file, wrong: ids.join(" ") }),
    source: "security_advisories",
    title: titleOf(`${oneLine(name, 80)}: ${oneLine(advisories[0]?.title ?? "known weakness", 100)}`),
    body: bodyOf([...lines, way, fix === undefined ? "No fixed version is known yet." : ""].join("\n").trim()),
    severity,
    module: "dependencies",
    file,
    commit,
    ...(typeof url === "string" ? { url: oneLine(url, 300) } : {}),
    ...(fix === undefined ? {} : { suggested: oneLine(fix, 200) }),
    attemptable: fix !== undefined,
    ...(fix === undefined ? { reason: "no fixed version is known" } : {}),
    confidence: 0.7,
    size: typeof fixAvailable === "object" && fixAvailable.isSemVerMajor === true ? "medium" : "small",
  }
}
