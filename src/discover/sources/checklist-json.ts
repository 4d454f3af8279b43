import { z } from "zod"
import type { OpenItem } from "./checklist.ts"

/** Ralph's `prd.json`: user stories, each with what would satisfy it. */
const Prd = z.object({
  userStories: z.array(
    z.object({
      id: z.union([z.string(), z.number()]).optional(),
      title: z.string().trim().min(1),
      description: z.string().optional(),
      acceptanceCriteria: z.array(z.string()).optional(),
      priority: z.number().optional(),
      passes: z.boolean().optional(),
      notes: z.string().optional(),
    }),
  ),
})

/** `feature_list.json` of Anthropic's harness for long-running agents: features with the steps that show them. */
const Features = z.array(
  z.object({
    category: z.string().optional(),
    description: z.string().trim().min(1),
    steps: z.array(z.string()).optional(),
    passes: z.boolean().optional(),
  }),
)

/** The open items of a checklist in JSON, in the order they ask to be done in; undefined where the text is neither kind. */
export function readJsonChecklist(text: string): { open: OpenItem[]; done: number } | undefined {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    return undefined
  }
  const prd = Prd.safeParse(json)
  if (prd.success) {
    const stories = [...prd.data.userStories].sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0))
    const open = stories.filter(({ passes }) => passes !== true)
    return { open: open.map((story) => fromStory(story, text)), done: stories.length - open.length }
  }
  const features = Features.safeParse(json)
  if (!features.success) return undefined
  const open = features.data.filter(({ passes }) => passes !== true)
  return { open: open.map((feature) => fromFeature(feature, text)), done: features.data.length - open.length }
}

function fromStory(story: z.infer<typeof Prd>["userStories"][number], text: string): OpenItem {
  const { id, title, description = "", acceptanceCriteria = [], notes = "" } = story
  const detail = [description, listed("Accepted when:", acceptanceCriteria), notes].filter((part) => part !== "")
  // The id is what stays when a story is reworded.
  return {
    text: title,
    detail: detail.join("\n\n"),
    under: id === undefined ? [] : [String(id)],
    line: lineOf(text, title),
  }
}

function fromFeature({ category, description, steps = [] }: z.infer<typeof Features>[number], text: string): OpenItem {
  return {
    text: description,
    detail: listed("Shown by:", steps),
    under: category === undefined ? [] : [category],
    line: lineOf(text, description),
  }
}

function listed(heading: string, items: readonly string[]): string {
  return items.length === 0 ? "" : [heading, ...items.map((item) => `- ${item}`)].join("\n")
}

/** The line on which a value stands, for people to find it. */
function lineOf(text: string, value: string): number {
  const at = text.indexOf(JSON.stringify(value))
  return at === -1 ? 1 : text.slice(0, at).split("\n").length
}
