/** The pieces of work of a round: six that are fixed, one that nobody can do, one whose maker does nothing. */
export const works = ["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"] as const

export const USD_PER_ATTEMPT = 0.01

const maker = `sleep 0.08; item=$(grep -o 'work/n[0-9]*' "$FLYBALL_FINDING" | head -1 | cut -d/ -f2); case $item in n7) echo '{"stop":"impossible","reason":"no such API"}';; n8) :;; *) echo fixed > work/$item.txt;; esac`

/** Files for `smallRepo`: a project that a few milliseconds can judge, so that most of the time goes to what is killed. */
export function chaosProject(): Record<string, string> {
  return {
    "find.sh": `for f in work/*.txt; do n=$(basename $f .txt); grep -q fixed $f || echo "{\\"title\\":\\"$n is broken\\",\\"file\\":\\"$f\\",\\"severity\\":\\"medium\\",\\"reproduce\\":\\"$n\\"}"; done\n`,
    ...Object.fromEntries(works.map((name) => [`work/${name}.txt`, `${name} is broken\n`])),
    ".flyball/agents/implementer.md": `---\nname: implementer\ndescription: a script\nuse: command\ncommand: ${JSON.stringify(maker)}\ncost: $${USD_PER_ATTEMPT}/attempt\n---\n`,
    ".flyball/checks.yaml": works
      .map((name) => `${name}: { run: grep -q fixed work/${name}.txt, kind: exit }\n`)
      .join(""),
    ".flyball/loops/fix.yaml": `name: fix
steps:
  - discover: { run: sh("sh find.sh"), write_to: state/fix.md }
  - act: { for_each: finding in state/fix.md, spawn: implementer(finding), max_parallel: 3 }
  - verify: { check: diff_reasonable }
  - ship: { if: verified, run: open_pr }
guardrails: { max_iterations: 6, budget: $50/run, review_wip: 10, halt_on: [ no_progress(4), same_error(6) ] }
`,
  }
}
