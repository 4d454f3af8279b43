import { z } from "zod"

export const GcItem = z.object({
  kind: z.enum([
    "cluster",
    "process",
    "workspace",
    "checkout",
    "session",
    "repository",
    "plugin",
    "ref",
    "artefacts",
    "cache",
    "ledger",
  ]),
  /** A path, a ref, a process, or what of the ledger. */
  what: z.string(),
  why: z.string(),
  bytes: z.number(),
})
export type GcItem = z.infer<typeof GcItem>

/** Something that nobody needs, and how to be rid of it. */
export type Dead = Omit<GcItem, "bytes"> & {
  /** Where it lies, to say what it gives; none for what takes no room worth telling. */
  path?: string
  remove(): Promise<void>
}

/** Something that stays, and why: so that nobody looks for what removes it. */
export type Kept = { what: string; why: string }
export type Looked = { dead: Dead[]; kept: Kept[] }
