import { z } from "zod"
import { AgentKind, CheckKind } from "../core/loop.ts"
import { Priority } from "../core/priority.ts"

/*
 * The loop file as it is written, before any of its short forms is read. What each key demands beyond its type is in the
 * readers (`text → canonical`); the JSON Schema for editors comes from here. An `error` text says what is expected:
 * "`timeout` must be <error>". Nothing is required here, so that one missing key doesn't hide other mistakes.
 */

const said = (expected: string) => ({ error: expected })
const words = (doc: string, expected = "text") => z.string(said(expected)).describe(doc)
const duration = (doc: string) => z.string(said("a duration such as 45m, 1h30m or 2d")).describe(doc)
const size = (doc: string) => z.string(said("a size such as 200KB, 10MB or 1.5GB")).describe(doc)
const count = (doc: string) => z.int(said("a whole number")).describe(doc)
const list = (doc: string) => z.array(z.string(said("text")), said("a list of texts")).describe(doc)
const oneOrMore = (doc: string, expected: string) =>
  z
    .union([z.string(said(expected)), z.array(z.string(said(expected)))], said(`${expected}, or a list of such`))
    .describe(doc)
const mapping = <T extends z.core.$ZodLooseShape>(shape: T, doc: string, expected = "a mapping of keys to values") =>
  z.strictObject(shape, said(expected)).describe(doc)

/** An agent, in the loop file or as the frontmatter of its own file. */
export type RawAgent = {
  use?: AgentKind | undefined
  description?: string | undefined
  model?: string | undefined
  effort?: string | undefined
  command?: string | string[] | undefined
  recording?: string | undefined
  instructions?: string | undefined
  skills?: string[] | undefined
  cost?: string | undefined
  then?: RawAgent | undefined
}

const agentKeys = {
  use: AgentKind.describe("Which agent runs: `auto` is the best installed one.").optional(),
  description: words("What this agent is for.").optional(),
  model: words("The model, as the agent itself names it.").optional(),
  effort: words("Reasoning effort, as the agent itself names it.").optional(),
  command: z
    .union([z.string(), z.array(z.string())], said("a shell line, or an argv list"))
    .describe(
      "`use: command`: an argv list, or one shell line; the prompt comes on stdin. `use: acp`: what speaks ACP.",
    )
    .optional(),
  recording: words("`use: replay` alone: the folder of recorded sessions.").optional(),
  instructions: words("The agent's system prompt.").optional(),
  skills: list("Skills by name.").optional(),
  cost: words(
    "What one attempt of a `command` maker costs: $0.10/attempt.",
    "money per attempt, such as $0.10/attempt",
  ).optional(),
}
export const RawAgent: z.ZodType<RawAgent> = z.lazy(() =>
  mapping({ ...agentKeys, then: RawAgent.optional() }, "An agent.", "a mapping such as { use: claude }"),
)

/** The keys an agent may have, for messages. */
export const agentKeyNames = [...Object.keys(agentKeys), "then"]

export const RawCheck = z.union(
  [
    z.string(),
    z.array(z.string()),
    mapping(
      {
        run: z
          .union([z.string(), z.array(z.string())], said("a shell line, or an argv list"))
          .describe("A shell line, or an argv list.")
          .optional(),
        kind: CheckKind.exclude(["builtin"])
          .describe("How the outcome is read; `exit` believes the exit code alone.")
          .optional(),
        format: words("The runner or linter whose machine format is read: vitest, pytest, eslint, …").optional(),
        timeout: duration("Stopped after this long.").optional(),
        path: words(
          "The folder it runs in: the loop's `path` unless set; `.` is the repository's root.",
          "a folder such as services/payments",
        ).optional(),
      },
      "A check.",
    ),
  ],
  said("a command, or a mapping such as { run: npm test, timeout: 5m }"),
)
export type RawCheck = z.infer<typeof RawCheck>

const reviewers = oneOrMore(
  "A reviewer: another agent than the maker; or a panel of them.",
  "a reviewer's name, or a list of reviewers",
).optional()
const quorum = count("Of a panel: how many must accept; all unless set.").optional()

const RawLayer = mapping(
  {
    check: words("Names of checks with AND, OR, NOT.", "names of checks such as tests_pass AND lint_clean").optional(),
    agent: reviewers,
    quorum,
    approve: mapping(
      {
        by: words("Who must approve: a person or a team, `@payments`.").optional(),
        when: words("CEL; only then.").optional(),
      },
      "A person's approval.",
      'a mapping such as { by: "@payments" }',
    ).optional(),
  },
  "One layer of verification: check, agent or approve.",
)
export type RawLayer = z.infer<typeof RawLayer>

const layers = z
  .array(RawLayer, said("a list of layers, each `- check: …`, `- agent: …` or `- approve: …`"))
  .describe("Cheap to dear; the first that fails ends the attempt.")

const RawStep = mapping(
  {
    discover: mapping(
      {
        run: oneOrMore("Sources joined by `+`.", "sources such as failing_tests + open_issues").optional(),
        write_to: words("The state file, under `.flyball/`; from the root with a leading `./`.").optional(),
        triage: words("The agent that sorts what was found.").optional(),
        attempt_if: words("CEL over `finding`: which findings are attempted.").optional(),
      },
      "Finds work.",
      "a mapping such as { run: failing_tests }",
    ).optional(),
    plan: mapping(
      { spawn: words("The planner: `planner(finding)`.").optional() },
      "Plans before acting.",
      "a mapping such as { spawn: planner(finding) }",
    ).optional(),
    act: mapping(
      {
        for_each: words("`finding`, or `finding in FILE`, FILE being what `write_to` names.").optional(),
        spawn: words("The maker: `implementer(finding)`.").optional(),
        isolation: z.enum(["worktree", "clone", "sandbox"]).describe("Where the maker works.").optional(),
        max_parallel: count("Changes worked on at the same time.").optional(),
        best_of: count("Makers that try the same finding, 2 to 5; the gate chooses.").optional(),
      },
      "Makes the change.",
      "a mapping such as { for_each: finding, spawn: implementer(finding) }",
    ).optional(),
    verify: mapping(
      {
        check: words(
          "Names of checks with AND, OR, NOT.",
          "names of checks such as tests_pass AND lint_clean",
        ).optional(),
        agent: reviewers,
        quorum,
        layers: layers.optional(),
      },
      "Judges the change.",
      "a mapping such as { check: tests_pass AND lint_clean, agent: reviewer }",
    ).optional(),
    ship: mapping(
      {
        if: words("CEL; `verified` by default.", "a condition in CEL such as verified").optional(),
        run: oneOrMore("Actions joined by `+`.", "actions such as open_pr + notify_slack").optional(),
        then: oneOrMore("What follows a proposal.", "actions such as wait_ci + merge").optional(),
      },
      "Proposes the change.",
      "a mapping such as { run: open_pr }",
    ).optional(),
  },
  "One step: discover, plan, act, verify or ship.",
  "one of `- discover:`, `- plan:`, `- act:`, `- verify:`, `- ship:`",
)

/** The guard rails as written; `config.yaml` may give defaults for them. */
export const RawGuardrails = mapping(
  {
    max_iterations: count("Attempts at one finding.").optional(),
    budget: oneOrMore(
      "Ceilings: $5/run, $40/day, $1/attempt, $3/change, $200/month (of the repository), 30M tokens/day.",
      "money such as $5/run, or tokens such as 30M tokens/day",
    ).optional(),
    priority: Priority.describe("Who goes first under a ceiling that loops share.").optional(),
    halt_on: oneOrMore(
      "no_progress(2), same_error(3), repeated_output(3).",
      "a rule such as no_progress(2)",
    ).optional(),
    timeout: duration("Wall clock of one attempt.").optional(),
    silence: duration("An agent that prints nothing for this long is taken for hung.").optional(),
    review_wip: count("More proposals than this unreviewed: the loop stops producing.").optional(),
    max_diff: mapping(
      { files: count("Files in one change.").optional(), lines: count("Lines in one change.").optional() },
      "The largest change.",
      "a mapping such as { files: 10, lines: 400 }",
    ).optional(),
    max_findings: count("Findings attempted in one run.").optional(),
    protect: list("Globs that nobody but a person may change.").optional(),
    licences: list("SPDX ids that a dependency may come under; `default` stands for the permissive ones.").optional(),
    hours: words("When the loop may start: MON-FRI 07:00-19:00 Europe/Berlin.").optional(),
    limits: mapping(
      {
        output: size("What one agent session may print.").optional(),
        prompt: size("The longest prompt.").optional(),
        step: duration("Wall clock of one step that is no attempt: isolate, verify, ship.").optional(),
        source: duration("Wall clock of one source of discovery.").optional(),
        memory: size("Memory of one agent, or of one check's command, with all processes that it started.").optional(),
        processes: count("Processes of one agent, or of one check's command, at once.").optional(),
      },
      "Ceilings of what the loop handles.",
      "a mapping such as { output: 10MB, prompt: 200KB }",
    ).optional(),
  },
  "What stops the loop.",
)
export type RawGuardrails = z.infer<typeof RawGuardrails>

const goal = mapping(
  {
    done_when: words("Names of checks with AND, OR, NOT; or prose that checks or metrics make measurable.").optional(),
    evaluator: words("An agent that says, once all checks pass, whether `done_when` holds.").optional(),
    metrics: z
      .array(
        mapping(
          {
            name: words("The metric's name.").optional(),
            run: words("A command that prints one number.").optional(),
            target: z
              .union([z.number(), z.string()], said("a number, or a comparison such as <= 200ms"))
              .describe("The value to reach.")
              .optional(),
            direction: z.enum(["down", "up"]).describe("Which way is better.").optional(),
          },
          "A number to reach.",
        ),
        said("a list of metrics"),
      )
      .optional(),
  },
  "What done means.",
  "a mapping such as { done_when: tests_pass AND lint_clean }",
)

const body = {
  path: words(
    "The folder of the repository that the loop works in; the whole repository unless set.",
    "a folder such as services/payments",
  ).optional(),
  goal: goal.optional(),
  evaluation: mapping({ layers: layers.optional() }, "Another way to write `verify.layers`.").optional(),
  trigger: oneOrMore(
    'When a run starts: cron("0 9 * * MON-FRI"), every(15m), on(signal), webhook(name), after(loop), file("src/**"), manual.',
    'a trigger such as cron("0 9 * * MON-FRI") or every(15m)',
  ).optional(),
  autonomy: z.enum(["report", "draft", "merge"]).describe("How far the loop goes by itself.").optional(),
  isolation: z.enum(["worktree", "clone", "sandbox"]).describe("Where the maker works.").optional(),
  strict: z.boolean(said("true or false")).describe("Names that this machine lacks are errors.").optional(),
  agents: z
    .record(z.string(), RawAgent, said("a mapping of names to agents"))
    .describe("Agents of this loop.")
    .optional(),
  checks: z
    .record(z.string(), RawCheck, said("a mapping of names to commands"))
    .describe("Checks of this loop.")
    .optional(),
  skills: list("Skills that every agent of this loop gets.").optional(),
  steps: z
    .array(RawStep, said("a list: `- discover:`, `- act:`, `- verify:`, `- ship:`"))
    .describe("discover, plan, act, verify, ship, in this order.")
    .optional(),
  guardrails: RawGuardrails.optional(),
  hooks: mapping(
    {
      after_isolate: words("Run in each new workspace.").optional(),
      on_escalate: words("Run when a person is needed.").optional(),
    },
    "Commands at certain moments.",
  ).optional(),
  setup: words("Short for hooks.after_isolate.").optional(),
  network: oneOrMore(
    "What makers may reach besides their model: registries by name (npm, pypi, …) and hosts (api.example.com, *.example.com:8443); [] is nothing.",
    "a registry such as npm, or a host such as api.example.com",
  ).optional(),
  learn: z
    .union(
      [
        z.boolean(),
        mapping({ agent: words("Who says what was learned; `scribe` unless set.").optional() }, "The scribe."),
      ],
      said("true, or a mapping such as { agent: scribe }"),
    )
    .describe("After a run, what was learned is proposed as a change to LESSONS.md or a skill; off unless set.")
    .optional(),
  state: mapping(
    { branch: words("Keeps the state file's history on this branch.").optional() },
    "The state file's history.",
  ).optional(),
}

/** The loop file's usual form. */
export const RawLoop = mapping(
  {
    name: words("The loop's name: lower case, digits, dashes.").optional(),
    description: words("What the loop is for.").optional(),
    ...body,
  },
  "A Flyball loop.",
)
export type RawLoop = z.infer<typeof RawLoop>

const labels = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]), said("a mapping of names to texts"))
  .optional()

/** The same loop as a resource. */
export const RawResource = mapping(
  {
    apiVersion: z.literal("flyball.dev/v1", said("flyball.dev/v1")),
    kind: z.literal("Loop", said("Loop")),
    metadata: mapping(
      {
        name: words("The loop's name.").optional(),
        description: words("What the loop is for.").optional(),
        labels,
        annotations: labels,
      },
      "Name and labels.",
    ).optional(),
    spec: mapping(body, "The loop.").optional(),
  },
  "A Flyball loop as a resource.",
)
export type RawResource = z.infer<typeof RawResource>

/** `config.yaml` of FLYBALL_HOME: what a user says for all loops of all repositories. */
export const RawUserConfig = mapping(
  {
    budget: oneOrMore(
      "Ceilings of all loops together: $100/day, 200M tokens/day.",
      "money such as $100/day, or tokens such as 200M tokens/day",
    ).optional(),
  },
  "What holds for all loops of this user.",
)

/** `.flyball/config.yaml`. */
export const RawConfig = mapping(
  {
    defaults: mapping(
      {
        autonomy: body.autonomy,
        isolation: body.isolation,
        strict: body.strict,
        guardrails: body.guardrails,
        network: body.network,
      },
      "What loops get that don't say otherwise.",
    ).optional(),
    connectors: z
      .record(
        z.string(),
        z.record(z.string(), z.unknown(), said("a mapping of settings")).nullable(),
        said("a mapping of connectors to settings"),
      )
      .describe("Connectors and their settings.")
      .optional(),
    trust: mapping(
      {
        authors: oneOrMore(
          "Whose issues and comments may become work: associations (OWNER, MEMBER, COLLABORATOR, COMMITTER, …), @names, addresses.",
          "an association, a name such as @alice, or an e-mail address",
        ).optional(),
      },
      "Whose text is trusted.",
      "a mapping such as { authors: [OWNER, MEMBER, '@alice'] }",
    ).optional(),
    retention: mapping(
      {
        keep: duration("How long what is over stays: prompts, logs, measurements, rows that prove nothing.").optional(),
        artifacts: size("Prompts, logs and outputs of this repository, in all.").optional(),
        database: size("The database, in all.").optional(),
      },
      "How long and how much is kept.",
      "a mapping such as { keep: 30d, artifacts: 2GB }",
    ).optional(),
    pool: mapping(
      {
        workspaces: count("Folders of a large repository that lie ready, checked out ahead; 0 for none.").optional(),
        size: size("All of them together.").optional(),
      },
      "What is prepared ahead.",
      "a mapping such as { workspaces: 4, size: 4GB }",
    ).optional(),
  },
  "Defaults, connectors, trust, retention, pool.",
)
export type RawConfig = z.infer<typeof RawConfig>

/** `.flyball/checks.yaml`. */
export const RawChecks = z.record(z.string(), RawCheck)
export type RawChecks = z.infer<typeof RawChecks>
