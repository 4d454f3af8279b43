import { z } from "zod"

/* examples/shop-demo/story.yaml, as far as its sessions need it. */

/** What a maker session reports. */
export const Tokens = z.strictObject({ in: z.number(), out: z.number(), cacheRead: z.number(), cacheWrite: z.number() })
export type Tokens = z.infer<typeof Tokens>

/** What the reviewer does. */
export const Review = z.strictObject({
  looks: z.string(),
  says: z.string(),
  verdict: z.enum(["accept", "reject", "ask"]),
  reasons: z.array(z.string()),
  tokens: z.strictObject({ in: z.number(), cached: z.number(), out: z.number() }),
})
export type Review = z.infer<typeof Review>

/** One attempt: what the maker does, and what the reviewer makes of it. */
export const Attempt = z.strictObject({
  patch: z.string(),
  reads: z.string(),
  says: z.string(),
  /** Added to `node --test` when the maker tries its edit. */
  runs: z.string().optional(),
  ends: z.string(),
  tokens: Tokens,
  review: Review.optional(),
})
export type Attempt = z.infer<typeof Attempt>

/** Whose lines a session holds. */
export const Agent = z.strictObject({ format: z.enum(["claude", "codex"]), version: z.string(), model: z.string() })
export type Agent = z.infer<typeof Agent>

/** The whole story. */
export const Story = z.object({
  agents: z.strictObject({ maker: Agent, reviewer: Agent }),
  recorded_at: z.string(),
  findings: z.array(
    z.strictObject({
      name: z.string(),
      test: z.string().optional(),
      issue: z.string().optional(),
      ends: z.string(),
      attempts: z.array(Attempt),
    }),
  ),
})
export type Story = z.infer<typeof Story>
