import { count, isObject, type Json, limit, list, object, text } from "../json.ts"
import { estimateInput } from "./estimate.ts"
import { defined } from "./messages.ts"
import { assumedOutput } from "./openai.ts"
import { AFTER_THINKING_TOKENS, FLOOR_TOKENS, type Reading, type Wire } from "./wire.ts"

/** Gemini: `models/NAME:generateContent` and its streaming sister. */
export const gemini: Wire = {
  name: "gemini",

  route(method, path) {
    const [, version, end = "", model, verb] =
      /^\/(v1beta|v1alpha|v1)(\/models(?:\/([\w.@-]+)(?::(\w+))?)?)$/.exec(path) ?? []
    // `/v1/models` without a verb is spoken by the other wires too, and theirs.
    if (version === undefined) return undefined
    if (verb === undefined)
      return method === "GET" && version !== "v1" ? { does: "free", path: `/${version}${end}` } : undefined
    if (method !== "POST" || model === undefined) return undefined
    if (verb === "countTokens") return { does: "free", path: `/${version}${end}` }
    if (verb !== "generateContent" && verb !== "streamGenerateContent") return undefined
    return { does: "generate", path: `/${version}${end}`, model, streams: verb === "streamGenerateContent" }
  },

  ask(body, route) {
    const model = (route.does === "generate" ? route.model : undefined) ?? ""
    const config = configOf(body)
    const budget = count(object(config.thinkingConfig).thinkingBudget ?? object(config.thinking_config).thinking_budget)
    const named = limit(config.maxOutputTokens) ?? limit(config.max_output_tokens)
    const beyond = beyondTokens(body, config)
    return {
      model,
      streams: route.does === "generate" && route.streams === true,
      input: estimateInput(body),
      output: named ?? assumedOutput(model),
      named: named !== undefined,
      answers: Math.max(1, count(config.candidateCount) ?? count(config.candidate_count) ?? 1),
      floor: Math.max(FLOOR_TOKENS, (budget ?? 0) + AFTER_THINKING_TOKENS),
      caches: "no",
      ...(beyond === undefined ? {} : { beyond }),
    }
  },

  prepared: (body) => body,

  lowered(body, output) {
    const { max_output_tokens: _, ...config } = configOf(body)
    const { generation_config: __, ...rest } = body
    return { ...rest, generationConfig: { ...config, maxOutputTokens: output } }
  },

  read(data) {
    if (data.error !== undefined)
      return { failed: text(object(data.error).message) ?? "the provider reported an error" }
    const candidates = list(data.candidates).map(object)
    const ended = candidates.some((each) => typeof each.finishReason === "string") || isObject(data.promptFeedback)
    return {
      ...readUsage(data.usageMetadata),
      shown: candidates.reduce((sum, each) => sum + shownIn(object(each.content)), 0),
      ...(ended ? { ended } : {}),
    }
  },

  refusal: (status, message) => ({ error: { code: status, message, status: statuses[status] ?? "INVALID_ARGUMENT" } }),
}

const statuses: Readonly<Record<number, string>> = {
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  502: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
}

function configOf(body: Json): Json {
  return object(body.generationConfig ?? body.generation_config)
}

function readUsage(value: unknown): Reading {
  const usage = object(value)
  const [prompt, tools] = [count(usage.promptTokenCount), count(usage.toolUsePromptTokenCount) ?? 0]
  const [said, thought] = [count(usage.candidatesTokenCount), count(usage.thoughtsTokenCount)]
  const cacheRead = count(usage.cachedContentTokenCount)
  return {
    usage: defined({
      in: prompt === undefined ? undefined : Math.max(0, prompt + tools - (cacheRead ?? 0)),
      out: said === undefined && thought === undefined ? undefined : (said ?? 0) + (thought ?? 0),
      cacheRead,
      reasoning: thought,
    }),
  }
}

function shownIn(content: Json): number {
  return list(content.parts)
    .map(object)
    .map(
      (part) =>
        (text(part.text)?.length ?? 0) + (isObject(part.functionCall) ? JSON.stringify(part.functionCall).length : 0),
    )
    .reduce((sum, length) => sum + length, 0)
}

function beyondTokens(body: Json, config: Json): string | undefined {
  if (text(body.cachedContent) !== undefined)
    return "`cachedContent` is kept by the provider, and its size can't be known"
  if (list(config.responseModalities).some((each) => each !== "TEXT")) return "other than text has a price of its own"
  const hosted = list(body.tools)
    .flatMap((tool) => Object.keys(object(tool)))
    .find((name) => !["functionDeclarations", "function_declarations", "computerUse", "computer_use"].includes(name))
  return hosted === undefined ? undefined : `the tool \`${hosted.slice(0, 40)}\` is run by the provider`
}
