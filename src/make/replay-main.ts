import { constants } from "node:fs"
import { lstat, mkdir, open, readFile, readlink, rm } from "node:fs/promises"
import { dirname, join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import { parseArgs } from "node:util"
import { asFailure } from "../core/failure.ts"
import { Finding } from "../core/finding.ts"
import {
  blobId,
  type Edit,
  loadRecording,
  matchSession,
  pathsOfDiff,
  RecordedRole,
  type RecordedSession,
} from "./recording.ts"

/*
 * The program behind `use: replay`: it stands where an agent's CLI would stand, prints the recorded lines and does the
 * recorded edits in the folder it was started in. It is a program of its own, so that the same runner, sandbox and
 * limits hold it. The first line says what it is; without a session that matches it says why, and leaves with 3.
 */

await main()

async function main(): Promise<void> {
  let session: RecordedSession
  try {
    session = await find()
  } catch (thrown) {
    await print(JSON.stringify({ type: "flyball.no_recording", why: asFailure(thrown).message }))
    process.exitCode = 3
    return
  }
  const { file, lines, name } = session
  await print(
    JSON.stringify({
      type: "flyball.replay",
      session: name,
      format: file.format,
      recordedAt: file.recordedAt,
      agent: file.agent,
    }),
  )
  const paceMs = Number(options().pace ?? "0")
  const say = async (line: string) => {
    await print(line)
    if (paceMs > 0) await wait(paceMs)
  }
  for (const line of lines.slice(0, -1)) await say(line)
  // Before the last line, which is the agent's final account: it is not to say done before all is done. Every
  // pre-image was seen to match before the first write.
  if (file.role === "maker") for (const edit of file.edits) await apply(edit)
  for (const line of lines.slice(-1)) await say(line)
}

async function find(): Promise<RecordedSession> {
  const { recording, role, attempt, finding, diff } = options()
  if (recording === undefined || finding === undefined || role === undefined)
    throw new Error("usage: replay --recording DIR --role ROLE --attempt N --finding FILE [--diff FILE] [--pace MS]")
  const recorded = RecordedRole.safeParse(role)
  if (!recorded.success) throw new Error(`a ${role} can't be replayed: its answer names things of its own run`)
  const { fingerprint } = Finding.parse(JSON.parse(await readFile(finding, "utf8")))
  const found = await matchSession(await loadRecording(recording), {
    role: recorded.data,
    finding: fingerprint,
    attempt: Number(attempt),
    ...(diff === undefined ? {} : { diffPaths: pathsOfDiff(await readFile(diff, "utf8")) }),
    blobOf: blobHere,
  })
  if (found.is === "none") throw new Error(found.why)
  return found.session
}

function options() {
  const text = { type: "string" } as const
  return parseArgs({ options: { recording: text, role: text, attempt: text, finding: text, diff: text, pace: text } })
    .values
}

/** The blob id of a file here, as git would give it; a link's blob is its target, and a path behind a link is none. */
async function blobHere(path: string, like: string | null): Promise<string | undefined> {
  await refuseLinkedParents(path)
  const facts = await lstat(path).catch(() => undefined)
  if (facts === undefined) return undefined
  if (facts.isSymbolicLink()) return blobId(Buffer.from(await readlink(path)), like)
  return facts.isFile() ? blobId(await readFile(path), like) : undefined
}

async function apply({ path, after }: Edit): Promise<void> {
  await refuseLinkedParents(path)
  await rm(path, { force: true })
  if (after === null) return
  await mkdir(dirname(path), { recursive: true })
  const file = await open(
    path,
    constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW,
    after.executable ? 0o755 : 0o644,
  )
  try {
    await file.writeFile(Buffer.from(after.content, after.encoding))
  } finally {
    await file.close()
  }
}

async function refuseLinkedParents(path: string): Promise<void> {
  let parent = ""
  for (const part of path.split("/").slice(0, -1)) {
    parent = join(parent, part)
    const facts = await lstat(parent).catch(() => undefined)
    if (facts?.isSymbolicLink()) throw new Error(`${path} lies behind the symbolic link ${parent}`)
  }
}

function print(line: string): Promise<void> {
  return new Promise((resolve, reject) =>
    process.stdout.write(`${line}\n`, (error) => (error ? reject(error) : resolve())),
  )
}
