import { Failure } from "../../core/failure.ts"
import type { Finding } from "../../core/finding.ts"
import type { Source, SourceContext } from "../../core/ports.ts"
import { tryGit } from "../../lib/git.ts"
import { fingerprint, wordsOf } from "../fingerprint.ts"
import { bodyOf, count, oneLine, titleOf } from "../text.ts"
import { moduleOf } from "../triage.ts"

const USUAL = ["TODO", "FIXME", "HACK"]
const MOST = 200
/** Blaming a line costs a process: only so many are dated. */
const MOST_DATED = 50
const LINE_CHARS = 400

/** Not the project's own words: dependencies, builds, prose, data. */
const LEFT_OUT = [
  "node_modules/**",
  "vendor/**",
  "third_party/**",
  "dist/**",
  "build/**",
  ".flyball/**",
  "*.min.*",
  "*.md",
  "*.rst",
  "*.txt",
  "*.json",
  "*.lock",
  "*.svg",
  "*.snap",
].flatMap((glob) => [`:(exclude,glob)${glob}`, `:(exclude,glob)**/${glob}`])

/** What people left for later in comments of the base. */
export const todoComments: Source = {
  name: "todo_comments",
  doc: `\`todo_comments\`: one finding for each comment on the base that is marked ${USUAL.join(", ")} (or with the words it is called with: \`todo_comments(FIXME)\`), with its age; at most ${MOST}.`,
  async discover(context, args) {
    const words = args.length === 0 ? USUAL : args.map(String)
    const odd = words.find((word) => !/^[A-Za-z][\w-]{1,30}$/.test(word))
    if (odd !== undefined)
      throw new Failure("SOURCE_ARGUMENT", `\`todo_comments\` can't look for \`${odd}\`.`, {
        hint: "Write words such as `todo_comments(FIXME, HACK)`.",
      })
    const comments = await readComments(context, words)
    const taken = comments.slice(0, MOST)
    const findings: Finding[] = []
    for (const [index, comment] of taken.entries()) {
      const age = index < MOST_DATED ? await ageOf(context, comment) : undefined
      findings.push(toFinding(comment, age, context.base.sha))
    }
    const over = comments.length - taken.length
    return {
      findings,
      context: [],
      notes: [
        `todo_comments: ${count(comments.length, "comment")} marked ${words.join(", ")}${over === 0 ? "" : `; the first ${MOST} were taken`}.`,
      ],
    }
  },
}

type Comment = { file: string; line: number; word: string; text: string; whole: string; times: number }

/** Marked comments, grave words first; the same words twice in one file are one finding. */
async function readComments({ repo, base, loop, signal }: SourceContext, words: readonly string[]): Promise<Comment[]> {
  const where = loop.path === undefined ? "." : `:(literal)${loop.path}/`
  const ran = await tryGit(
    ["grep", "-I", "-n", "-z", "--full-name", "-w", "-E", "-e", words.join("|"), base.sha, "--", where, ...LEFT_OUT],
    { cwd: repo.root, signal },
  )
  // 1: nothing was found.
  if (ran.exitCode !== 0 && ran.exitCode !== 1)
    throw new Failure("SOURCE_UNAVAILABLE", `git grep on the base failed: ${oneLine(ran.stderr, 200)}`, {
      retry: "later",
    })
  const marked = new RegExp(
    `(?:^|\\s)(?://|#|/\\*|\\*|--|<!--|;|%|"""|''')[^\\n]*?\\b(${words.join("|")})\\b(?:\\([^)]*\\))?[:\\s-]*(.*)$`,
  )
  const found = new Map<string, Comment>()
  for (const row of ran.stdout.split("\n")) {
    const [where = "", line = "", whole = ""] = row.split("\0")
    const match = marked.exec(whole.slice(0, LINE_CHARS))
    if (match === null) continue
    const file = where.slice(where.indexOf(":") + 1)
    const text = (match[2] ?? "").replace(/\s*(\*\/|-->|"""|''')\s*$/, "").trim()
    const key = `${file}\0${match[1]}\0${wordsOf(text)}`
    const known = found.get(key)
    if (known !== undefined) known.times += 1
    else found.set(key, { file, line: Number(line), word: match[1] ?? "", text, whole: whole.trim(), times: 1 })
  }
  return [...found.values()].sort((a, b) => words.indexOf(a.word) - words.indexOf(b.word))
}

/** When the line was last touched, and by whom, as git says. */
async function ageOf({ repo, base, signal }: SourceContext, { file, line }: Comment): Promise<string | undefined> {
  const ran = await tryGit(["blame", "--porcelain", "-L", `${line},${line}`, base.sha, "--", file], {
    cwd: repo.root,
    signal,
  })
  const seconds = Number(/^author-time (\d+)$/m.exec(ran.stdout)?.[1] ?? Number.NaN)
  if (ran.exitCode !== 0 || !Number.isFinite(seconds)) return undefined
  const author = /^author (.*)$/m.exec(ran.stdout)?.[1] ?? ""
  return `Last touched ${new Date(seconds * 1000).toISOString().slice(0, 10)} by ${oneLine(author, 80)}.`
}

function toFinding(
  { file, line, word, text, whole, times }: Comment,
  age: string | undefined,
  commit: string,
): Finding {
  const module = moduleOf(file)
  const said = text === "" ? "without a word on what" : text
  return {
    // Neither the line nor the marker's punctuation: the comment may move and be rewrapped.
    fingerprint: fingerprint({ kind: "todo", rule: word, file, wrong: wordsOf(text) }),
    source: "todo_comments",
    title: titleOf(`${word} in ${oneLine(file, 80)}: ${oneLine(said, 100)}`),
    body: bodyOf(
      [
        `${file}:${line} says:`,
        whole.slice(0, LINE_CHARS),
        times > 1 ? `(${times} times in this file)` : "",
        age ?? "",
        "Do what the comment asks for, and take the comment away with it.",
      ]
        .filter((part) => part !== "")
        .join("\n"),
    ),
    severity: word === "FIXME" ? "medium" : "low",
    ...(module === undefined ? {} : { module }),
    file,
    line,
    commit,
    attemptable: text !== "",
    ...(text === "" ? { reason: "it does not say what is to be done" } : {}),
    confidence: 0.4,
    size: "medium",
  }
}
