import { describe, expect, test } from "vitest"
import { AgentKind, type AgentSpec } from "../../core/loop.ts"
import type { AgentTask } from "../../core/ports.ts"
import { agentEnvironment } from "../environment.ts"
import { adapterOf } from "./index.ts"

/*
 * An agent reads issues, logs and diffs, and may be talked into telling what it knows. Behind the gateway it knows its
 * attempt's token, which is worth nothing anywhere else and nothing when the attempt is over.
 */

const KEY = "sk-the-users-own-key"
const TOKEN = "fb-attempt-token"
const secrets = [
  ...[
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_AUTH_TOKEN",
    "OPENAI_API_KEY",
    "CODEX_API_KEY",
    "GEMINI_API_KEY",
    "GOOGLE_API_KEY",
  ],
  ...[
    "CLAUDE_CODE_OAUTH_TOKEN",
    "OPENROUTER_API_KEY",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "NPM_TOKEN",
    "AWS_SECRET_ACCESS_KEY",
  ],
  ...["SSH_AUTH_SOCK", "GOOGLE_APPLICATION_CREDENTIALS", "DATABASE_URL", "FLYBALL_TEST_SECRET"],
]
const outer = { PATH: "/usr/bin:/bin", HOME: "/root", ...Object.fromEntries(secrets.map((name) => [name, KEY])) }
const usual: Partial<Record<AgentKind, Partial<AgentSpec>>> = {
  acp: { command: ["some-agent", "acp"] },
  command: { command: "sh make.sh" },
}

describe("P5: an agent that reads outside text holds no credential but its attempt's token", () => {
  const kinds = AgentKind.options.filter((kind) => kind !== "auto" && kind !== "replay")
  const roles = ["maker", "reviewer", "explorer"] as const
  test.each(kinds.flatMap((kind) => roles.map((role) => [kind, role] as const)))("%s as %s", (kind, role) => {
    const agent: AgentSpec = { name: kind, use: kind, model: "m", skills: [], from: "loop", ...usual[kind] }
    const task: AgentTask = {
      role,
      agent,
      cwd: "/work",
      prompt: "look",
      attempt: 1,
      finding: { fingerprint: "f", source: "sh", title: "t", body: "b", severity: "low", attemptable: true },
      limits: { timeoutMs: 1_000, silenceMs: 1_000, outputBytes: 1_000 },
      artifactDir: "/artifacts",
      change: "c",
    }
    const made = adapterOf(kind)?.command(task, {
      home: "/home/agent",
      files: { finding: "/in/finding.json", prompt: "/in/prompt.md" },
      sandboxed: true,
      outer,
      replay: { argv: ["replay"], root: "/work" },
      acp: { argv: ["node", "acp.js"] },
      gateway: { url: "http://127.0.0.1:8000", token: TOKEN },
    })
    expect(made).toBeDefined()
    for (const network of [true, false]) {
      const env = { ...agentEnvironment(outer, { home: "/home/agent", tmp: "/tmp/agent", network }), ...made?.env }
      expect(JSON.stringify([env, made?.argv, made?.files, made?.stdin])).not.toContain(KEY)
    }
  })
})
