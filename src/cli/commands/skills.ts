import {
  lintSkills,
  listSkills,
  SkillReport,
  SkillsLintReport,
  SkillsReport,
  showSkill,
} from "../../engine/commands/skills.ts"
import { renderDiagnostics } from "../../spec/diagnostic.ts"
import { exitCodes } from "../exit-codes.ts"
import { count, plain, print, type Terminal } from "../terminal.ts"

/** `flyball skills list` */
export async function list(terminal: Terminal): Promise<number> {
  const report = SkillsReport.parse(await listSkills({ cwd: process.cwd() }))
  print(terminal, report, (shown) => listText(terminal, shown))
  return exitCodes.done
}

/** `flyball skills show NAME` */
export async function show(terminal: Terminal, name: string): Promise<number> {
  const report = SkillReport.parse(await showSkill(name, { cwd: process.cwd() }))
  print(terminal, report, (skill) => showText(terminal, skill))
  return exitCodes.done
}

/** `flyball skills lint [--strict]` */
export async function lint(terminal: Terminal, { strict = false }: { strict?: boolean }): Promise<number> {
  const report = SkillsLintReport.parse(await lintSkills({ cwd: process.cwd(), strict }))
  print(terminal, report, ({ files, valid, diagnostics }) => {
    const { color } = terminal
    const told = renderDiagnostics(diagnostics, { color: color.isColorSupported })
    const counted = `${count(files, "skill")}${diagnostics.length === 0 ? "" : `, ${count(diagnostics.length, "remark")}`}`
    return `${told === "" ? "" : `${told}\n`}${valid ? color.green(`✓ ${counted}`) : color.red(`✗ ${counted}`)}`
  })
  return report.valid ? exitCodes.done : exitCodes.wrongUse
}

function listText({ color }: Terminal, { skills, offers, sessions, notes }: SkillsReport): string {
  if (skills.length === 0 && notes.length === 0)
    return "No skills here. A skill is a folder with a SKILL.md in .flyball/skills, .agents/skills or .claude/skills."
  const width = Math.max(...skills.map(({ name }) => plain(name, 40).length), 8)
  const lines = skills.flatMap((skill) => {
    const from = skill.plugin === undefined ? skill.from : `plug-in ${skill.plugin}`
    const used = skill.offered === 0 ? "" : `, offered ${skill.offered} and read ${skill.read} times`
    return [
      `${color.bold(plain(skill.name, 40).padEnd(width))}  ${plain(skill.description, 120)}`,
      color.dim(`${" ".repeat(width)}  ${from}, ~${skill.tokens} tokens${used}  ${plain(skill.path, 160)}`),
      ...skill.hides.map((path) => color.dim(`${" ".repeat(width)}  stands above ${plain(path, 160)}`)),
    ]
  })
  const offered = offers.map(({ loop, agent, skills: names, missing }) => {
    const gone =
      missing.length === 0 ? "" : color.yellow(`  not there: ${missing.map((name) => plain(name, 64)).join(", ")}`)
    return `  ${plain(loop, 40)}  ${plain(agent, 40)}  ${names.map((name) => plain(name, 64)).join(", ")}${gone}`
  })
  const read = sessions.map(({ change, attempt, agent, offered: names, read: files }) => {
    const opened = [...new Set(files.map(({ skill }) => plain(skill, 64)))].join(", ") || "none"
    return `  ${plain(change, 40)}  attempt ${attempt}  ${plain(agent, 40)}  offered ${names.map((name) => plain(name, 64)).join(", ") || "none"}  read ${opened}`
  })
  return [
    ...lines,
    ...(offered.length === 0 ? [] : ["", color.bold("Offered to"), ...offered]),
    ...(read.length === 0 ? [] : ["", color.bold("Sessions, as far as the agents' lines show"), ...read]),
    ...notes.map((note) => color.yellow(plain(note, 300))),
  ].join("\n")
}

function showText({ color }: Terminal, { name, path, from, plugin, tokens, lines, text, files }: SkillReport): string {
  const origin = plugin === undefined ? from : `plug-in ${plugin}`
  return [
    color.dim(`${plain(name, 64)}: ${origin}, ~${tokens} tokens in ${count(lines, "line")}, ${plain(path, 300)}`),
    "",
    text.trimEnd(),
    ...(files.length === 0 ? [] : ["", color.bold("Beside it")]),
    ...files.map((file) => `  ${plain(file.path, 160)}  ${color.dim(`~${file.tokens} tokens`)}`),
  ].join("\n")
}
