import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import type { DetectedAgent } from "../../make/detect-agents.ts"
import { type FoundLogin, findLogins, forgetLogin, loginTools, useLogin } from "../../make/logins.ts"
import { nearest } from "../../spec/nearest.ts"
import { flyballHome } from "../home.ts"

export const LoginView = z.object({
  tool: z.string(),
  file: z.string(),
  account: z.string().optional(),
  plan: z.string().optional(),
  /** When what is there ends, unless its tool renews it. */
  expiresAt: z.string().optional(),
  /** `used`: you said so. `offered`: it could be. `listed`: no agent ever gets it. */
  state: z.enum(["used", "offered", "listed"]),
  since: z.string().optional(),
  /** In a sentence. */
  says: z.string(),
})
export type LoginView = z.infer<typeof LoginView>

export const LoginsReport = z.object({ logins: z.array(LoginView) })
export type LoginsReport = z.infer<typeof LoginsReport>
export const LoginReport = z.object({ login: LoginView })
export type LoginReport = z.infer<typeof LoginReport>
export const LoginForgetReport = z.object({ tool: z.string(), forgotten: z.boolean() })
export type LoginForgetReport = z.infer<typeof LoginForgetReport>

/** The logins that are on this machine, and which of them agents may have. Nothing is changed, and no secret is shown. */
export async function logins(): Promise<LoginsReport> {
  const found = await findLogins(process.env, flyballHome(process.env))
  return { logins: found.map(viewOfLogin) }
}

/** The login of one tool. Throws NO_SUCH_TOOL, NO_LOGIN. */
export async function loginOfTool(tool: string): Promise<LoginView> {
  refuseUnknown(tool)
  const found = (await logins()).logins
  const login = found.find((each) => each.tool === tool)
  if (login !== undefined) return login
  throw new Failure("NO_LOGIN", `No login of \`${tool}\` was found on this machine.`, {
    hint:
      found.length === 0
        ? "No tool that Flyball knows is logged in here."
        : `Found: ${found.map((each) => each.tool).join(", ")}.`,
    retry: "person",
  })
}

function refuseUnknown(tool: string): void {
  const known = loginTools()
  if (known.includes(tool)) return
  const close = nearest(tool, known)
  throw new Failure("NO_SUCH_TOOL", `Flyball knows no tool \`${tool}\` that keeps a login.`, {
    hint: close === undefined ? `It knows ${known.join(", ")}.` : `Did you mean \`${close}\`?`,
    retry: "person",
  })
}

/** Writes down that sessions of this tool may have its login. */
export async function allowLogin(tool: string): Promise<LoginReport> {
  return { login: viewOfLogin(await useLogin(tool, process.env, flyballHome(process.env))) }
}

/** Takes that back. Throws NO_SUCH_TOOL. */
export async function refuseLogin(tool: string): Promise<LoginForgetReport> {
  // What was once said of a tool can be taken back, known or not.
  if (await forgetLogin(tool, flyballHome(process.env))) return { tool, forgotten: true }
  refuseUnknown(tool)
  return { tool, forgotten: false }
}

/** What the yes means: said before it is asked for. */
export function meaningOf({ tool }: Pick<LoginView, "tool">): string[] {
  return [
    `Sessions of ${tool} that have no key, and nobody else's, get a copy of this login for as long as they run: the token that pays, never the one that renews it.`,
    `So nothing is written back, you are not logged out, and when it ends sessions wait until you start ${tool} yourself, which renews it.`,
    "In the sandbox such a session reaches that provider and what the loop lists, and what it uses is what it says: ceilings in tokens and time hold it.",
    "It could show the login to those hosts, as every agent could that you start yourself.",
  ]
}

/** In one sentence, the same wherever it is said: `flyball login`, `doctor`, `init`. */
export function loginSays({ tool, state, since, expiresAt, why }: FoundLogin): string {
  switch (state) {
    case "used": {
      const ended = expiresAt !== undefined && expiresAt.getTime() < Date.now()
      const renew = ended ? `; it has ended, and starting ${tool} once renews it` : ""
      return `used by sessions of ${tool}, as you said on ${since?.slice(0, 10) ?? "?"}${renew}`
    }
    case "offered":
      return `not used${why === undefined ? "" : ` (${why})`}: \`flyball login ${tool} --use\` lets sessions of ${tool} have it`
    case "listed":
      return tool === "gh" ? `not used: ${why ?? ""}` : `never used: ${why ?? ""}`
  }
}

/** What those who set a loop up should know of logins: of agents that nothing else pays for. */
export async function loginNotes(agents: readonly DetectedAgent[]): Promise<string[]> {
  const unpaid = agents.flatMap(({ kind, auth }) => (auth?.is === "login" ? [kind] : []))
  if (unpaid.length === 0) return []
  const found = (await logins()).logins.filter(({ tool }) => unpaid.some((kind) => kind === tool))
  return found.map(({ tool, file, says }) => `The login of ${tool} (${file}) is ${says}.`)
}

function viewOfLogin(found: FoundLogin): LoginView {
  const { tool, file, account, plan, expiresAt, state, since } = found
  return {
    tool,
    file,
    ...(account === undefined ? {} : { account }),
    ...(plan === undefined ? {} : { plan }),
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt.toISOString() }),
    state,
    ...(since === undefined ? {} : { since }),
    says: loginSays(found),
  }
}
