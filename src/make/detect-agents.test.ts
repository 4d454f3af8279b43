import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, expect, test } from "vitest"
import type { AgentSpec } from "../core/loop.ts"
import { type DetectedAgent, detectAgents, resolveAuto } from "./detect-agents.ts"

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "flyball-detect-test-"))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function install(name: string, script: string): void {
  writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
}
const outer = () => ({ PATH: `${folder}:/usr/bin:/bin` })
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
    usable: kind === "claude" || kind === "codex",
  }))

test("agents on the PATH are found with their versions, best first, and those without an adapter are told apart", async () => {
  install("gemini", "echo 0.61.0")
  install("codex", 'echo "codex-cli 0.169.0"')
  install("claude", '[ "$1" = --version ] && echo "2.1.329 (Claude Code)"')
  mkdirSync(join(folder, "pi"))
  writeFileSync(join(folder, "opencode"), "not executable")
  expect(await detectAgents(outer())).toEqual([
    { kind: "claude", program: join(folder, "claude"), version: "2.1.329", usable: true },
    { kind: "codex", program: join(folder, "codex"), version: "0.169.0", usable: true },
    { kind: "gemini", program: join(folder, "gemini"), version: "0.61.0", usable: false },
  ])
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
  ["codex where it is alone", detected("codex", "gemini"), undefined, { use: "codex" }],
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

test("a model that is named stays, and what is not auto stays as it is", () => {
  expect(resolveAuto(spec({ model: "haiku" }), detected("claude")).model).toBe("haiku")
  expect(resolveAuto(spec({ use: "codex" }), [])).toEqual(spec({ use: "codex" }))
})

test.each([
  ["no agent", [], "no coding agent is on the PATH"],
  ["only agents that can't be run yet", detected("gemini", "pi"), "(gemini, pi)"],
])("with %s the ways out are named", (_, found, why) => {
  expect(() => resolveAuto(spec(), found)).toThrow(
    expect.objectContaining({
      code: "NO_AGENT",
      message: expect.stringContaining(why),
      hint: expect.stringContaining("flyball init --agent"),
    }),
  )
})
