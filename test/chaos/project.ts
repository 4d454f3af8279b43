/** The pieces of work of a round: six that are fixed, one that nobody can do, one whose maker does nothing. */
export const works = ["n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8"] as const

export const USD_PER_ATTEMPT = 0.01

const maker = `sleep 0.08; item=$(grep -o 'work/n[0-9]*' "$FLYBALL_FINDING" | head -1 | cut -d/ -f2); case $item in n7) echo '{"stop":"impossible","reason":"no such API"}';; n8) :;; *) echo fixed > work/$item.txt;; esac`

/** What a round's loop is made of beside its maker. `exact`: what each session costs is known from the outside. */
export type Flavour = {
  name: string
  exact: boolean
  top?: string
  discover?: string
  plan?: string
  act?: string
  verify?: string
}
export const flavours: readonly Flavour[] = [
  { name: "bare", exact: true },
  {
    name: "planned and sorted, with two makers, lessons and a state branch",
    exact: true,
    top: "learn: true\nstate: { branch: flyball-state }",
    discover: ", triage: sorter",
    plan: "  - plan: { spawn: planner(finding) }\n",
    act: ", best_of: 2",
  },
  { name: "judged by a panel", exact: false, verify: "{ agent: [ judge_one, judge_two ], check: diff_reasonable }" },
]

const agent = (name: string, command: string) =>
  `---\nname: ${name}\ndescription: a script\nuse: command\ncommand: ${JSON.stringify(command)}\ncost: $${USD_PER_ATTEMPT}/attempt\n---\n`
const sorter = `sleep 0.05; node -e 'const {body}=JSON.parse(require("fs").readFileSync(process.env.FLYBALL_FINDING,"utf8"));console.log(JSON.stringify({findings:body.split("\\n").map((line)=>({id:JSON.parse(line).id,severity:"medium",confidence:0.9,size:"small"}))}))'`
const planner = `sleep 0.05; echo '{"approach":["write the word"],"scope":["work/"],"size":"small","risks":[],"done":["it is there"]}'`
const scribe = `sleep 0.05; id=$(grep -m1 -o '^# Change .*' | cut -c10-); echo "{\\"lessons\\":[{\\"where\\":\\"LESSONS.md\\",\\"text\\":\\"Files hold the word that was asked for.\\",\\"why\\":\\"\\",\\"from\\":\\"$id\\"}]}"`
const judge = `sleep 0.05; echo '{"verdict":"accept","reasons":["it holds the word"]}'`

/** Files for `smallRepo`: a project that a few milliseconds can judge, so that most of the time goes to what is killed. */
export function chaosProject({
  top = "",
  discover = "",
  plan = "",
  act = "",
  verify,
}: Flavour): Record<string, string> {
  return {
    "find.sh": `for f in work/*.txt; do n=$(basename $f .txt); grep -q fixed $f || echo "{\\"title\\":\\"$n is broken\\",\\"file\\":\\"$f\\",\\"severity\\":\\"medium\\",\\"reproduce\\":\\"$n\\"}"; done\n`,
    ...Object.fromEntries(works.map((name) => [`work/${name}.txt`, `${name} is broken\n`])),
    ".flyball/agents/implementer.md": agent("implementer", maker),
    ".flyball/agents/sorter.md": agent("sorter", sorter),
    ".flyball/agents/planner.md": agent("planner", planner),
    ".flyball/agents/scribe.md": agent("scribe", scribe),
    ".flyball/agents/judge_one.md": agent("judge_one", judge),
    ".flyball/agents/judge_two.md": agent("judge_two", `true; ${judge}`),
    ".flyball/checks.yaml": works
      .map((name) => `${name}: { run: grep -q fixed work/${name}.txt, kind: exit }\n`)
      .join(""),
    ".flyball/loops/fix.yaml": `name: fix
${top}
steps:
  - discover: { run: sh("sh find.sh"), write_to: state/fix.md${discover} }
${plan}  - act: { for_each: finding in state/fix.md, spawn: implementer(finding), max_parallel: 3${act} }
  - verify: ${verify ?? "{ check: diff_reasonable }"}
  - ship: { if: verified, run: open_pr }
guardrails: { max_iterations: 6, budget: $50/run, review_wip: 10, halt_on: [ no_progress(4), same_error(6) ] }
`,
  }
}
