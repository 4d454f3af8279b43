import { join } from "node:path"
import { Explored } from "../../core/explore.ts"
import type { Finding } from "../../core/finding.ts"
import type { Base, Said } from "../../core/ports.ts"
import { explorerPrompt } from "../../make/explorer-prompt.ts"
import { consult, workOfRun } from "../consult.ts"
import type { Context } from "../context.ts"

/** Has an agent of the loop look around the base for work; the run pays. */
export async function explore(
  context: Context,
  { name, run, base, ordinal }: { name: string; run: string; base: Base; ordinal: number },
  signal: AbortSignal,
): Promise<Said> {
  const { loop, progress, repo } = context
  const agent = Object.hasOwn(loop.agents, name) ? loop.agents[name] : undefined
  if (agent === undefined) return { is: "nothing", why: `the loop has no agent \`${name}\`` }
  progress({ verb: "discover", text: `${agent.name} (${agent.use}) looks around` })
  const work = workOfRun(run)
  return consult(
    context,
    {
      role: "explorer",
      agent,
      run,
      work,
      key: `explore/${name}/${ordinal}`,
      commit: base.sha,
      prompt: explorerPrompt({ agent, goal: loop.description ?? loop.goal?.doneWhen, path: loop.path }),
      answer: Explored,
      finding: nothingYet(base),
      artifactDir: join(repo.dataDir, "explorations", work, String(ordinal)),
    },
    signal,
  )
}

/** An explorer works on no finding: it looks for some. */
function nothingYet({ sha }: Base): Finding {
  return {
    fingerprint: "0".repeat(16),
    source: "agent",
    title: "Look for work",
    body: "",
    severity: "low",
    commit: sha,
    attemptable: false,
  }
}
