import type { AgentKind, AgentSpec } from "../core/loop.ts"
import { checkShape } from "./check-shape.ts"
import { readAgent } from "./definitions.ts"
import type { Diagnostic } from "./diagnostic.ts"
import { agentKeyNames, RawAgent } from "./shape.ts"
import { complain, complainAt, openText, type SourceFile } from "./source-file.ts"
import type { ReadTree } from "./tree.ts"
import { isRecord, readYaml } from "./yaml-file.ts"

/** An agent's own file, and what there is to say about it. */
export type AgentFile = { agent: AgentSpec; path: string; diagnostics: Diagnostic[] }

type Folder = {
  folder: string
  extension: string
  implied: AgentKind
  read: (path: string, text: string, implied: AgentKind) => Promise<AgentFile>
}

/** Searched in this order; the folder implies which agent runs. */
const folders: Folder[] = [
  {
    folder: ".flyball/agents",
    extension: ".md",
    implied: "auto",
    read: async (path, text, implied) => readMarkdown(path, text, implied, true),
  },
  {
    folder: ".claude/agents",
    extension: ".md",
    implied: "claude",
    read: async (path, text, implied) => readMarkdown(path, text, implied, false),
  },
  { folder: ".codex/agents", extension: ".toml", implied: "codex", read: readToml },
]

const LIMIT_FILES = 200

/** An agent's file of a plug-in, in Claude Code's format; `path` names the plug-in too. */
export type PluginAgentFile = { path: string; text: string }

/** Every agent that the repository's own files define, first come first, and after them those of its plug-ins. */
export async function readAgentFiles(tree: ReadTree, plugins: readonly PluginAgentFile[] = []): Promise<AgentFile[]> {
  const found = await Promise.all(
    folders.map(async ({ folder, extension, implied, read }) => {
      const names = (await tree.list(folder)).filter((name) => name.endsWith(extension)).slice(0, LIMIT_FILES)
      const files = await Promise.all(
        names.map(async (name) => {
          const text = await tree.read(`${folder}/${name}`)
          return text === undefined ? undefined : read(`${folder}/${name}`, text, implied)
        }),
      )
      return files.filter((file) => file !== undefined)
    }),
  )
  return [...found.flat(), ...plugins.map(({ path, text }) => fromPlugin(path, text))]
}

/** A plug-in says what an agent is told, and never what is started: no command, no recording, no other agent. */
function fromPlugin(path: string, text: string): AgentFile {
  const file = readMarkdown(path, text, "claude", false)
  const { name, description, model, effort, instructions, skills, from } = file.agent
  const said = { description, model, effort, instructions }
  const known = Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined))
  // What can't be read there is the plug-in's trouble: it can't be mended here.
  const diagnostics = file.diagnostics.map((each) => ({ ...each, severity: "warning" as const }))
  return { ...file, diagnostics, agent: { name, use: "claude", skills, from, ...known } }
}

/** Frontmatter and body. Claude Code's files may have keys of its own; ours may too, as far as they are Claude Code's. */
function readMarkdown(path: string, written: string, implied: AgentKind, ours: boolean): AgentFile {
  const diagnostics: Diagnostic[] = []
  const text = written.replace(/^\ufeff/, "")
  const match = /^---[ \t]*\r?\n([\s\S]*?)^---[ \t]*(?:\r?\n|$)/m.exec(text)
  const body = match === null || match.index !== 0 ? text : text.slice(match[0].length)
  const head =
    match === null || match.index !== 0 ? "" : text.slice(0, match[0].length).replace(/---[ \t]*(\r?\n)?$/, "")
  if (head === "") {
    const source = openText(path, text, diagnostics)
    complainAt(
      source,
      { start: 0, end: 3 },
      {
        code: "AGENT_FILE_INCOMPLETE",
        severity: "warning",
        message: "The file has no frontmatter with `name` and `description`.",
        hint: "Begin it with ---, name: …, description: …, ---; Claude Code passes over files without them, silently.",
      },
    )
    return finish(path, text, source, {}, body, implied, diagnostics)
  }
  const { source, data } = readYaml(path, head, "The frontmatter", diagnostics)
  return finish(path, text, source, normalise(data ?? {}), body, implied, diagnostics, ours)
}

const claudeKeys = [
  "tools",
  "disallowedTools",
  "permissionMode",
  "maxTurns",
  "mcpServers",
  "hooks",
  "memory",
  "background",
  "isolation",
  "color",
  "initialPrompt",
]

/** `skills: a, b` is how Claude Code's files may list them. */
function normalise(data: Record<string, unknown>): Record<string, unknown> {
  const { skills } = data
  return typeof skills === "string"
    ? {
        ...data,
        skills: skills
          .split(",")
          .map((skill) => skill.trim())
          .filter(Boolean),
      }
    : data
}

function finish(
  path: string,
  text: string,
  source: SourceFile,
  data: Record<string, unknown>,
  body: string,
  implied: AgentKind,
  diagnostics: Diagnostic[],
  ours = false,
): AgentFile {
  const stem = path.slice(path.lastIndexOf("/") + 1).replace(/\.\w+$/, "")
  const lacking = ["name", "description"].filter((key) => typeof data[key] !== "string" || data[key] === "")
  if (lacking.length > 0 && diagnostics.length === 0)
    complain({ ...source, text: source.text === "" ? text : source.text }, [], {
      code: "AGENT_FILE_INCOMPLETE",
      severity: "warning",
      message: `The agent's file lacks ${lacking.map((key) => `\`${key}\``).join(" and ")}.`,
      hint: `It is used as \`${typeof data.name === "string" && data.name !== "" ? data.name : stem}\`; Claude Code passes over such a file, silently.`,
    })
  const name = typeof data.name === "string" && data.name !== "" ? data.name : stem
  const known: readonly string[] = agentKeyNames
  const own = Object.fromEntries(
    Object.entries(data).filter(
      ([key]) => known.includes(key) || (ours && key !== "name" && !claudeKeys.includes(key)),
    ),
  )
  const vocabulary = { sections: { "": [...agentKeyNames, "name"], agent: agentKeyNames }, synonyms: {} }
  const raw = checkShape(source, RawAgent, own, vocabulary) ?? {}
  const instructions = body.trim()
  const agent = readAgent(source, [], name, { ...raw, ...(instructions === "" ? {} : { instructions }) }, path, implied)
  return { agent, path, diagnostics }
}

async function readToml(path: string, text: string, implied: AgentKind): Promise<AgentFile> {
  const { parse, TomlError } = await import("smol-toml")
  const diagnostics: Diagnostic[] = []
  const source: SourceFile = { ...openText(path, text, diagnostics), span: ([key]) => tomlKey(text, String(key ?? "")) }
  let data: Record<string, unknown> = {}
  try {
    const parsed: unknown = parse(text)
    if (isRecord(parsed)) data = parsed
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const start = (source.lines.lineStarts[error.line - 1] ?? 0) + error.column - 1
    complainAt(
      source,
      { start, end: start + 1 },
      {
        code: "TOML_SYNTAX",
        message: (error.message.split("\n")[0] ?? "This is not TOML.").replace("Invalid TOML document: ", ""),
      },
    )
  }
  if (data.instructions !== undefined && data.developer_instructions === undefined)
    complain(source, ["instructions"], {
      code: "UNKNOWN_KEY",
      severity: "warning",
      message: "Codex calls this key `developer_instructions`.",
      suggestion: "developer_instructions",
      hint: "Did you mean `developer_instructions`?",
    })
  const { developer_instructions: instructions, model_reasoning_effort: effort, name, description, model } = data
  const own = { name, description, model, effort }
  const defined = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined))
  return finish(path, text, source, defined, typeof instructions === "string" ? instructions : "", implied, diagnostics)
}

function tomlKey(text: string, key: string): { start: number; end: number } {
  const match = new RegExp(`^\\s*${key.replace(/\W/g, "")}\\s*=.*$`, "m").exec(text)
  if (key === "" || match === null) return { start: 0, end: Math.max(1, text.indexOf("\n")) }
  const start = match.index + (match[0].length - match[0].trimStart().length)
  return { start, end: match.index + match[0].length }
}
