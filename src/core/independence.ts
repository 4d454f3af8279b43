import type { AgentSpec } from "./loop.ts"

/** An agent as it was resolved for a run; `ranModel` is what it said it ran, where it said so. */
export type Resolved = { spec: AgentSpec; ranModel?: string | undefined }

export type Independence = { is: "same"; why: string } | { is: "same_family"; why: string } | { is: "independent" }

/** Whether a checker is somebody other than the maker: another session, command, and resolved model. */
export function independence(maker: Resolved, checker: Resolved): Independence {
  const a = maker.spec
  const b = checker.spec
  const [makerLine, checkerLine] = [argvOf(a), argvOf(b)]
  if (a.use === "command" && b.use === "command") {
    return makerLine === checkerLine ? { is: "same", why: `both run \`${makerLine}\`` } : { is: "independent" }
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
  const tool = toolOf(a)
  if (tool !== toolOf(b) || a.use === "replay") return { is: "independent" }
  // Without a model on either side the same tool means the same default model, unless it is told of one as it is started.
  const startedAlike = a.use !== "acp" || b.use !== "acp" || makerLine === checkerLine
  if (makes === checks && startedAlike) return { is: "same", why: `both are ${tool} with its default model` }
  const why = startedAlike
    ? "one of them runs its default model, which may be the other's"
    : "which models they run is not known"
  return { is: "same_family", why: `both are ${tool}, and ${why}` }
}

/** What really talks to a model: behind ACP, the program that is started. */
function toolOf(spec: AgentSpec): string {
  if (spec.use !== "acp") return spec.use
  const program = argvOf(spec).split(" ")[0] ?? ""
  return program.replace(/^.*\//, "") || spec.use
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
