import { Failure } from "../../core/failure.ts"
import {
  addPlugins,
  listPlugins,
  PluginAddReport,
  type PluginOffer,
  PluginRemoveReport,
  PluginsReport,
  removePlugin,
} from "../../engine/commands/plugin.ts"
import { exitCodes } from "../exit-codes.ts"
import { runInForeground } from "../foreground.ts"
import { count, plain, print, type Terminal } from "../terminal.ts"

/** `flyball plugin add [SOURCE] [--name N] [--yes]` */
export function add(
  terminal: Terminal,
  source: string | undefined,
  options: { name?: string; yes?: boolean },
): Promise<number> {
  return runInForeground(terminal, async (signal) => {
    const wanted = {
      ...(source === undefined ? {} : { source }),
      ...(options.name === undefined ? {} : { name: options.name }),
    }
    let declined = false
    const report = await addPlugins(wanted, { cwd: process.cwd(), signal }, async (offer) => {
      if (!terminal.json) terminal.err(offerText(terminal, offer))
      const yes = options.yes === true || (await agreed(terminal, offer))
      declined ||= !yes
      return yes
    })
    print(terminal, PluginAddReport.parse(report), (shown) =>
      shown.added.length === 0
        ? declined
          ? "Nothing was added."
          : "Each pinned plug-in is trusted here already."
        : shown.added
            .map(({ plugin }) => `${plugin.name} ${short(plugin.version)} is pinned in ${shown.file}.`)
            .join("\n"),
    )
    return declined ? exitCodes.stopped : exitCodes.done
  })
}

/** `flyball plugin list` */
export async function list(terminal: Terminal): Promise<number> {
  const report = PluginsReport.parse(await listPlugins({ cwd: process.cwd() }))
  print(terminal, report, (shown) =>
    shown.plugins.length === 0 ? none : shown.plugins.map((each) => line(terminal, each)).join("\n"),
  )
  return exitCodes.done
}

/** `flyball plugin remove NAME` */
export async function remove(terminal: Terminal, name: string): Promise<number> {
  const report = PluginRemoveReport.parse(await removePlugin(name, { cwd: process.cwd() }))
  print(terminal, report, ({ removed, file }) => `${removed.name} is no longer in ${file}.`)
  return exitCodes.done
}

const none = "No plug-ins are pinned here. `flyball plugin add SOURCE` adds one."

async function agreed(terminal: Terminal, { plugin }: PluginOffer): Promise<boolean> {
  if (!terminal.interactive)
    throw new Failure("PLUGIN_NOT_TRUSTED", `\`${plugin.name}\` is added when somebody has looked at what it brings.`, {
      hint: "Look at the list above (`error.plugin` in JSON), then say --yes.",
      retry: "person",
      facts: { plugin },
    })
  const { confirm, isCancel } = await import("@clack/prompts")
  const answer = await confirm({ message: `Trust ${plugin.name} at ${short(plugin.version)}?`, initialValue: false })
  return !isCancel(answer) && answer
}

/** What it brings, before anybody trusts it: every text of it is somebody else's. */
function offerText({ color }: Terminal, { plugin, before, left }: PluginOffer): string {
  const { brings } = plugin
  const from = `${plain(plugin.source, 200)}${plugin.path === undefined ? "" : `, ${plain(plugin.path)}`}`
  const group = (title: string, lines: string[]) =>
    lines.length === 0
      ? []
      : [color.bold(title), ...lines.slice(0, MAX_LINES).map((each) => `  ${each}`), ...more(lines)]
  return [
    `${color.bold(plain(plugin.name))}${brings.version === undefined ? "" : ` ${plain(brings.version)}`}  ${color.dim(`${from} at ${short(plugin.version)}`)}`,
    ...(brings.description === undefined ? [] : [plain(brings.description, 300)]),
    ...(before === undefined ? [] : [color.yellow(`It takes the place of ${short(before)}.`)]),
    ...group(
      "Skills",
      brings.skills.map((each) => `${plain(each.name)}: ${plain(each.description, 160)}`),
    ),
    ...group(
      "Agents",
      brings.agents.map((each) => `${plain(each.name)}: ${plain(each.description ?? "", 160)}`),
    ),
    ...group(
      "Commands (for people; not used in loops)",
      brings.commands.map((each) => plain(each)),
    ),
    ...group(
      "Hooks (not run by Flyball)",
      brings.hooks.map((each) => `${plain(each.event)}: ${plain(each.command)}`),
    ),
    ...group(
      "MCP servers (not started by Flyball)",
      brings.servers.map((each) => `${plain(each.name)}: ${plain(each.what)}`),
    ),
    ...group(
      "Left out: links, submodules, odd names",
      left.map((each) => plain(each)),
    ),
    ...group(
      "Notes",
      brings.notes.map((each) => plain(each, 300)),
    ),
  ].join("\n")
}

function more(lines: readonly string[]): string[] {
  return lines.length > MAX_LINES ? [`  and ${lines.length - MAX_LINES} more`] : []
}

function line(
  { color }: Terminal,
  { name, source, version, path, trusted, brings }: PluginsReport["plugins"][number],
): string {
  const state = trusted
    ? `${count(brings?.skills.length ?? 0, "skill")}, ${count(brings?.agents.length ?? 0, "agent")}`
    : color.yellow("not trusted here: `flyball plugin add` shows what it brings")
  return `${name.padEnd(24)} ${short(version)}  ${state}  ${color.dim(`${plain(source)}${path === undefined ? "" : `, ${plain(path)}`}`)}`
}

function short(version: string): string {
  return version.startsWith("sha256-") ? version.slice(0, 19) : version.slice(0, 12)
}

const MAX_LINES = 40
