import { spawn } from "node:child_process"
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterEach, beforeEach, describe, expect, test } from "vitest"
import { Failure } from "../core/failure.ts"
import { fingerprint, wordsOf } from "./fingerprint.ts"
import { mergeState } from "./state/merge.ts"
import { emptyFile } from "./state/render.ts"
import { headings, type ReadBack, type Section, type StateRow, type StateView, sections } from "./state/view.ts"
import { readState, readStateFile, writeStateFile } from "./state-file.ts"

const never = new AbortController().signal
const AT = "2026-11-21T09:00:00Z"
const A = "aaaaaaaaaaaaaaaa"
const B = "bbbbbbbbbbbbbbbb"

const row = (fingerprint: string, section: Section, more: Partial<StateRow> = {}): StateRow => ({
  fingerprint,
  section,
  title: `adds up (${fingerprint.slice(0, 2)})`,
  severity: "high",
  source: "failing_tests",
  module: "src/sum",
  commit: "0123456789abcdef",
  ...more,
})
const view = (...rows: StateRow[]): StateView => ({ loop: "daily-triage", at: AT, rows })
const NOTHING: ReadBack = { edits: [], hash: undefined }
const fresh = (...rows: StateRow[]) => mergeState(emptyFile("daily-triage"), view(...rows), [])
const editsOf = (text: string) => readState(text).edits.map(({ key: _key, ...edit }) => edit)
const under = (text: string, section: Section) =>
  text.split(/^## /m).find((part) => part.startsWith(headings[section])) ?? ""
/** The lines of an item, moved under another heading. */
function moved(text: string, fingerprint: string, to: Section): string {
  const lines = text.split("\n")
  const at = lines.findIndex((line) => line.includes(`flyball:${fingerprint}`))
  let end = at + 1
  while (lines[end]?.startsWith("  ")) end += 1
  const item = lines.splice(at, end - at)
  lines.splice(lines.indexOf(`## ${headings[to]}`) + 2, 0, ...item)
  return lines.join("\n")
}

describe("what is written", () => {
  test("all sections stand in their order, each finding in its own, with what is known of it", () => {
    const text = fresh(
      row(A, "open", {
        suggested: "round at the end",
        tried: ["attempt 1: changed sum.js"],
        passed: ["lint_clean", "types"],
        why: "still red",
      }),
      row(B, "done"),
    )
    expect(text.match(/^## .*/gm)).toEqual(sections.map((section) => `## ${headings[section]}`))
    expect(under(text, "open")).toContain("- [ ] adds up (aa) <!-- flyball:aaaaaaaaaaaaaaaa open ")
    expect(under(text, "open")).toContain(
      "  - high · src/sum · 0123456789 · failing_tests\n  - suggested: round at the end\n  - tried: attempt 1: changed sum.js\n  - passed: lint_clean, types\n  - why: still red\n",
    )
    expect(under(text, "done")).toContain("- [x] adds up (bb)")
  })

  test("an untouched file holds no edits, and writing it again changes no byte", () => {
    const text = fresh(row(A, "open"), row(B, "needs_a_person", { why: "open-question" }))
    expect(readState(text).edits).toEqual([])
    expect(mergeState(text, view(row(A, "open"), row(B, "needs_a_person", { why: "open-question" })), [])).toBe(text)
  })

  test("D7: a finding that went on is shown where it is now, and one that is over goes", () => {
    const text = mergeState(
      fresh(row(A, "open"), row(B, "open")),
      view(row(A, "awaiting_review", { where: "flyball/c1" })),
      [],
    )
    expect(under(text, "open")).not.toContain("flyball:")
    expect(under(text, "awaiting_review")).toContain("see: flyball/c1")
    expect(text).not.toContain(B)
  })

  test("deleting an item dismisses nothing: it comes back", () => {
    const text = fresh(row(A, "open"))
    const deleted = text.replace(/- \[ \] adds up[\s\S]*?(?=\n## In)/, "")
    expect(deleted).not.toContain(A)
    expect(mergeState(deleted, view(row(A, "open")), [])).toContain(A)
  })

  test("a section whose heading was deleted comes back in its place", () => {
    const text = fresh(row(A, "open")).replace("## In progress\n\n", "")
    const again = mergeState(text, view(row(A, "in_progress")), [])
    expect(again.match(/^## .*/gm)).toEqual(sections.map((section) => `## ${headings[section]}`))
    expect(under(again, "in_progress")).toContain(A)
  })
})

describe("what people do is read", () => {
  const text = fresh(row(A, "open"), row(B, "done"))
  const added = fingerprint({ kind: "state", wrong: wordsOf("Teach it to subtract") })
  test.each<[string, string, unknown[]]>([
    ["ticking a box", text.replace("- [ ] adds", "- [x] adds"), [{ is: "ticked", fingerprint: A }]],
    ["ticking with a capital X", text.replace("- [ ] adds", "- [X] adds"), [{ is: "ticked", fingerprint: A }]],
    ["unticking what was done", text.replace("- [x] adds", "- [ ] adds"), [{ is: "unticked", fingerprint: B }]],
    ["moving one to Blocked", moved(text, A, "blocked"), [{ is: "moved", fingerprint: A, to: "blocked" }]],
    ["moving one to Done", moved(text, A, "done"), [{ is: "ticked", fingerprint: A }]],
    ["moving one from Done to Open", moved(text, B, "open"), [{ is: "unticked", fingerprint: B }]],
    [
      "moving and ticking",
      moved(text.replace("- [ ] adds", "- [x] adds"), A, "blocked"),
      [
        { is: "moved", fingerprint: A, to: "blocked" },
        { is: "ticked", fingerprint: A },
      ],
    ],
    [
      "a note as a nested item",
      text.replace(/( {2}- high .*\n)/, "$1  - only on Fridays\n"),
      [{ is: "noted", fingerprint: A, text: "only on Fridays", lines: [expect.any(String)] }],
    ],
    [
      "a note without indentation",
      text.replace(/( {2}- high .*\n)/, "$1only on Fridays\n"),
      [{ is: "noted", fingerprint: A, text: "only on Fridays", lines: [expect.any(String)] }],
    ],
    [
      "a note as a paragraph",
      text.replace(/( {2}- high .*\n)/, "$1\n  only on Fridays,\n  I think\n"),
      [
        {
          is: "noted",
          fingerprint: A,
          text: "only on Fridays,\nI think",
          lines: [expect.any(String), expect.any(String)],
        },
      ],
    ],
    [
      "a note in code",
      text.replace(/( {2}- high .*\n)/, "$1\n  ```\n  - high\n  ```\n"),
      [{ is: "noted", fingerprint: A, text: "```\nhigh\n```", lines: expect.any(Array) }],
    ],
    [
      "a fact in other words",
      text.replace("  - high · src/sum", "  - low · src/sum"),
      [
        {
          is: "noted",
          fingerprint: A,
          text: "low · src/sum · 0123456789 · failing_tests",
          lines: [expect.any(String)],
        },
      ],
    ],
    [
      "another title",
      text.replace("- [ ] adds up (aa)", "- [ ] adds up wrongly"),
      [{ is: "noted", fingerprint: A, text: "adds up wrongly", lines: [expect.any(String)] }],
    ],
    ["a comment that nobody sees", text.replace(/( {2}- high .*\n)/, "$1  <!-- mine -->\n"), []],
    [
      "an item of their own",
      text.replace("## Open\n\n", "## Open\n\n* [ ] Teach it to **subtract**\n  - like adding\n\n"),
      [
        {
          is: "added",
          fingerprint: added,
          section: "open",
          text: "Teach it to subtract",
          detail: "like adding",
          lines: [expect.any(String)],
        },
      ],
    ],
    [
      "an item without a box",
      text.replace("## Open\n\n", "## Open\n\n- Teach it to subtract\n"),
      [expect.objectContaining({ is: "added", fingerprint: added })],
    ],
    [
      "an item at the end of the file, where Done is, with an empty box",
      `${text}- [ ] Teach it to subtract\n`,
      [expect.objectContaining({ is: "added", fingerprint: added, section: "open" })],
    ],
    ["an item at the end of the file without a box", `${text}- Teach it to subtract\n`, []],
    ["an item that is ticked already", text.replace("## Open\n\n", "## Open\n\n- [x] Teach it to subtract\n"), []],
    ["a list under a heading of their own", `${text}\n## Later\n\n- dream\n`, []],
    [
      "a formatter's other bullets, emphasis and blank lines",
      text.replaceAll("  - ", "\n  * ").replaceAll("- [ ]", "* [ ]"),
      [],
    ],
    ["Windows line ends", text.replaceAll("\n", "\r\n"), []],
    ["a byte order mark", `\uFEFF${text}`, []],
  ])("%s", (_name, edited, edits) => {
    expect(editsOf(edited)).toEqual(edits)
  })

  test("what was appended with an empty box stands under Open once it is taken up", () => {
    const edited = `${text}- [ ] Teach it to subtract\n  - like adding\n`
    const { edits } = readState(edited)
    const written = mergeState(
      edited,
      view(row(A, "open"), row(B, "done"), row(added, "open", { title: "Teach it to subtract" })),
      edits,
    )
    expect(under(written, "open")).toContain("- [ ] Teach it to subtract")
    expect(under(written, "open")).toContain("like adding")
    expect(under(written, "done")).not.toContain("subtract")
  })

  test("the same edit has the same key however often it is read", () => {
    const edited = text.replace("- [ ] adds", "- [x] adds")
    expect(readState(edited)).toEqual(readState(edited))
    expect(readState(`${edited}\nprose\n`).edits).toEqual(readState(edited).edits)
  })
})

test("a box that is ticked again, after it was opened again, is another edit", () => {
  const tick = (text: string) => text.replace("- [ ] adds", "- [x] adds")
  const first = tick(fresh(row(A, "open")))
  const done = mergeState(first, view(row(A, "done", { read: ["ticked, read 2026-11-21"] })), readState(first).edits)
  const opened = done.replace("- [x] adds", "- [ ] adds")
  const read = ["ticked, read 2026-11-21", "reopened, read 2026-11-22"]
  const again = tick(mergeState(opened, view(row(A, "open", { read })), readState(opened).edits))
  expect(editsOf(again)).toEqual(editsOf(first))
  expect(readState(again).edits[0]?.key).not.toBe(readState(first).edits[0]?.key)
})

describe("what was read is shown as read, and what was not stays as people left it", () => {
  const text = fresh(row(A, "open"), row(B, "open"))
  const noted = text.replace(/( {2}- high .*\n)/, "$1  - only on Fridays\n")

  test("a note that was read is marked, stays, and is no news again", () => {
    const { edits } = readState(noted)
    const written = mergeState(noted, view(row(A, "open"), row(B, "open")), edits)
    expect(written).toContain("  - only on Fridays *(read 2026-11-21)*\n")
    expect(readState(written).edits).toEqual([])
    expect(mergeState(written, view(row(A, "in_progress", { why: "new fact" }), row(B, "open")), [])).toContain(
      "  - only on Fridays *(read 2026-11-21)*\n",
    )
  })

  test("a note that was changed after it was read is news, and marked anew", () => {
    const written = mergeState(noted, view(row(A, "open"), row(B, "open")), readState(noted).edits)
    const changed = written.replace("only on Fridays", "only on Mondays")
    const { edits } = readState(changed)
    expect(edits).toMatchObject([{ is: "noted", text: "only on Mondays" }])
    const again = mergeState(changed, { ...view(row(A, "open"), row(B, "open")), at: "2026-11-22T09:00:00Z" }, edits)
    expect(again).toContain("  - only on Mondays *(read 2026-11-22)*\n")
  })

  test("a note that nobody has read is kept without a mark, and still news", () => {
    const written = mergeState(noted, view(row(A, "awaiting_review"), row(B, "open")), [])
    expect(under(written, "awaiting_review")).toContain("  - only on Fridays\n")
    expect(editsOf(written)).toEqual(editsOf(noted))
  })

  test("a code block is never broken by its mark", () => {
    const code = text.replace(/( {2}- high .*\n)/, "$1\n  ```sh\n  make it\n  ```\n")
    const written = mergeState(code, view(row(A, "open"), row(B, "open")), readState(code).edits)
    expect(written).toContain("  ```sh\n  make it\n  ```\n  - *(read 2026-11-21)*\n")
    expect(readState(written).edits).toEqual([])
    expect(mergeState(written, view(row(A, "open"), row(B, "open")), [])).toBe(written)
  })

  test.each<[string, string]>([
    ["a tick", text.replace("- [ ] adds", "- [x] adds")],
    ["a move to Blocked", moved(text, A, "blocked")],
    ["a move to Done", moved(text, A, "done")],
  ])("%s made while a run writes survives it, and is read at the next run", (_name, edited) => {
    const written = mergeState(edited, view(row(A, "in_progress", { tried: ["attempt 1"] }), row(B, "open")), [])
    expect(editsOf(written)).toEqual(editsOf(edited))
    expect(written).toContain("tried: attempt 1")
    expect(written.match(new RegExp(A, "g"))).toHaveLength(1)
  })

  test("a tick that was read goes where the ledger says", () => {
    const edited = text.replace("- [ ] adds", "- [x] adds")
    const written = mergeState(
      edited,
      view(row(A, "done", { read: ["ticked, read 2026-11-21"] }), row(B, "open")),
      readState(edited).edits,
    )
    expect(under(written, "done")).toContain("- [x] adds up (aa)")
    expect(under(written, "done")).toContain("read: ticked, read 2026-11-21")
    expect(readState(written).edits).toEqual([])
  })

  test("an item that a person added keeps their words, byte for byte, and gets its facts", () => {
    const edited = text.replace(
      "## Open\n\n",
      "## Open\n\n* [ ] Teach it to **subtract** [x](y)\n  - like `adding`\n\n",
    )
    const { edits } = readState(edited)
    const id = edits[0]?.is === "added" ? edits[0].fingerprint : ""
    const state = row(id, "open", { title: "Teach it to subtract x", source: "state", why: "low-confidence" })
    const written = mergeState(edited, view(state, row(A, "open"), row(B, "open")), edits)
    expect(written).toContain(`- [ ] Teach it to **subtract** [x](y) <!-- flyball:${id} open`)
    expect(written).toContain("  - why: low-confidence\n  - like `adding` *(read 2026-11-21)*\n")
    expect(readState(written).edits).toEqual([])
    expect(mergeState(written, view(state, row(A, "open"), row(B, "open")), [])).toBe(written)
  })

  test("an item copied instead of moved counts as moved, once, with the notes of both", () => {
    const copy = noted.match(/- \[ \] adds up \(aa\)[\s\S]*?Fridays\n/)?.[0] ?? ""
    const edited = noted.replace("## Blocked\n\n", `## Blocked\n\n${copy}`)
    expect(editsOf(edited)).toContainEqual({ is: "moved", fingerprint: A, to: "blocked" })
    const written = mergeState(edited, view(row(A, "blocked"), row(B, "open")), readState(edited).edits)
    expect(written.match(new RegExp(A, "g"))).toHaveLength(1)
    expect(under(written, "blocked")).toContain("only on Fridays")
  })

  test("a title that a person rewrote becomes their note, and the title comes back", () => {
    const edited = text.replace("- [ ] adds up (aa)", "- [ ] adds up _wrongly_")
    const written = mergeState(edited, view(row(A, "open"), row(B, "open")), readState(edited).edits)
    expect(written).toContain("- [ ] adds up (aa) <!--")
    expect(written).toContain("  - adds up _wrongly_ *(read 2026-11-21)*\n")
    expect(readState(written).edits).toEqual([])
  })

  test("what is over goes only when nobody said something of it that was not read", () => {
    expect(mergeState(noted, view(row(B, "open")), [])).toContain("only on Fridays")
    expect(mergeState(noted, view(row(B, "open")), readState(noted).edits)).not.toContain(A)
  })
})

test("people's prose, sections, comments and code stay byte for byte, wherever they are", () => {
  const prose = [
    "Before all.\n\n",
    "<!-- a comment -->\n\n",
    "Some *words*  \nwith a break.\n\n",
    "### Sub\n\n1. one\n",
    "```md\n## Open\n- [ ] no\n```\n\n",
    "## Later\n\n* dream  \n\n| a | b |\n|---|---|\n",
    "\n\n\n",
  ]
  let text = `${prose[0]}${fresh(row(A, "open"))}`
  text = text.replace("## Open\n\n", `## Open\n\n${prose[1]}${prose[2]}`)
  text = text.replace("## Blocked\n\n", `## Blocked\n\n${prose[4]}`)
  text += `${prose[3]}\n${prose[5]}${prose[6]}`
  const written = mergeState(text, view(row(B, "blocked"), row(A, "awaiting_review")), readState(text).edits)
  for (const piece of prose) expect(written).toContain(piece)
  expect(mergeState(written, view(row(B, "blocked"), row(A, "awaiting_review")), [])).toBe(written)
})

test("rows come and go many times without leaving a blank line more", () => {
  let text = mergeState(fresh(), view(row(A, "open")), [])
  text = mergeState(text, view(), [])
  const { length } = text
  for (let n = 0; n < 100; n += 1)
    text = mergeState(mergeState(text, view(row(A, "open"), row(B, "blocked")), []), view(), [])
  expect(text.length).toBeLessThanOrEqual(length + 4)
})

describe("P5: outside text is inert in it", () => {
  test.each([
    ["HTML", "<img src=x onerror=alert(1)>"],
    ["a comment that is never closed", "done <!-- "],
    ["a comment of ours", "x --> <!-- flyball:cccccccccccccccc done -->"],
    ["a link and a picture", "![a](http://evil.example/x.png) [b](http://evil.example)"],
    ["a bare link", "see http://evil.example/a and www.evil.example"],
    ["a mention", "@everyone please review #12"],
    ["a box and a new item", "x\n- [x] done\n## Done (recent)\n- [x] y"],
    ["code fences", "```\n## Open\n```"],
    ["backticks", "a ` b `` c ``` d"],
    ["a backtick at the end", "a `"],
    ["emphasis", "**bold** _under_ ~~gone~~"],
    ["entities and escapes", "&lt;b&gt; \\"],
    ["invisible characters", "a\u200Bb\u202Ec\u{E0041}d"],
    ["nothing", ""],
    ["something endless", "long ".repeat(10_000)],
    ["a table", "a | b"],
    ["a read mark", "looks fine *(read 2026-11-21)*"],
  ])("%s", (_name, hostile) => {
    const rows = [
      row(A, "open", {
        title: hostile,
        suggested: hostile,
        tried: [hostile],
        why: hostile,
        module: hostile,
        where: hostile,
        passed: [hostile],
      }),
      row(B, "needs_a_person"),
    ]
    const text = fresh(...rows)
    expect(readState(text).edits).toEqual([])
    expect(text.match(/^## .*/gm)).toEqual(sections.map((section) => `## ${headings[section]}`))
    expect(mergeState(text, view(...rows), [])).toBe(text)
    expect(text.length).toBeLessThan(6_000)
    // Nothing but Flyball's own comments, boxes and headings means anything outside code.
    const visible = text.replace(/<!-- flyball:[^>]*-->/g, "").replace(/(`+)(?!`)[\s\S]*?[^`]\1(?!`)/g, "")
    expect(visible).not.toMatch(/[<>@#]\w|\]\(|:\/\/|www\.|\u200B|\u202E/)
  })
})

test("write → read → write is a fixed point for whatever people and runs do", () => {
  let seed = 7
  const random = (n: number) => {
    seed = (seed * 1103515245 + 12345) % 2147483648
    return Math.floor((seed / 2147483648) * n)
  }
  const pick = <T>(items: readonly T[]): T => items[random(items.length)] as T
  const ids = Array.from({ length: 8 }, (_, n) => String(n).repeat(16))
  const words = ["plain", "`code`", "two words", "**bold**", "[a](b)", "<b>", "- x", "???"]
  const edits: ((text: string) => string)[] = [
    (text) => text.replace(/- \[ \]/, "- [x]"),
    (text) => text.replace(/(<!-- flyball.*\n)/, `$1  - ${pick(words)} ${random(99)}\n`),
    (text) => text.replace(/(<!-- flyball.*\n(?: {2}.*\n)+)/, `$1\n  ${pick(words)} ${random(99)}\n`),
    (text) => text.replace(/## Open\n/, `## Open\n\n- [ ] ${pick(words)} ${random(99)}\n`),
    (text) => text.replace(/\n## Blocked/, `\nprose ${random(99)}\n\n## Blocked`),
    (text) =>
      ids.some((id) => text.includes(`flyball:${id}`))
        ? moved(text, ids.find((id) => text.includes(`flyball:${id}`)) ?? "", pick(sections))
        : text,
    (text) => text.replace(/ {2}- high/, "  - hi"),
    (text) => text,
  ]
  let text = emptyFile("x")
  for (let round = 0; round < 60; round += 1) {
    const rows = ids
      .filter(() => random(3) > 0)
      .map((id) => row(id, pick(sections), { why: pick(words), title: `${pick(words)} ${id.slice(0, 2)}` }))
    const before = readState(text)
    text = pick(edits)(pick(edits)(text))
    const now = view(...rows)
    const once = mergeState(text, now, before.edits)
    expect(mergeState(once, now, []), `round ${round}`).toBe(once)
    for (const { fingerprint } of rows) expect(once.match(new RegExp(`flyball:${fingerprint} `, "g"))).toHaveLength(1)
    text = once.length > 6_000 ? emptyFile("x") : once
  }
})

describe("on disk", () => {
  let root = ""
  const path = ".flyball/state/triage.md"
  const place = () => ({ root: join(root, "repo"), path, lockDir: join(root, "data") })
  const file = () => join(root, "repo", path)
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "flyball-state-"))
    await mkdir(join(root, "repo"))
  })
  afterEach(() => rm(root, { recursive: true, force: true }))
  const put = async (text: string | Uint8Array) => {
    await mkdir(dirname(file()), { recursive: true })
    await writeFile(file(), text)
  }

  test("a file that does not exist holds no edits, and is made with its folder", async () => {
    const back = await readStateFile(place())
    expect(back).toEqual(NOTHING)
    expect(await writeStateFile(place(), view(row(A, "open")), back, never)).toMatchObject({
      written: true,
      news: false,
    })
    expect(await readFile(file(), "utf8")).toBe(fresh(row(A, "open")))
    expect(await readdir(dirname(file()))).toEqual(["triage.md"])
    expect(await readdir(join(root, "data"))).toEqual([])
  })

  test("nothing is written when nothing changes", async () => {
    await writeStateFile(place(), view(row(A, "open")), NOTHING, never)
    const before = await stat(file())
    expect(await writeStateFile(place(), view(row(A, "open")), NOTHING, never)).toMatchObject({ written: false })
    expect((await stat(file())).ino).toBe(before.ino)
  })

  test("mode, byte order mark and Windows line ends stay", async () => {
    await put(`\uFEFF${fresh(row(A, "open")).replaceAll("\n", "\r\n")}`)
    await chmod(file(), 0o640)
    await writeStateFile(place(), view(row(A, "open"), row(B, "blocked")), await readStateFile(place()), never)
    const text = await readFile(file(), "utf8")
    expect(text.startsWith("\uFEFF#")).toBe(true)
    expect(text.replaceAll("\r\n", "")).not.toContain("\n")
    expect(text).toContain(B)
    expect((await stat(file())).mode & 0o777).toBe(0o640)
  })

  test("more findings than people can look through are left out of the file, and said", async () => {
    const rows = Array.from({ length: 303 }, (_, n) => row(n.toString(16).padStart(16, "0"), "open"))
    expect(await writeStateFile(place(), view(...rows), NOTHING, never)).toMatchObject({ omitted: 3 })
  })

  test("an edit made after the read is kept, and said to be news", async () => {
    await writeStateFile(place(), view(row(A, "open")), NOTHING, never)
    const back = await readStateFile(place())
    await put((await readFile(file(), "utf8")).replace("- [ ] adds", "- [x] adds"))
    expect(await writeStateFile(place(), view(row(A, "in_progress")), back, never)).toMatchObject({ news: true })
    expect((await readStateFile(place())).edits).toMatchObject([{ is: "ticked", fingerprint: A }])
  })

  test.each<[string, Uint8Array | string, string]>([
    ["2 MB of it", "x".repeat(2 * 1024 * 1024), "STATE_FILE_REFUSED"],
    ["bytes that are no text", new Uint8Array([0xff, 0xfe, 0, 1]), "STATE_FILE_REFUSED"],
    ["an unresolved merge", "<<<<<<< ours\n## Open\n=======\n>>>>>>> theirs\n", "STATE_FILE_REFUSED"],
    ["a fence that is never closed", "```\nmy notes\n", "STATE_FILE_UNREADABLE"],
    ["a comment that is never closed", "<!-- my notes\n", "STATE_FILE_UNREADABLE"],
  ])("%s is left as it is, and said", async (_name, content, code) => {
    await put(content)
    const failed = await writeStateFile(place(), view(row(A, "open")), NOTHING, never).catch((error: unknown) => error)
    expect(failed).toBeInstanceOf(Failure)
    expect(failed).toMatchObject({ code, hint: expect.any(String), retry: "person" })
    expect((await readFile(file())).equals(Buffer.from(content))).toBe(true)
    expect(await readdir(dirname(file()))).toEqual(["triage.md"])
  })

  test.each(["/etc/passwd", "../outside.md", ".flyball/../../outside.md", ".git/hooks/x", "."])(
    "a path that leads elsewhere (%s) is refused",
    async (elsewhere) => {
      await expect(writeStateFile({ ...place(), path: elsewhere }, view(), NOTHING, never)).rejects.toMatchObject({
        code: "STATE_FILE_REFUSED",
      })
    },
  )

  test("a link or a folder in its place, or a link on its way, is refused", async () => {
    await mkdir(dirname(file()), { recursive: true })
    await writeFile(join(root, "secret"), "secret")
    await symlink(join(root, "secret"), file())
    await expect(writeStateFile(place(), view(), NOTHING, never)).rejects.toMatchObject({ code: "STATE_FILE_REFUSED" })
    await rm(file())
    await mkdir(file())
    await expect(writeStateFile(place(), view(), NOTHING, never)).rejects.toMatchObject({ code: "STATE_FILE_REFUSED" })
    await rm(join(root, "repo", ".flyball"), { recursive: true })
    await mkdir(join(root, "elsewhere"))
    await symlink(join(root, "elsewhere"), join(root, "repo", ".flyball"))
    await expect(writeStateFile(place(), view(), NOTHING, never)).rejects.toMatchObject({ code: "STATE_FILE_REFUSED" })
    expect(await readdir(join(root, "elsewhere"))).toEqual([])
    expect(await readFile(join(root, "secret"), "utf8")).toBe("secret")
  })

  test("D8: many writers write one after another, and nothing of a person's is lost", async () => {
    await put(`${fresh(row(A, "open"))}\nmy prose\n`)
    const back = await readStateFile(place())
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        writeStateFile(place(), view(row(A, "open", { why: `writer ${n}` })), back, new AbortController().signal),
      ),
    )
    const text = await readFile(file(), "utf8")
    expect(text).toContain("my prose\n")
    expect(text.match(/why: writer \d+\n/g)).toHaveLength(1)
    expect(await readdir(join(root, "data"))).toEqual([])
  })

  test("D8: the lock of a process that died is taken over", async () => {
    await writeStateFile(place(), view(row(A, "open")), NOTHING, never)
    const child = spawn(process.execPath, ["-e", ""])
    await new Promise((resolve) => child.on("exit", resolve))
    await mkdir(join(root, "data"), { recursive: true })
    const { sha } = await import("./state/marker.ts")
    const lock = `state-${sha(`${place().root}\u0000${path}`).slice(0, 16)}.lock`
    await writeFile(join(root, "data", lock), JSON.stringify({ pid: child.pid, started: "1", nonce: "dead" }))
    expect(await writeStateFile(place(), view(row(B, "open")), NOTHING, never)).toMatchObject({ written: true })
    expect(await readdir(join(root, "data"))).toEqual([])
  })
})
