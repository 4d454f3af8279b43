import { z } from "zod"
import type { Answer, Wire } from "./script.ts"

/** Gemini: `POST /v1beta/models/MODEL:generateContent` and `:streamGenerateContent`. */
export const gemini: Wire = {
  read(body, path) {
    const { contents, tools, generationConfig } = Body.parse(body)
    const rounds = contents.filter(
      ({ role, parts }) => role === "model" && parts.some((part) => part.functionCall !== undefined),
    ).length
    return {
      model: decodeURIComponent(/\/models\/([^:/?]+)/.exec(path)?.[1] ?? "unknown"),
      stream: path.includes(":streamGenerateContent"),
      rounds,
      wantsUsage: true,
      maxOut: generationConfig.maxOutputTokens,
      tools: tools
        .flatMap(({ functionDeclarations }) => functionDeclarations)
        .map(({ name, parameters, parametersJsonSchema }) => {
          const schema = parametersJsonSchema ?? parameters
          return {
            name,
            parameters: Object.keys(schema?.properties ?? {}),
            required: schema?.required ?? [],
            custom: false,
          }
        }),
    }
  },

  whole: (answer) => ({ ...candidate(answer, parts(answer), finishReason(answer)), usageMetadata: usageOf(answer) }),

  events(answer) {
    const pieces = parts(answer)
    return pieces.map((part, at) =>
      at < pieces.length - 1
        ? { data: candidate(answer, [part]) }
        : { data: { ...candidate(answer, [part], finishReason(answer)), usageMetadata: usageOf(answer) } },
    )
  },

  error(status, message) {
    return { error: { code: status, message, status: names[status] ?? "INTERNAL" } }
  },
}

function candidate({ id, model }: Answer, parts: object[], finishReason?: string) {
  return {
    candidates: [{ content: { role: "model", parts }, ...(finishReason ? { finishReason } : {}), index: 0 }],
    modelVersion: model,
    responseId: id,
  }
}

function parts({ text, reasoning, calls }: Answer): object[] {
  const all = [
    ...(reasoning === "" ? [] : [{ text: reasoning, thought: true }]),
    ...(text === "" ? [] : [{ text }]),
    ...calls.map(({ id, name, input }) => ({ functionCall: { id, name, args: input } })),
  ]
  return all.length > 0 ? all : [{ text: "" }]
}

function finishReason({ refusal }: Answer): string {
  return refusal ? "SAFETY" : "STOP"
}

function usageOf({ usage }: Answer) {
  const promptTokenCount = usage.in + usage.cacheRead + usage.cacheWrite
  return {
    promptTokenCount,
    // Thoughts are counted apart from the words.
    candidatesTokenCount: usage.out - usage.reasoning,
    ...(usage.reasoning > 0 ? { thoughtsTokenCount: usage.reasoning } : {}),
    ...(usage.cacheRead > 0 ? { cachedContentTokenCount: usage.cacheRead } : {}),
    totalTokenCount: promptTokenCount + usage.out,
  }
}

const names: Record<number, string> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  429: "RESOURCE_EXHAUSTED",
  503: "UNAVAILABLE",
}

const Schema = z.object({
  properties: z.record(z.string(), z.unknown()).default({}),
  required: z.array(z.string()).default([]),
})

const Body = z.object({
  generationConfig: z.object({ maxOutputTokens: z.number().optional() }).default({}),
  contents: z.array(
    z.object({
      role: z.string().default("user"),
      parts: z.array(z.object({ functionCall: z.unknown().optional() })).default([]),
    }),
  ),
  tools: z
    .array(
      z.object({
        functionDeclarations: z
          .array(z.object({ name: z.string(), parameters: Schema.optional(), parametersJsonSchema: Schema.optional() }))
          .default([]),
      }),
    )
    .default([]),
})
