import { Command, Option } from "commander"
import { Failure } from "../core/failure.ts"
import { nearest } from "../spec/nearest.ts"
import { version } from "../version.ts"
import type { Terminal } from "./terminal.ts"

/** What `--help` shows; `--help --all` shows the rest too. */
const shown: ReadonlySet<string> = new Set(["init", "demo", "run", "up", "status", "inbox", "validate", "doctor"])

export type Result = { exitCode: number }

/**
 * The command line. Each command's code is loaded when it is run, so `--help` and wrong use cost nothing more than
 * this file.
 */
export function buildProgram(terminal: Terminal, result: Result, { all = false } = {}): Command {
  const program = new Command("flyball")
    .description("Flyball, the governor for agent loops: finds work, has it made and checked, ships what passed.")
    .version(version, "-V, --version")
    .usage("COMMAND [options]")
    .helpOption("-h, --help", "show this help; with a command, that command's")
    .option("--all", "with --help: every command")
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    // What is wrong is said by `main`, with its code and what to do next.
    .configureOutput({ writeOut: terminal.out, writeErr: () => {} })
    .configureHelp({ helpWidth: Math.max(terminal.columns, 100), subcommandTerm: (each) => each.name() })
    .argument("[command]")
    .action((name: string | undefined) => {
      if (name !== undefined) throw unknownCommand(name, program)
      program.outputHelp()
    })
    .addHelpText("after", () =>
      all
        ? "\n`flyball COMMAND --help` shows a command's options and examples."
        : "\n`flyball COMMAND --help` shows a command's options and examples; `flyball --help --all` every command.",
    )

  const command = (spec: string, summary: string, examples: string[]) =>
    program
      .command(spec, { hidden: !all && !shown.has(spec.split(" ")[0] ?? "") })
      .description(summary)
      .helpOption("-h, --help", "show this help")
      .configureHelp({ helpWidth: Math.max(terminal.columns, 100) })
      .addOption(new Option("--json", "print the result as JSON (shapes: docs/json.md)"))
      .addHelpText("after", `\nExamples:\n${examples.map((example) => `  ${example}`).join("\n")}`)
  const done = (exitCode: number | undefined) => {
    result.exitCode = exitCode ?? 0
  }

  command("init", "write .flyball/ and a first loop for this repository", ["flyball init", "flyball init --yes"])
    .option("-y, --yes", "ask nothing: take what is proposed")
    .option("--agent <name>", "the maker of the first loop (claude, codex, or a command in quotes)")
    .action(async (options) => done(await (await import("./commands/init.ts")).init(terminal, options)))

  command("demo", "the whole story on an example project, at no cost", ["flyball demo", "flyball demo --keep ./shop"])
    .option("--agent <name>", "a real maker instead of the replayed one (claude, codex)")
    .option("--reviewer <name>", "a real reviewer instead of the replayed one")
    .option("--keep <dir>", "leave the example project in DIR, to look at")
    .action(async (options) => done(await (await import("./commands/demo.ts")).demo(terminal, options)))

  command("run <loop>", "one run, now, in the foreground", [
    "flyball run daily-triage",
    "flyball run .flyball/loops/ci.yaml --dry-run",
  ])
    .option("--dry-run", "what it would attempt, skip and cost; starts nothing, writes nothing")
    .addOption(new Option("--trigger <kind>", "what fired it").default("manual").hideHelp())
    .action(async (loop, options) => done(await (await import("./commands/run.ts")).run(terminal, loop, options)))

  command("up", "fire the loops of this repository by their triggers, in the foreground", ["flyball up"]).action(
    async (options) => done(await (await import("./commands/up.ts")).up(terminal, options)),
  )

  command("status [loop]", "what is going on, and what is due", [
    "flyball status",
    "flyball status daily-triage --json",
  ]).action(async (loop, options) => done(await (await import("./commands/status.ts")).status(terminal, loop, options)))

  command("logs [change]", "what an agent was told and what it said", [
    "flyball logs",
    "flyball logs rounding-3f2a91 --attempt 2",
    "flyball logs -f",
  ])
    .option("-f, --follow", "go on printing what is written")
    .option("--attempt <n>", "which attempt; the last one unless given")
    .option("--prompt", "what the agent was told, rather than what it said")
    .action(async (change, options) => done(await (await import("./commands/logs.ts")).logs(terminal, change, options)))

  const inbox = command("inbox", "what waits for a person", [
    "flyball inbox",
    "flyball inbox show rounding",
    "flyball inbox approve rounding",
    'flyball inbox reject rounding "keep the public signature"',
  ])
  inbox.action(async (options) => done(await (await import("./commands/inbox.ts")).list(terminal, options)))
  const json = () => new Option("--json", "print the result as JSON (shapes: docs/json.md)")
  const examples = (...lines: string[]) => `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`
  inbox
    .command("show <change>")
    .addHelpText("after", examples("flyball inbox show rounding", "flyball inbox show rounding --json"))
    .description("all that is needed to decide: finding, diff, evidence, what was tried")
    .addOption(json())
    .action(async (change) => done(await (await import("./commands/inbox.ts")).show(terminal, change)))
  inbox
    .command("approve <change>")
    .addHelpText("after", examples("flyball inbox approve rounding"))
    .description("merge it, verified again if the base moved")
    .addOption(json())
    .action(async (change) => done(await (await import("./commands/inbox.ts")).approve(terminal, change)))
  inbox
    .command("reject <change> <why>")
    .addHelpText(
      "after",
      examples(
        'flyball inbox reject rounding "keep the public signature"',
        'flyball inbox reject rounding "we want it so" --close',
      ),
    )
    .description("the reason goes to a next attempt; --close ends the change instead")
    .option("--close", "end it: no further attempt")
    .option("--now", "make the next attempt at once, rather than in the loop's next run")
    .addOption(json())
    .action(async (change, why, options) =>
      done(await (await import("./commands/inbox.ts")).reject(terminal, change, why, options)),
    )
  inbox
    .command("answer <change> <text>")
    .addHelpText("after", examples('flyball inbox answer vouchers "taxed when they are redeemed" --now'))
    .description("reply to its question; the next attempt is told")
    .option("--now", "make the next attempt at once")
    .addOption(json())
    .action(async (change, text, options) =>
      done(await (await import("./commands/inbox.ts")).answer(terminal, change, text, options)),
    )

  command("validate [loop...]", "check loop files: every problem at once, with its place", [
    "flyball validate",
    "flyball validate .flyball/loops/ci.yaml --explain",
  ])
    .option("--strict", "names that this machine lacks are errors")
    .option("--explain", "print the canonical loop, with every default filled in")
    .option("--schema", "print the JSON Schema of the loop file")
    .action(async (loops, options) =>
      done(await (await import("./commands/validate.ts")).validate(terminal, loops, options)),
    )

  command("doctor", "what is here, what is missing, and what it would give", [
    "flyball doctor",
    "flyball doctor --json",
  ]).action(async (options) => done(await (await import("./commands/doctor.ts")).doctor(terminal, options)))

  return program
}

function unknownCommand(name: string, program: Command): Failure {
  const names = program.commands.map((each) => each.name())
  const near = nearest(name, names)
  return new Failure("UNKNOWN_COMMAND", `There is no command \`${name}\`.`, {
    hint: near === undefined ? "`flyball --help --all` shows what there is." : `Did you mean \`flyball ${near}\`?`,
  })
}
