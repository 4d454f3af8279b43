import { parse } from "yaml"
import { z } from "zod"
import { inertLine } from "../core/untrusted.ts"

/** What is wrong with a skill's file; an error means that the skill is left out. */
export type SkillProblem = {
  severity: "error" | "warning"
  code: string
  message: string
  hint?: string
  /** Where in the file's text; the beginning unless given. */
  at?: { start: number; end: number }
}

/** A SKILL.md, read. `skill` is absent where nothing can be offered: without a description nobody knows when to read it. */
export type SkillFile = { skill?: { name: string; description: string }; size: SkillSize; problems: SkillProblem[] }

/** How much the body is to read. Tokens are an estimate: four characters each. */
export type SkillSize = { tokens: number; lines: number }

/** Reads a SKILL.md whose folder has this name. Trouble with a name is told and the skill kept. */
export function readSkillFile(text: string, folder: string): SkillFile {
  const match = frontmatter.exec(text)
  const body = match === null ? text : text.slice(match[0].length)
  const size = { tokens: tokensOf(body), lines: body.trim() === "" ? 0 : body.trim().split("\n").length }
  const nothing = (problem: Omit<SkillProblem, "severity">): SkillFile => ({
    size,
    problems: [{ severity: "error", ...problem }],
  })
  if (match === null)
    return nothing({
      code: "SKILL_NO_FRONTMATTER",
      message: "no frontmatter; the skill is left out",
      hint: "Begin the file with ---, name: …, description: …, ---.",
    })
  let value: unknown
  try {
    value = parse(match[1] ?? "")
  } catch {
    return nothing({ code: "SKILL_BAD_FRONTMATTER", message: "its frontmatter is not YAML; the skill is left out" })
  }
  const parsed = Frontmatter.safeParse(value)
  if (!parsed.success)
    return nothing({
      code: "SKILL_NO_DESCRIPTION",
      message: "no description; the skill is left out",
      hint: "Say in `description:` what it is for and when to read it: an agent sees that and no more.",
    })
  const { name = folder, description } = parsed.data
  const skill = { name: inertLine(name, MAX_NAME), description: description.slice(0, MAX_DESCRIPTION) }
  return { skill, size, problems: [...nameProblems(text, name, folder), ...sizeProblems(text, description, size)] }
}

/** About how many tokens a text is: four characters each. */
export function tokensOf(text: string): number {
  return Math.ceil(text.length / 4)
}

/** The text with its frontmatter turned to blanks: what follows keeps its place. */
export function bodyInPlace(text: string): string {
  const head = frontmatter.exec(text)?.[0] ?? ""
  return head.replace(/[^\n]/g, " ") + text.slice(head.length)
}

function nameProblems(text: string, name: string, folder: string): SkillProblem[] {
  const at = keyAt(text, "name")
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || name.length > MAX_NAME)
    return [
      {
        severity: "warning",
        code: "SKILL_NAME",
        message: `\`${name.slice(0, 80)}\` is not a skill's name (a-z, 0-9, single hyphens, up to ${MAX_NAME})`,
        ...at,
      },
    ]
  if (name === folder || folder === "") return []
  const message = `its name is \`${name}\`, its folder's \`${folder}\``
  const hint = `Rename the folder to \`${name}\`, or the skill to \`${folder}\`.`
  return [{ severity: "warning", code: "SKILL_NAME_FOLDER", message, hint, ...at }]
}

function sizeProblems(text: string, description: string, { tokens, lines }: SkillSize): SkillProblem[] {
  const problems: SkillProblem[] = []
  if (description.length > MAX_DESCRIPTION)
    problems.push({
      severity: "warning",
      code: "SKILL_DESCRIPTION_LONG",
      message: "its description is longer than 1,024 characters",
      hint: "Every agent that is offered it reads the description: say when to read the skill, and the rest in the body.",
      ...keyAt(text, "description"),
    })
  if (lines > MAX_LINES || tokens > MAX_TOKENS)
    problems.push({
      severity: "warning",
      code: "SKILL_TOO_LONG",
      message: `its body is ${lines} lines, about ${tokens} tokens (at most ${MAX_LINES} and ${MAX_TOKENS} are good)`,
      hint: "Move what is not always needed into files beside it, and name them: they are read on demand.",
    })
  return problems
}

/** Where a key of the frontmatter stands. */
function keyAt(text: string, key: string): Pick<SkillProblem, "at"> {
  const match = new RegExp(`^${key}[ \\t]*:.*$`, "m").exec(frontmatter.exec(text)?.[0] ?? "")
  return match === null ? {} : { at: { start: match.index, end: match.index + match[0].length } }
}

const frontmatter = /^---\r?\n([\s\S]*?)\r?\n---(?:\r?\n|$)/

const Frontmatter = z.object({
  // YAML reads `name: 7` as a number.
  name: z.union([z.string().min(1), z.number().transform(String)]).optional(),
  description: z.string().trim().min(1),
})

const MAX_NAME = 64
const MAX_DESCRIPTION = 1_024
const MAX_LINES = 500
const MAX_TOKENS = 5_000
