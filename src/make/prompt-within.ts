import { assemblePrompt, type PromptParts } from "./prompt.ts"

/**
 * The prompt in at most so many bytes. What is left out goes in the order of `cuts`, until it fits. The task, the finding, the
 * goal and the rules always stay. What was left out is named in the prompt.
 */
export function promptWithin(
  parts: PromptParts,
  limitBytes: number,
  assemble = assemblePrompt,
): { text: string; left: string[] } {
  const whole = assemble(parts)
  if (Buffer.byteLength(whole) <= limitBytes) return { text: whole, left: [] }
  let rest = parts
  const left: string[] = []
  let text = whole
  for (const { name, cut } of cuts) {
    const before = rest
    for (;;) {
      const less = cut(rest)
      if (less === undefined) break
      rest = less
      text = noted(assemble(rest), [...left, name])
      if (Buffer.byteLength(text) <= limitBytes) return { text, left: [...left, name] }
    }
    if (rest !== before) left.push(name)
  }
  return { text, left }
}

function noted(prompt: string, left: readonly string[]): string {
  const note = `# What was left out\n\nThis prompt would have been longer than its limit. Left out: ${left.join(", ")}.`
  return `${prompt}\n${note}\n`
}

type Cut = { name: string; cut(parts: PromptParts): PromptParts | undefined }

/** Each makes the prompt shorter by one piece, or has nothing more to give. */
const cuts: readonly Cut[] = [
  {
    name: "the oldest attempts",
    cut: ({ tried = [], ...parts }) => shorter(tried, (less) => ({ ...parts, tried: less })),
  },
  {
    name: "earlier changes",
    cut: ({ earlier = [], ...parts }) => shorter(earlier, (less) => ({ ...parts, earlier: less })),
  },
  { name: "context", cut: ({ context = [], ...parts }) => emptied(context, { ...parts, context: [] }) },
  { name: "skills", cut: ({ skills = [], ...parts }) => emptied(skills, { ...parts, skills: [] }) },
  {
    name: "the oldest lessons",
    cut: ({ lessons = [], ...parts }) => shorter(lessons, (less) => ({ ...parts, lessons: less })),
  },
  { name: "notes", cut: ({ notes = [], ...parts }) => emptied(notes, { ...parts, notes: [] }) },
  { name: "the plan", cut: ({ plan, ...parts }) => (plan === undefined ? undefined : parts) },
  {
    name: "the repository's instructions",
    cut: ({ repositoryInstructions: told = [], ...parts }) => emptied(told, { ...parts, repositoryInstructions: [] }),
  },
  {
    name: "the end of the feedback",
    cut: ({ feedback, ...parts }) => halved(feedback, (less) => ({ ...parts, feedback: less })),
  },
  { name: "the end of the diff", cut: ({ diff, ...parts }) => halved(diff, (less) => ({ ...parts, diff: less })) },
]

/** Without its first. */
function shorter<T>(list: readonly T[], put: (less: readonly T[]) => PromptParts): PromptParts | undefined {
  return list.length === 0 ? undefined : put(list.slice(1))
}

function emptied(list: readonly unknown[], parts: PromptParts): PromptParts | undefined {
  return list.length === 0 ? undefined : parts
}

/** Less than this is not worth cutting. */
const LEAST_CHARS = 1_000

function halved(text: string | undefined, put: (less: string) => PromptParts): PromptParts | undefined {
  if (text === undefined || text.length < LEAST_CHARS) return undefined
  return put(`${text.slice(0, Math.floor(text.length / 2))}\n[cut here: the prompt's limit]`)
}
