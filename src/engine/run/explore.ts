import { dirname, isAbsolute, join } from "node:path"
import { Explored } from "../../core/explore.ts"
import { triagerOf } from "../../core/loop-roles.ts"
import type { Base, Said } from "../../core/ports.ts"
import { explorerPrompt } from "../../make/explorer-prompt.ts"
import { consult, noFinding, workOfRun } from "../consult.ts"
import type { Context } from "../context.ts"
import { ownSkillsOf } from "../skills/own.ts"
import { aroundHere, skillText } from "../skills/places.ts"

type Exploring = { run: string; base: Base; ordinal: number }
type SkillToFollow = { name: string; path: string; text: string }

/** Has an agent of the loop look around the base for work; the run pays. */
export async function explore(
  context: Context,
  { name, skill, run, base, ordinal }: Exploring & { name: string; skill?: SkillToFollow },
  signal: AbortSignal,
): Promise<Said> {
  const { loop, progress, repo } = context
  const agent = Object.hasOwn(loop.agents, name) ? loop.agents[name] : undefined
  if (agent === undefined) return { is: "nothing", why: `the loop has no agent \`${name}\`` }
  progress({ verb: "discover", text: `${agent.name} (${agent.use}) looks around` })
  const work = workOfRun(run)
  const goal = loop.description ?? loop.goal?.doneWhen
  const skills = await ownSkillsOf(agent, aroundHere(repo))
  return consult(
    context,
    {
      role: "explorer",
      agent,
      run,
      work,
      key: `explore/${name}/${ordinal}`,
      commit: base.sha,
      prompt: explorerPrompt({ agent, goal, path: loop.path, skill, skills }),
      skills,
      ...(skill === undefined || !isAbsolute(skill.path) ? {} : { readable: [dirname(skill.path)] }),
      answer: Explored,
      finding: noFinding(
        { source: "agent", title: "Look for work", commit: base.sha },
        name,
        skill?.name,
        skill?.text,
        goal,
      ),
      artifactDir: join(repo.dataDir, "explorations", work, String(ordinal)),
    },
    signal,
  )
}

/** Has the loop's triager look for what a skill describes; the run pays. */
export async function exploreBy(
  context: Context,
  skill: string,
  exploring: Exploring,
  signal: AbortSignal,
): Promise<Said> {
  const { repo, loop } = context
  const found = await skillText(aroundHere(repo), skill)
  if (found === undefined) return { is: "nothing", why: `there is no skill \`${skill}\` here any more` }
  return explore(context, { ...exploring, name: triagerOf(loop.steps.discover), skill: found }, signal)
}
