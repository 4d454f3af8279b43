import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import type { AgentSpec } from "../core/loop.ts"
import { type DetectedAgent, detectAgents, resolveAuto } from "./detect-agents.ts"
import type { WireName } from "./gateway/wires/wire.ts"

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flyball-detect-test-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function install(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}
const outer = (more: Record<string, string> = {}) => ({ PATH: `${folder}:/usr/bin:/bin`, HOME: folder, ...more })
const spec = (more: Partial<AgentSpec> = {}): AgentSpec => ({
  name: "implementer",
  use: "auto",
  skills: [],
  from: "builtin",
  ...more,
})
const detected = (...kinds: DetectedAgent["kind"][]): DetectedAgent[] =>
  kinds.map((kind) => ({
    kind,
    program: `/bin/${kind}`,
    version: "1.0.0",
    usable: kind !== "pi",
  }))

/** With who pays for each. */
const paid = (...agents: [DetectedAgent["kind"], WireName | "nothing"][]): DetectedAgent[] =>
  agents.flatMap(([kind, wire]) =>
    detected(kind).map((agent) => ({
      ...agent,
      auth: wire === "nothing" ? { is: "nothing" } : { is: "key", from: "KEY", wire },
    })),
  )

test("agents on the PATH are found with their versions, best first, and how each is paid for", async () => {
  install("gemini", "echo 0.61.0")
  install("codex", 'echo "codex-cli 0.169.0"')
  install("claude", '[ "$1" = --version ] && echo "2.1.329 (Claude Code)"')
  mkdirSync(join(folder, "pi"))
  writeFileSync(join(folder, "opencode"), "not executable")
  mkdirSync(join(folder, ".codex"))
  writeFileSync(join(folder, ".codex/auth.json"), "{}")
  const login = { is: "login", file: join(folder, ".codex/auth.json"), instead: "set OPENAI_API_KEY" }
  const program = (name: string) => join(folder, name)
  expect(await detectAgents(outer({ GEMINI_API_KEY: "k", CLAUDE_CODE_OAUTH_TOKEN: "t" }))).toEqual([
    {
      kind: "claude",
      program: program("claude"),
      version: "2.1.329",
      usable: true,
      auth: { is: "token", from: "CLAUDE_CODE_OAUTH_TOKEN" },
    },
    { kind: "codex", program: program("codex"), version: "0.169.0", usable: true, auth: login },
    {
      kind: "gemini",
      program: program("gemini"),
      version: "0.61.0",
      usable: true,
      auth: { is: "key", from: "GEMINI_API_KEY", wire: "gemini" },
    },
  ])
})

test.each([
  ["0.87.1", "v20.20.2", false],
  ["0.87.1", "v22.18.0", false],
  ["0.87.1", "v22.19.0", true],
  ["0.87.1", "v24.1.0", true],
  ["1.0.3", "v20.20.2", false],
  ["0.74.2", "v20.20.2", true],
])("pi %s beside Node %s: usable %s, and what it lacks is said", async (version, node, usable) => {
  install("pi", `echo ${version}`)
  install("node", `echo ${node}`)
  const [pi] = await detectAgents(outer({ OPENAI_API_KEY: "k" }))
  expect(pi).toMatchObject({ usable, auth: { is: "key", from: "OPENAI_API_KEY", wire: "responses" } })
  expect(pi?.lacks).toEqual(usable ? undefined : expect.stringContaining("Node 22.19"))
})

test("an agent that hangs, or fails, is there without a version", async () => {
  install("claude", "sleep 60")
  install("codex", "exit 3")
  const started = performance.now()
  const found = await detectAgents(outer(), { timeoutMs: 200 })
  expect(found.map(({ version }) => version)).toEqual([undefined, undefined])
  expect(performance.now() - started).toBeLessThan(5_000)
})

test("without versions nothing is run", async () => {
  install("claude", `touch ${join(folder, "was-run")}`)
  expect(await detectAgents(outer(), { versions: false })).toMatchObject([
    { kind: "claude", version: undefined, usable: true },
  ])
  expect(existsSync(join(folder, "was-run"))).toBe(false)
})

test.each([
  ["claude goes first", detected("claude", "codex"), undefined, { use: "claude", model: "sonnet" }],
  ["codex where it goes before", detected("codex", "gemini"), undefined, { use: "codex" }],
  ["what somebody pays for", paid(["claude", "nothing"], ["codex", "responses"]), undefined, { use: "codex" }],
  ["the best where nobody does", paid(["claude", "nothing"], ["codex", "nothing"]), undefined, { use: "claude" }],
  [
    "opencode has a model of the maker that is paid",
    paid(["opencode", "gemini"]),
    undefined,
    { use: "opencode", model: "gemini-3.1-pro-preview" },
  ],
  [
    "another agent with the same maker's models is no other reviewer",
    paid(["claude", "messages"], ["opencode", "messages"]),
    spec({ use: "claude", model: "sonnet" }),
    { use: "claude", model: "opus" },
  ],
  [
    "and has another model where it is the only one left",
    paid(["opencode", "messages"]),
    spec({ use: "claude", model: "sonnet" }),
    { use: "opencode", model: "claude-opus-5" },
  ],
  [
    "the reviewer is another agent",
    detected("claude", "codex"),
    spec({ use: "claude", model: "sonnet" }),
    { use: "codex" },
  ],
  [
    "or another model of the same",
    detected("claude"),
    spec({ use: "claude", model: "sonnet" }),
    { use: "claude", model: "opus" },
  ],
  [
    "whichever the maker has",
    detected("claude"),
    spec({ use: "claude", model: "opus" }),
    { use: "claude", model: "sonnet" },
  ],
  [
    "for a maker that is a command the best will do",
    detected("claude"),
    spec({ use: "command", command: "x" }),
    { use: "claude", model: "sonnet" },
  ],
])("auto: %s", (_, found, maker, expected) => {
  expect(resolveAuto(spec({ then: spec() }), found, maker)).toMatchObject({ ...expected, then: expected })
})

test.each([
  [
    "a small model of another maker",
    detected("claude", "codex"),
    { small: true },
    { use: "codex", model: "gpt-5.4-mini" },
  ],
  ["a small one of the maker's own tool", detected("claude"), { small: true }, { use: "claude", model: "haiku" }],
  [
    "another tool than the panel has",
    detected("claude", "codex", "gemini"),
    { beside: [spec({ use: "codex", model: "gpt-6-sol" })] },
    { use: "gemini" },
  ],
  [
    "the maker's tool with another model, where all others are taken",
    detected("claude", "codex"),
    { beside: [spec({ use: "codex", model: "gpt-6-sol" })] },
    { use: "claude", model: "opus" },
  ],
  [
    "a third model, where there is one tool alone",
    detected("claude"),
    { beside: [spec({ use: "claude", model: "opus" })] },
    { use: "claude", model: "haiku" },
  ],
  [
    "the first again, where nothing else is left",
    detected("claude"),
    { beside: ["opus", "haiku"].map((model) => spec({ use: "claude", model })) },
    { use: "claude", model: "opus" },
  ],
])("T5: beside a maker that is claude sonnet: %s", (_, found, choice, expected) => {
  expect(resolveAuto(spec(), found, spec({ use: "claude", model: "sonnet" }), choice)).toMatchObject(expected)
})

test("a model that is named stays, and what is not auto stays as it is", () => {
  expect(resolveAuto(spec({ model: "haiku" }), detected("claude")).model).toBe("haiku")
  expect(resolveAuto(spec({ use: "codex" }), [])).toEqual(spec({ use: "codex" }))
})

test.each([
  ["no agent", [], "no coding agent is on the PATH"],
  ["only agents that can't be run here", detected("pi"), "(pi)"],
])("with %s the ways out are named", (_, found, why) => {
  expect(() => resolveAuto(spec(), found)).toThrow(
    expect.objectContaining({
      code: "NO_AGENT",
      message: expect.stringContaining(why),
      hint: expect.stringContaining("flyball init --agent"),
    }),
  )
})
