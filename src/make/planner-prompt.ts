import { fence, inert, inertLine } from "../core/untrusted.ts"
import { placeSection } from "./place-section.ts"
import {
  dataRule,
  doneSection,
  earlierSection,
  findingSection,
  lessonsSection,
  notesSection,
  type PromptParts,
  repositorySection,
  skillsSection,
  trusted,
} from "./prompt.ts"

/** What a planner is asked, as a function of the parts alone: how it would be done, or why it should not be tried. */
export function plannerPrompt(parts: PromptParts): string {
  const { agent, finding, goal, path } = parts
  const sections = [
    `# Task\n\nYou are \`${inertLine(agent.name, 80)}\`. Somebody else will resolve the one finding below, in a folder of their own and with your plan before them. Look at the repository in the current folder, which is read-only, and say how it should be done: change nothing.`,
    path === undefined ? undefined : placeSection(path, "The change has to stay in it."),
    trusted("Your instructions", agent.instructions),
    trusted("Goal of the loop", goal),
    dataRule,
    findingSection(finding),
    notesSection(parts.notes),
    earlierSection(parts.earlier),
    saidSection(parts),
    repositorySection(parts.repositoryInstructions),
    lessonsSection(parts.lessons),
    skillsSection(parts.skills),
    doneSection(parts),
    rules(parts.protectedGlobs),
  ]
  return `${sections.filter((section) => section !== undefined).join("\n\n")}\n`
}

/** After a person sent it back: what was tried, and what they said. */
function saidSection({ tried = [], feedback }: PromptParts): string | undefined {
  if (tried.length === 0 && feedback === undefined) return undefined
  const lines = tried.slice(-MOST_TRIED).map(({ attempt, what }) => `attempt ${attempt}: ${inert(what, 1_500)}`)
  return [
    "# What is known by now\n\nIt was planned or tried before, and a person has looked at it since. The current folder does not hold that work.",
    lines.length === 0 ? undefined : fence("DATA: earlier attempts", lines.join("\n"), 8_000),
    feedback === undefined ? undefined : fence("DATA: feedback", feedback, 16_000),
  ]
    .filter((part) => part !== undefined)
    .join("\n\n")
}

function rules(protectedGlobs: readonly string[]): string {
  const globs = protectedGlobs.map((glob) => `\`${inertLine(glob, 200)}\``).join(", ")
  return `# Rules

- Find the cause before you plan: read the code that the finding is about, and what uses it. Say only what you have seen.
- The smallest change that resolves it at its cause. Existing tests, and the configuration of tests, linters, packages and CI, stay as they are; new tests are welcome.
${globs === "" ? "" : `- These paths are protected, and a change to them is refused: ${globs}.\n`}- approach: the steps, in order, each in a line or two. scope: every file or folder that will be touched, from the repository's root. size: small, medium or large. risks: what may break. done: what will be seen to hold once it is done.
- If it can't or shouldn't be done, don't plan around that: say so. "impossible" when no honest change can do it, "ambiguous" when a person must choose first, "already_fixed" when the finding no longer stands.
- End your last message with one line of exactly one of these forms, and nothing after it:
  {"approach":["first this","then that"],"scope":["src/a.ts"],"size":"small","risks":["what may break"],"done":["what will hold"],"stop":null,"reason":null}
  {"stop":"ambiguous","reason":"why, with what you found"}`
}

const MOST_TRIED = 10
