import { parse as parseToml } from "smol-toml"
import { parse as parseYaml } from "yaml"
import { z } from "zod"
import { type Ecosystem, pythonName } from "./manifest.ts"

/** One package as a lock file pins it. */
export type Locked = {
  name: string
  version: string
  /** Where it is fetched from, as far as the lock says. */
  from?: string | undefined
  integrity?: string | undefined
  licence?: string | undefined
  installScript: boolean
}

/** `records` says what this kind of lock would show of a package: what it doesn't, nobody can read from it. */
export type Lock = { packages: Locked[]; records: { licences: boolean; installScripts: boolean } }

const PLAIN = { licences: false, installScripts: false }

/** What a lock file pins; undefined where it can't be read. */
export function readLock(path: string, text: string | undefined): Lock | undefined {
  if (text === undefined || text.trim() === "") return { packages: [], records: PLAIN }
  const reader = lockReaders.find(({ name }) => name.test(path))
  try {
    return reader?.read(text)
  } catch {
    return undefined
  }
}

/** The world a lock file belongs to; undefined for files that are none, or that nothing here reads. */
export function ecosystemOfLock(path: string): Ecosystem | undefined {
  return lockReaders.find(({ name }) => name.test(path))?.ecosystem
}

type Reader = { name: RegExp; ecosystem: Ecosystem; read(text: string): Lock }

const lockReaders: readonly Reader[] = [
  { name: /(^|\/)(package-lock|npm-shrinkwrap)\.json$/, ecosystem: "npm", read: packageLock },
  { name: /(^|\/)pnpm-lock\.yaml$/, ecosystem: "npm", read: pnpmLock },
  { name: /(^|\/)yarn\.lock$/, ecosystem: "npm", read: yarnLock },
  { name: /(^|\/)(poetry|uv|pdm)\.lock$/, ecosystem: "python", read: (text) => tomlLock(text, pythonName) },
  { name: /(^|\/)Pipfile\.lock$/, ecosystem: "python", read: pipfileLock },
  { name: /(^|\/)go\.sum$/, ecosystem: "go", read: goSum },
  { name: /(^|\/)Cargo\.lock$/, ecosystem: "rust", read: (text) => tomlLock(text, (name) => name) },
]

const Pinned = z.object({
  name: z.string().optional(),
  version: z.string().optional(),
  resolved: z.union([z.string(), z.boolean()]).optional(),
  integrity: z.string().optional(),
  license: z.unknown().optional(),
  hasInstallScript: z.boolean().optional(),
  link: z.boolean().optional(),
})
const PackageLock = z.object({
  lockfileVersion: z.number().optional(),
  packages: z.record(z.string(), Pinned).optional(),
})
const OldPinned = Pinned.extend({ dependencies: z.record(z.string(), z.unknown()).optional() })

function packageLock(text: string): Lock {
  const json: unknown = JSON.parse(text)
  const { packages: found } = PackageLock.parse(json)
  if (found === undefined) return { packages: oldPackages(json), records: PLAIN }
  const packages = Object.entries(found).flatMap(([path, pinned]): Locked[] => {
    const at = path.lastIndexOf("node_modules/")
    if (at === -1 || pinned.link === true) return []
    return [npmLocked(pinned.name ?? path.slice(at + "node_modules/".length), pinned)]
  })
  return { packages, records: { licences: true, installScripts: true } }
}

/** Version 1 of the format: dependencies nested in dependencies. */
function oldPackages(json: unknown, depth = 0): Locked[] {
  const { dependencies = {} } = OldPinned.parse(json)
  if (depth > 50) return []
  return Object.entries(dependencies).flatMap(([name, value]) => [
    npmLocked(name, OldPinned.parse(value)),
    ...oldPackages(value, depth + 1),
  ])
}

function npmLocked(
  name: string,
  { version = "", resolved, integrity, license, hasInstallScript }: z.infer<typeof Pinned>,
): Locked {
  return {
    name,
    version,
    ...(typeof resolved === "string" ? { from: resolved } : {}),
    ...(integrity === undefined ? {} : { integrity }),
    ...(typeof license === "string" ? { licence: license } : {}),
    installScript: hasInstallScript === true,
  }
}

const PnpmLock = z.object({
  packages: z
    .record(
      z.string(),
      z.object({
        resolution: z.object({
          integrity: z.string().optional(),
          tarball: z.string().optional(),
          repo: z.string().optional(),
        }),
        requiresBuild: z.boolean().optional(),
      }),
    )
    .nullish(),
})

function pnpmLock(text: string): Lock {
  const packages = Object.entries(PnpmLock.parse(parseYaml(text)).packages ?? {}).map(([key, pinned]): Locked => {
    const bare = key.replace(/^\//, "").replace(/\(.*$/, "")
    const at = bare.indexOf("@", 1)
    const { integrity, tarball, repo } = pinned.resolution
    const from = tarball ?? (repo === undefined ? undefined : `git+${repo}`)
    return {
      name: at === -1 ? bare : bare.slice(0, at),
      version: at === -1 ? "" : bare.slice(at + 1),
      ...(integrity === undefined ? {} : { integrity }),
      ...(from === undefined ? {} : { from }),
      installScript: pinned.requiresBuild === true,
    }
  })
  return { packages, records: { licences: false, installScripts: /requiresBuild:/.test(text) } }
}

/** Yarn's own format and its later YAML look alike where it matters: a heading of names, then indented fields. */
function yarnLock(text: string): Lock {
  const packages = text.split(/\n(?=\S)/).flatMap((block): Locked[] => {
    const [heading = "", ...lines] = block.split("\n")
    const first = heading.replace(/:\s*$/, "").split(",")[0]?.trim().replace(/^"|"$/g, "") ?? ""
    const at = first.indexOf("@", 1)
    const field = (name: string) =>
      lines
        .map((line) => new RegExp(`^  "?${name}"?:? "?([^"\\s]+)"?`).exec(line)?.[1])
        .find((found) => found !== undefined)
    const version = field("version")
    if (at === -1 || version === undefined || first.startsWith("__")) return []
    const from = field("resolved") ?? field("resolution")?.replace(/^.*@npm:.*$/, "")
    const integrity = field("integrity") ?? field("checksum")
    // A workspace of the project itself.
    if (/@workspace:/.test(first)) return []
    return [
      {
        name: first.slice(0, at),
        version,
        ...(from === undefined || from === "" ? {} : { from }),
        ...(integrity === undefined ? {} : { integrity }),
        installScript: false,
      },
    ]
  })
  return { packages, records: PLAIN }
}

const TomlLock = z.object({
  package: z
    .array(
      z.object({
        name: z.string(),
        version: z.string().optional(),
        source: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
        checksum: z.string().optional(),
      }),
    )
    .optional(),
})

/** poetry, uv, pdm and Cargo: a list of packages. Without a source it is the project's own, or the usual registry. */
function tomlLock(text: string, nameOf: (name: string) => string): Lock {
  const packages = (TomlLock.parse(parseToml(text)).package ?? []).map((found): Locked => {
    const { name, version = "", source, checksum } = found
    const from = typeof source === "string" ? source : foreignTable(source)
    return {
      name: nameOf(name),
      version,
      ...(from === undefined ? {} : { from }),
      ...(checksum === undefined ? {} : { integrity: checksum }),
      installScript: false,
    }
  })
  return { packages, records: PLAIN }
}

function foreignTable(source: Record<string, unknown> | undefined): string | undefined {
  const url = source?.git ?? (source?.type === "git" ? source?.url : undefined)
  if (typeof url === "string") return `git+${url}`
  const other = source?.url ?? source?.registry
  return typeof other === "string" ? other : undefined
}

const PipfileLock = z.record(z.string(), z.record(z.string(), z.unknown()))

function pipfileLock(text: string): Lock {
  const { _meta, ...groups } = PipfileLock.parse(JSON.parse(text))
  const packages = Object.values(groups).flatMap((group) =>
    Object.entries(group).map(([name, value]): Locked => {
      const pinned = z.object({ version: z.string().optional(), git: z.string().optional() }).safeParse(value).data
      return {
        name: pythonName(name),
        version: pinned?.version?.replace(/^==/, "") ?? "",
        ...(pinned?.git === undefined ? {} : { from: `git+${pinned.git}` }),
        installScript: false,
      }
    }),
  )
  return { packages, records: PLAIN }
}

/** `module version h1:…`; the sums of go.mod files alone pin nothing that is built. */
function goSum(text: string): Lock {
  const packages = text.split("\n").flatMap((line): Locked[] => {
    const [name = "", version = "", integrity] = line.trim().split(/\s+/)
    if (name === "" || version === "" || version.endsWith("/go.mod")) return []
    return [{ name, version, ...(integrity === undefined ? {} : { integrity }), installScript: false }]
  })
  return { packages, records: PLAIN }
}
