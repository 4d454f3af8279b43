import type { Source } from "../../core/ports.ts"
import { agent } from "./agent.ts"
import { checklist } from "./checklist.ts"
import { failingTests } from "./failing-tests.ts"
import { goal } from "./goal.ts"
import { lintFindings } from "./lint-findings.ts"
import { openIssues } from "./open-issues.ts"
import { outdatedDependencies } from "./outdated-dependencies.ts"
import { recentCommits } from "./recent-commits.ts"
import { scanCiFailures } from "./scan-ci-failures.ts"
import { securityAdvisories } from "./security-advisories.ts"
import { sh } from "./sh.ts"
import { skill } from "./skill.ts"
import { staleSkills } from "./stale-skills.ts"
import { todoComments } from "./todo-comments.ts"
import { typeErrors } from "./type-errors.ts"

/** Every source by the name that a loop file calls it. */
export const sources: Readonly<Record<string, Source>> = {
  failing_tests: failingTests,
  lint_findings: lintFindings,
  type_errors: typeErrors,
  scan_ci_failures: scanCiFailures,
  recent_commits: recentCommits,
  open_issues: openIssues,
  checklist,
  todo_comments: todoComments,
  outdated_dependencies: outdatedDependencies,
  security_advisories: securityAdvisories,
  stale_skills: staleSkills,
  agent,
  skill,
  goal,
  sh,
}
