import { z } from "zod"

/** An agent's login as its file holds it: what one session needs of it, and what people may know of it. */
export type LoginFile = {
  /** The file for one session: it can show who pays, and can't renew itself. */
  text: string
  /** What must stand in no log. */
  secrets: string[]
  account?: string
  plan?: string
  expiresAt?: Date
}

/**
 * Claude Code's login, without the token that renews it: who renews gets a new one, and the old one, the user's, is worth nothing
 * from then on. Undefined for a file that holds none.
 */
export function claudeLogin(text: string): LoginFile | undefined {
  const parsed = ClaudeFile.safeParse(jsonOf(text))
  if (!parsed.success) return undefined
  const { refreshToken: _, ...login } = parsed.data.claudeAiOauth
  const { accessToken, expiresAt, subscriptionType } = login
  return {
    text: JSON.stringify({ claudeAiOauth: login }),
    secrets: [accessToken],
    ...(subscriptionType == null ? {} : { plan: subscriptionType }),
    ...dateOf(expiresAt),
  }
}

/** Who is logged in to Claude Code, by its settings. */
export function claudeAccount(text: string): string | undefined {
  return ClaudeSettings.safeParse(jsonOf(text)).data?.oauthAccount.emailAddress
}

/** Codex's login with ChatGPT, likewise. One with an API key is none: a key has better ways to the gateway. */
export function codexLogin(text: string): LoginFile | undefined {
  const parsed = CodexFile.safeParse(jsonOf(text))
  if (!parsed.success) return undefined
  const { tokens, ...rest } = parsed.data
  const id = claimsOf(tokens.id_token)
  const account = id?.email
  const plan = id?.["https://api.openai.com/auth"]?.chatgpt_plan_type
  const ends = claimsOf(tokens.access_token)?.exp
  return {
    text: JSON.stringify({ ...rest, OPENAI_API_KEY: null, tokens: { ...tokens, refresh_token: "" } }),
    secrets: [tokens.access_token, tokens.id_token],
    ...(account === undefined ? {} : { account }),
    ...(plan === undefined ? {} : { plan }),
    ...dateOf(ends === undefined ? undefined : ends * 1000),
  }
}

/** Where `gh` is logged in and as whom, by its `hosts.yml`: for people's eyes alone. */
export function ghAccounts(hosts: unknown): string[] {
  const parsed = GhHosts.safeParse(hosts)
  if (!parsed.success) return []
  return Object.entries(parsed.data).map(([host, of]) => (of?.user == null ? host : `${of.user} at ${host}`))
}

const word = z.string().min(1)
const ClaudeFile = z.looseObject({
  claudeAiOauth: z.looseObject({
    accessToken: word,
    refreshToken: z.unknown(),
    expiresAt: z.number().nullish().catch(undefined),
    subscriptionType: z.string().nullish().catch(undefined),
  }),
})
const ClaudeSettings = z.looseObject({ oauthAccount: z.looseObject({ emailAddress: word }) })
const CodexFile = z.looseObject({
  tokens: z.looseObject({ id_token: word, access_token: word, refresh_token: z.unknown() }),
})
const GhHosts = z.record(z.string(), z.looseObject({ user: z.string().nullish() }).nullish())
const Claims = z.looseObject({
  exp: z.number().optional().catch(undefined),
  email: z.string().optional().catch(undefined),
  "https://api.openai.com/auth": z
    .looseObject({ chatgpt_plan_type: z.string().optional().catch(undefined) })
    .optional()
    .catch(undefined),
})

/** What a token says of itself; nobody checks its signature here, and nothing is granted by it. */
function claimsOf(token: string): z.infer<typeof Claims> | undefined {
  const [, payload = ""] = token.split(".")
  return Claims.safeParse(jsonOf(Buffer.from(payload, "base64url").toString())).data
}

function dateOf(ms: number | null | undefined): { expiresAt?: Date } {
  if (ms == null) return {}
  const expiresAt = new Date(ms)
  return Number.isNaN(expiresAt.getTime()) ? {} : { expiresAt }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
