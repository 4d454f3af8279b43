import { readdir, readFile, stat } from "node:fs/promises"
import { join } from "node:path"
import { z } from "zod"

/** What one session was offered, and which files of skills its lines show that it read. */
export const SkillUse = z.object({
  change: z.string(),
  attempt: z.number(),
  role: z.string(),
  agent: z.string(),
  offered: z.array(z.string()),
  read: z.array(z.object({ skill: z.string(), path: z.string() })),
})
export type SkillUse = z.infer<typeof SkillUse>

const Summary = z.object({ agent: z.string(), skills: SkillUse.pick({ offered: true, read: true }) })

/** The sessions that are kept and that skills had a part in, the newest first. */
export async function skillUses(dataDir: string): Promise<SkillUse[]> {
  const top = join(dataDir, "changes")
  const changes = await byAge(top, await readdir(top).catch(() => []))
  const uses: SkillUse[] = []
  for (const change of changes.slice(0, MAX_CHANGES)) {
    const attempts = (await readdir(join(top, change)).catch(() => [])).filter((name) => /^\d+$/.test(name))
    for (const attempt of attempts.sort((a, b) => Number(b) - Number(a)))
      for (const { folder, role } of await sessionsOf(join(top, change, attempt))) {
        const use = await useOf(folder, role)
        if (use !== undefined) uses.push({ change, attempt: Number(attempt), role, ...use })
      }
  }
  return uses
}

/** Who may have left a session there; several reviewers have a folder each. */
async function sessionsOf(attempt: string): Promise<{ folder: string; role: string }[]> {
  const apart = (await readdir(attempt).catch(() => [])).filter((name) => name.startsWith("review-"))
  return [
    { folder: attempt, role: "maker" },
    { folder: attempt, role: "reviewer" },
    ...apart.map((name) => ({ folder: join(attempt, name), role: "reviewer" })),
  ]
}

/** The same of one session; undefined where it is not over, or skills had no part in it. */
export async function useOf(
  folder: string,
  role: string,
): Promise<Pick<SkillUse, "agent" | "offered" | "read"> | undefined> {
  const text = await readFile(join(folder, `${role}.session.json`), "utf8").catch(() => undefined)
  if (text === undefined) return undefined
  const parsed = Summary.safeParse(parsedJson(text))
  if (!parsed.success) return undefined
  const { agent, skills } = parsed.data
  return skills.offered.length + skills.read.length === 0 ? undefined : { agent, ...skills }
}

async function byAge(top: string, names: readonly string[]): Promise<string[]> {
  const ages = await Promise.all(
    names.map(async (name) => ({ name, at: (await stat(join(top, name)).catch(() => undefined))?.mtimeMs ?? 0 })),
  )
  return ages.sort((a, b) => b.at - a.at).map(({ name }) => name)
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A process died while it wrote.
    return undefined
  }
}

const MAX_CHANGES = 100
