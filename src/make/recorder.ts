import { blobId, type SessionFile } from "./recording.ts"

/** What is known of a real session when it is written down. */
export type ToRecord = {
  finding: string
  attempt: number
  format: "claude" | "codex"
  agent: { version: string; model?: string }
  recordedAt: string
  /** The agent's lines as its CLI printed them. */
  lines: readonly string[]
  /** Texts that are of the recording machine and no other (paths of workspaces, of HOME), and what stands for them. */
  scrub?: readonly (readonly [from: string, to: string])[]
} & (
  | {
      role: "maker"
      before: ReadonlyMap<string, Uint8Array>
      after: ReadonlyMap<string, Uint8Array>
      executable?: ReadonlySet<string>
    }
  /** `head` holds what is there of the files. */
  | { role: "reviewer" | "evaluator"; head: ReadonlyMap<string, Uint8Array>; diffPaths: readonly string[] }
  | { role: "evaluator" | "planner" | "explorer"; head: ReadonlyMap<string, Uint8Array>; restsOn: readonly string[] }
)

/**
 * The two files of a session, from a real run: `json` for NAME.json and `jsonl` for NAME.jsonl. A maker's `before` and
 * `after` hold the files of its workspace (only those that differ need be there).
 */
export function recordSession(session: ToRecord): { json: string; jsonl: string } {
  const common = {
    recording: 1 as const,
    finding: session.finding,
    attempt: session.attempt,
    format: session.format,
    agent: session.agent,
    recordedAt: session.recordedAt,
  }
  const file: SessionFile = { ...common, ...whatOf(session) }
  const scrubbed = session.lines.map((line) =>
    (session.scrub ?? []).reduce((text, [from, to]) => text.replaceAll(from, to), line),
  )
  return { json: `${JSON.stringify(file, null, 2)}\n`, jsonl: scrubbed.map((line) => `${line}\n`).join("") }
}

function whatOf(session: ToRecord) {
  if (session.role === "maker") return { role: session.role, edits: editsOf(session) }
  const { head } = session
  const seen = (paths: readonly string[]) =>
    [...paths].sort().map((path) => ({ path, blob: blobOrNull(head.get(path)) }))
  if ("diffPaths" in session)
    return session.role === "reviewer"
      ? { role: session.role, seen: seen(session.diffPaths) }
      : { role: session.role, of: "diff" as const, seen: seen(session.diffPaths) }
  return session.role === "evaluator"
    ? { role: session.role, of: "checkout" as const, seen: seen(session.restsOn) }
    : { role: session.role, seen: seen(session.restsOn) }
}

function editsOf({
  before,
  after,
  executable,
}: Extract<ToRecord, { role: "maker" }>): Extract<SessionFile, { role: "maker" }>["edits"] {
  const paths = [...new Set([...before.keys(), ...after.keys()])].sort()
  return paths.flatMap((path) => {
    const from = before.get(path)
    const to = after.get(path)
    if (from !== undefined && to !== undefined && Buffer.compare(from, to) === 0) return []
    return [
      {
        path,
        before: blobOrNull(from),
        after: to === undefined ? null : contentOf(to, executable?.has(path) ?? false),
      },
    ]
  })
}

function contentOf(
  bytes: Uint8Array,
  executable: boolean,
): { content: string; encoding: "utf8" | "base64"; executable: boolean } {
  const buffer = Buffer.from(bytes)
  const text = buffer.toString("utf8")
  // Text only where it is text: what does not come back byte by byte is kept as base64.
  const isText = Buffer.compare(Buffer.from(text), buffer) === 0
  return { content: isText ? text : buffer.toString("base64"), encoding: isText ? "utf8" : "base64", executable }
}

function blobOrNull(bytes: Uint8Array | undefined): string | null {
  return bytes === undefined ? null : blobId(bytes)
}
