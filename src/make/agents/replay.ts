import { dirname, isAbsolute, join } from "node:path"
import { z } from "zod"
import {
  type AgentAdapter,
  type AgentExit,
  jsonLine,
  notRunnable,
  type Session,
  type SessionEnd,
  stderrTail,
} from "../adapter.ts"
import { finishClaude, parseClaude } from "./claude.ts"
import { finishCodex, parseCodex } from "./codex.ts"

/**
 * A recorded session of a real agent: its lines go through the same `parse` as live ones, its edits are done for real.
 * What it reports of money is what it cost when it was recorded; the model's name says that it was replayed.
 */
export const replay: AgentAdapter = {
  command(task, { files, replay: { argv, root } }) {
    const { recording } = task.agent
    if (recording === undefined) return notRunnable(`the agent ${task.agent.name} names no recording`)
    const folder = isAbsolute(recording) ? recording : join(root, recording)
    const diff = files.diff === undefined ? [] : ["--diff", files.diff]
    const wanted = ["--role", task.role, "--attempt", String(task.attempt), "--finding", files.finding, ...diff]
    return {
      argv: [...argv, "--recording", folder, ...wanted],
      env: {},
      usesNetwork: false,
      startsAtRoot: true,
      readable: [folder, ...argv.filter(isAbsolute).map(dirname)],
    }
  },
  parse(line, session) {
    const own = Header.safeParse(jsonLine(line))
    if (own.success && own.data.type === "flyball.no_recording") {
      return { ...session, end: { is: "failed", code: "no_recording", why: own.data.why } }
    }
    if (own.success && own.data.type === "flyball.replay" && session.replayed === undefined) {
      const { format, agent } = own.data
      return {
        ...session,
        replayed: { format, agent: `${format} ${agent.version}` },
        ...(agent.model === undefined ? {} : { model: agent.model }),
      }
    }
    return session.replayed?.format === "codex" ? parseCodex(line, session) : parseClaude(line, session)
  },
  finish(session, exit) {
    const end = finishAs(session, exit)
    if (session.replayed === undefined && session.end === undefined) {
      return { is: "failed", code: "no_recording", why: `the replay did not start: ${stderrTail(exit.stderr)}` }
    }
    // The recorded lines may say done while the edits behind them could not be made.
    if (end.is === "done" && exit.exitCode !== 0) {
      return {
        is: "failed",
        code: "crashed",
        why: `the replay ended with exit ${exit.exitCode}: ${stderrTail(exit.stderr)}`,
      }
    }
    return end
  },
}

function finishAs(session: Session, exit: AgentExit): SessionEnd {
  return session.replayed?.format === "codex" ? finishCodex(session, exit) : finishClaude(session, exit)
}

const Header = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("flyball.replay"),
    format: z.enum(["claude", "codex"]),
    agent: z.object({ version: z.string(), model: z.string().optional() }),
  }),
  z.object({ type: z.literal("flyball.no_recording"), why: z.string() }),
])
