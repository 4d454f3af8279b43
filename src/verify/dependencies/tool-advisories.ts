import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import semver from "semver"
import { z } from "zod"
import { buildEnv } from "../../lib/environment.ts"
import { run } from "../../lib/process.ts"
import type { Advisory, Asked } from "./advisories.ts"
import type { Locked } from "./lock.ts"
import { type Ecosystem, pythonName } from "./manifest.ts"

const TIMEOUT_MS = 90_000
const OUTPUT_BYTES = 16 * 1024 * 1024

type Tool = {
  name: string
  argv(given: Asking): string[]
  /** What stands in the empty folder that it is asked in. */
  files(given: Asking): Record<string, string>
  /** What it says of these packages; undefined where that can't be read. */
  read(stdout: string, packages: readonly Locked[]): Pick<Asked & { is: "known" }, "advisories" | "unseen"> | undefined
}
type Asking = { lock: string; packages: readonly Locked[] }

/**
 * Asks the ecosystem's own tool, where it is on the PATH, for advisories on these packages. It sees names and versions, or
 * the lock file, in an empty folder, and nothing else of the change: none of its code can run.
 */
export async function toolAdvisories(ecosystem: Ecosystem, given: Asking, signal: AbortSignal): Promise<Asked> {
  const tool = tools[ecosystem]
  if (tool === undefined) return { is: "unknown", why: "no tool for it is known here" }
  const folder = await mkdtemp(join(tmpdir(), "flyball-advisories-"))
  try {
    for (const [name, text] of Object.entries(tool.files(given))) await writeFile(join(folder, name), text)
    const env = buildEnv({ home: folder, tmp: folder })
    const ran = await run(tool.argv(given), {
      cwd: folder,
      env,
      timeoutMs: TIMEOUT_MS,
      limitBytes: OUTPUT_BYTES,
      signal,
    })
    signal.throwIfAborted()
    if (ran.ended === "missing") return { is: "unknown", why: `${tool.name} is not installed here` }
    if (ran.ended === "timeout") return { is: "unknown", why: `${tool.name} did not end in time` }
    const read = tool.read(ran.stdout, given.packages)
    if (read !== undefined) return { is: "known", by: tool.name, ...read }
    const said = ran.stderr.trim().split("\n").at(-1)?.slice(0, 200) ?? ""
    return { is: "unknown", why: `${tool.name} gave no answer (exit ${ran.exitCode})${said === "" ? "" : `: ${said}`}` }
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

const PipAudit = z.object({
  dependencies: z.array(
    z.object({
      name: z.string(),
      version: z.string().optional(),
      skip_reason: z.string().optional(),
      vulns: z
        .array(
          z.object({
            id: z.string(),
            fix_versions: z.array(z.string()),
            aliases: z.array(z.string()).optional(),
            description: z.string().nullish(),
          }),
        )
        .optional(),
    }),
  ),
})

const pipAudit: Tool = {
  name: "pip-audit",
  // Nothing is resolved or installed: what is asked about is what the lock file pins.
  argv: () => [
    ...["pip-audit", "--requirement", "requirements.txt", "--no-deps", "--disable-pip"],
    ...["--format", "json", "--progress-spinner", "off"],
  ],
  files: ({ packages }) => {
    const plain = packages.filter(({ name, version }) => /^[\w.-]+$/.test(name) && /^[\w.!+-]+$/.test(version))
    return { "requirements.txt": plain.map(({ name, version }) => `${name}==${version}\n`).join("") }
  },
  read: (stdout, packages) => {
    const parsed = PipAudit.safeParse(json(stdout))
    if (!parsed.success) return undefined
    const { dependencies } = parsed.data
    const found = (locked: Locked) =>
      dependencies.find((each) => pythonName(each.name) === pythonName(locked.name) && each.vulns !== undefined)
    return {
      unseen: packages.filter((locked) => found(locked) === undefined).map(({ name }) => name),
      advisories: packages.flatMap((locked) =>
        (found(locked)?.vulns ?? []).map(({ id, aliases = [], description, fix_versions: fixed }) =>
          advisory(
            locked,
            [id, ...aliases],
            description ?? "",
            fixed.length === 0 ? undefined : `from ${fixed.join(" or ")} on`,
          ),
        ),
      ),
    }
  },
}

const CargoAudit = z.object({
  lockfile: z.object({ "dependency-count": z.number() }),
  vulnerabilities: z.object({
    list: z.array(
      z.object({
        advisory: z.object({ id: z.string(), title: z.string(), aliases: z.array(z.string()).optional() }),
        versions: z.object({ patched: z.array(z.string()) }).nullish(),
        package: z.object({ name: z.string(), version: z.string() }),
      }),
    ),
  }),
})

const cargoAudit: Tool = {
  name: "cargo audit",
  // Cargo's own front would read the project's configuration; this one is what it starts.
  argv: () => ["cargo-audit", "audit", "--json", "--file", "Cargo.lock"],
  files: ({ lock }) => ({ "Cargo.lock": lock }),
  read: (stdout, packages) => {
    const parsed = CargoAudit.safeParse(json(stdout))
    if (!parsed.success) return undefined
    const { list } = parsed.data.vulnerabilities
    return {
      unseen: [],
      advisories: packages.flatMap((locked) =>
        list
          .filter((each) => each.package.name === locked.name && each.package.version === locked.version)
          .map(({ advisory: { id, title, aliases = [] }, versions }) => {
            const patched = versions?.patched ?? []
            return advisory(locked, [id, ...aliases], title, patched.length === 0 ? undefined : patched.join(" or "))
          }),
      ),
    }
  },
}

const Osv = z.object({
  id: z.string(),
  summary: z.string().optional(),
  details: z.string().optional(),
  aliases: z.array(z.string()).optional(),
  affected: z.array(
    z.object({
      package: z.object({ name: z.string() }),
      ranges: z
        .array(
          z.object({ events: z.array(z.object({ introduced: z.string().optional(), fixed: z.string().optional() })) }),
        )
        .optional(),
    }),
  ),
})
const VulnMessage = z.object({ config: z.object({ scanner_name: z.string() }).optional(), osv: Osv.optional() })

const govulncheck: Tool = {
  name: "govulncheck",
  // By names and versions: to look which functions are called it would have to build the change.
  argv: ({ packages }) => [
    ...["govulncheck", "-mode=query", "-format=json"],
    ...packages.map(({ name, version }) => `${name}@${version.startsWith("v") ? version : `v${version}`}`),
  ],
  files: () => ({}),
  read: (stdout, packages) => {
    const messages = z.array(VulnMessage).safeParse(manyJson(stdout))
    // Its first message names it: without one it did not begin.
    if (!messages.success || !messages.data.some(({ config }) => config !== undefined)) return undefined
    const osvs = new Map(messages.data.flatMap(({ osv }) => (osv === undefined ? [] : [[osv.id, osv] as const])))
    return {
      unseen: [],
      advisories: packages.flatMap((locked) =>
        [...osvs.values()].flatMap((osv) => {
          const fixed = fixedOf(osv, locked)
          if (fixed === undefined) return []
          const { id, aliases = [], summary, details = "" } = osv
          return [
            advisory(locked, [id, ...aliases], summary ?? details, fixed === "never" ? undefined : `from v${fixed} on`),
          ]
        }),
      ),
    }
  },
}

const tools: Partial<Record<Ecosystem, Tool>> = { python: pipAudit, rust: cargoAudit, go: govulncheck }

/** The version that mends it; undefined where this version is not affected. */
function fixedOf({ affected }: z.infer<typeof Osv>, { name, version }: Locked): string | undefined {
  const own = semver.parse(version.replace(/^v/, ""))
  for (const { package: each, ranges = [] } of affected) {
    if (each.name !== name) continue
    if (own === null || ranges.length === 0) return "never"
    for (const { events } of ranges) {
      let since = false
      for (const { introduced, fixed } of events) {
        if (introduced !== undefined) since = introduced === "0" || semver.gte(own, introduced)
        if (fixed === undefined || !since) continue
        if (semver.lt(own, fixed)) return fixed
        since = false
      }
      if (since) return "never"
    }
  }
  return undefined
}

function advisory(
  { name, version }: Locked,
  ids: readonly string[],
  text: string,
  fixed: string | undefined,
): Advisory {
  const [first = "", ...others] = ids
  const line = text.replace(/\s+/g, " ").trim().slice(0, 200)
  const title = `${first}${others.length === 0 ? "" : ` (${others.slice(0, 3).join(", ")})`}${line === "" ? "" : `: ${line}`}`
  return { name, version, title, severity: "unknown", fixed }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** Objects one after another, each over many lines, as Go's encoder indents them. */
function manyJson(text: string): unknown[] | undefined {
  const parts = text.split(/^\}\s*$/m).filter((part) => part.trim() !== "")
  const read = parts.map((part) => json(`${part}}`))
  return read.includes(undefined) ? undefined : read
}
