import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, describe, expect, test } from "vitest"
import { harmless, json, plain } from "../src/cli/terminal.ts"
import { judge } from "../src/core/judge.ts"
import type { Found } from "../src/core/ports.ts"
import { parseReview } from "../src/core/review.ts"
import { inert, repositoryPath } from "../src/core/untrusted.ts"
import { discover } from "../src/discover/discover.ts"
import { readState } from "../src/discover/state-file.ts"
import { fixture } from "../src/discover/testing.ts"
import { auditPage } from "../src/engine/audit/page.ts"
import { reportOf } from "../src/engine/audit/report.ts"
import { git } from "../src/lib/git.ts"
import { changeId } from "../src/record/runs.ts"
import { compileCondition } from "../src/spec/condition.ts"
import { evidenceOf } from "../src/verify/evidence.ts"
import { expectMarkdown, expectPrompt, expectSeen, expectTerminal, HARMLESS, skeletonOf } from "./injection/expect.ts"
import {
  discovered,
  finding,
  guides,
  partsOfPrompts,
  plans,
  prompts,
  proposals,
  stateFiles,
} from "./injection/places.ts"
import { texts } from "./injection/texts.ts"

/*
 * Every text at every place where outside text enters: it may change words, and nothing else. Whole runs with agents that obey
 * whatever is not fenced are in `injection-runs.test.ts`.
 */

const pairs = { tried: 0, held: 0 }
const places = new Set<string>()
afterAll(() => {
  const { tried, held } = pairs
  process.stdout.write(`injection: ${texts.length} texts × ${places.size} places: ${held} of ${tried} pairs held\n`)
})

/** Tries all texts at one place. */
function eachText(place: string, act: (text: string, what: string) => void): void {
  places.add(place)
  for (const { kind, name, text } of texts) {
    pairs.tried += 1
    act(text, `${place} ← ${kind}: ${name}`)
    pairs.held += 1
  }
}

test("there are at least 60 texts, each of them once", () => {
  expect(texts.length).toBeGreaterThanOrEqual(60)
  expect(new Set(texts.map(({ text }) => text)).size).toBe(texts.length)
})

describe("P5: a prompt is the same but for what stands in its fences", () => {
  test.each(Object.entries(prompts))("%s", (place, promptOf) => {
    const harmless = promptOf(HARMLESS)
    eachText(place, (text, what) => expectPrompt(promptOf(text), harmless, what))
  })
})

describe("P5: a finding is data, whatever a source forgot", () => {
  test.each(Object.entries(discovered))("%s", (place, findingOf) => {
    eachText(place, (text, what) => {
      const found = findingOf(text)
      for (const [key, value] of Object.entries(found))
        if (typeof value === "string") expectSeen(value, `${what}, ${key}`)
      if (found.file !== undefined) expect(repositoryPath(found.file), what).toBe(found.file)
      expect(found.file ?? "", what).not.toMatch(/^[-/:~]|(?:^|[\\/])\.\.(?:[\\/]|$)/)
      expect(found.url ?? "", what).not.toMatch(/^(?!https?:)[\w+.-]+:/)
      expect(found.commit ?? "abcdef0", what).toMatch(/^[0-9a-f]+$/)
      expect(found.reproduce, what).toBeUndefined()
      expect(JSON.stringify(found).length, what).toBeLessThan(10_000)
    })
  })
})

describe("P5: a plan is inert where it is read, and names only paths of the repository", () => {
  test.each(Object.entries(plans))("%s", (place, planOf) => {
    eachText(place, (text, what) => {
      const came = planOf(text)
      const words = came.is === "plan" ? Object.values(came.plan).flat() : [came.is === "stop" ? came.reason : came.why]
      for (const each of words) expectSeen(each, what)
      if (came.is === "plan") for (const path of came.plan.scope) expect(repositoryPath(path), what).toBe(path)
      expect(JSON.stringify(came).length, what).toBeLessThan(10_000)
    })
  })
})

describe("P5: a guide keeps its shape, whatever an agent says was learned", () => {
  test.each(Object.entries(guides))("%s", (place, fileOf) => {
    const harmless = fileOf(HARMLESS)
    eachText(place, (text, what) => expectMarkdown(fileOf(text), harmless, what))
  })
})

describe("P5: the state file keeps its shape, and holds no edit that nobody made", () => {
  test.each(Object.entries(stateFiles))("%s", (place, fileOf) => {
    const harmless = fileOf(HARMLESS)
    eachText(place, (text, what) => {
      const file = fileOf(text)
      expectMarkdown(file, harmless, what)
      expect(readState(file).edits, what).toEqual([])
    })
  })
})

describe("P5: a proposal's text has no mark-up, and its commit the trailers of Flyball alone", () => {
  test.each(Object.entries(proposals))("%s", async (place, proposalOf) => {
    const harmless = proposalOf(HARMLESS)
    const messages: string[] = []
    eachText(place, (text, what) => {
      const { title, body, message } = proposalOf(text)
      expectMarkdown(body, harmless.body, what)
      expectSeen(message, what)
      expect(title, what).not.toMatch(/[\n`]|#\d|(?<!\w)@\w|\[[^\]]*(?:skip|no ci)|:\/\//i)
      expect(message, what).not.toMatch(/#\d|(?:^|\s)@\w|\[[^\]]*(?:skip|no ci)|\bGH-\d|:\/\//i)
      expect(message.split("\n").length, what).toBe(harmless.message.split("\n").length)
      messages.push(message)
    })
    const own = harmless.message.trimEnd().split("\n\n").at(-1)
    for (const [index, trailers] of (await trailersOf(messages)).entries())
      expect(trailers, `${place} ← ${texts[index]?.name}`).toBe(own)
  })
})

/** What git itself takes for trailers, of many messages at once. */
async function trailersOf(messages: readonly string[]): Promise<string[]> {
  await using repo = await fixture({})
  const cwd = repo.context.repo.root
  const stream = messages.map((message, n) => {
    const bytes = Buffer.byteLength(message)
    return `commit refs/heads/tried/m${String(n).padStart(4, "0")}\ncommitter t <t@t> 0 +0000\ndata ${bytes}\n${message}\n`
  })
  await git(["fast-import", "--quiet"], { cwd, stdin: stream.join("") })
  const format = "--format=%(contents:trailers:only,unfold)%00"
  const listed = await git(["for-each-ref", "--sort=refname", format, "refs/heads/tried/"], { cwd })
  return listed
    .split("\0")
    .slice(0, -1)
    .map((each) => each.trim())
}

describe("P5: what sources read of a repository is data", () => {
  /** What a source found of texts is taken on: as prompts, in the state file, as a change's name. */
  function expectInert(found: Found, place: string): void {
    const harmless = prompts["an issue's title"]?.(HARMLESS) ?? ""
    places.add(place)
    pairs.tried += found.findings.length + found.context.length
    for (const each of found.findings) {
      const what = `${place} ← ${JSON.stringify(each.title.slice(0, 60))}`
      const prompt = prompts["an issue's title"]?.(each.title) ?? ""
      expectPrompt(prompt, harmless, what)
      for (const text of [each.title, each.body, each.file ?? "", each.module ?? "", each.suggested ?? ""])
        expectSeen(text, what)
      expect(each.reproduce?.command, what).toBeUndefined()
      expect(changeId("r", "fix", each, 1), what).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/)
    }
    for (const line of [...found.context, ...found.notes]) {
      expectSeen(line, place)
      expect(line, place).not.toContain("\n")
    }
    pairs.held += found.findings.length + found.context.length
  }
  const call = (name: string, ...args: string[]) => ({ name, args, named: {} })
  const short = texts.filter(({ text }) => text.length < 60_000)
  const usable = (text: string) => text.replaceAll("\0", "").toWellFormed()

  test("issues of the repository, in their words and in their heads", async () => {
    const files = Object.fromEntries(
      short.flatMap(({ text, kind }, n) => [
        [`issues/${n}-words.md`, `# ${usable(text)}\n\n${usable(text)}\n`],
        [
          `issues/${n}-head.md`,
          `---\ntitle: ${JSON.stringify(usable(text))}\nmodule: ${JSON.stringify(usable(text))}\nfile: ${JSON.stringify(usable(text))}\nurl: ${JSON.stringify(usable(text))}\n---\n${usable(text)}\n`,
        ],
        ...(/data formats|shells/.test(kind)
          ? [[`issues/${n}-raw.md`, `---\ntitle: ${usable(text)}\n---\nx\n`] as const]
          : []),
      ]),
    )
    await using repo = await fixture({ files, run: [call("open_issues")], maxFindings: 1_000 })
    const found = await discover(repo.context)
    expect(found.findings.length).toBeGreaterThan(short.length)
    // A command comes of the head of a committed file alone, which is how an issue says how to reproduce it.
    const commands = found.findings.filter((each) => each.reproduce?.command !== undefined)
    expect(commands.map((each) => each.reproduce?.command)).toEqual([])
    expectInert(found, "issues of the repository")
  })

  test("lines that a command prints", async () => {
    const lines = texts.map(({ text }) => ({
      title: `x ${text}`,
      body: text,
      file: text,
      module: text,
      url: text,
      suggested: text,
      rule: text,
      fingerprint: text,
    }))
    const files = { "lines.jsonl": `${lines.map((each) => JSON.stringify(each)).join("\n")}\n` }
    await using repo = await fixture({ files, run: [call("sh", "cat lines.jsonl")], maxFindings: 1_000 })
    const found = await discover(repo.context)
    expect(found.findings.length).toBeGreaterThan(texts.length / 2)
    expectInert(found, "lines of a command")
  })

  test("checklists and comments", async () => {
    const items = short.map(({ text }) => `- [ ] ${usable(text).replace(/[\n\r]/g, " ")}`).join("\n")
    const comments = short.map(({ text }) => `// TODO: ${usable(text).replace(/[\n\r]/g, " ")}`).join("\n")
    await using repo = await fixture({
      files: { "TODO.md": `${items}\n`, "src/a.js": `${comments}\n` },
      run: [call("checklist", "TODO.md"), call("todo_comments")],
      maxFindings: 1_000,
    })
    const found = await discover(repo.context)
    expect(found.findings.length).toBeGreaterThan(short.length / 2)
    expectInert(found, "checklists and comments")
  })

  test("messages and authors of commits, and names of files", async () => {
    await using repo = await fixture({
      run: [call("recent_commits", ...[]), call("todo_comments")],
      maxFindings: 1_000,
    })
    const { root } = repo.context.repo
    const names = short.flatMap(({ text }) => {
      const name = usable(text).replaceAll("/", "\u2215").slice(0, 80)
      return [".", "..", ".git", ""].includes(name) ? [] : [name]
    })
    const quoted = (name: string) =>
      `"${[...Buffer.from(name)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("")}"`
    const data = (text: string) => `data ${Buffer.byteLength(text)}\n${text}\n`
    const stream = short.map(({ text }, n) => {
      const author = usable(text)
        .replace(/[<>\n\r]/g, " ")
        .trim()
        .slice(0, 60)
      const file =
        names[n] === undefined ? "" : `M 100644 inline ${quoted(`${names[n]}.js`)}\n${data(`// TODO: in file ${n}\n`)}`
      return `commit refs/heads/main\nauthor ${author} <t@t> ${n} +0000\ncommitter t <t@t> ${n} +0000\n${data(text)}${n === 0 ? "from refs/heads/main^0\n" : ""}${file}`
    })
    await git(["fast-import", "--quiet"], { cwd: root, stdin: stream.join("") })
    repo.context.base.sha = (await git(["rev-parse", "refs/heads/main"], { cwd: root })).trim()
    const found = await discover(repo.context)
    expect(found.context).toHaveLength(20)
    expect(found.findings.length).toBeGreaterThan(20)
    expectInert(found, "commits and file names")
  })

  test("what tests, linters and compilers report", async () => {
    const tests = texts.map(({ text }) => ({
      id: `x ${text}`,
      name: text,
      status: "failed" as const,
      message: text,
      file: text,
    }))
    const issues = texts.map(({ text }) => ({
      rule: text,
      file: text,
      message: text,
      severity: "error" as const,
      fingerprint: text,
    }))
    await using repo = await fixture({
      run: [call("scan_ci_failures")],
      maxFindings: 1_000,
      measured: {
        tests_pass: { kind: "tests", result: { kind: "tests", tests } },
        lint_clean: { kind: "lint", result: { kind: "issues", issues } },
        types: { kind: "types", result: { kind: "issues", issues } },
      },
    })
    const found = await discover(repo.context)
    expect(found.findings.length).toBeGreaterThan(texts.length)
    expectInert(found, "reports of tools")
  })

  test("what an agent answers that looked around", async () => {
    await using repo = await fixture({ run: [call("agent", "scout")], maxFindings: 1_000 })
    const asked = short.map(({ text }) => ({
      title: `x ${text.slice(0, 290)}`,
      body: text.slice(0, 8_000),
      severity: "low",
      file: text.slice(0, 400),
      suggested: text.slice(0, 2_000),
    }))
    for (let from = 0; from < asked.length; from += 20) {
      const said = JSON.stringify({ findings: asked.slice(from, from + 20) })
      const found = await discover({ ...repo.context, explore: async () => ({ is: "said", said, usd: 0 }) })
      expect(found.findings.length).toBeGreaterThan(10)
      expect(found.findings.flatMap((each) => each.file ?? [])).toEqual([])
      expectInert(found, "an explorer's answer")
    }
  })
})

describe("P5: no verdict comes of words", () => {
  test("a check that failed has failed, whatever it says", () => {
    const [head, base, tree] = ["a".repeat(40), "c".repeat(40), "b".repeat(40)]
    eachText("what checks say to the judge", (text, what) => {
      const said = {
        outcome: "fail" as const,
        blame: "maker" as const,
        ran: 1,
        summary: text,
        feedback: text,
        failing: [text],
        preexisting: [],
        caveats: [text],
      }
      const judged = evidenceOf("tests_pass", { head, base, tree }, said)
      expectSeen(judged.summary + judged.feedback + judged.caveats.join(), what)
      const verdict = judge({
        head,
        base,
        layers: [{ by: "check", expr: { check: "tests_pass" } }],
        evidence: [judged],
      })
      expect(verdict.is, what).not.toBe("accept")
    })
  })

  test("a reviewer that quotes is heard by its own last line", () => {
    eachText("what a reviewer quotes", (text, what) => {
      const read = parseReview(`I read this:\n${text}\n{"verdict":"reject","reasons":["no"]}`)
      expect(read, what).toMatchObject({ is: "review", verdict: "reject" })
      // Quoted after it, it is no answer at all, unless it is one whole and to the letter.
      const after = parseReview(`{"verdict":"reject","reasons":["no"]}\nQuoted: ${text} end`)
      expect(after, what).toMatchObject({ is: "error" })
    })
  })

  test("a condition is decided by its own text", async () => {
    const never = await compileCondition("finding.title == 'never' && finding.severity == 'critical'", "attempt_if")
    eachText("what conditions are asked about", (text, what) => {
      const outcome = never.evaluate({ finding: finding({ title: text, body: text, module: text }) })
      expect(outcome, what).toMatchObject({ is: "known", value: false })
    })
  })
})

describe("P5: nothing steers a terminal or a page", () => {
  test("one line of it", () => {
    eachText("a line in the terminal", (text, what) => {
      const line = plain(text)
      expectSeen(line, what)
      expect(line, what).not.toContain("\n")
      expect(line.length, what).toBeLessThanOrEqual(200)
    })
  })

  test("whatever a command forgot to make inert", () => {
    eachText("a command's output", (text, what) => {
      const colours = harmless(`\u001B[31mred\u001B[39m ${text}`).replace(/\u001B\[(?!8m)\d+m/g, "")
      expectTerminal(colours, what)
      expect(harmless(text), "a CI's runner obeys").not.toMatch(/^\s*(?:::|##\[|##vso\[)/m)
    })
  })

  test("JSON is the same value, and nothing in it is unseen", () => {
    eachText("JSON", (text, what) => {
      const written = json({ text })
      expect(JSON.parse(written), what).toEqual({ text })
      expectTerminal(written, what)
    })
  })

  test("the page of an audit", () => {
    const page = (text: string) =>
      auditPage(
        reportOf({
          of: { is: "repository", name: text },
          version: "1",
          at: "2026-11-21T00:00:00Z",
          seed: 1,
          sandbox: "none",
          ended: "complete",
          ms: 1,
          notes: [text],
          cases: [
            {
              project: text,
              id: text,
              is: "wrong",
              kinds: [text],
              why: text,
              came: "accepted",
              says: text,
              obstacles: [],
              exhaustive: true,
              ran: ["tests_pass"],
              diff: text,
              ms: 1,
            },
          ],
        }),
      )
    const harmless = skeletonOf(page(HARMLESS))
    eachText("the page of an audit", (text, what) => {
      const html = page(text)
      expect(skeletonOf(html), what).toBe(harmless)
      expectTerminal(html, what)
    })
  })
})

describe("P5: the suite tells a place that forgets", () => {
  const naive: [string, (text: string) => string][] = [
    ["a prompt without a fence", (text) => `# Task\n\n${inert(text, 10_000)}\n\n# Rules`],
    ["a fence that is always as long", (text) => `# Task\n\n\`\`\`DATA\n${inert(text, 10_000)}\n\`\`\`\n\n# Rules`],
    [
      "a fence around text as it came",
      (text) => `# Task\n\n${"`".repeat(60)}DATA\n${text}\n${"`".repeat(60)}\n\n# Rules`,
    ],
  ]
  test.each(naive)("%s", (place, promptOf) => {
    const fooled = texts.filter(({ text }) => {
      try {
        expectPrompt(promptOf(text), promptOf(HARMLESS), place)
        return false
      } catch {
        return true
      }
    })
    expect(fooled.length).toBeGreaterThan(5)
  })

  test("every part of a prompt is said to be somebody's, and what is from outside has a place", () => {
    const outside = Object.entries(partsOfPrompts).flatMap(([part, whose]) => (whose === "outside" ? [part] : []))
    expect(outside).toHaveLength(12)
    expect(Object.keys(prompts).length).toBeGreaterThan(outside.length)
  })
})

describe("P5: one rule, in one place", () => {
  const shipped = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".ts") && !/\.test\.ts$|fixtures|testing\.ts$/.test(path))
    .map((path) => ({ path, text: readFileSync(join("src", path), "utf8") }))
  const holding = (pattern: RegExp) => shipped.filter(({ text }) => pattern.test(text)).map(({ path }) => path)

  test("nobody else decides what can't be seen", () => {
    // The rule; the last stand before a terminal; a log that is printed while it grows; and two that look for it in changes, to refuse them.
    const known = [
      "core/untrusted.ts",
      "cli/terminal.ts",
      "cli/commands/logs.ts",
      "verify/paths.ts",
      "verify/checks/diff-reasonable.ts",
    ]
    expect(holding(/\\p\{C[cf]\}|\\p\{Default_Ignorable/).filter((path) => !known.includes(path))).toEqual([])
  })

  test("what is printed goes through the terminal, which lets nothing steer it", () => {
    // Programs that are started by Flyball and read by it; the version; one sentence of our own.
    const known = [
      /^cli\/terminal\.ts$|^cli\/commands\/logs\.ts$|-main\.ts$|^main\.ts$|^engine\/session\.ts$/,
      // The text of one, that is run in the sandbox.
      /^verify\/runners\/tap\/each\.ts$/,
    ]
    const printing = holding(/\bprocess\.std(?:out|err)\.write\(|\bconsole\.\w+\(/)
    expect(printing.filter((path) => !known.some((each) => each.test(path)))).toEqual([])
  })

  test("a source's findings leave discovery as data, whichever source it is", () => {
    const discoverTs = shipped.find(({ path }) => path === "discover/discover.ts")?.text ?? ""
    expect(discoverTs).toMatch(/const found = asData\(/)
    expect(discoverTs).toMatch(/\.map\(findingAsData\)/)
  })
})
