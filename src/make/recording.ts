import { createHash } from "node:crypto"
import { readdir, readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import { z } from "zod"
import { Failure } from "../core/failure.ts"

/*
 * A recording is a folder of sessions. A session is two files: NAME.json (this schema: whose it is, and what it
 * changed) and NAME.jsonl, the agent's lines exactly as its CLI printed them. The smallest example is
 * src/make/fixtures/recording/. A session is played only where everything matches: the finding, the attempt, the role,
 * and the blobs it changes (a maker), was shown (whoever judges a diff) or rests on (whoever looks at a checkout). Nothing is
 * ever played by guess.
 */

const BlobId = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/, "is not a full git blob id")

const RelativePath = z
  .string()
  .refine(
    (path) => path !== "" && !path.startsWith("/") && !/(^|\/)(\.{0,2})(\/|$)/.test(path),
    "is not a plain relative path",
  )

/** One file a maker changed: from the blob it had (null: there was none) to its new content (null: removed). */
export const Edit = z.strictObject({
  path: RelativePath,
  before: BlobId.nullable(),
  after: z
    .strictObject({
      content: z.string(),
      encoding: z.enum(["utf8", "base64"]).default("utf8"),
      executable: z.boolean().default(false),
    })
    .nullable(),
})
export type Edit = z.infer<typeof Edit>

/** One file that an answer rests on, with its blob in the checkout (null: there is none). */
const Seen = z.strictObject({ path: RelativePath, blob: BlobId.nullable() })
type Seen = z.infer<typeof Seen>

const common = {
  /** The version of this format. */
  recording: z.literal(1),
  /** The finding's fingerprint. */
  finding: z.string().min(1),
  attempt: z.number().int().positive(),
  /** Whose lines NAME.jsonl holds, and so how they are read. */
  format: z.enum(["claude", "codex"]),
  agent: z.strictObject({ version: z.string(), model: z.string().optional() }),
  recordedAt: z.string(),
}

/** The schema of NAME.json. */
export const SessionFile = z.discriminatedUnion("role", [
  z.strictObject({ ...common, role: z.literal("maker"), edits: z.array(Edit) }),
  /** All files of the diff under review, as the head has them. */
  z.strictObject({ ...common, role: z.literal("reviewer"), seen: z.array(Seen).min(1) }),
  z.strictObject({
    ...common,
    role: z.literal("evaluator"),
    /** Whether `seen` lists all files of a change's diff, or, of the base itself, those on which the answer rests. */
    of: z.enum(["diff", "checkout"]),
    seen: z.array(Seen).min(1),
  }),
  /** Those files of the checkout on which the answer rests. */
  z.strictObject({ ...common, role: z.enum(["planner", "explorer"]), seen: z.array(Seen).min(1) }),
])
export type SessionFile = z.infer<typeof SessionFile>

/** Whose sessions can be played; what others answer names things of their own run. */
export const RecordedRole = z.enum(["maker", "reviewer", "evaluator", "planner", "explorer"])

/** A session as it was read: where from, and its lines. */
export type RecordedSession = { name: string; file: SessionFile; lines: string[] }

/** Reads every session of a folder. Failure RECORDING_UNREADABLE names the file and what is wrong with it. */
export async function loadRecording(folder: string): Promise<RecordedSession[]> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw unreadable(folder, "the folder can't be read", cause)
  })
  const sessions = names.filter((name) => name.endsWith(".json")).sort()
  if (sessions.length === 0) throw unreadable(folder, "it holds no session (NAME.json beside NAME.jsonl)")
  if (sessions.length > maxSessions) throw unreadable(folder, `it holds more than ${maxSessions} sessions`)
  return Promise.all(sessions.map((name) => loadSession(folder, name.slice(0, -".json".length))))
}

async function loadSession(folder: string, name: string): Promise<RecordedSession> {
  const path = join(folder, `${name}.json`)
  const [meta, lines] = await Promise.all([readLimited(path), readLimited(join(folder, `${name}.jsonl`))])
  let json: unknown
  try {
    json = JSON.parse(meta)
  } catch (cause) {
    throw unreadable(path, "it is not JSON", cause)
  }
  const parsed = SessionFile.safeParse(json)
  if (!parsed.success) throw unreadable(path, z.prettifyError(parsed.error))
  return { name, file: parsed.data, lines: lines.split("\n").filter((line) => line.trim() !== "") }
}

async function readLimited(path: string): Promise<string> {
  try {
    const { size } = await stat(path)
    if (size > maxFileBytes) throw new Error(`it is larger than ${maxFileBytes} bytes`)
    return await readFile(path, "utf8")
  } catch (cause) {
    throw unreadable(path, cause instanceof Error ? cause.message : "it can't be read", cause)
  }
}

/** What a session to be played must match. `blobOf` gives the blob id of a file where the agent runs; undefined: no such file. */
export type Wanted = {
  role: SessionFile["role"]
  finding: string
  attempt: number
  /** The paths that the diff under judgement touches; unset: there is none. */
  diffPaths?: readonly string[]
  blobOf: (path: string, like: string | null) => Promise<string | undefined>
}

/** The one session that matches, or why there is none. */
export async function matchSession(
  sessions: readonly RecordedSession[],
  wanted: Wanted,
): Promise<{ is: "match"; session: RecordedSession } | { is: "none"; why: string }> {
  const ofFinding = sessions.filter(({ file }) => file.role === wanted.role && file.finding === wanted.finding)
  if (ofFinding.length === 0) return none(`no recorded ${wanted.role} session is of the finding ${wanted.finding}`)
  const ofAttempt = ofFinding.filter(({ file }) => file.attempt === wanted.attempt)
  if (ofAttempt.length === 0) {
    const known = ofFinding.map(({ file }) => file.attempt).join(", ")
    return none(
      `the finding ${wanted.finding} has ${wanted.role} sessions of attempt ${known}, none of attempt ${wanted.attempt}`,
    )
  }
  const misses: string[] = []
  const matches: RecordedSession[] = []
  for (const session of ofAttempt) {
    const miss = await missOf(session.file, wanted)
    if (miss === undefined) matches.push(session)
    else misses.push(`${session.name}: ${miss}`)
  }
  const [first, second] = matches
  if (first === undefined) return none(`what was recorded is not what is here (${misses.join("; ")})`)
  if (second !== undefined) return none(`two recorded sessions match: ${first.name} and ${second.name}`)
  return { is: "match", session: first }
}

/** The first thing in which what is here is not what was recorded. */
function missOf(file: SessionFile, wanted: Wanted): Promise<string | undefined> | string {
  switch (file.role) {
    case "maker":
      return editsMiss(file.edits, wanted)
    case "reviewer":
      return diffMiss(file.seen, wanted)
    case "evaluator":
      return file.of === "diff" ? diffMiss(file.seen, wanted) : checkoutMiss(file.seen, wanted)
    case "planner":
    case "explorer":
      return checkoutMiss(file.seen, wanted)
  }
}

async function editsMiss(edits: readonly Edit[], { blobOf }: Wanted): Promise<string | undefined> {
  for (const { path, before } of edits) {
    const now = (await blobOf(path, before)) ?? null
    if (now !== before)
      return `it starts from ${path} at ${before ?? "no such file"}, here it is ${now ?? "no such file"}`
  }
  return undefined
}

function diffMiss(seen: readonly Seen[], wanted: Wanted): Promise<string | undefined> | string {
  const { diffPaths = [] } = wanted
  const recorded = seen.map(({ path }) => path).sort()
  const shown = [...new Set(diffPaths)].sort()
  if (recorded.join("\n") !== shown.join("\n")) {
    return `it judged a diff of ${recorded.join(", ")}, this one is of ${shown.join(", ") || "nothing"}`
  }
  return seenMiss(seen, wanted)
}

function checkoutMiss(seen: readonly Seen[], wanted: Wanted): Promise<string | undefined> | string {
  if (wanted.diffPaths !== undefined) return "it looked at a checkout, and here a diff is to be judged"
  return seenMiss(seen, wanted)
}

async function seenMiss(seen: readonly Seen[], { blobOf }: Wanted): Promise<string | undefined> {
  for (const { path, blob } of seen) {
    const now = (await blobOf(path, blob)) ?? null
    if (now !== blob) return `it saw ${path} at ${blob ?? "no such file"}, here it is ${now ?? "no such file"}`
  }
  return undefined
}

/** The id git gives a file of this content; `like` (an id of the same repository) tells which hash it uses. */
export function blobId(content: Uint8Array, like?: string | null): string {
  const hash = createHash(like?.length === 64 ? "sha256" : "sha1")
  return hash.update(`blob ${content.byteLength}\0`).update(content).digest("hex")
}

/** The paths a git diff touches, both sides of a rename. Only header lines start in the first column with these words. */
export function pathsOfDiff(diff: string): string[] {
  const paths = new Set<string>()
  for (const section of diff.split(/^(?=diff --git )/m)) {
    const header = /^diff --git (.*)$/m.exec(section)?.[1]
    if (header === undefined || !section.startsWith("diff --git ")) continue
    const head = section.split(/^@@ /m, 1)[0] ?? ""
    const moved = [...head.matchAll(/^(?:rename|copy) (?:from|to) (.*)$/gm)].flatMap(([, path]) =>
      path ? [unquote(path)] : [],
    )
    if (moved.length > 0) for (const path of moved) paths.add(path)
    else {
      // Both sides name the same path: it is the second half of the header.
      const quoted = /^"(?:[^"\\]|\\.)*" ("(?:[^"\\]|\\.)*")$/.exec(header)?.[1]
      const half = header.slice((header.length + 1) / 2)
      paths.add((quoted === undefined ? half : unquote(quoted)).replace(/^[^/]*\//, ""))
    }
  }
  return [...paths]
}

/** Undoes git's C-style quoting of unusual paths. */
function unquote(path: string): string {
  if (!path.startsWith('"')) return path
  const bytes: number[] = []
  for (const [, octal, escaped, plain] of path.slice(1, -1).matchAll(/\\([0-7]{3})|\\(.)|([^\\]+)/gs)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8))
    else if (escaped !== undefined) bytes.push(...Buffer.from({ n: "\n", t: "\t", r: "\r" }[escaped] ?? escaped))
    else if (plain !== undefined) bytes.push(...Buffer.from(plain))
  }
  return Buffer.from(bytes).toString("utf8")
}

function none(why: string): { is: "none"; why: string } {
  return { is: "none", why }
}

function unreadable(path: string, why: string, cause?: unknown): Failure {
  return new Failure("RECORDING_UNREADABLE", `The recording ${path} can't be used: ${why}.`, {
    hint: "A recording is a folder of sessions: NAME.json (whose it is, what it changed) beside NAME.jsonl (the agent's lines).",
    cause,
  })
}

const maxSessions = 1_000
const maxFileBytes = 32 * 1024 * 1024
