import { defaultPool, type PoolSize } from "../core/limits.ts"
import type { CheckSpec, Loop } from "../core/loop.ts"
import { checkShape } from "./check-shape.ts"
import { readChecks } from "./definitions.ts"
import type { Diagnostic } from "./diagnostic.ts"
import { defaultGuardrails, readGuardrails } from "./guardrails.ts"
import { readNetwork } from "./network.ts"
import { defaultRetention, type Retention, readPool, readRetention } from "./retention.ts"
import { RawChecks, RawConfig } from "./shape.ts"
import type { ReadTree } from "./tree.ts"
import { readTrust } from "./trust.ts"
import { loopVocabulary } from "./vocabulary.ts"
import { isRecord, readYaml } from "./yaml-file.ts"

/** `.flyball/config.yaml`, read: what loops inherit, which connectors have settings, what is kept and prepared. */
export type ProjectConfig = Pick<Loop, "autonomy" | "isolation" | "strict" | "guardrails" | "network"> & {
  connectors: string[]
  /** Whose text may become work, where it is said. */
  trust?: string[]
  retention: Retention
  pool: PoolSize
}

const configFiles = [".flyball/config.yaml", ".flyball/config.yml"]
const checkFiles = [".flyball/checks.yaml", ".flyball/checks.yml"]

/** The repository's configuration on top of Flyball's defaults. */
export async function readConfig(tree: ReadTree, diagnostics: Diagnostic[]): Promise<ProjectConfig> {
  const config: ProjectConfig = {
    autonomy: "draft",
    isolation: "worktree",
    strict: false,
    guardrails: defaultGuardrails,
    connectors: [],
    retention: defaultRetention,
    pool: defaultPool,
  }
  const found = await readFirst(tree, configFiles, "The configuration", diagnostics)
  if (found?.data === undefined) return config
  const vocabulary = {
    sections: { ...loopVocabulary.sections, "": Object.keys(RawConfig.shape) },
    synonyms: loopVocabulary.synonyms,
  }
  const raw = checkShape(found.source, RawConfig, found.data, vocabulary)
  if (raw === undefined) return config
  const { guardrails = {}, ...defaults } = raw.defaults ?? {}
  const network = readNetwork(found.source, ["defaults", "network"], defaults.network)
  const trust = readTrust(found.source, raw.trust)
  return {
    ...(trust === undefined ? {} : { trust }),
    autonomy: defaults.autonomy ?? config.autonomy,
    isolation: defaults.isolation ?? config.isolation,
    strict: defaults.strict ?? config.strict,
    guardrails: readGuardrails(found.source, ["defaults", "guardrails"], guardrails, defaultGuardrails),
    ...(network === undefined ? {} : { network }),
    connectors: Object.keys(raw.connectors ?? {}),
    retention: readRetention(found.source, raw.retention),
    pool: readPool(found.source, raw.pool),
  }
}

/** The checks of `.flyball/checks.yaml`: a mapping of names to commands, as under `checks:` in a loop. */
export async function readChecksFile(tree: ReadTree, diagnostics: Diagnostic[]): Promise<Record<string, CheckSpec>> {
  const found = await readFirst(tree, checkFiles, "The checks", diagnostics)
  if (found?.data === undefined) return {}
  const { checks, ...rest } = found.data
  const nested = isRecord(checks) && checks.run === undefined && Object.keys(rest).length === 0
  const prefix = nested ? ["checks"] : []
  const raw = checkShape(
    found.source,
    RawChecks,
    nested ? checks : found.data,
    { sections: { ...loopVocabulary.sections, "": [] }, synonyms: loopVocabulary.synonyms },
    prefix,
  )
  return readChecks(found.source, prefix, raw ?? {}, found.source.file)
}

async function readFirst(tree: ReadTree, files: readonly string[], what: string, diagnostics: Diagnostic[]) {
  for (const file of files) {
    const text = await tree.read(file)
    if (text === undefined) continue
    // A file with nothing but comments says nothing, and that is fine here.
    if (
      text
        .replace(/^\ufeff/, "")
        .split("\n")
        .every((line) => /^\s*(#.*)?$/.test(line.trimEnd()))
    )
      return undefined
    return readYaml(file, text, what, diagnostics)
  }
  return undefined
}
