import { expect, test } from "vitest"
import type { AgentKind, AgentSpec } from "../../core/loop.ts"
import type { AgentTask } from "../../core/ports.ts"
import type { AdapterContext } from "../adapter.ts"
import { adapterOf } from "./index.ts"

const keys = { ANTHROPIC_API_KEY: "real-a", OPENAI_API_KEY: "real-o", GEMINI_API_KEY: "real-g" }
const outer = {
  ...keys,
  CLAUDE_CODE_OAUTH_TOKEN: "real-t",
  ANTHROPIC_BASE_URL: "https://proxy.example/",
  SECRET: "hunter2",
}
const gateway = { url: "http://127.0.0.1:4000", token: "fb_token" }

function commandOf(
  spec: Partial<AgentSpec> & { use: AgentKind },
  more: Partial<
    AdapterContext & Pick<AgentTask, "role" | "answer"> & { ceilings: Pick<AgentTask["limits"], "usd" | "tokens"> }
  > = {},
) {
  const { role = "maker", answer, ceilings, ...context } = more
  const task: AgentTask = {
    role,
    ...(answer === undefined ? {} : { answer }),
    agent: { name: "a", skills: [], from: "loop", ...spec },
    cwd: "/work",
    prompt: "the prompt",
    finding: { fingerprint: "f", source: "t", title: "t", body: "b", severity: "low", attemptable: true },
    attempt: 1,
    limits: { timeoutMs: 1, silenceMs: 1, outputBytes: 1, ...ceilings },
    artifactDir: "/artifacts",
    change: "c",
  }
  const command = adapterOf(spec.use)?.command(task, {
    home: "/home",
    files: { finding: "/in/finding.json", prompt: "/in/prompt.md" },
    sandboxed: true,
    outer,
    replay: { argv: [], root: "/" },
    acp: { argv: ["node", "/dist/acp.js"] },
    ...context,
  })
  if (command === undefined) throw new Error(`no adapter for ${spec.use}`)
  return { ...command, all: JSON.stringify(command) }
}

const everyone: (Partial<AgentSpec> & { use: AgentKind })[] = [
  { use: "claude", model: "sonnet" },
  { use: "codex", model: "gpt-6-sol" },
  { use: "opencode", model: "claude-sonnet-5" },
  { use: "opencode", model: "openai/gpt-6-sol" },
  { use: "gemini", model: "gemini-3.5-flash" },
  { use: "pi", model: "gemini-3.5-flash" },
  { use: "acp", command: ["agent", "--acp"] },
]

test.each(everyone)("$use $model behind the gateway: its address and token, and no key of the user's", (spec) => {
  const { all, env, stdin, unusable } = commandOf(spec, { gateway })
  expect(all).toContain("http://127.0.0.1:4000")
  expect(Object.values(env)).toContain("fb_token")
  expect(all).not.toMatch(/real-|proxy\.example|hunter2/)
  expect([stdin, unusable]).toEqual(["the prompt", undefined])
})

test.each(everyone)("$use $model behind the gateway needs no key of the user's at all", (spec) => {
  expect(commandOf(spec, { gateway, outer: {} }).unusable).toBeUndefined()
})

test.each(everyone)("$use $model without one has the key of its own maker, and nothing else of the user's", (spec) => {
  const { all } = commandOf(spec)
  expect(all).toMatch(/real-/)
  expect(all).not.toContain("hunter2")
  const given = Object.values(keys).filter((key) => all.includes(key))
  expect(given).toHaveLength(spec.use === "acp" ? 3 : 1)
})

test.each([
  ["claude-sonnet-5", "@ai-sdk/anthropic", "https://proxy.example/v1", "claude-sonnet-5"],
  ["anthropic/claude-opus-5", "@ai-sdk/anthropic", "https://proxy.example/v1", "claude-opus-5"],
  ["gpt-6-sol", "@ai-sdk/openai", "https://api.openai.com/v1", "gpt-6-sol"],
  ["google/gemini-3.5-flash", "@ai-sdk/google", "https://generativelanguage.googleapis.com/v1beta", "gemini-3.5-flash"],
  ["qwen/qwen3-coder", "@ai-sdk/openai-compatible", "https://api.openai.com/v1", "qwen/qwen3-coder"],
  ["openai-oss-20b", "@ai-sdk/openai-compatible", "https://api.openai.com/v1", "openai-oss-20b"],
])("opencode speaks to %s as %s at %s", (model, npm, baseURL, name) => {
  const { env, argv } = commandOf({ use: "opencode", model })
  const { provider } = JSON.parse(env.OPENCODE_CONFIG_CONTENT ?? "{}")
  expect(provider.flyball).toMatchObject({ npm, options: { baseURL }, models: { [name]: {} } })
  expect(argv).toContain(`flyball/${name}`)
})

test.each([
  ["claude", "Edit,Write,NotebookEdit", "Read,Grep,Glob"],
  ["codex", "--output-schema", "read-only"],
  ["opencode", '\\"edit\\":\\"deny\\"', '\\"bash\\":\\"deny\\"'],
  ["gemini", "write_file", "run_shell_command"],
  ["pi", "read,grep,find,ls", "read,grep,find,ls"],
  ["acp", "--may", '"read"'],
] as const)("a reviewer that is %s can't write, and without a sandbox has no shell", (use, unwritable, shellless) => {
  const spec = { use, model: "claude-sonnet-5", command: ["agent"] }
  const answer = { type: "object" }
  expect(commandOf(spec, { role: "reviewer", answer }).all).toContain(unwritable)
  expect(commandOf(spec, { role: "reviewer", sandboxed: false }).all).toContain(shellless)
  expect(commandOf(spec).all).not.toContain(unwritable === "--may" ? '"read"' : unwritable)
})

test.each([
  ["a ceiling in tokens", { tokens: 1_000 }, {}, true],
  ["a ceiling in dollars", { usd: 1 }, {}, true],
  ["none", {}, {}, false],
  ["the gateway, which meters it", { usd: 1, tokens: 1_000 }, { gateway }, false],
])("claude tells its account while it answers where it must be held to it: with %s", (_, ceilings, context, tells) => {
  const { argv } = commandOf({ use: "claude", model: "sonnet" }, { ceilings, ...context })
  expect(argv.includes("--include-partial-messages")).toBe(tells)
})
