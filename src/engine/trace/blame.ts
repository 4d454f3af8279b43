import { existsSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import { Failure } from "../../core/failure.ts"
import { tryGit } from "../../lib/git.ts"
import type { Asking } from "./commits.ts"

/** Neighbouring lines that one commit wrote last; without a commit they are in the checkout alone. */
export type Blamed = {
  from: number
  to: number
  text: string[]
  /** Where the lines stood in that commit. */
  origin?: { sha: string; file: string; from: number; to: number }
  /** The clone is shallow and begins with that commit: the lines may be older. */
  beginsHere?: boolean
}

/** Who wrote the lines last, through moves within and between files; as the checkout has them, or HEAD where there is none. */
export async function blame(
  { file, from, to }: { file: string; from: number; to: number },
  { cwd, signal, bare }: Asking & { bare: boolean },
): Promise<Blamed[]> {
  if (from < 1 || to < from)
    throw new Failure("LINE_OUT_OF_RANGE", `${from === to ? from : `${from}-${to}`} is no range of lines.`, {
      hint: "Lines count from 1: `flyball trace src/cart.js:12-20`.",
    })
  const asked = [
    "blame",
    "--line-porcelain",
    "-w",
    "-M",
    "-C",
    `-L${from},${to}`,
    ...(bare ? ["HEAD"] : []),
    "--",
    file,
  ]
  const ran = await tryGit(asked, { cwd, signal, timeoutMs: 120_000 })
  if (ran.exitCode !== 0) throw await whyNot(ran.stderr, { file, from, to }, { cwd, signal })
  const first = await whereItBegins({ cwd, signal })
  return grouped(parse(ran.stdout)).map((each) =>
    each.origin !== undefined && first.has(each.origin.sha) ? { ...each, beginsHere: true } : each,
  )
}

/** The commits that a shallow clone begins with; none in a whole one. */
async function whereItBegins({ cwd, signal }: Asking): Promise<ReadonlySet<string>> {
  const asked = await tryGit(["rev-parse", "--path-format=absolute", "--git-path", "shallow"], { cwd, signal })
  const path = asked.stdout.trim()
  return new Set(asked.exitCode === 0 && existsSync(path) ? readFileSync(path, "utf8").split("\n").filter(Boolean) : [])
}

type Line = { n: number; text: string; sha: string; file: string; origin: number }

function parse(text: string): Line[] {
  const lines: Line[] = []
  let current: Omit<Line, "text"> | undefined
  for (const row of text.split("\n")) {
    const head = /^([0-9a-f]{40,64}) (\d+) (\d+)/.exec(row)
    if (row.startsWith("\t")) {
      if (current !== undefined) lines.push({ ...current, text: row.slice(1) })
      current = undefined
    } else if (current === undefined && head !== null) {
      current = { sha: head[1] ?? "", origin: Number(head[2]), n: Number(head[3]), file: "" }
    } else if (current !== undefined && row.startsWith("filename "))
      current.file = unquoted(row.slice("filename ".length))
  }
  return lines
}

function grouped(lines: readonly Line[]): Blamed[] {
  const groups: Blamed[] = []
  for (const { n, text, sha, file, origin } of lines) {
    const last = groups.at(-1)
    const uncommitted = /^0+$/.test(sha)
    const continues = last !== undefined && last.to === n - 1
    if (continues && uncommitted && last.origin === undefined) {
      last.to = n
      last.text.push(text)
    } else if (continues && last.origin?.sha === sha && last.origin.file === file && last.origin.to === origin - 1) {
      last.to = n
      last.origin.to = origin
      last.text.push(text)
    } else
      groups.push({
        from: n,
        to: n,
        text: [text],
        ...(uncommitted ? {} : { origin: { sha, file, from: origin, to: origin } }),
      })
  }
  return groups
}

/** git quotes unusual names as C does. */
function unquoted(name: string): string {
  if (!name.startsWith('"')) return name
  const bytes: number[] = []
  const escapes: Readonly<Record<string, number>> = { n: 10, t: 9, r: 13, a: 7, b: 8, f: 12, v: 11, '"': 34, "\\": 92 }
  for (const [, octal, letter, plain] of name.slice(1, -1).matchAll(/\\([0-7]{3})|\\(.)|([^\\])/gsu)) {
    if (octal !== undefined) bytes.push(Number.parseInt(octal, 8))
    else bytes.push(...(letter === undefined ? Buffer.from(plain ?? "") : [escapes[letter] ?? letter.charCodeAt(0)]))
  }
  return Buffer.from(bytes).toString("utf8")
}

type Wanted = { file: string; from: number; to: number }

async function whyNot(stderr: string, { file, from, to }: Wanted, { cwd, signal }: Asking): Promise<Failure> {
  const short = /has only (\d+) lines?/.exec(stderr)
  if (short !== null)
    return new Failure(
      "LINE_OUT_OF_RANGE",
      `${file} has ${short[1]} line${short[1] === "1" ? "" : "s"}: there is no ${from === to ? `line ${from}` : `${from}-${to}`}.`,
    )
  if (/no such path|cannot stat|No such file|outside repository/i.test(stderr)) {
    const gone = await tryGit(["log", "-1", "--diff-filter=D", "--format=%h %s", "HEAD", "--", file], { cwd, signal })
    const was = gone.exitCode === 0 ? gone.stdout.trim() : ""
    const hint = /outside repository/i.test(stderr)
      ? "It lies outside of this repository."
      : was !== ""
        ? `It went in ${was}: \`git show --find-renames ${was.split(" ")[0]}\` tells where to.`
        : existsSync(resolve(cwd, file))
          ? "It is in your checkout and was never committed: nobody's work but yours."
          : "Paths count from the current folder."
    return new Failure("FILE_NOT_IN_HEAD", `${file} is not in HEAD.`, { hint })
  }
  return new Failure("TRACE_FAILED", `git can't tell who wrote ${file}:${from}: ${stderr.trim().split("\n").at(-1)}`)
}

const MAX_HISTORY = 30

/** The commits that changed these lines, the newest first, as far back as git can follow them. */
export async function historyOf(
  { sha, file, from, to }: NonNullable<Blamed["origin"]>,
  { cwd, signal }: Asking,
): Promise<string[]> {
  const asked = ["log", "-s", "--format=%H", "-n", String(MAX_HISTORY), `-L${from},${to}:${file}`, sha]
  const ran = await tryGit(asked, { cwd, signal, timeoutMs: 60_000 })
  return ran.exitCode === 0 ? ran.stdout.split("\n").filter((line) => /^[0-9a-f]{40,64}$/.test(line)) : [sha]
}
