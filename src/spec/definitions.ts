import type { AgentKind, AgentSpec, CheckKind, CheckSpec } from "../core/loop.ts"
import { CUT } from "./check-shape.ts"
import { readFolder } from "./folder-path.ts"
import { readSpan } from "./guardrails.ts"
import { Misread, reading } from "./misread.ts"
import { readCeiling } from "./quantity.ts"
import type { RawAgent, RawCheck } from "./shape.ts"
import { complain, type Path, type SourceFile } from "./source-file.ts"
import { builtinChecks, reservedChecks, roleChecks } from "./vocabulary.ts"

export const CHECK_TIMEOUT_MS = 10 * 60_000

/** What a command is likely to be, where its check doesn't say. */
const commandKinds: [RegExp, CheckKind][] = [
  [/\bvitest bench\b|\bgo test\b.* -{1,2}bench\b|\bhyperfine\b|--benchmark-only\b/, "numbers"],
  [/\b(vitest|jest|mocha|pytest|go test|cargo (nex)?test|node --test|tox|nose2)\b|\bnpm (run )?test\b/, "tests"],
  [/\b(eslint|biome (lint|check|ci)|ruff check|golangci-lint|cargo clippy)\b/, "lint"],
  [/\b(tsc|mypy|pyright)\b/, "types"],
]

/** Checks as written under `checks:` or in `checks.yaml`. */
export function readChecks(
  source: SourceFile,
  path: Path,
  raw: Record<string, RawCheck>,
  from: string,
): Record<string, CheckSpec> {
  const reserved: readonly string[] = [...builtinChecks, ...reservedChecks]
  const checks: Record<string, CheckSpec> = {}
  for (const [name, written] of Object.entries(raw)) {
    const at = [...path, name]
    if (!/^[A-Za-z_][\w-]*$/.test(name) || /^(AND|OR|NOT)$/i.test(name))
      complain(source, at, {
        code: "BAD_NAME",
        part: "key",
        message: `\`${name}\` can't be the name of a check.`,
        hint: "Letters, digits, `_` and `-`; not AND, OR or NOT.",
      })
    else if (reserved.includes(name))
      complain(source, at, {
        code: "BUILTIN_CHECK",
        part: "key",
        message: `\`${name}\` is built in and can't be replaced.`,
        hint: "Give your check another name.",
      })
    else {
      const check = readCheck(source, at, name, written, from)
      if (check !== undefined) checks[name] = check
    }
  }
  return checks
}

function readCheck(source: SourceFile, path: Path, name: string, raw: RawCheck, from: string): CheckSpec | undefined {
  const short = typeof raw === "string" || Array.isArray(raw)
  const run = short ? raw : raw.run
  const at = short ? path : [...path, "run"]
  if (run === undefined) {
    complain(source, path, {
      code: "MISSING_KEY",
      part: "key",
      message: `The check \`${name}\` has no command.`,
      hint: `${name}: npm test   or   ${name}: { run: npm test, timeout: 5m }`,
    })
    return undefined
  }
  if (!isCommand(run)) {
    complain(source, at, { code: "BAD_COMMAND", message: `The command of \`${name}\` is empty.` })
    return undefined
  }
  const line = typeof run === "string" ? run : run.join(" ")
  const format = short ? undefined : raw.format
  const byCommand = commandKinds.find(([pattern]) => pattern.test(line))?.[1]
  // Import rules may be kept by a linter or by tests of the project's own: there the command knows better.
  const kind =
    (short ? undefined : raw.kind) ??
    (name === "architecture" ? byCommand : undefined) ??
    roleChecks[name] ??
    byCommand ??
    "exit"
  const folder = short || raw.path === undefined ? undefined : readFolder(source, [...path, "path"], raw.path)
  return {
    name,
    kind,
    run: typeof run === "string" ? run.trim() : run,
    ...(format === undefined ? {} : { format }),
    timeoutMs: short ? CHECK_TIMEOUT_MS : readSpan(source, [...path, "timeout"], raw.timeout, CHECK_TIMEOUT_MS),
    // `.` until names are resolved: what says nothing runs where the loop works.
    ...(folder === undefined ? {} : { path: folder }),
    from,
  }
}

function isCommand(run: string | string[]): boolean {
  return typeof run === "string"
    ? run.trim() !== "" && run !== CUT
    : run.length > 0 && run[0] !== "" && !run.includes(CUT)
}

/** One agent, in a loop or a file; `implied` is what `use` is where it isn't said. */
export function readAgent(
  source: SourceFile,
  path: Path,
  name: string,
  raw: RawAgent,
  from: string,
  implied: AgentKind = "auto",
): AgentSpec {
  const use = raw.use ?? (raw.command === undefined ? implied : "command")
  const needless = (key: "command" | "recording" | "cost", owner: AgentKind) => {
    if (raw[key] === undefined || use === owner || (key === "command" && use === "acp")) return
    complain(source, [...path, key], {
      code: "NEEDLESS_KEY",
      part: "key",
      message: `\`${key}\` is for \`use: ${owner}\`; this agent has \`use: ${use}\`.`,
    })
  }
  needless("command", "command")
  needless("cost", "command")
  needless("recording", "replay")
  if ((use === "command" || use === "acp") && (raw.command === undefined || !isCommand(raw.command)))
    complain(source, path, {
      code: "MISSING_KEY",
      part: "key",
      message: `\`${name}\` has \`use: ${use}\` and no command.`,
      hint:
        use === "acp"
          ? "command: gemini --acp   or   command: [opencode, acp]"
          : "command: npx eslint --fix .   or   command: [npx, eslint, --fix, .]",
    })
  if (use === "replay" && raw.recording === undefined)
    complain(source, path, {
      code: "MISSING_KEY",
      part: "key",
      message: `\`${name}\` has \`use: replay\` and no recording.`,
      hint: "recording: the folder of recorded sessions",
    })
  if (use === "auto" && raw.model !== undefined)
    complain(source, [...path, "model"], {
      code: "MODEL_WITHOUT_AGENT",
      severity: "warning",
      message: `\`${raw.model}\` goes to whichever agent is installed, and another one may not know it.`,
      hint: "Say which: { use: claude, model: … }",
    })
  // Claude Code's word for "as in the session that starts it": here that is the agent's own default.
  const model = raw.model === "inherit" || raw.model === "" ? undefined : raw.model
  const usdPerAttempt =
    raw.cost === undefined ? undefined : reading(source, [...path, "cost"], "BAD_BUDGET", raw.cost, readCost)
  const then =
    raw.then === undefined
      ? undefined
      : readAgent(source, [...path, "then"], name, { use: use, ...raw.then }, from, use)
  return {
    name,
    use,
    ...(raw.description === undefined ? {} : { description: raw.description }),
    ...(model === undefined ? {} : { model }),
    ...(raw.effort === undefined ? {} : { effort: raw.effort }),
    ...(raw.command === undefined ? {} : { command: raw.command }),
    ...(raw.recording === undefined ? {} : { recording: raw.recording }),
    ...(raw.instructions === undefined ? {} : { instructions: raw.instructions }),
    skills: [...new Set((raw.skills ?? []).filter((skill) => skill !== CUT))],
    ...(usdPerAttempt === undefined ? {} : { usdPerAttempt }),
    ...(then === undefined ? {} : { then }),
    from,
  }
}

function readCost(text: string): number {
  const { key, amount } = readCeiling(text)
  if (key !== "usdPerAttempt")
    throw new Misread("What a command costs is said per attempt.", { hint: "cost: $0.10/attempt" })
  return amount
}
