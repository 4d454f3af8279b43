import { Failure } from "../../core/failure.ts"
import type { Finding } from "../../core/finding.ts"
import type { Base, Source, StaleName } from "../../core/ports.ts"
import { bodyOf, oneLine, titleOf } from "../text.ts"
import { moduleOf } from "../triage.ts"

/** Names in the repository's own skills that no longer stand for anything: what `flyball skills lint` is sure of, on the base. */
export const staleSkills: Source = {
  name: "stale_skills",
  doc: "Names in the repository's own skills that stand for nothing any more (files, links, scripts, make targets, options), as `flyball skills lint` finds them on the base. A change of that skill alone is a person's question, never accepted by itself.",
  async discover(context) {
    if (context.staleSkills === undefined)
      throw new Failure("SOURCE_UNAVAILABLE", "Nothing here can look through skills.", { retry: "person" })
    const names = await context.staleSkills(context.signal)
    return { findings: names.map((name) => toFinding(name, context.base)), context: [], notes: [] }
  },
}

function toFinding({ id, check, code, file, line, name, message, repair }: StaleName, { sha }: Base): Finding {
  const module = moduleOf(file)
  return {
    fingerprint: id,
    source: "stale_skills",
    title: titleOf(`${file} names ${oneLine(name, 100)}, which is no more`),
    body: bodyOf(
      `${message} (${code}, line ${line})\n\nAgents are told what stands in this skill. Mend the sentence so that it is true of the repository as it is now, in ${file} alone: put in what the name became, or take out what no longer holds. Don't bring back what was removed.`,
    ),
    severity: "low",
    ...(module === undefined ? {} : { module }),
    file,
    line,
    commit: sha,
    reproduce: { check, ids: [id] },
    ...(repair === undefined ? {} : { suggested: `It may be \`${oneLine(repair, 200)}\` now.` }),
    attemptable: true,
    confidence: 0.8,
    size: "small",
  }
}
