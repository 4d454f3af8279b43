import { Failure } from "../../core/failure.ts"
import {
  allowLogin,
  LoginForgetReport,
  LoginReport,
  LoginsReport,
  type LoginView,
  loginOfTool,
  logins,
  meaningOf,
  refuseLogin,
} from "../../engine/commands/login.ts"
import { exitCodes } from "../exit-codes.ts"
import { localTime, plain, print, type Terminal } from "../terminal.ts"

/** `flyball login [TOOL] [--use] [--forget] [--yes]` */
export async function login(
  terminal: Terminal,
  tool: string | undefined,
  options: { use?: boolean; forget?: boolean; yes?: boolean },
): Promise<number> {
  if (options.use === true && options.forget === true)
    throw new Failure("WRONG_USE", "`--use` and `--forget` say the opposite.", { hint: "Say one of them." })
  if (tool === undefined) {
    if (options.use === true || options.forget === true)
      throw new Failure("WRONG_USE", "Which login?", { hint: "flyball login claude --use" })
    print(terminal, LoginsReport.parse(await logins()), (shown) => listText(terminal, shown))
    return exitCodes.done
  }
  if (options.forget === true) {
    print(terminal, LoginForgetReport.parse(await refuseLogin(tool)), ({ forgotten }) =>
      forgotten ? `The login of ${plain(tool)} is not used any more.` : `The login of ${plain(tool)} was not used.`,
    )
    return exitCodes.done
  }
  const found = await loginOfTool(tool)
  if (options.use !== true || found.state === "used") {
    print(terminal, LoginReport.parse({ login: found }), ({ login: shown }) => lineOf(terminal, shown))
    return exitCodes.done
  }
  // What can't be used at all is said by who would write it down, and nobody is asked.
  if (found.state === "offered") {
    if (!terminal.json) terminal.err([lineOf(terminal, found), "", ...meaningOf(found)].join("\n"))
    if (options.yes !== true && !(await agreed(terminal, found))) {
      terminal.err("It is not used.")
      return exitCodes.stopped
    }
  }
  print(terminal, LoginReport.parse(await allowLogin(tool)), ({ login: shown }) => lineOf(terminal, shown))
  return exitCodes.done
}

async function agreed(terminal: Terminal, { tool, account }: LoginView): Promise<boolean> {
  if (!terminal.interactive)
    throw new Failure("LOGIN_NOT_ALLOWED", `The login of \`${tool}\` is used when somebody has said so.`, {
      hint: "Read what it means, then say --yes.",
      retry: "person",
      facts: { meaning: meaningOf({ tool }) },
    })
  const { confirm, isCancel } = await import("@clack/prompts")
  const whose = account === undefined ? "" : ` (${plain(account)})`
  const answer = await confirm({ message: `Let sessions of ${tool} use this login${whose}?`, initialValue: false })
  return !isCancel(answer) && answer
}

function listText(terminal: Terminal, { logins: found }: LoginsReport): string {
  if (found.length === 0) return "No login of claude, codex, opencode, gemini, pi or gh was found on this machine."
  return found.map((each) => lineOf(terminal, each)).join("\n")
}

function lineOf({ color }: Terminal, { tool, file, account, plan, expiresAt, state, says }: LoginView): string {
  const mark = state === "used" ? color.green("✓") : color.dim("·")
  const facts = [
    ...(account === undefined ? [] : [plain(account)]),
    ...(plan === undefined ? [] : [plain(plan)]),
    ...(expiresAt === undefined ? [] : [`until ${localTime(expiresAt)}`]),
  ]
  const whose = facts.length === 0 ? "" : `  ${facts.join(", ")}`
  return `${mark} ${tool.padEnd(9)}${whose}  ${color.dim(plain(file, 200))}\n  ${"".padEnd(9)}${plain(says, 300)}`
}
