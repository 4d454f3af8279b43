import { dirname, isAbsolute, join } from "node:path"
import { z } from "zod"
import { Failure } from "../../core/failure.ts"
import type { Loop } from "../../core/loop.ts"
import { rolesIn } from "../../core/loop-roles.ts"
import { inertLine } from "../../core/untrusted.ts"
import { openRepo } from "../../isolate/repo.ts"
import { bodyInPlace, tokensOf } from "../../make/skill-file.ts"
import { chooseSkills, type FoundSkill, folderTree, type SkillTree, skillCatalogue } from "../../make/skills.ts"
import { Diagnostic, sortDiagnostics } from "../../spec/diagnostic.ts"
import { nearest } from "../../spec/nearest.ts"
import { complainAt, openText, type SourceFile } from "../../spec/source-file.ts"
import { checkoutTree, loopFiles } from "../../spec/tree.ts"
import { flyballHome } from "../home.ts"
import { loadHere } from "../load.ts"
import { mentionsOf } from "../skills/mentions.ts"
import { namedSkills, skillPlaces } from "../skills/places.ts"
import { projectNames, staleNames } from "../skills/stale.ts"
import { SkillUse, skillUses } from "../skills/used.ts"

const SkillLine = z.object({
  name: z.string(),
  description: z.string(),
  /** Of its SKILL.md: repository-relative, or absolute where it lies elsewhere. */
  path: z.string(),
  from: z.enum(["project", "user", "plug-in"]),
  plugin: z.string().optional(),
  /** Of the body, by estimate. */
  tokens: z.number(),
  lines: z.number(),
})

export const SkillsReport = z.object({
  skills: z.array(
    SkillLine.extend({
      /** Files of the same name that this one stands above. */
      hides: z.array(z.string()),
      /** Sessions kept here that were offered it, and those whose lines show that they read it. */
      offered: z.number(),
      read: z.number(),
    }),
  ),
  /** Which agents of which loops are offered what; `missing` names no skill. */
  offers: z.array(
    z.object({
      loop: z.string(),
      agent: z.string(),
      skills: z.array(z.string()),
      missing: z.array(z.string()),
    }),
  ),
  /** The newest sessions. */
  sessions: z.array(SkillUse),
  /** Loop files that don't load, and skills that are left out. */
  notes: z.array(z.string()),
})
export type SkillsReport = z.infer<typeof SkillsReport>

export const SkillReport = SkillLine.extend({
  text: z.string(),
  /** Beside its SKILL.md, read on demand. */
  files: z.array(z.object({ path: z.string(), tokens: z.number() })),
})
export type SkillReport = z.infer<typeof SkillReport>

export const SkillsLintReport = z.object({ files: z.number(), valid: z.boolean(), diagnostics: z.array(Diagnostic) })
export type SkillsLintReport = z.infer<typeof SkillsLintReport>

type Here = { cwd: string; env?: Readonly<Record<string, string | undefined>> }

/** What skills there are, who is offered them, and what was read of them. */
export async function listSkills(here: Here): Promise<SkillsReport> {
  const { repo, catalogue } = await open(here)
  const tree = checkoutTree(repo.root)
  const offers: SkillsReport["offers"] = []
  const notes = catalogue.problems
    .filter(({ severity }) => severity === "error")
    .map((each) => `${each.path}: ${each.message}`)
  for (const file of await loopFiles(tree)) {
    const { loop } = await loadHere(repo, file)
    if (loop === undefined) notes.push(`${file} does not load: \`flyball validate\` says why`)
    for (const { agent, names } of loop === undefined ? [] : offered(loop)) {
      const { skills, missing } = chooseSkills(catalogue.skills, names)
      if (skills.length + missing.length === 0) continue
      offers.push({ loop: loop?.name ?? "", agent, skills: skills.map(({ name }) => name), missing })
    }
  }
  const uses = await skillUses(repo.dataDir)
  const skills = catalogue.skills.map((skill) => ({
    ...lineOf(skill),
    hides: catalogue.hidden.filter(({ by }) => by === skill.path).map(({ path }) => path),
    offered: uses.filter(({ offered }) => offered.includes(skill.name)).length,
    read: uses.filter(({ read }) => read.some((each) => each.skill === skill.name)).length,
  }))
  return { skills, offers, sessions: uses.slice(0, MAX_SESSIONS), notes: notes.map((note) => inertLine(note, 300)) }
}

/** What each agent of a loop is offered: makers the loop's skills and their own, those who look or judge their own alone. */
function offered(loop: Loop): { agent: string; names: string[] }[] {
  const found: { agent: string; names: string[] }[] = []
  for (let agent = loop.agents[loop.steps.act?.agent ?? ""]; agent !== undefined; agent = agent.then)
    found.push({ agent: agent.name, names: namedSkills(loop, agent) })
  for (const { role, agent } of rolesIn(loop)) {
    const names = loop.agents[agent]?.skills ?? []
    if (role === "explorer" || role === "triager" || role === "reviewer") found.push({ agent, names: [...names] })
  }
  return found
}

/** One skill with what lies beside it. Throws Failure NO_SUCH_SKILL. */
export async function showSkill(name: string, here: Here): Promise<SkillReport> {
  const { repo, catalogue } = await open(here)
  const skill = catalogue.skills.find((each) => each.name === name)
  if (skill === undefined) {
    const names = catalogue.skills.map((each) => each.name)
    const near = nearest(name, names)
    throw new Failure("NO_SUCH_SKILL", `There is no skill "${name}" here.`, {
      hint:
        near !== undefined
          ? `Did you mean \`${near}\`?`
          : names.length === 0
            ? "Skills are folders with a SKILL.md in .flyball/skills, .agents/skills or .claude/skills."
            : `Here are: ${names.slice(0, 20).join(", ")}.`,
    })
  }
  const folder = folderTree(folderOf(repo.root, skill))
  const text = (await folder.read("SKILL.md", MAX_BYTES)) ?? ""
  return { ...lineOf(skill), text, files: await filesBeside(folder) }
}

/** Everything that is wrong with the skills: frontmatter, length, and names that no longer stand for anything. */
export async function lintSkills({ strict, ...here }: Here & { strict: boolean }): Promise<SkillsLintReport> {
  const { repo, catalogue } = await open(here)
  const diagnostics: Diagnostic[] = []
  const project = await projectNames(repo)
  const sources = new Map<string, SourceFile>()
  const source = async (path: string): Promise<SourceFile> => {
    const known = sources.get(path)
    if (known !== undefined) return known
    const folder = isAbsolute(path) ? dirname(path) : join(repo.root, dirname(path))
    const text = (await folderTree(folder).read(path.split("/").at(-1) ?? "", MAX_BYTES)) ?? ""
    const opened = openText(path, text, diagnostics)
    sources.set(path, opened)
    return opened
  }
  for (const { path, at = { start: 0, end: 3 }, message, ...problem } of catalogue.problems)
    complainAt(await source(path), at, {
      ...problem,
      message: `${message.charAt(0).toUpperCase()}${message.slice(1)}.`,
    })
  const all = [...catalogue.skills, ...catalogue.hidden]
  // What others wrote names things of other repositories.
  for (const { path } of all.filter(({ from }) => from === "project")) {
    const file = await source(path)
    const stale = await staleNames(mentionsOf(bodyInPlace(file.text)), dirname(path), project)
    for (const { mention, repair, ...rest } of stale)
      complainAt(file, mention, {
        ...rest,
        severity: "warning",
        ...(repair === undefined ? {} : { suggestion: repair, hint: `Is it \`${repair}\` now?` }),
      })
  }
  const judged = strict ? diagnostics.map((each) => ({ ...each, severity: "error" as const })) : diagnostics
  const files = new Set([...all, ...catalogue.problems].map(({ path }) => path)).size
  return { files, valid: judged.every(({ severity }) => severity !== "error"), diagnostics: sortDiagnostics(judged) }
}

async function open({ cwd, env = process.env }: Here) {
  const home = flyballHome(env)
  const repo = await openRepo(cwd, home)
  return { repo, catalogue: await skillCatalogue(await skillPlaces({ root: repo.root, home, userHome: env.HOME })) }
}

function lineOf({ name, description, path, from, plugin, size }: FoundSkill): z.infer<typeof SkillLine> {
  return { name, description, path, from, ...(plugin === undefined ? {} : { plugin }), ...size }
}

function folderOf(root: string, { path }: FoundSkill): string {
  return isAbsolute(path) ? dirname(path) : join(root, dirname(path))
}

async function filesBeside(tree: SkillTree): Promise<SkillReport["files"]> {
  const files: SkillReport["files"] = []
  const folders = [""]
  for (let folder = folders.shift(); folder !== undefined && files.length < MAX_FILES; folder = folders.shift()) {
    const entries = await tree.list(folder)
    for (const { name, is } of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = folder === "" ? name : `${folder}/${name}`
      if (is === "folder" && folders.length < MAX_FILES && path.split("/").length <= MAX_DEPTH) folders.push(path)
      else if (is === "file" && path !== "SKILL.md")
        files.push({ path, tokens: tokensOf((await tree.read(path, MAX_BYTES)) ?? "") })
    }
  }
  return files.slice(0, MAX_FILES)
}

const MAX_SESSIONS = 20
const MAX_FILES = 200
const MAX_DEPTH = 6
const MAX_BYTES = 256 * 1024
