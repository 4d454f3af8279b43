import { STANDING_CHECKS } from "../core/judge.ts"
import type { CheckKind } from "../core/loop.ts"
import type { Vocabulary } from "./check-shape.ts"
import { agentKeyNames, RawGuardrails, RawLoop, RawResource } from "./shape.ts"

/*
 * The names that loops may use without defining them, and what of them a later version delivers.
 * `needs` says what would have to be there; `unavailable` (availability.ts) says what happens until it is.
 */

export type Known = { name: string; args: readonly [min: number, max: number]; needs?: string }

export const knownSources: readonly Known[] = [
  { name: "failing_tests", args: [0, 1] },
  { name: "lint_findings", args: [0, 1] },
  { name: "type_errors", args: [0, 1] },
  { name: "scan_ci_failures", args: [0, 1] },
  { name: "recent_commits", args: [0, 1] },
  { name: "open_issues", args: [0, 1] },
  { name: "checklist", args: [1, 1] },
  { name: "goal", args: [0, 20] },
  { name: "todo_comments", args: [0, 5] },
  { name: "outdated_dependencies", args: [0, 1] },
  { name: "security_advisories", args: [0, 1] },
  { name: "stale_skills", args: [0, 0] },
  { name: "agent", args: [1, 2] },
  { name: "skill", args: [1, 2] },
  { name: "sh", args: [1, 1] },
  { name: "failing_checks", args: [0, 1], needs: "a CI connector" },
]

export const knownActions: readonly Known[] = [
  { name: "open_pr", args: [0, 0] },
  { name: "link_issue", args: [0, 1], needs: "a tracker connector" },
  { name: "notify_slack", args: [0, 1], needs: "the slack connector" },
]

export const knownFollowUps: readonly Known[] = [
  { name: "wait_ci", args: [0, 1], needs: "a CI connector" },
  { name: "wait_review", args: [0, 1], needs: "a forge connector" },
  { name: "merge", args: [0, 1], needs: "earned autonomy" },
  { name: "watch_deploy", args: [0, 1], needs: "a deploy connector" },
]

/** Checks whose command comes from the loop, `.flyball/checks.yaml` or the project. */
export const roleChecks: Readonly<Record<string, CheckKind>> = {
  tests_pass: "tests",
  lint_clean: "lint",
  types: "types",
  build: "build",
  security: "lint",
  architecture: "lint",
  performance: "numbers",
}

/** Checks that are part of Flyball; nobody can replace them. */
export const builtinChecks = [
  "diff_reasonable",
  "protected_paths",
  "no_secrets",
  "no_large_files",
  "no_weakened_tests",
  "hardcoded",
  "dependencies_ok",
  "fix_is_proved",
  "tests_have_teeth",
  "goal_metrics",
] as const

/** Names that checks of Flyball itself have, and that nothing else may take. */
export const reservedChecks = [...STANDING_CHECKS] as const

export const builtinAgents: Readonly<Record<string, string>> = {
  implementer: "Makes the change.",
  reviewer: "Looks for reasons to reject the change.",
  planner: "Plans before the change is made.",
  triager: "Sorts findings: how sure, how large.",
  evaluator: "Says whether the goal is reached.",
  explorer: "Looks around the repository for work.",
  scribe: "Says what was learned from changes that were hard to make.",
}

const step = ["discover", "plan", "act", "verify", "ship"]

/** The keys of each section of the loop file, and what people write for them out of habit. */
export const loopVocabulary: Vocabulary = {
  sections: {
    "": Object.keys(RawLoop.shape),
    spec: Object.keys(RawLoop.shape).filter((key) => key !== "name" && key !== "description"),
    resource: Object.keys(RawResource.shape),
    metadata: ["name", "description", "labels", "annotations"],
    goal: ["done_when", "evaluator", "metrics"],
    metric: ["name", "run", "target", "direction"],
    evaluation: ["layers"],
    agent: agentKeyNames,
    check: ["run", "kind", "format", "timeout"],
    step,
    discover: ["run", "write_to", "triage", "attempt_if"],
    plan: ["spawn"],
    act: ["for_each", "spawn", "isolation", "max_parallel", "best_of"],
    verify: ["check", "agent", "quorum", "layers"],
    layer: ["check", "agent", "quorum", "approve"],
    approve: ["by", "when"],
    ship: ["if", "run", "then"],
    guardrails: Object.keys(RawGuardrails.shape),
    max_diff: ["files", "lines"],
    limits: ["output", "prompt", "step", "source", "memory", "processes"],
    hooks: ["after_isolate", "on_escalate"],
    state: ["branch"],
    learn: ["agent"],
    retention: ["keep", "artifacts", "database"],
    pool: ["workspaces", "size"],
    defaults: ["autonomy", "isolation", "strict", "guardrails", "network"],
  },
  synonyms: {
    on: "trigger",
    schedule: "trigger",
    cron: "trigger",
    when: "trigger",
    "approve.if": "when",
    "ship.when": "if",
    "ship.actions": "run",
    "discover.sources": "run",
    "discover.from": "run",
    "discover.if": "attempt_if",
    "discover.when": "attempt_if",
    "discover.output": "write_to",
    "check.command": "run",
    "check.cmd": "run",
    "agent.agent": "use",
    "agent.type": "use",
    "agent.prompt": "instructions",
    "agent.system_prompt": "instructions",
    lessons: "learn",
    hosts: "network",
    allow: "network",
    allowed_hosts: "network",
    allowed_domains: "network",
    egress: "network",
    jobs: "steps",
    pipeline: "steps",
    limits: "guardrails",
    find: "discover",
    scan: "discover",
    do: "act",
    make: "act",
    fix: "act",
    implement: "act",
    review: "verify",
    test: "verify",
    validate: "verify",
    publish: "ship",
    deliver: "ship",
    "act.agent": "spawn",
    "act.run": "spawn",
    "act.foreach": "for_each",
    "act.parallel": "max_parallel",
    "act.concurrency": "max_parallel",
    "act.candidates": "best_of",
    "act.samples": "best_of",
    "act.n": "best_of",
    "plan.agent": "spawn",
    "plan.run": "spawn",
    "verify.checks": "check",
    "verify.run": "check",
    "verify.reviewer": "agent",
    "verify.reviewers": "agent",
    "verify.panel": "agent",
    "layer.reviewers": "agent",
    "layer.panel": "agent",
    "guardrails.iterations": "max_iterations",
    "guardrails.max_attempts": "max_iterations",
    "guardrails.retries": "max_iterations",
    "guardrails.max_retries": "max_iterations",
    "guardrails.max_cost": "budget",
    "guardrails.cost": "budget",
    "guardrails.stop_on": "halt_on",
    "guardrails.time_limit": "timeout",
    "guardrails.protected": "protect",
    "guardrails.protected_paths": "protect",
  },
}
