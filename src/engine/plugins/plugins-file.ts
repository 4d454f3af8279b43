import { lstat, mkdir, readFile, writeFile } from "node:fs/promises"
import { dirname, join } from "node:path"
import { parse, stringify } from "yaml"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import { repositoryPath } from "../../core/untrusted.ts"

/** One plug-in as `.flyball/plugins.yaml` pins it. */
export const PinnedPlugin = z.strictObject({
  name: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/),
  /** A git URL, or a folder of this machine. */
  source: z.string().min(1).max(1_000),
  /** What was asked for: a branch or a tag. */
  ref: z.string().max(200).optional(),
  /** A commit's id, or `sha256-…` of a folder's content. */
  version: z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64}|sha256-[0-9a-f]{64})$/),
  /** The plug-in's folder in its source. */
  path: z
    .string()
    .max(500)
    .refine((path) => repositoryPath(path) === path, "not a path inside the source")
    .optional(),
})
export type PinnedPlugin = z.infer<typeof PinnedPlugin>

/** Where the plug-ins of a repository are pinned. */
export const PLUGINS_FILE = ".flyball/plugins.yaml"

const File = z.object({ plugins: z.array(PinnedPlugin).max(50).default([]) })

/** What the repository pins; none without a file. Throws Failure PLUGINS_FILE_BROKEN. */
export async function readPluginsFile(root: string): Promise<PinnedPlugin[]> {
  const text = await readFile(join(root, PLUGINS_FILE), "utf8").catch(() => undefined)
  if (text === undefined) return []
  let value: unknown
  try {
    value = parse(text, { maxAliasCount: 0 })
  } catch (cause) {
    throw broken("it is not YAML", cause)
  }
  const parsed = File.safeParse(value ?? {})
  if (parsed.success) return parsed.data.plugins
  const [issue] = parsed.error.issues
  throw broken(`${issue?.path.join(".") ?? ""}: ${issue?.message ?? "it can't be read"}`, parsed.error)
}

/** Writes what the repository pins: only `flyball plugin add` and `remove` do. */
export async function writePluginsFile(root: string, plugins: readonly PinnedPlugin[]): Promise<void> {
  const file = join(root, PLUGINS_FILE)
  for (const path of [dirname(file), file]) {
    const facts = await lstat(path).catch(() => undefined)
    if (facts?.isSymbolicLink())
      throw new Failure("PLUGINS_FILE_LINK", `${path} is a link, and is not written through.`, {
        hint: "Put a folder and a file of the repository in its place.",
      })
  }
  await mkdir(dirname(file), { recursive: true })
  const sorted = [...plugins].sort((a, b) => (a.name < b.name ? -1 : 1))
  await writeFile(file, `${head}${stringify({ plugins: sorted }, { lineWidth: 0 })}`)
}

const head = `# Plug-ins of this repository, each at one version. Written by \`flyball plugin add\` and \`remove\`; commit it.
# Whoever else works here sees and trusts them with \`flyball plugin add\`, without a source.
`

function broken(why: string, cause: unknown): Failure {
  return new Failure("PLUGINS_FILE_BROKEN", `${PLUGINS_FILE} can't be read: ${why.slice(0, 300)}.`, {
    hint: "It is written by `flyball plugin add`; take it back with git, or remove it and add the plug-ins again.",
    retry: "person",
    cause,
  })
}
