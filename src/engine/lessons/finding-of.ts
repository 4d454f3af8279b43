import { createHash } from "node:crypto"
import type { Finding, Lesson } from "../../core/finding.ts"
import { inert, inertLine, repositoryPath } from "../../core/untrusted.ts"
import { isSaid, lessonLine } from "./guide.ts"
import { MOST_LESSONS, type Scribed } from "./scribed.ts"

/** What a scribe's words are held against. */
export type Known = {
  loop: string
  /** The file that `LESSONS.md` means. */
  file: string
  /** Skills of the project by name, each with the path of its SKILL.md. */
  skills: ReadonlyMap<string, string>
  /** The changes that it was shown. */
  changes: readonly string[]
  /** What stands in the guides, and what was proposed before, whatever became of it. */
  said: readonly string[]
  /** The base on which it was looked. */
  commit: string
}

/**
 * The finding whose change is what a scribe said: inert lines, each for a file that may be meant, none said before. `left`
 * says what was left out. Pure.
 */
export function findingOf(lessons: Scribed["lessons"], known: Known): { finding?: Finding; left: string[] } {
  const kept: Lesson[] = []
  const left: string[] = []
  for (const lesson of lessons) {
    const file = fileOf(lesson.where, known)
    const text = lessonLine(lesson.text)
    const what = inertLine(lesson.text, 80)
    if (file === undefined) left.push(`"${what}" is for \`${inertLine(lesson.where, 60)}\`, which is no guide here`)
    else if (!known.changes.includes(lesson.from))
      left.push(`"${what}" names a change that was not shown: ${inertLine(lesson.from, 60)}`)
    else if (isSaid(text, [...known.said, ...kept.map((each) => each.text)])) left.push(`"${what}" was said before`)
    else if (kept.length >= MOST_LESSONS) left.push(`"${what}" is one more than ${MOST_LESSONS}`)
    else kept.push({ file, text, why: inertLine(lesson.why, 400), from: lesson.from })
  }
  return kept.length === 0 ? { left } : { finding: asFinding(kept, known), left }
}

function fileOf(where: string, { file, skills }: Known): string | undefined {
  return /^(?:.*\/)?LESSONS\.md$/i.test(where) ? file : skills.get(where)
}

function asFinding(lessons: readonly Lesson[], { loop, commit }: Known): Finding {
  const [first] = lessons
  const files = [...new Set(lessons.map(({ file }) => file))]
  const digest = createHash("sha256").update(JSON.stringify([loop, lessons.map(({ file, text }) => [file, text])]))
  const from = new Set(lessons.map((lesson) => lesson.from)).size
  return {
    fingerprint: digest.digest("hex").slice(0, 16),
    source: "lessons",
    title: `${lessons.length === 1 ? "A lesson" : `${lessons.length} lessons`} of ${from === 1 ? "a change" : `${from} changes`} by ${loop}`,
    body: bodyOf(lessons),
    severity: "low",
    ...(first === undefined || files.length > 1 ? {} : { file: first.file }),
    commit,
    attemptable: true,
    size: "small",
    lessons: [...lessons],
  }
}

function bodyOf(lessons: readonly Lesson[]): string {
  const each = lessons.map(
    ({ file, text, why, from }) => `${file}\n  + ${text}\n  why: ${why === "" ? "(not said)" : why}\n  from: ${from}`,
  )
  return inert(
    `An agent says that this was learned. Nothing is written unless you approve; the lines are added as they are.\n\n${each.join("\n\n")}`,
    6_000,
  )
}

/** A file that lessons may be added to, as a path of the repository; undefined for any other. */
export function guidePath(file: string): string | undefined {
  const path = repositoryPath(file)
  if (path === undefined) return undefined
  return /(?:^|\/)\.flyball\/LESSONS\.md$|^\.(?:flyball|agents|claude)\/skills\/(?:[^/]+\/)+SKILL\.md$/.test(path)
    ? path
    : undefined
}
