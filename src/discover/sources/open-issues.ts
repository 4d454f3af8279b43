import type { Found, Source } from "../../core/ports.ts"
import { listBase, readBase } from "../base-files.ts"
import { count } from "../text.ts"
import { readIssue } from "./markdown-issue.ts"

/** Where issues of a repository may lie; each file one issue. */
const ISSUE_FOLDERS = [".flyball/issues", ".github/ISSUES", "issues", "docs/issues"]

const MOST = 500
/** Files that stand beside issues without being one. */
const NOT_ISSUES = /(?:^|\/)(?:readme|index|template|_template|_.*)\.md$/i

/** Open issues. Without a connector to a tracker: Markdown issues of the repository, as its base holds them. */
export const openIssues: Source = {
  name: "open_issues",
  doc: `Open issues of the tracker; without one, Markdown issues on the base, in ${ISSUE_FOLDERS.map((folder) => `\`${folder}/\``).join(", ")} (head: title, state, severity, module, labels, reproduce).`,
  async discover(context, args) {
    const found: Found = { findings: [], context: [], notes: [] }
    const listed = (await Promise.all(ISSUE_FOLDERS.map((folder) => listBase(context, folder)))).flat()
    const files = listed.filter(({ path }) => /\.md$/i.test(path) && !NOT_ISSUES.test(path))
    let closed = 0
    for (const file of files.slice(0, MOST)) {
      const read = await readBase(context, file)
      const issue =
        "why" in read
          ? { is: "unreadable" as const, why: read.why }
          : readIssue({ path: file.path, text: read.text }, context.loop.checks, context.base.sha, context.trust)
      if (issue.is === "open") found.findings.push(issue.finding)
      else if (issue.is === "closed") closed += 1
      else found.notes.push(`${file.path} could not be read as an issue: ${issue.why}.`)
    }
    if (files.length > MOST) found.notes.push(`Only the first ${MOST} of ${files.length} issue files were read.`)
    const where =
      files.length === 0
        ? `none in ${ISSUE_FOLDERS.join(", ")}`
        : `${count(found.findings.length, "open issue")}, ${closed} closed`
    if (args.length > 0)
      found.notes.push(
        `open_issues(${args.join(", ")}): no tracker is configured, so what was asked of it was not looked at.`,
      )
    found.notes.unshift(`no tracker configured: read the repository's own Markdown issues on the base (${where})`)
    return found
  },
}
