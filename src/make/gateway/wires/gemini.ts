import { count, isObject, type Json, limit, list, object, text } from "../json.ts"
import { actsByItself } from "./acts.ts"
import { estimateInput } from "./estimate.ts"
import { inexact } from "./exact.ts"
import { defined } from "./messages.ts"
import { assumedOutput, isText, OTHER_THAN_TEXT, pricedTier } from "./openai.ts"
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

  ask(written, route) {
    const model = (route.does === "generate" ? route.model : undefined) ?? ""
    const beyond = spelledTwice(written) ?? beyondTokens(canonical(written))
    const body = canonical(written)
    const { thinkingConfig, maxOutputTokens, candidateCount } = object(body.generationConfig)
    const budget = count(object(thinkingConfig).thinkingBudget)
    const named = limit(maxOutputTokens)
    return {
      model,
      streams: route.does === "generate" && route.streams === true,
      input: estimateInput(body),
      output: named ?? assumedOutput(model),
      named: named !== undefined,
      answers: Math.max(1, count(candidateCount) ?? 1),
      floor: Math.max(FLOOR_TOKENS, (budget ?? 0) + AFTER_THINKING_TOKENS),
      caches: "no",
      ...(beyond === undefined ? {} : { beyond }),
    }
  },

  prepared: canonical,

  lowered(written, output) {
    const body = canonical(written)
    return { ...body, generationConfig: { ...object(body.generationConfig), maxOutputTokens: output } }
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

/** Its servers take each name in two spellings: what is checked, and what is sent on, has one. */
function canonical(body: Json): Json {
  const { generationConfig, ...rest } = camel(body)
  if (generationConfig === undefined) return rest
  const { thinkingConfig, ...config } = camel(object(generationConfig))
  const thinking = thinkingConfig === undefined ? {} : { thinkingConfig: camel(object(thinkingConfig)) }
  return { ...rest, generationConfig: { ...config, ...thinking } }
}

function camel(fields: Json): Json {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [camelName(name), value]))
}

function camelName(name: string): string {
  return name.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())
}

/** Of a field that stands there in both spellings nobody can say which counts. */
function spelledTwice(body: Json): string | undefined {
  const config = object(body.generationConfig ?? body.generation_config)
  for (const fields of [body, config, object(config.thinkingConfig ?? config.thinking_config)]) {
    const names = Object.keys(fields)
    const twice = names.find((name) => names.some((other) => other !== name && camelName(other) === camelName(name)))
    if (twice !== undefined) return `\`${twice.slice(0, 40)}\` stands there in two spellings`
  }
  return undefined
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

function beyondTokens(body: Json): string | undefined {
  const config = object(body.generationConfig)
  const wrong = inexact(config, { counts: ["maxOutputTokens", "candidateCount"] })
  if (wrong !== undefined) return wrong
  if (body.cachedContent != null) return "`cachedContent` is kept by the provider, and its size can't be known"
  if (!isText(config.responseModalities, "TEXT")) return OTHER_THAN_TEXT
  if (body.tools != null && !Array.isArray(body.tools)) return "`tools` is no list"
  return pricedTier({ service_tier: body.serviceTier }) ?? actsByItself(body, isAgents)
}

/** The agent's own: functions that it calls, and the computer that it works at. */
function isAgents(tool: Json): boolean {
  return Object.keys(tool).every((name) => ["functionDeclarations", "computerUse"].includes(camelName(name)))
}
