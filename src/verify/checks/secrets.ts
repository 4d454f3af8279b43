import type { ChangedLines } from "../diff.ts"

/** A secret-shaped text on an added line. The text itself is never kept. */
export type Secret = { rule: string; path: string; line: number }

const MAX_LINE_CHARS = 20_000

/** Well-known shapes of credentials: prefixes that their issuers chose to be recognised by. */
const rules: readonly (readonly [string, RegExp])[] = [
  ["private key", /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/],
  ["AWS access key", /\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b/],
  ["AWS secret key", /aws.{0,20}(?:secret|private).{0,20}['"=:\s][A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/i],
  ["GitHub token", /\bgh[pousr]_[A-Za-z0-9]{36,255}\b/],
  ["GitHub fine-grained token", /\bgithub_pat_[A-Za-z0-9_]{60,255}\b/],
  ["GitLab token", /\bgl(?:pat|dt|ptt|rt|soat|cbt)-[A-Za-z0-9_-]{20,}/],
  ["Slack token", /\bxox[abeoprs]-[A-Za-z0-9-]{10,}|\bxapp-\d-[A-Z0-9]+-\d+-[a-f0-9]{20,}/],
  ["Slack webhook", /hooks\.slack\.com\/(?:services|workflows|triggers)\/[A-Za-z0-9+/]{30,}/],
  ["Stripe key", /\b(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{16,}/],
  ["Stripe webhook secret", /\bwhsec_[A-Za-z0-9+/]{32,}/],
  ["Anthropic key", /\bsk-ant-(?:api|admin|oat)\d\d-[A-Za-z0-9_-]{40,}/],
  ["OpenAI key", /\bsk-(?:proj|svcacct|admin|None)-[A-Za-z0-9_-]{40,}|\bsk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}\b/],
  ["Google API key", /\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/],
  ["Google OAuth secret", /\bGOCSPX-[A-Za-z0-9_-]{28}/],
  ["npm token", /\bnpm_[A-Za-z0-9]{36}\b/],
  ["PyPI token", /\bpypi-AgEI[A-Za-z0-9_-]{50,}/],
  ["SendGrid key", /\bSG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}/],
  ["Twilio key", /\b(?:SK|AC)[0-9a-f]{32}\b.{0,80}(?:auth|secret|token)/i],
  ["Hugging Face token", /\bhf_[A-Za-z]{34}\b/],
  ["Linear key", /\blin_(?:api|oauth)_[A-Za-z0-9]{32,}/],
  ["DigitalOcean token", /\bdo[opr]_v1_[a-f0-9]{64}\b/],
  ["Vault token", /\bhv[sbr]\.[A-Za-z0-9_-]{24,}/],
  ["Docker Hub token", /\bdckr_pat_[A-Za-z0-9_-]{27}/],
  ["Databricks token", /\bdapi[a-f0-9]{32}\b/],
  ["Sentry token", /\bsntry[su]_[A-Za-z0-9+/=_-]{40,}/],
  ["Telegram bot token", /\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/],
  ["Azure storage key", /AccountKey=[A-Za-z0-9+/]{86}==/],
  ["age key", /\bAGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}/],
  [
    "password in a URL",
    /\b[a-z][a-z0-9+.-]{1,20}:\/\/[^\s:@/'"`$<>{}]{1,100}:(?!\/\/|\*|x{3}|<|\$|\{|%|pass|pw|secret|test|guest|root|admin|user|postgres|example|change)[^\s:@/'"`$<>{}]{8,200}@(?!localhost|127\.|example\.|host\b)/i,
  ],
]

/** Documented examples that everybody may print. */
const examples = /AKIAIOSFODNN7EXAMPLE|AKIAI44QH8DHBEXAMPLE|wJalrXUtnFEMI\/K7MDENG|EXAMPLEKEY|(?:x{8}|X{8}|0{12}|\*{8})/

/** The shapes of secrets on added lines alone: what the base already holds is not this change's doing. */
export function findSecrets(lines: ChangedLines): Secret[] {
  const found: Secret[] = []
  for (const [path, { added }] of lines) {
    for (const { n, text } of added) {
      const shown = text.slice(0, MAX_LINE_CHARS)
      const hit = rules.find(([, shape]) => {
        const match = shape.exec(shown)
        return match !== null && !examples.test(match[0])
      })
      if (hit !== undefined) found.push({ rule: hit[0], path, line: n })
    }
  }
  return found
}
