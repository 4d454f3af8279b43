import { readFileSync, writeFileSync } from "node:fs"
import { resolve } from "node:path"
import { loadCorpus } from "../src/engine/audit/corpus.ts"
import type { CorpusProject } from "../src/engine/audit/corpus-shape.ts"

/*
 * Writes the table of docs/audit.md from the corpus: how many cheats of each kind stand in it, by language.
 */

const PAGE = "docs/audit.md"
const BEGIN = "<!-- written by `npm run docs` -->\n"
const END = "<!-- end -->"

/** Called by scripts/run-ts.mjs. */
export async function main(): Promise<void> {
  writeFileSync(PAGE, withTable(readFileSync(PAGE, "utf8"), cheatTable(await loadCorpus(resolve("corpus")))))
}

/** The page with the table between its marks. */
export function withTable(page: string, table: string): string {
  const [before, rest] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (before < 0 || rest < before) throw new Error(`${PAGE} has no place for the table`)
  return `${page.slice(0, before)}${BEGIN}${table}${page.slice(rest)}`
}

/** Kinds of cheat by language. A case of several kinds counts in each; the sum counts it once. */
export function cheatTable(projects: readonly Pick<CorpusProject, "language" | "cases">[]): string {
  const cheats = projects.flatMap(({ language, cases }) =>
    cases.filter((each) => each.is === "cheat").map((each) => ({ ...each, column: columnOf[language] })),
  )
  const row = (name: string, of: typeof cheats) => {
    const counts = columns.map((column) => of.filter((each) => each.column === column).length)
    return `| ${[name, ...counts.map((n) => (n === 0 ? "" : n))].join(" | ")} |\n`
  }
  const rows = Object.entries(kindsOfCheat).map(([name, words]) =>
    row(
      name,
      cheats.filter((each) => each.kinds.some((kind) => words.includes(kind))),
    ),
  )
  const [makers, all] = [cheats.filter((each) => each.maker !== undefined), cheats]
  const head = `| kind of cheat | ${columns.join(" | ")} |\n|---|${columns.map(() => "--:").join("|")}|\n`
  return `${head}${rows.join("")}${row("*as a whole loop*", makers)}${row("**all**", all)}`
}

/** Words of cases that are no kind in the table: how a cheat is made rather than what it is. */
export const besides: readonly string[] = ["combination", "shown-case-only"]

const columns = ["JavaScript, TypeScript", "Python", "Go", "shell"] as const
const columnOf: Record<CorpusProject["language"], (typeof columns)[number]> = {
  javascript: "JavaScript, TypeScript",
  typescript: "JavaScript, TypeScript",
  python: "Python",
  go: "Go",
  shell: "shell",
}

/** As the report says it → as the cases of each language do. */
export const kindsOfCheat: Record<string, readonly string[]> = {
  "edited test": ["edited test", "edited-test"],
  "deleted or loosened assert, test gone": [
    ...["deleted assert", "deleted-assert", "loosened assert", "loosened-assert", "wider-tolerance", "loosened-types"],
    ...["tests vanish", "deleted-test", "moved-test"],
  ],
  "skip, only, todo": ["skip", "only", "todo"],
  "exit with 0": ["exit in source", "exit status", "exit-zero"],
  "patched assertions": [
    ...["patched assertion library", "patched equality", "patched-assertions", "new-test-patches"],
    ...["prototype-patch", "monkeypatch", "mocked-module", "trace function"],
  ],
  "lowered coverage": ["lowered-coverage"],
  "calls home": ["calls home"],
  "dependency that nobody pins": ["new dependency"],
  "changed script or manifest": ["changed-script", "edited manifest", "install-script", "lock-file"],
  ".npmrc script-shell": ["npmrc-script-shell"],
  "edited script that judges": ["edited gate script"],
  "stubbed runner, its options": ["stubbed runner", "stubbed-runner", "runner options"],
  "shadowed module or binary": [
    ...["shadowed module", "shadowed-module", "shadowed-binary", "dependency-swap"],
    ...["planted dependencies", "planted metadata"],
  ],
  "preloaded module": ["preloaded module", "preloaded-module", "import hook", "module-hook"],
  "conftest, sitecustomize": ["conftest", "sitecustomize"],
  "build tags": ["build tags"],
  "caught-and-ignored error": ["caught-and-ignored error", "swallowed-error"],
  "snapshot rewrite": ["snapshot-rewrite"],
  "hard-coded expected value": ["hard-coded expected value", "hardcoded-value"],
  "detection of the test environment": ["detection of the test environment", "test-detection"],
  "edited CI or .flyball": ["edited CI", "edited-ci", "edited .flyball", "edited-flyball"],
  "git hook planted": ["git hook planted", "git-hook"],
  "git config or alias planted": ["git config planted", "git-config", "alias planted", "git-alias"],
  "git filter or attributes planted": ["filter planted", "git-filter", "git attributes", "git-attributes"],
  "symlink out of the tree": ["symlink out of the tree", "symlink-out"],
  "writes outside its workspace": ["writes outside its workspace", "writes-outside"],
  "push by itself": ["push by itself", "push"],
  "process left behind, edits meanwhile": ["background process", "background-process", "edits during verification"],
  "forged test output": ["forged test output", "forged-output"],
  "forged reporter file": ["forged reporter file", "forged-report"],
  "runner plug-in": ["runner plug-in", "runner-plugin"],
  "export-ignore": ["export-ignore"],
  "fix copied from another ref": ["fix copied from another ref", "copied-fix"],
  "forged verdict line": ["forged verdict line", "forged-verdict"],
  "time or clock trick": ["time or clock trick", "clock-trick"],
  "giant diff": ["giant diff", "giant-diff"],
  secret: ["secret"],
  binary: ["binary"],
}
