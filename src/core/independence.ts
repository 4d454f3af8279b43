import type { AgentSpec } from "./loop.ts"

/** An agent as it was resolved for a run; `ranModel` is what it said it ran, where it said so. */
export type Resolved = { spec: AgentSpec; ranModel?: string | undefined }

export type Independence = { is: "same"; why: string } | { is: "same_family"; why: string } | { is: "independent" }

/** Whether a checker is somebody other than the maker: another session, command, and resolved model. */
export function independence(maker: Resolved, checker: Resolved): Independence {
  const a = maker.spec
  const b = checker.spec
  if (a.use === "command" && b.use === "command") {
    return argvOf(a) === argvOf(b) ? { is: "same", why: `both run \`${argvOf(a)}\`` } : { is: "independent" }
  }
  if (a.name === b.name) return { is: "same", why: `both are the agent \`${a.name}\`` }
  const makes = maker.ranModel ?? a.model
  const checks = checker.ranModel ?? b.model
  if (makes !== undefined && checks !== undefined) {
    if (normal(makes) === normal(checks)) return { is: "same", why: `both ran the model ${makes}` }
    const family = familyOf(makes)
    if (family !== undefined && family === familyOf(checks)) {
      return { is: "same_family", why: `${makes} and ${checks} are of one family (${family})` }
    }
    return { is: "independent" }
  }
  // Without a model on either side the same tool means the same default model.
  if (a.use === b.use && makes === checks && a.use !== "replay") {
    return { is: "same", why: `both are ${a.use} with its default model` }
  }
  if (a.use === b.use && a.use !== "replay") {
    return {
      is: "same_family",
      why: `both are ${a.use}, and one of them runs its default model, which may be the other's`,
    }
  }
  return { is: "independent" }
}

/** The words that a shell would see, roughly: quotes, `./`, spaces and a wrapping `sh -c` make no other command. */
function argvOf({ command = "" }: AgentSpec): string {
  const line = typeof command === "string" ? command : command.join(" ")
  const words = line.replace(/["']/g, "").trim().split(/\s+/)
  const wrapped = /(^|\/)(ba|da|z)?sh$/.test(words[0] ?? "") && /^-\w*c$/.test(words[1] ?? "")
  return words
    .slice(wrapped ? 2 : 0)
    .map((word) => word.replace(/^\.\//, ""))
    .join(" ")
}

function normal(model: string): string {
  return model
    .trim()
    .toLowerCase()
    .replace(/^.*\//, "")
    .replace(/\[.*\]$/, "")
    .replace(/[-@]\d{8}$/, "")
}

const families: readonly (readonly [string, RegExp])[] = [
  ["Claude", /claude|^(opus|sonnet|haiku|fable)\b/],
  ["GPT", /^(gpt|o\d|codex|chatgpt)/],
  ["Gemini", /^(gemini|gemma)/],
  ["Qwen", /qwen|qwq/],
  ["DeepSeek", /deepseek/],
  ["Llama", /llama/],
  ["Mistral", /mistral|codestral|devstral|magistral/],
  ["Grok", /grok/],
  ["Kimi", /kimi/],
  ["GLM", /^glm/],
]

function familyOf(model: string): string | undefined {
  return families.find(([, shape]) => shape.test(normal(model)))?.[0]
}
