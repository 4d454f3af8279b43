import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { parse } from "yaml"
import { z } from "zod"

/** How a finding of the demo ends. */
export const Ending = z.enum([
  "fixed_at_once",
  "fixed_after_feedback",
  "cheat_caught",
  "fixed_on_main",
  "needs_a_person",
])
export type Ending = z.infer<typeof Ending>

/** What the demo plays of `examples/shop-demo/story.yaml`; the attempts are for those who record its sessions. */
export const Story = z.object({
  agents: z.record(z.string(), z.object({ format: z.string(), version: z.string(), model: z.string() })),
  history: z.array(z.object({ author: z.string(), message: z.string(), paths: z.array(z.string()) })),
  findings: z.array(
    z.object({ name: z.string(), test: z.string().optional(), issue: z.string().optional(), ends: Ending }),
  ),
  lands: z.object({ patch: z.string(), author: z.string(), message: z.string() }),
})
export type Story = z.infer<typeof Story>

/** Reads the story in a folder. */
export async function readStory(folder: string): Promise<Story> {
  return Story.parse(parse(await readFile(join(folder, "story.yaml"), "utf8")))
}
