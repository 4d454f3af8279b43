import { readFileSync } from "node:fs"
import { expect, test } from "vitest"
import type { AgentKind } from "../../core/loop.ts"
import type { Spend } from "../../core/spend.ts"
import { newSession, type Session, type SessionEnd } from "../adapter.ts"
import { spendOf } from "../price.ts"
import { adapterOf } from "./index.ts"

/*
 * Lines that the real CLIs printed against the scripted model server (versions in fixtures/README.md), and what they
 * must come to. Each session began with one request that was answered (1,000 tokens in, 500 from the cache, 40 out) and
 * used a tool; then came what the fixture's name says.
 */

type Expected = { end: object; said: string; tokens: Partial<Spend["tokens"]>; basis: Spend["basis"] }

const once = { in: 1_000, out: 40, cacheRead: 500 }
const twice = { in: 2_000, out: 80, cacheRead: 1_000 }
const thrice = { in: 3_000, out: 120, cacheRead: 1_500 }
const nothing = { in: 0, out: 0, cacheRead: 0 }
const done = { is: "done" }
const failed = (code: Extract<SessionEnd, { is: "failed" }>["code"], why?: string) => ({
  is: "failed",
  code,
  ...(why === undefined ? {} : { why: expect.stringContaining(why) }),
})
const no = "I can't help with that."

const recorded: [AgentKind, fixture: string, Expected][] = [
  ["claude", "refused", { end: failed("refused"), said: "safeguards", tokens: thrice, basis: "reported" }],
  ["claude", "forbidden", { end: failed("crashed", "budget reached"), said: "403", tokens: once, basis: "reported" }],
  ["claude", "rate-limited", { end: failed("quota", "429"), said: "429", tokens: once, basis: "reported" }],
  [
    "claude",
    "cut",
    { end: failed("crashed", "ECONNRESET"), said: "lost", tokens: { cacheRead: 500 }, basis: "reported" },
  ],
  // Codex says what it used only when its turn went well.
  ["codex", "refused", { end: failed("refused"), said: no, tokens: nothing, basis: "unknown" }],
  [
    "codex",
    "forbidden",
    { end: failed("crashed", "budget reached"), said: "I look.", tokens: nothing, basis: "unknown" },
  ],
  ["codex", "rate-limited", { end: failed("quota", "429"), said: "I look.", tokens: nothing, basis: "unknown" }],
  ["codex", "cut", { end: failed("crashed", "disconnected"), said: "I look.", tokens: nothing, basis: "unknown" }],
  ["opencode", "fixed", { end: done, said: "Done.", tokens: thrice, basis: "estimated" }],
  ["opencode", "refused", { end: failed("refused"), said: no, tokens: twice, basis: "estimated" }],
  [
    "opencode",
    "unauthorised",
    { end: failed("missing_agent", "x-api-key"), said: "", tokens: nothing, basis: "reported" },
  ],
  [
    "opencode",
    "forbidden",
    { end: failed("crashed", "budget reached"), said: "I look.", tokens: once, basis: "estimated" },
  ],
  ["opencode", "rate-limited", { end: failed("quota", "429"), said: "I look.", tokens: once, basis: "estimated" }],
  ["gemini", "fixed", { end: done, said: "Done.", tokens: thrice, basis: "estimated" }],
  // It passes a refusal off as an answer: the gate sees that nothing was changed.
  ["gemini", "refused", { end: done, said: no, tokens: twice, basis: "estimated" }],
  [
    "gemini",
    "unauthorised",
    { end: failed("missing_agent", "x-api-key"), said: "", tokens: nothing, basis: "reported" },
  ],
  [
    "gemini",
    "forbidden",
    { end: failed("crashed", "budget reached"), said: "I look.", tokens: once, basis: "estimated" },
  ],
  ["gemini", "cut", { end: failed("crashed", "terminated"), said: "Half", tokens: once, basis: "estimated" }],
  ["pi", "fixed", { end: done, said: "Done.", tokens: { in: 4_900, out: 150, cacheRead: 2_600 }, basis: "estimated" }],
  ["pi", "refused", { end: failed("refused"), said: no, tokens: twice, basis: "estimated" }],
  ["pi", "forbidden", { end: failed("crashed", "budget reached"), said: "I look.", tokens: once, basis: "estimated" }],
  // What was cut off is counted as far as it was told: a lower bound, and said to be one.
  [
    "pi",
    "cut",
    { end: failed("crashed", "terminated"), said: "I look.", tokens: { cacheRead: 500 }, basis: "unknown" },
  ],
  ["acp", "fixed", { end: done, said: "Done.", tokens: nothing, basis: "unknown" }],
]

test.each(recorded)(
  "%s: a session recorded as %s is read to its end, words and money",
  async (kind, name, expected) => {
    const { session, end } = replayed(kind, name)
    expect(end).toMatchObject(expected.end)
    expect(session.said).toContain(expected.said)
    expect(session.unread).toBe(0)
    const spend = await spendOf(session)
    expect(spend).toMatchObject({ tokens: expected.tokens, basis: expected.basis })
  },
)

test.each(["opencode", "gemini", "pi", "acp"] as const)(
  "%s: tools are in what it did, and half lines, banners and later events are stepped over",
  (kind) => {
    const { session } = replayed(kind, "fixed")
    expect(session.spoken).toMatch(/read/)
    const odd = [
      "Welcome!",
      '{"type":"hologram"}',
      '{"type":',
      "[1,2]",
      "\u0000{}",
      `{"type":"error","x":"${"y".repeat(10_000)}`,
    ]
    const { session: dirty, end } = replayed(kind, "fixed", odd)
    expect(end).toEqual({ is: "done" })
    expect(dirty.unread).toBe(odd.length)
  },
)

test.each(["opencode", "gemini", "pi", "acp"] as const)(
  "T1: %s: lines that break off before the agent's own account are no success, whatever the exit code",
  async (kind) => {
    const lines = linesOf(kind, "fixed")
    for (let kept = 0; kept < lines.length - 2; kept++) {
      const { session, end } = fold(kind, lines.slice(0, kept))
      expect(end.is, `after ${kept} lines`).toBe("failed")
      // Between two requests all that was used is known to some; nobody may think so in the middle of one.
      if (Object.keys(session.usage).length > 0) expect((await spendOf(session)).usd).toBeGreaterThan(0)
    }
  },
)

function replayed(kind: AgentKind, name: string, before: string[] = []) {
  return fold(kind, [...before, ...linesOf(kind, name)])
}

function linesOf(kind: AgentKind, name: string): string[] {
  return readFileSync(new URL(`../fixtures/${kind}/${name}.jsonl`, import.meta.url), "utf8")
    .trimEnd()
    .split("\n")
}

function fold(kind: AgentKind, lines: string[]): { session: Session; end: SessionEnd } {
  const adapter = adapterOf(kind)
  if (adapter === undefined) throw new Error(`no adapter for ${kind}`)
  // The runner gives the model that it told the agent to run.
  const model = { codex: "gpt-6-sol", opencode: "claude-sonnet-5" }[kind as string]
  const session = lines.reduce(
    (now, line) => adapter.parse(line, now),
    model === undefined ? newSession : { ...newSession, model },
  )
  return { session, end: adapter.finish(session, { exitCode: 0, signal: null, stderr: "" }) }
}
