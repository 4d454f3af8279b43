import type { Mentions } from "./draft.ts"
import { nearest } from "./nearest.ts"
import type { Resolved } from "./resolve.ts"
import { complain, type SourceFile } from "./source-file.ts"

/** A skill that this machine and this project offer. */
export type OfferedSkill = { name: string; path: string }

/** What `skill(NAME)` among the sources stands for; reports those that stand for nothing. Unset `offered`: nobody looked. */
export function resolveSkillSources(
  source: SourceFile,
  { sources }: Pick<Mentions, "sources">,
  names: readonly Resolved[],
  offered: readonly OfferedSkill[] | undefined,
): Resolved[] {
  if (offered === undefined) return [...names]
  const became = new Map<string, string>()
  for (const { call, path, at } of sources) {
    const [wanted] = call.args
    if (call.name !== "skill" || wanted === undefined) continue
    const name = String(wanted)
    const found = offered.find((skill) => skill.name === name)
    if (found !== undefined) {
      became.set(`skill(${call.args.join(", ")})`, found.path)
      continue
    }
    const close = nearest(
      name,
      offered.map((skill) => skill.name),
    )
    const offset = at === undefined ? -1 : at.value.indexOf(name, at.offset + at.length)
    const place = at === undefined ? {} : { at: offset === -1 ? at : { ...at, offset, length: name.length } }
    complain(source, path, {
      code: "UNKNOWN_SKILL",
      message: `There is no skill \`${name}\`.`,
      hint: close === undefined ? whatThereIs(offered) : `Did you mean \`${close}\`?`,
      suggestion: close,
      ...place,
    })
  }
  return names.map((each) =>
    each.kind === "source" ? { ...each, became: became.get(each.name) ?? each.became } : each,
  )
}

function whatThereIs(offered: readonly OfferedSkill[]): string {
  return offered.length === 0
    ? "Skills are folders with a SKILL.md in .flyball/skills, .agents/skills or .claude/skills."
    : `Here are: ${offered
        .slice(0, 20)
        .map(({ name }) => name)
        .join(", ")}.`
}
