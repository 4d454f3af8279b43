import { createHash } from "node:crypto"
import type { Loop } from "../core/loop.ts"
import { isRecord } from "./yaml-file.ts"

/**
 * SHA-256 of the canonical loop: sorted keys, without `source` and without where agents and checks came from, so that the
 * same loop has the same hash on every machine and `--explain`'s output the same as the file it explains.
 */
export function hashLoop(loop: Omit<Loop, "hash" | "source">): string {
  const { agents, checks, ...rest } = loop
  return createHash("sha256")
    .update(canonicalJson({ ...rest, agents: withoutOrigin(agents), checks: withoutOrigin(checks) }))
    .digest("hex")
}

/** JSON with sorted keys and nothing undefined: equal values, equal text. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`
  if (!isRecord(value)) return JSON.stringify(value ?? null)
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  return `{${entries
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => `${JSON.stringify(key)}:${canonicalJson(inner)}`)
    .join(",")}}`
}

/** `from`, at every rung of a ladder. */
function withoutOrigin(value: unknown): unknown {
  if (Array.isArray(value)) return value
  if (!isRecord(value)) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => !(key === "from" && typeof inner === "string"))
      .map(([key, inner]) => [key, withoutOrigin(inner)]),
  )
}
