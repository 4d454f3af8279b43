import { expect, test } from "vitest"
import type { Finding } from "../../core/finding.ts"
import type { AgentSpec } from "../../core/loop.ts"
import { type Fixture, fixture } from "../../discover/testing.ts"
import type { TriagerFacts } from "../../make/triager-prompt.ts"
import { triageKeys } from "./triage-keys.ts"

const agent: AgentSpec = { name: "sorter", use: "claude", model: "haiku", skills: [], from: "loop" }
const finding: Finding = {
  fingerprint: "f".repeat(16),
  source: "failing_tests",
  title: "adds",
  body: "expected 3, got 2 after 12 ms",
  severity: "high",
  file: "src/add.js",
  line: 3,
  commit: "a".repeat(40),
  reproduce: { check: "tests_pass", ids: ["test/add.test.js > adds"] },
  attemptable: true,
}

type Asked = { finding?: Partial<Finding>; agent?: Partial<AgentSpec>; facts?: Partial<TriagerFacts> }

async function keyIn({ context: { repo, base, signal } }: Fixture, asked: Asked = {}): Promise<string | undefined> {
  const spec = { ...agent, ...asked.agent }
  const given = { ...finding, ...asked.finding }
  const keys = await triageKeys([given], { agent: spec, facts: { agent: spec, ...asked.facts }, repo, base, signal })
  return keys.get(given.fingerprint)
}

const files = { "src/add.js": "1\n", "test/add.test.js": "1\n", "other.js": "1\n" }

test.each<[string, Asked]>([
  ["a time in its text", { finding: { body: "expected 3, got 2 after 80 ms" } }],
  ["its line, and the commit on which it was seen", { finding: { line: 9, commit: "b".repeat(40) } }],
  ["what the triager costs", { agent: { usdPerAttempt: 1 } }],
])("%s is no other question", async (_, asked) => {
  await using repo = await fixture({ files })
  expect(await keyIn(repo, asked)).toBe(await keyIn(repo))
})

test.each<[string, Asked]>([
  ["its fingerprint", { finding: { fingerprint: "0".repeat(16) } }],
  ["its title", { finding: { title: "subtracts" } }],
  ["its text", { finding: { body: "expected 4, got 2 after 12 ms" } }],
  ["its source's severity", { finding: { severity: "low" } }],
  ["the file it points at", { finding: { file: "other.js" } }],
  ["the triager's model", { agent: { model: "opus" } }],
  ["the triager's instructions", { agent: { instructions: "Be strict." } }],
  ["the loop's goal", { facts: { goal: "Keep main green." } }],
  ["the folder that the loop works in", { facts: { path: "src" } }],
])("%s makes it another", async (_, asked) => {
  await using repo = await fixture({ files })
  expect(await keyIn(repo, asked)).not.toBe(await keyIn(repo))
})

test.each([
  ["src/add.js", true],
  ["test/add.test.js", true],
  ["other.js", false],
])("a change of %s asks again: %s", async (path, again) => {
  await using repo = await fixture({ files })
  const before = await keyIn(repo)
  await repo.commit({ [path]: "2\n" })
  expect((await keyIn(repo)) !== before).toBe(again)
})

test("a file that is not there, or that no repository can have, asks for nothing of git's", async () => {
  await using repo = await fixture({ files })
  const odd = (file: string) => keyIn(repo, { finding: { file } })
  const keys = await Promise.all(["gone.js", "../add.js", "src/add.js\nother.js", "--help", "a b.js"].map(odd))
  expect(keys.every((key) => /^[0-9a-f]{64}$/.test(key ?? ""))).toBe(true)
  const before = await odd("a b.js")
  await repo.commit({ "a b.js": "1\n" })
  expect(await odd("a b.js")).not.toBe(before)
})
