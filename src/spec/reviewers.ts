import type { Layer } from "../core/loop.ts"
import { CUT } from "./check-shape.ts"
import { complain, type Path, type SourceFile } from "./source-file.ts"
import type { Reading } from "./step-parts.ts"

/** More reviewers than this see nothing that the others didn't. */
const LIMIT_PANEL = 9

type RawReviewers = { agent?: string | string[] | undefined; quorum?: number | undefined }

/** `agent: reviewer`, or `agent: [reviewer, security]` with `quorum: 1`; `path` is what holds both keys. */
export function readReviewers({ source, mentions }: Reading, raw: RawReviewers, path: Path): Layer[] {
  const { agent, quorum } = raw
  if (agent === undefined) {
    if (quorum !== undefined) needless(source, [...path, "quorum"], "`quorum` is of a panel, and there is no `agent`.")
    return []
  }
  const listed = typeof agent === "string" ? [agent] : agent
  const names: string[] = []
  for (const [index, text] of listed.entries()) {
    const name = text.trim()
    if (text === CUT || name === "") continue
    const at = typeof agent === "string" ? [...path, "agent"] : [...path, "agent", index]
    if (names.includes(name)) {
      complain(source, at, {
        code: "REVIEWER_TWICE",
        message: `\`${name}\` is in this panel already: two copies of one opinion are no quorum.`,
        hint: "Name another agent, of another model.",
      })
      continue
    }
    names.push(name)
    mentions.agents.push({ name, path: at, role: "reviewer" })
  }
  return layerOf(source, names, quorum, path)
}

function layerOf(source: SourceFile, names: readonly string[], quorum: number | undefined, path: Path): Layer[] {
  const [only] = names
  if (only === undefined || names.length > LIMIT_PANEL) {
    const many = `A panel has at most ${LIMIT_PANEL} reviewers; this one has ${names.length}.`
    complain(source, [...path, "agent"], {
      code: "BAD_PANEL",
      message: only === undefined ? "The panel has no reviewer." : many,
      hint: "agent: [reviewer, security]",
    })
    return []
  }
  if (quorum !== undefined && (quorum < 1 || quorum > names.length)) {
    const n = names.length
    complain(source, [...path, "quorum"], {
      code: "BAD_QUORUM",
      message: `\`quorum\` is ${quorum}, and ${n === 1 ? "there is one reviewer" : `the panel has ${n} reviewers`}.`,
      hint: n === 1 ? "agent: [reviewer, security]" : `At least 1 of them, at most ${n}: all unless set.`,
    })
    return []
  }
  if (names.length === 1) return [{ by: "agent", agent: only }]
  return [{ by: "panel", agents: [...names], quorum: quorum ?? names.length }]
}

function needless(source: SourceFile, path: Path, message: string): void {
  complain(source, path, { code: "NEEDLESS_KEY", part: "key", message, hint: "agent: [reviewer, security, tester]" })
}
