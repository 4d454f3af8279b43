import { readdir, readFile } from "node:fs/promises"
import { expect, test } from "vitest"
import { explain } from "./explain.ts"
import { canonicalJson, hashLoop } from "./hash.ts"
import { loopSchema } from "./json-schema.ts"
import { loadLoop } from "./load.ts"
import { RawLoop } from "./shape.ts"
import type { ReadTree } from "./tree.ts"

const nothing: ReadTree = { read: async () => undefined, list: async () => [] }
const load = (text: string) => loadLoop({ file: "l.yaml", text }, { repo: "/repo", tree: nothing })

async function expectFixedPoint(text: string): Promise<void> {
  const { loop, diagnostics } = await load(text)
  if (loop === undefined) throw new Error(`${text}\n${JSON.stringify(diagnostics, null, 1)}`)
  const once = explain(loop)
  const { loop: again } = await load(once)
  expect(again?.hash).toBe(loop.hash)
  if (again === undefined) return
  const twice = explain(again)
  expect(explain((await load(twice)).loop ?? loop)).toBe(twice)
}

const folders = ["./fixtures/", "../../examples/loops/"]
const files = (
  await Promise.all(
    folders.map(async (folder) => (await readdir(new URL(folder, import.meta.url))).map((name) => `${folder}${name}`)),
  )
)
  .flat()
  .filter((name) => name.endsWith(".yaml"))

test.each(files)("%s, explained, loads to the same loop", async (name) => {
  await expectFixedPoint(await readFile(new URL(name, import.meta.url), "utf8"))
})

/** A small generator of its own: the same seeds, the same loops, on every machine. */
function generator(seed: number) {
  let state = seed * 2_654_435_761
  const next = () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 3_266_489_917) >>> 0
    return state / 2 ** 32
  }
  const pick = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] ?? (from[0] as T)
  const maybe = (text: string) => (next() < 0.5 ? text : "")
  return { next, pick, maybe }
}

function randomLoop(seed: number): string {
  const { pick, maybe, next } = generator(seed)
  const words = (depth: number): string => {
    if (depth === 0 || next() < 0.3)
      return pick(["tests_pass", "lint_clean", "types", "build", "diff_reasonable", "NOT types"])
    const part = words(depth - 1)
    return next() < 0.4 ? `NOT (${part})` : `(${part}) ${pick(["AND", "OR"])} ${words(depth - 1)}`
  }
  const file = pick(["state/triage.md", "./TODO.md", "a b.md"])
  const writes = next() < 0.7
  return [
    `name: loop-${seed}`,
    maybe(
      `description: ${pick(["'Keep: green # really'", '"  odd \\u00e9 \\\\ text  "', "yes", "|\n  two\n  lines\n"])}`,
    ),
    `trigger: [ ${pick(["every(90m)", '\'cron("0 9,18 * * MON", "Europe/Berlin")\'', "manual", "file(src/**)"])}, ${pick(["manual", "after(other)", "webhook(sentry)", "on(a.b)"])} ]`,
    maybe(`autonomy: ${pick(["report", "draft", "merge"])}`),
    maybe("strict: true"),
    maybe(
      `goal: { done_when: ${pick(["tests_pass AND types", "all is well, and stays so", "tests_pass"]).replace(",", "")}${maybe(", evaluator: evaluator")} }`,
    ),
    "agents:",
    `  implementer: ${pick(["{ use: claude, model: sonnet, then: { model: opus, then: { use: gemini } } }", "{ use: command, command: 'a \"b\" $c', cost: $0.25/attempt }", "{ use: command, command: [sh, -c, 'x: y'], skills: [a, b] }", "{ use: codex, effort: high, instructions: 'Be: kind\n\n    and clear' }"])}`,
    "  reviewer: { use: replay, recording: r/s }",
    "  second: { use: command, command: ./review.sh }",
    "  third: { use: pi, model: qwen }",
    "checks:",
    `  types: ${pick(["npx tsc", "[npx, tsc, --noEmit]", "{ run: 'x | y', kind: exit, format: tsc, timeout: 90s }"])}`,
    "steps:",
    `  - discover: { run: ${pick(["failing_tests", "checklist(TODO.md) + open_issues", `'sh("a, \\"b\\" \\\\d") + sh("c")'`])}${writes ? `, write_to: ${file}` : ""}${maybe(", attempt_if: \"finding.size != 'large'\"")} }`,
    maybe("  - plan: { spawn: planner(finding) }"),
    `  - act: { for_each: finding, spawn: implementer(finding), max_parallel: ${1 + Math.floor(next() * 9)}${maybe(", isolation: clone")}${maybe(", best_of: 3")} }`,
    `  - verify: { layers: [ { check: ${words(3)} }, { ${pick(["agent: reviewer", "agent: [reviewer, second]", "agent: [second, reviewer, third], quorum: 2", "agent: [reviewer]"])} }, { approve: { by: "@a/b", when: "change.touches('x/**')" } } ] }`,
    maybe("  - ship: { run: open_pr + notify_slack, if: verified, then: 'wait_ci(rounds=2) + watch_deploy(30m)' }"),
    "guardrails:",
    `  budget: [ $${(next() * 9 + 0.01).toFixed(2)}/run, ${Math.ceil(next() * 1e7)} tokens/day ]`,
    maybe(`  halt_on: [ no_progress(${1 + Math.floor(next() * 5)}), repeated_output ]`),
    maybe(`  timeout: ${1 + Math.floor(next() * 1e6)}ms`),
    maybe("  max_diff: { lines: 7 }"),
    maybe('  protect: [ "**/*.test.*", ./db/** ]'),
    maybe("  hours: tue,sat 8:05-24:00"),
    maybe(pick(["setup: npm ci", "hooks: { after_isolate: 'a && b # c', on_escalate: ./x }"])),
    maybe("state: { branch: flyball-state }"),
    maybe("skills: [one, two]"),
    maybe(pick(["learn: true", "learn: { agent: reviewer }", "learn: false"])),
  ]
    .filter((line) => line !== "")
    .join("\n")
}

test.each(Array.from({ length: 40 }, (_, seed) => seed))(
  "random loop %i, explained, loads to the same loop with the same hash",
  async (seed) => {
    await expectFixedPoint(`${randomLoop(seed)}\n`)
  },
)

test("the explanation says where each name came from", async () => {
  const tree: ReadTree = {
    ...nothing,
    read: async (path) => (path === ".flyball/checks.yaml" ? "tests_pass: npm test\n" : undefined),
  }
  const text = await readFile(new URL("./fixtures/daily-triage.yaml", import.meta.url), "utf8")
  const { loop } = await loadLoop({ file: ".flyball/loops/daily-triage.yaml", text }, { repo: "/repo", tree })
  const explained = loop && explain(loop)
  expect(explained).toContain("# from .flyball/checks.yaml\n  tests_pass:")
  expect(explained).toContain("# from Flyball\n  implementer:")
  expect(explained).toContain("timeout: 45m")
})

test("the hash knows neither the machine nor the order of keys, and every change of meaning", async () => {
  const text = await readFile(new URL("./fixtures/daily-triage.yaml", import.meta.url), "utf8")
  const { loop } = await load(text)
  const elsewhere = await loadLoop({ file: "other.yaml", text }, { repo: "/elsewhere", tree: nothing })
  expect(elsewhere.loop?.hash).toBe(loop?.hash)
  expect((await load(text.replace("max_iterations: 3", "max_iterations: 4"))).loop?.hash).not.toBe(loop?.hash)
  expect(loop && hashLoop(loop)).not.toBe(loop && hashLoop({ ...loop, autonomy: "report" }))
  expect(canonicalJson({ b: [1, { d: undefined, c: null }], a: "x" })).toBe('{"a":"x","b":[1,{"c":null}]}')
})

test("the JSON Schema knows every key of both forms, and demands what the loader demands", () => {
  const published = loopSchema()
  const schema = JSON.stringify(published)
  expect(published).toMatchObject({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $defs: {
      loop: { required: ["name", "steps"], additionalProperties: false },
      resource: { required: ["apiVersion", "kind", "metadata", "spec"] },
    },
  })
  for (const key of [...Object.keys(RawLoop.shape), "max_iterations", "attempt_if", "approve", "after_isolate"])
    expect(schema).toContain(`"${key}"`)
  const references = [...schema.matchAll(/"\$ref":"#([^"]*)"/g)].map(([, path = ""]) => path.split("/").slice(1))
  for (const path of references) {
    const target = path.reduce<unknown>(
      (value, step) => (typeof value === "object" && value !== null ? Reflect.get(value, step) : undefined),
      published,
    )
    expect(target, path.join("/")).toBeDefined()
  }
})
