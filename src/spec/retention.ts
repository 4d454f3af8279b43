import { defaultPool, type PoolSize } from "../core/limits.ts"
import { readCount, readSpan } from "./guardrails.ts"
import { reading } from "./misread.ts"
import { readSize } from "./quantity.ts"
import type { RawConfig } from "./shape.ts"
import type { SourceFile } from "./source-file.ts"

/** How long what is over stays, and how much of it there may be. */
export type Retention = { keepMs: number; artifactsBytes: number; databaseBytes: number }

/** What holds unless the project's configuration says otherwise. */
export const defaultRetention: Retention = {
  keepMs: 30 * 24 * 60 * 60_000,
  artifactsBytes: 2e9,
  databaseBytes: 5e9,
}

/** `retention:` of `.flyball/config.yaml`. */
export function readRetention(source: SourceFile, raw: RawConfig["retention"] = {}): Retention {
  const size = (key: "artifacts" | "database", otherwise: number) =>
    raw[key] === undefined
      ? otherwise
      : (reading(source, ["retention", key], "BAD_SIZE", raw[key], readSize) ?? otherwise)
  return {
    keepMs: readSpan(source, ["retention", "keep"], raw.keep, defaultRetention.keepMs),
    artifactsBytes: size("artifacts", defaultRetention.artifactsBytes),
    databaseBytes: size("database", defaultRetention.databaseBytes),
  }
}

/** `pool:` of `.flyball/config.yaml`. */
export function readPool(source: SourceFile, raw: RawConfig["pool"] = {}): PoolSize {
  const { workspaces, size } = raw
  return {
    entries: workspaces === 0 ? 0 : readCount(source, ["pool", "workspaces"], workspaces, defaultPool.entries, 100),
    bytes:
      size === undefined
        ? defaultPool.bytes
        : (reading(source, ["pool", "size"], "BAD_SIZE", size, readSize) ?? defaultPool.bytes),
  }
}
