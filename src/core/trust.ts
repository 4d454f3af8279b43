import { z } from "zod"

/*
 * Whose text may become work. An agent that reads a stranger's issue reads what a stranger wants it to read; so somebody who
 * is trusted has to have written it, or a person has to nod.
 */

/** What a source knows of who wrote something. */
export const Author = z.object({
  /** A login name, or an e-mail address. */
  name: z.string(),
  /** What they are to the repository, in the words of GitHub's API, or COMMITTER. */
  association: z.string().optional(),
})
export type Author = z.infer<typeof Author>

/** GitHub's words for it, and COMMITTER: whoever committed a file of the base that names no author. */
export const associations = [
  "OWNER",
  "MEMBER",
  "COLLABORATOR",
  "COMMITTER",
  "CONTRIBUTOR",
  "FIRST_TIME_CONTRIBUTOR",
  "FIRST_TIMER",
  "MANNEQUIN",
  "NONE",
] as const

/** Who is trusted where the configuration says nothing: those who may write to the repository. */
export const defaultTrust: readonly string[] = ["OWNER", "MEMBER", "COLLABORATOR", "COMMITTER"]

/**
 * Whether what they wrote may become work. Entries are associations, `@names`, and e-mail addresses; a bare word is never a
 * name, so that nobody is trusted for being called `member`.
 */
export function trusts(trust: readonly string[], { name, association }: Author): boolean {
  if (association !== undefined && trust.includes(association)) return true
  const known = named(name)
  return trust.some((entry) => entry.includes("@") && named(entry) === known)
}

/** One piece of text under a finding, and who wrote it. */
export type Comment = { author: Author; text: string }

/** What trusted people wrote, and how many words of others were left out. */
export function trustedComments(
  trust: readonly string[],
  comments: readonly Comment[],
): { comments: readonly Comment[]; leftOut: number } {
  const kept = comments.filter(({ author }) => trusts(trust, author))
  return { comments: kept, leftOut: comments.length - kept.length }
}

function named(name: string): string {
  return name.trim().replace(/^@/, "").toLowerCase()
}
