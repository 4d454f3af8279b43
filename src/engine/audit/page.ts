import { inert } from "../../core/untrusted.ts"
import { type Contribution, type Figures, got, wasJudged } from "./figures.ts"
import type { Rate } from "./interval.ts"
import { STYLE } from "./page-style.ts"
import type { AuditReport } from "./report.ts"
import type { CaseResult } from "./result.ts"

const LAYERS = { change: "The change itself", project: "The project's own checks", proof: "Proofs" } as const
const KINDS = {
  honest: "Honest fixes",
  wrong: "Plausible and wrong",
  cheat: "Cheats",
  broken_gate: "Broken gates",
  unsound: "Without a right answer",
} as const
const MAX_LISTED = 200

/** An audit as one page without any outside asset: to be read, printed, and sent to somebody who doubts it. */
export function auditPage(report: AuditReport): string {
  const { figures, cases } = report
  const escapes = cases.filter(got)
  const refused = cases.filter((each) => each.is === "honest" && each.came === "refused")
  const asked = cases.filter((each) => each.is === "honest" && each.came === "asked")
  const kept = cases.filter((each) => each.is === "unsound" && wasJudged(each))
  const broke = cases.filter((each) => each.came === "broke")
  const body = [
    header(report),
    headline(figures),
    section("By what the changes are", groups(figures)),
    section("Layer by layer", layers(figures)),
    section("What each check is worth", checks(figures)),
    section("By kind of cheat, mistake and repair", kinds(figures)),
    section(
      `What got through (${escapes.length})`,
      listed(escapes, "Nothing that must not pass was accepted, and no harm was done."),
      "escapes",
    ),
    section(`Honest changes refused (${refused.length})`, listed(refused, "No honest change was refused.")),
    section(
      `Honest changes a person is asked about (${asked.length})`,
      listed(asked, "Nobody had to be asked about an honest change."),
    ),
    ...(kept.length === 0
      ? []
      : [section(`Unsound cases that the calibration let pass (${kept.length})`, listed(kept, ""))]),
    ...(broke.length === 0
      ? []
      : [section(`Cases that the audit itself failed on (${broke.length})`, listed(broke, ""))]),
    section("How it was measured", method(report)),
  ]
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Audit of the gate: ${text(report.of.name)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${body.join("\n")}
</main>
</body>
</html>
`
}

function header({ of, at, version, seed, sandbox, counts, figures, ended, clean }: AuditReport): string {
  const what = of.is === "corpus" ? text(of.name) : `the history of <span class="name">${text(of.name)}</span>`
  const cut =
    ended === "complete"
      ? ""
      : ended === "time"
        ? " The time was over before all were reached."
        : " It was interrupted."
  const unsaid = figures.delivered.of === 0 ? " But no honest change was judged." : ""
  const verdict = clean
    ? `<p class="verdict good"><span aria-hidden="true">✓</span> Nothing wrong was accepted.${unsaid}</p>`
    : `<p class="verdict bad"><span aria-hidden="true">✗</span> Something got through: it is listed below, with its patch.</p>`
  return `<header>
<p class="kicker">Flyball ${text(version)} · audit of the gate</p>
<h1>How often does the gate err?</h1>
<p class="lead">The gate judged ${counts.judged} changes whose right answer was known beforehand, on ${what}.${cut}</p>
${verdict}
<p class="meta">${text(at.slice(0, 16).replace("T", " "))} UTC · seed ${seed} · ${sandbox === "none" ? "not sandboxed" : "sandboxed"} · ${counts.cases} cases: ${counts.judged} judged, ${counts.thrownOut} thrown out by the calibration, ${counts.leftOut} left out, ${counts.broke} failed on, ${counts.notReached} not reached</p>
</header>`
}

function headline({ wrongAccepts, wrongRefusals, asks, delivered }: Figures): string {
  const tile = (name: string, rate: Rate, what: string, good: boolean) =>
    `<div class="tile ${good ? "good" : "bad"}"><h3>${name}</h3><p class="big">${rate.n}<span> of ${rate.of}</span></p>${chart(rate, name)}<p class="small">${words(rate)}. ${what}</p></div>`
  return `<section class="tiles" aria-label="The figures">
${tile("Silent wrong accepts", wrongAccepts, "Wrong changes, cheats and broken gates that were accepted.", wrongAccepts.n === 0)}
${tile("Wrong refusals", wrongRefusals, "Honest fixes that were refused.", wrongRefusals.n === 0)}
${tile("Asks", asks, "Honest fixes about which a person is asked.", true)}
${tile("Delivered", delivered, "Honest fixes that were accepted.", true)}
</section>`
}

function groups({ groups: all }: Figures): string {
  const rows = all
    .filter((group) => group.cases > 0)
    .map((group) => {
      const right = group.is === "honest" ? group.accepted : group.caught
      return `<tr><th scope="row">${KINDS[group.is]}</th><td>${group.cases}</td><td>${group.accepted.n}</td><td>${group.refused.n}</td><td>${group.asked.n}</td><td>${group.is === "honest" ? "accepted" : "caught"} ${percent(right.share)}</td><td class="wide">${chart(right, KINDS[group.is])}</td></tr>`
    })
  return table(["", "cases", "accepted", "refused", "asked", "right", "95 % interval"], rows)
}

function layers({ layers: all, upTo }: Figures): string {
  const rows = all.map((each, index) => {
    const left = upTo[index]?.wrongAccepts
    const after = left === undefined ? "" : `${left.n} of ${left.of}`
    return `<tr><th scope="row">${LAYERS[each.layer]}</th><td>${each.stopped.n} of ${each.stopped.of}</td><td>${after}</td><td>${left === undefined ? "" : chart(left, `wrong accepts after: ${LAYERS[each.layer]}`)}</td><td>${each.onlyIt.n}</td><td>${each.refusedHonest.n}</td><td>${each.askedHonest.n}</td></tr>`
  })
  return `<p>Cheap to dear: what can be read off the change; what the project can run; what has to be proved by reverting and breaking. A wrong change gets through only where every layer lets it.</p>
${table(["", "stands in the way of", "wrong ones left after it", "95 % interval", "would get through without it", "honest refused", "honest asked"], rows)}`
}

function checks({ checks: all }: Figures): string {
  const most = Math.max(1, ...all.map((each) => each.onlyIt.n))
  const rows = all.map(
    (each) =>
      `<tr><th scope="row"><code>${text(each.name)}</code></th><td>${each.stopped.n} of ${each.stopped.of}</td><td class="wide">${bar(each, most)}</td><td>${each.refusedHonest.n}</td><td>${each.askedHonest.n}</td></tr>`,
  )
  return `<p>The ablation: how many of the changes that must not pass would have been accepted had this one check not been there. It is computed from the evidence, with every check run on every case; a check that is never the only one in the way still stands in the way of what nobody thought of.</p>
${table(["", "stands in the way of", "would get through without it", "honest refused", "honest asked"], rows)}`
}

function kinds({ kinds: all }: Figures): string {
  const rows = all.map(
    ({ kind, is, right, asked }) =>
      `<tr${right.n === right.of ? "" : ' class="attention"'}><th scope="row">${text(kind)}</th><td>${KINDS[is]}</td><td>${right.n} of ${right.of}</td><td>${asked}</td><td class="wide">${chart(right, kind)}</td></tr>`,
  )
  return table(["kind", "", "judged rightly", "asked", "95 % interval"], rows)
}

function listed(cases: readonly CaseResult[], none: string): string {
  if (cases.length === 0) return `<p class="none">${none}</p>`
  const more =
    cases.length > MAX_LISTED ? `<p>… and ${cases.length - MAX_LISTED} more; <code>--json</code> has them all.</p>` : ""
  return cases.slice(0, MAX_LISTED).map(one).join("\n") + more
}

function one({ project, id, is, kinds: of, why, came, harm, says, diff, obstacles }: CaseResult): string {
  const tags = [KINDS[is], ...of].map((tag) => `<span class="tag">${text(tag)}</span>`).join(" ")
  const stood = obstacles.map(
    (each) => `<li><code>${text(each.check)}</code> ${text(each.outcome)}: ${text(each.summary, 400)}</li>`,
  )
  return `<article>
<h3><code>${text(project)}/${text(id)}</code> <span class="came">${came.replace("_", " ")}${harm === true ? ", with harm" : ""}</span></h3>
<p>${text(why, 600)}</p>
<p>${tags}</p>
${stood.length === 0 ? (says === "" ? "" : `<p class="small">${text(says, 1_000)}</p>`) : `<ul>${stood.join("")}</ul>`}
${diff === undefined || diff === "" ? "" : `<details open><summary>The patch</summary><pre tabindex="0">${patch(diff)}</pre></details>`}
</article>`
}

function patch(diff: string): string {
  return inert(diff, 40_000)
    .split("\n")
    .map((line) => {
      const kind = /^(\+\+\+|---|diff |index |@@)/.test(line)
        ? "meta"
        : line.startsWith("+")
          ? "ins"
          : line.startsWith("-")
            ? "del"
            : ""
      return kind === "" ? escaped(line) : `<span class="${kind}">${escaped(line)}</span>`
    })
    .join("\n")
}

function method({ of, notes, counts, figures, ms }: AuditReport): string {
  const calibration =
    figures.calibration.of === 0
      ? ""
      : `<li>Of ${figures.calibration.of} cases put in that have no right answer (already fixed, impossible, ambiguous), the calibration threw out ${figures.calibration.n}.</li>`
  const history =
    of.is === "corpus"
      ? ""
      : `<li>Fixes are small commits of the history that changed source and tests together, and whose tests fail without them. Cheats and wrong fixes are made from them by rule. ${counts.undecided} broken variants were left out, because no test of the repository tells them from the fix: they may mean the same.</li>`
  const said = notes.slice(0, 40).map((note) => `<li>${text(note, 400)}</li>`)
  return `<ul>
<li>Each case is a commit put before the same gate that every change of a loop goes through. No agent, no model and no network takes part.</li>
<li>Before a case counts, its known right fix has to be accepted and a patch that changes nothing has not to be: else it is thrown out, and counted.</li>
<li>Intervals are exact (Clopper and Pearson), at 95 %: 0 of 50 still means that up to 7 % may be wrong. They speak of changes like these ones, and of no others.</li>
${calibration}${history}
<li>It took ${Math.round(ms / 1000)} s. The same command with the same seed measures the same cases again.</li>
</ul>
${said.length === 0 ? "" : `<h3>Notes</h3><ul class="small">${said.join("")}</ul>`}`
}

function section(title: string, inner: string, id = ""): string {
  return `<section${id === "" ? "" : ` id="${id}"`}><h2>${title}</h2>${inner}</section>`
}

function table(heads: readonly string[], rows: readonly string[]): string {
  const cells = heads.map((head) => (head === "" ? "<td></td>" : `<th scope="col">${head}</th>`)).join("")
  return `<div class="scroll" tabindex="0"><table><thead><tr>${cells}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`
}

const WIDTH = 200

/** The share as a dot, its interval as a bar on a line from 0 to 100 %. */
function chart(rate: Rate, name: string): string {
  const { share, low, high } = rate
  const x = (value: number) => (4 + value * (WIDTH - 8)).toFixed(1)
  const dot = share === undefined ? "" : `<circle cx="${x(share)}" cy="9" r="4" class="dot"/>`
  return `<svg viewBox="0 0 ${WIDTH} 18" role="img" aria-label="${text(name)}: ${words(rate)}"><line x1="${x(0)}" x2="${x(1)}" y1="9" y2="9" class="axis"/><line x1="${x(low)}" x2="${x(high)}" y1="9" y2="9" class="interval"/>${dot}</svg>`
}

function bar({ name, onlyIt }: Contribution, most: number): string {
  const width = ((onlyIt.n / most) * (WIDTH - 40)).toFixed(1)
  return `<svg viewBox="0 0 ${WIDTH} 18" role="img" aria-label="${text(name)}: ${onlyIt.n} of ${onlyIt.of}"><rect x="0" y="4" width="${width}" height="10" rx="2" class="bar"/><text x="${Number(width) + 6}" y="13">${onlyIt.n}</text></svg>`
}

function words({ share, low, high }: Rate): string {
  return share === undefined ? "none were looked at" : `${percent(share)}, between ${percent(low)} and ${percent(high)}`
}

function percent(share: number | undefined): string {
  return share === undefined ? "–" : `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`
}

/** Outside text: nothing invisible, nothing endless, no markup. */
const text = (value: string, max = 300) => escaped(inert(value, max))

function escaped(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}
