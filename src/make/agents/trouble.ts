import type { SessionEnd } from "../adapter.ts"

type Failed = Extract<SessionEnd, { is: "failed" }>

/**
 * What a failed request means, by its HTTP status where the agent tells it, else by the words it was told with: a key
 * that is not valid, a provider that serves no more for now, a model that declined; all else is a crash.
 */
export function troubleOf(agent: string, message: string, status = statusIn(message)): Failed {
  const why = `${agent}: ${message.slice(0, 1_000)}`
  return { is: "failed", code: codeOf(message, status), why }
}

function codeOf(message: string, status: number | undefined): Failed["code"] {
  if (status === 401 || noKey.test(message)) return "missing_agent"
  // Anthropic is overloaded with 529; for OpenAI and Google a plain 5xx may be anything.
  if (status === 402 || status === 429 || status === 529 || noMore.test(message)) return "quota"
  return declined.test(message) ? "refused" : "crashed"
}

/** As agents word it: "unexpected status 403 Forbidden", "API Error: 403 …", `"code":403`. */
function statusIn(message: string): number | undefined {
  const found = /(?:status:?|API Error:|"code":|HTTP|rejected)\s*\(?(\d{3})\b/i.exec(message)?.[1]
  return found === undefined ? undefined : Number(found)
}

const noKey =
  /invalid.{0,10}api.?key|api key not valid|authentication_error|authentication_failed|UNAUTHENTICATED|unauthorized|please run \/login|not logged in|invalid auth method/i
const noMore =
  /rate.?limit|too many requests|usage limit|quota|RESOURCE_EXHAUSTED|insufficient_quota|credit balance is too low/i
const declined = /content.?filter|invalid_prompt|flagged|refus|PROHIBITED_CONTENT|\bSAFETY\b|blocked by/i
