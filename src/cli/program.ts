import { Command, InvalidArgumentError, Option } from "commander"
import { Failure } from "../core/failure.ts"
import { nearest } from "../spec/nearest.ts"
import { version } from "../version.ts"
import type { Terminal } from "./terminal.ts"

/** What `--help` shows; `--help --all` shows the rest too. */
const shown: ReadonlySet<string> = new Set(["init", "demo", "run", "goal", "up", "status", "inbox", "halt"])

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
    .configureHelp({ helpWidth: Math.max(terminal.columns, 40), subcommandTerm: (each) => each.name() })
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
      .configureHelp({ helpWidth: Math.max(terminal.columns, 40) })
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
    .addOption(new Option("--while-stdin", "parks when its stdin ends").hideHelp())
    .action(async (loop, options) => done(await (await import("./commands/run.ts")).run(terminal, loop, options)))

  command("goal <text>", "have work made until evidence says that a condition holds", [
    'flyball goal "all tests in test/auth pass and lint has no warnings" --check "npx vitest run test/auth" --check "npm run lint"',
    'flyball goal "the suite is green" --check "npm test" --every 30m',
    'flyball goal "no type errors" --agent "npx some-codemod" --print',
    'flyball goal "each command has a page in docs/ that says what it really does" --check "npm test" --evaluator codex',
  ])
    .option("--check <command>", "a command that must be green when it is reached (repeatable)", collect)
    .option("--every <duration>", "measure again this often, until it holds on the base")
    .option("--agent <name>", "the maker (claude, codex, or a command in quotes)")
    .option("--evaluator <name>", "who says, once the checks are green, whether it is met (an agent, or a command)")
    .option("--no-evaluator", "the checks alone decide; else a small model is asked where the maker is one too")
    .option("--budget <money>", "the ceiling of a round; $5/run unless given")
    .option("--max-iterations <n>", "attempts of a round; 5 unless given", wholeNumber)
    .option("--print", "print the loop that it becomes, to keep it as a file, and do nothing")
    .action(async (text, options) => done(await (await import("./commands/goal.ts")).goal(terminal, text, options)))

  command("loop <every> <text>", "the same as `goal TEXT --every EVERY`", [
    'flyball loop 30m "the suite is green" --check "npm test"',
  ])
    .option("--check <command>", "a command that must be green when it is reached (repeatable)", collect)
    .option("--agent <name>", "the maker (claude, codex, or a command in quotes)")
    .option("--evaluator <name>", "who says, once the checks are green, whether it is met (an agent, or a command)")
    .option("--no-evaluator", "the checks alone decide; else a small model is asked where the maker is one too")
    .option("--budget <money>", "the ceiling of a round; $5/run unless given")
    .option("--max-iterations <n>", "attempts of a round; 5 unless given", wholeNumber)
    .action(async (every, text, options) =>
      done(await (await import("./commands/goal.ts")).goal(terminal, text, { ...options, every })),
    )

  command("up", "fire the loops of this repository by their triggers, in the foreground", ["flyball up"]).action(
    async (options) => done(await (await import("./commands/up.ts")).up(terminal, options)),
  )

  command("status [loop]", "what is going on, and what is due", [
    "flyball status",
    "flyball status daily-triage --json",
  ]).action(async (loop, options) => done(await (await import("./commands/status.ts")).status(terminal, loop, options)))

  command("halt [what]", "end what runs at once, and let nothing of it start: all, a loop, a run or a change", [
    "flyball halt",
    "flyball halt daily-triage",
    "flyball halt rounding-3f2a91",
  ]).action(async (what, options) => done(await (await import("./commands/halt.ts")).halt(terminal, what, options)))

  command("resume [what]", "lift a halt, and say what was under way and what it has cost", [
    "flyball resume",
    "flyball resume daily-triage",
  ]).action(async (what, options) => done(await (await import("./commands/halt.ts")).resume(terminal, what, options)))

  command("gc", "remove what the dead left: folders, processes, databases, and what is over for long", [
    "flyball gc --dry-run",
    "flyball gc --keep 14d",
  ])
    .option("--dry-run", "what it would remove, and what that gives; removes nothing")
    .option(
      "--keep <time>",
      "how long what is over stays, for this call (default: `retention.keep` of the configuration, 30d)",
    )
    .option("--unowned", "also databases that do not say whose they are and that nobody used for a day")
    .action(async (options) => done(await (await import("./commands/gc.ts")).gc(terminal, options)))

  command("logs [change]", "what an agent was told and what it said", [
    "flyball logs",
    "flyball logs rounding-3f2a91 --attempt 2",
    "flyball logs -f",
  ])
    .option("-f, --follow", "go on printing what is written")
    .option("--attempt <n>", "which attempt; the last one unless given")
    .option("--prompt", "what the agent was told, rather than what it said")
    .option("--plan", "of the planner, rather than of the maker")
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
    .description("merge it, verified again if the base moved; or let what a rule left to you be attempted")
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

  command("gate [base] [head]", "judge a change by hand or in any CI: accept, reject or ask, with evidence", [
    "flyball gate main",
    "flyball gate main my-branch --sarif gate.sarif --junit gate.xml",
    'flyball gate main HEAD --finding "tests_pass:test/cart.test.js > adds up"',
    "flyball gate --prove",
  ])
    .option("--finding <finding>", "what it should mend: a JSON file, CHECK:ID, or a change's id")
    .option("--loop <name>", "judge by this loop's layers, as its file stands on the base")
    .option("--checks-only", "with --loop: leave out what only an agent or a person can say")
    .option("--check <command>", "judge by this command instead of what the project offers (repeatable)", collect)
    .option("--setup <command>", "bring dependencies into each checkout where yours has none to lend")
    .option("--sarif <file>", "write SARIF 2.1.0 (- is stdout)")
    .option("--junit <file>", "write JUnit XML (- is stdout)")
    .option("--prove", "show that each check can go red here, and the base's own state")
    .action(async (base, head, options) =>
      done(await (await import("./commands/gate.ts")).gate(terminal, base, head, options)),
    )

  command("trace <what>", "from a line, a commit or a pull request to the loop that wrote it, and why", [
    "flyball trace src/cart.js:12",
    "flyball trace src/cart.js:10-20 --json",
    "flyball trace 3f2a91c --full",
    'flyball trace "#12"',
  ])
    .option("--full", "with the prompts and logs themselves")
    .action(async (what, options) => done(await (await import("./commands/trace.ts")).trace(terminal, what, options)))

  command("audit", "how often the gate errs: cheats, wrong fixes and honest ones whose answers are known", [
    "flyball audit                        # this repository's own history, in a scratch copy, at no cost",
    "flyball audit --corpus --html gate.html",
    "flyball audit --corpus --only cheat --sample 40",
  ])
    .option("--corpus [dir]", "the corpus that comes with Flyball, or DIR, instead of this repository's history")
    .option("--project <name>", "one project of the corpus")
    .option("--only <kind>", "cases that are this, or of this kind: honest, wrong, cheat, skipped, …")
    .option("--sample <n>", "at most N cases, a fair sample of all")
    .option("--seed <n>", "another order, other mutants (1)")
    .option("--time <duration>", "stop after this long, and count what was reached (10m; a corpus 30m)")
    .option("--parallel <n>", "so many cases at a time (one for each core)")
    .option("--commits <n>", "of a history: look at so many commits at most (40)")
    .option("--setup <command>", "brings the dependencies of commits whose lock files differ from yours")
    .option("--html <file>", "write one self-contained page")
    .option("--fresh", "measure everything anew")
    .action(async (options) => done(await (await import("./commands/audit.ts")).audit(terminal, options)))

  const skills = command("skills", "the skills that agents are offered, what they read of them, and what is stale", [
    "flyball skills list",
    "flyball skills show testing",
    "flyball skills lint",
  ])
  skills.action(async () => done(await (await import("./commands/skills.ts")).list(terminal)))
  skills
    .command("list")
    .addHelpText("after", examples("flyball skills list", "flyball skills list --json"))
    .description("each skill, where it is from and how long; which agents are offered it; what was read")
    .addOption(json())
    .action(async () => done(await (await import("./commands/skills.ts")).list(terminal)))
  skills
    .command("show <name>")
    .addHelpText("after", examples("flyball skills show testing", "flyball skills show testing --json"))
    .description("one skill, and the files beside it")
    .addOption(json())
    .action(async (name) => done(await (await import("./commands/skills.ts")).show(terminal, name)))
  skills
    .command("lint")
    .addHelpText("after", examples("flyball skills lint", "flyball skills lint --strict --json"))
    .description("what is wrong with skills: frontmatter, length, names of files, scripts and options that are gone")
    .option("--strict", "warnings are errors")
    .addOption(json())
    .action(async (options) => done(await (await import("./commands/skills.ts")).lint(terminal, options)))

  const plugin = command("plugin", "skills and agents that a team shares, each at one version", [
    "flyball plugin add https://github.com/acme/skills.git#v2",
    "flyball plugin list",
    "flyball plugin remove skills",
  ])
  plugin.action(async () => done(await (await import("./commands/plugin.ts")).list(terminal)))
  plugin
    .command("add [source]")
    .addHelpText(
      "after",
      examples(
        "flyball plugin add https://github.com/acme/skills.git#v2",
        "flyball plugin add git@github.com:acme/plugins.git --name testing",
        "flyball plugin add ../our-skills --yes",
        "flyball plugin add                   # what .flyball/plugins.yaml pins and you have not trusted yet",
      ),
    )
    .description("show what a plug-in brings, ask, and pin it: a git URL or a folder, #REF for a branch, tag or commit")
    .option("--name <name>", "which plug-in of a list of several, or what to call it here")
    .option("-y, --yes", "trust it: ask nothing")
    .addOption(json())
    .action(async (source, options) =>
      done(await (await import("./commands/plugin.ts")).add(terminal, source, options)),
    )
  plugin
    .command("list")
    .addHelpText("after", examples("flyball plugin list", "flyball plugin list --json"))
    .description("what is pinned here, and whether you trust it")
    .addOption(json())
    .action(async () => done(await (await import("./commands/plugin.ts")).list(terminal)))
  plugin
    .command("remove <name>")
    .addHelpText("after", examples("flyball plugin remove skills"))
    .description("take it out of .flyball/plugins.yaml")
    .addOption(json())
    .action(async (name) => done(await (await import("./commands/plugin.ts")).remove(terminal, name)))

  command("login [tool]", "the logins that agents keep on this machine, and which of them their sessions may use", [
    "flyball login",
    "flyball login claude --use",
    "flyball login claude --forget",
  ])
    .option("--use", "let sessions of this tool use its login; asks once")
    .option("--forget", "use it no more")
    .option("-y, --yes", "with --use: ask nothing")
    .action(async (tool, options) => done(await (await import("./commands/login.ts")).login(terminal, tool, options)))

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
    "flyball doctor --prove",
  ])
    .option("--prove", "run the checks, and show that each can go red (may take a while)")
    .action(async (options) => done(await (await import("./commands/doctor.ts")).doctor(terminal, options)))

  return program
}

function wholeNumber(text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  throw new InvalidArgumentError("It must be a whole number above 0.")
}

/** An option that may be given several times. */
function collect(value: string, before: string[] = []): string[] {
  return [...before, value]
}

function unknownCommand(name: string, program: Command): Failure {
  const names = program.commands.map((each) => each.name())
  const near = nearest(name, names)
  return new Failure("UNKNOWN_COMMAND", `There is no command \`${name}\`.`, {
    hint: near === undefined ? "`flyball --help --all` shows what there is." : `Did you mean \`flyball ${near}\`?`,
  })
}
