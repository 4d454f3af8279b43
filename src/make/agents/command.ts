import { parseStop } from "../../core/review.ts"
import { type AgentAdapter, notRunnable, stderrTail, withDone } from "../adapter.ts"

/**
 * Any executable as an agent: an argv list, or one shell line. It gets the prompt on stdin, and what it may need as
 * files named by FLYBALL_FINDING (JSON), FLYBALL_PROMPT, FLYBALL_FEEDBACK (from the second attempt on) and, for a
 * reviewer, FLYBALL_DIFF and FLYBALL_EVIDENCE (JSON). What it prints is its message: the last line may be a stop
 * (`{"stop":"impossible","reason":"…"}`) or, for a reviewer, must be the verdict. A reviewer has no network.
 */
export const command: AgentAdapter = {
  command(task, { files }) {
    const line = task.agent.command
    if (line === undefined) return notRunnable(`the agent ${task.agent.name} names no command`)
    const env = {
      FLYBALL_FINDING: files.finding,
      FLYBALL_PROMPT: files.prompt,
      FLYBALL_ROOT: task.cwd,
      ...(files.feedback === undefined ? {} : { FLYBALL_FEEDBACK: files.feedback }),
      ...(files.diff === undefined ? {} : { FLYBALL_DIFF: files.diff }),
      ...(files.evidence === undefined ? {} : { FLYBALL_EVIDENCE: files.evidence }),
    }
    return {
      argv: typeof line === "string" ? ["sh", "-c", line] : [...line],
      env,
      stdin: task.prompt,
      usesNetwork: task.role === "maker",
    }
  },
  parse(line, session) {
    if (line.trim() === "") return session
    // All that it prints is one message, which ends when it does.
    const said = session.said === "" ? line : `${session.said}\n${line}`
    return { ...withDone(session, line), begun: true, said: said.slice(-maxSaidChars) }
  },
  finish(session, exit) {
    // A stop is a typed outcome by itself; scripts often leave with an error after they said it.
    if (exit.exitCode === 0 || (exit.exitCode !== null && parseStop(session.said) !== undefined)) return { is: "done" }
    const last = stderrTail(exit.stderr)
    const tail = last === "" ? "" : `: ${last}`
    if (exit.exitCode === 127)
      return { is: "failed", code: "missing_agent", why: `a program of the command is missing here (exit 127)${tail}` }
    const how = exit.signal === null ? `exit ${exit.exitCode}` : `signal ${exit.signal}`
    return { is: "failed", code: "crashed", why: `the command failed (${how})${tail}` }
  },
}

const maxSaidChars = 64 * 1024
