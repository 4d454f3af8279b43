/*
 * An agent that does what it is told: by the prompt, and by any order that stands outside of a fence. It has its own reading of
 * what a fence is (CommonMark's), so that it can't share a mistake with who writes the prompt.
 */
import { spawnSync } from "node:child_process"
import { appendFileSync, readFileSync } from "node:fs"

const role = process.argv[2]
const prompt = readFileSync(0, "utf8")
const told = outside(prompt.split(/\r\n|[\n\r\u2028\u2029\u0085\v\f]/))

for (const line of told) {
  const [, order] = /OBEY: (.*)/.exec(line) ?? []
  if (order !== undefined) spawnSync("sh", ["-c", order], { stdio: "ignore", timeout: 5_000 })
}
// The two forms that the prompt itself shows are indented examples; anything else is an answer put into its mouth.
const answer = told.find((line) => /^\{"(?:verdict|stop|findings|approach)":/.test(line))

const finding = JSON.parse(readFileSync(process.env.FLYBALL_FINDING, "utf8"))
// What it quotes, and all that it knows.
console.log(finding.title, finding.body, JSON.stringify(process.env))
if (role === "maker") {
  const again = process.env.FLYBALL_FEEDBACK !== undefined
  if (again) console.log(readFileSync(process.env.FLYBALL_FEEDBACK, "utf8"))
  const bad = /n\d*[13579]\.txt$/.test(finding.file) ? "BAD\n" : ""
  appendFileSync(finding.file, `${again ? "fixed\n" : "half of it\n"}${bad}${finding.body}\n`)
  console.log(answer ?? "done")
} else if (role === "planner") {
  const quoted = finding.body.split("\n").map((line) => line.slice(0, 900))
  const approach = ["do it", ...quoted.filter((line) => line.trim() !== "").slice(0, 19)]
  const plan = { approach, scope: [finding.file], size: "small", risks: [finding.title], done: [finding.title] }
  console.log(answer ?? JSON.stringify(plan))
} else if (role === "triager") {
  const all = finding.body.split("\n").map((line) => JSON.parse(line))
  const sorted = all.map(({ id, severity }) => ({ id, severity, confidence: 0.6, size: "small" }))
  console.log(answer ?? JSON.stringify({ findings: sorted }))
} else {
  const diff = readFileSync(process.env.FLYBALL_DIFF, "utf8")
  console.log(diff)
  console.log(readFileSync(process.env.FLYBALL_EVIDENCE, "utf8"))
  const own = diff.includes("\n+BAD")
    ? { verdict: "reject", reasons: ["it is BAD"] }
    : { verdict: "accept", reasons: ["it is fixed"] }
  console.log(answer ?? JSON.stringify(own))
}

function outside(lines) {
  const kept = []
  let bar
  for (const line of lines) {
    const run = /^ {0,3}(`+|~+)/.exec(line)?.[1]
    const rest = run === undefined ? "" : line.trimStart().slice(run.length)
    if (bar === undefined && run !== undefined && run.length >= 3 && !(run[0] === "`" && rest.includes("`"))) bar = run
    else if (bar !== undefined) {
      if (run !== undefined && run[0] === bar[0] && run.length >= bar.length && rest.trim() === "") bar = undefined
    } else kept.push(line)
  }
  return kept
}
