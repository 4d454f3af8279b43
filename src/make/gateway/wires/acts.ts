import { isObject, type Json, list, object, text } from "../json.ts"

/*
 * What a provider would do by itself for a request: run a tool (searching, running code, calling other servers), fetch an
 * address, read what it keeps under an id, let another model answer. It costs more than the tokens, by an amount that
 * nobody knows before; and an address is a way out of the sandbox that no allow-list sees: whoever is asked for it
 * learns what stands in it. So what is known to stay with the agent is let through, and everything else is not.
 */

/** Names the first thing in a request by which the provider would act by itself, as a reason; undefined where nothing does. */
export function actsByItself(body: Json, isAgents: (tool: Json) => boolean): string | undefined {
  const pending: unknown[] = [body]
  while (pending.length > 0) {
    const next = pending.pop()
    if (Array.isArray(next)) pending.push(...next)
    if (!isObject(next) || callsOfTools.test(text(next.type) ?? "")) continue
    const why = ofObject(next)
    if (why !== undefined) return why
    for (const [key, value] of Object.entries(next)) {
      if (isMisspelt(key))
        return `\`${key.slice(0, 40)}\` is not how this is spelled, and some servers take it all the same`
      if (key === "tools") {
        const found = list(value)
          .map((tool) => ofTool(tool, isAgents))
          .find((each) => each !== undefined)
        if (found !== undefined) return found
        if (value != null && !Array.isArray(value)) return "`tools` is no list"
      } else if (!free.has(key) && typeof value === "object") pending.push(value)
    }
  }
  return undefined
}

/** Calls of tools in a conversation: what the agent itself was told to do, in any words. */
const callsOfTools = /^(server_|mcp_)?tool_use$/

/** Hold a schema, or what a tool of the agent's said or is to be given: any word may stand there. */
const free = new Set([
  ...["input_schema", "parameters", "response_format", "output_config", "output_format", "metadata", "client_metadata"],
  ...["generationConfig", "generation_config", "functionCall", "function_call", "args", "arguments", "response", "env"],
])

function ofTool(tool: unknown, isAgents: (tool: Json) => boolean): string | undefined {
  const wrong = Object.keys(object(tool)).find(isMisspelt)
  if (wrong !== undefined)
    return `\`${wrong.slice(0, 40)}\` is not how this is spelled, and some servers take it all the same`
  // A named group of tools.
  if (object(tool).type === "namespace")
    return list(object(tool).tools)
      .map((each) => ofTool(each, isAgents))
      .find((each) => each !== undefined)
  if (isObject(tool) && isAgents(tool)) return undefined
  const { type, name } = object(tool)
  const called = text(type) ?? text(name) ?? Object.keys(object(tool))[0] ?? "without a name"
  return `the tool \`${called.slice(0, 40)}\` is run by the provider, or unknown here`
}

/** Tools that are run by a provider wherever they are named; calls of them, and what they said, are other things. */
const hosted =
  /^(openrouter:)?(web_search|web_fetch|code_execution|code_interpreter|file_search|image_generation|mcp|advisor|x_search|browser_search)(?!.*(call|result|output|use|approval))/

function ofObject(part: Json): string | undefined {
  const kind = text(part.type) ?? ""
  if (hosted.test(kind)) return `the tool \`${kind.slice(0, 40)}\` is run by the provider`
  if (kind === "item_reference") return "it names an item that the provider keeps, whose size can't be known"
  if (kind === "input_audio" || media.some((name) => isSound(part[name]))) return SOUND
  for (const [name, value] of Object.entries(part)) {
    const address = text(value) ?? (isObject(value) ? text(value.url) : undefined)
    if (address === undefined) continue
    if (isSound(/^data:([^;,]*)/i.exec(address)?.[1])) return SOUND
    const isNamed = named.test(name) || (name === "url" && kind === "url")
    if (isNamed && !/^data:/i.test(address)) return `\`${name}\` is fetched by the provider; send what it holds`
  }
  return undefined
}

const media = ["media_type", "mime_type", "mimeType"]
const named = /^(file|image|video|audio)_?(url|uri|id)$/i
const SOUND = "sound and film have prices of their own"

function isSound(type: unknown): boolean {
  return typeof type === "string" && /^\s*(audio|video)\//i.test(type)
}

/** Servers in Go read names whatever their case, and take the last of several: what is checked here must be what they read. */
function isMisspelt(key: string): boolean {
  if (/^[a-z0-9_]*$/.test(key)) return false
  return watched.has(key.toUpperCase().toLowerCase())
}

const watched = new Set([
  ...["model", "models", "max_tokens", "max_completion_tokens", "max_output_tokens", "n", "stream", "stream_options"],
  ...["tools", "type", "source", "url", "image_url", "file_url", "file_id", "file_uri", "background", "service_tier"],
  ...["previous_response_id", "conversation", "prompt", "modalities", "web_search_options", "plugins", "preset"],
  ...[
    "mcp_servers",
    "container",
    "speed",
    "thinking",
    "fallbacks",
    "inference_geo",
    "context_management",
    "cache_control",
  ],
])

/** What lets the provider choose another model or program than the request names: by any of the wires that routers speak. */
export function choosesItself(body: Json): string | undefined {
  const model = text(body.model) ?? ""
  if (searching.test(model)) return `the model \`${model.slice(0, 60)}\` searches the web by itself`
  for (const name of ["models", "fallbacks", "fallback_models"])
    if (isThere(body[name])) return `\`${name}\` lets the provider choose another model, at another price`
  for (const name of ["plugins", "web_search_options", "preset", "mcp_servers", "container"])
    if (isThere(body[name])) return `\`${name}\` is run by the provider`
  return undefined
}

const searching = /(:online$|search-preview|search-api|deep-research)/i

function isThere(value: unknown): boolean {
  return value != null && value !== false && !(Array.isArray(value) && value.length === 0)
}
