import type { Evidence } from "../core/evidence.ts"
import { reproducingCheck } from "../core/reproduce.ts"
import { judgeAgain } from "./again.ts"
import { passes } from "./checks/check.ts"
import { evidenceOf, skipped } from "./evidence.ts"
import { measureBoth } from "./judge-check.ts"
import type { LayerInput } from "./layers.ts"

const NAME = "finding_fixed"

/**
 * The finding's own check, whether the loop's layers name it or not: what shows that it stands must show that it is gone.
 * A check that a layer has run already is not run again.
 */
export async function findingFixed(known: readonly Evidence[], input: LayerInput): Promise<Evidence> {
  const { facts, subject, checks, signal, told } = input
  const { finding } = facts
  const reproduce = finding?.reproduce
  if (finding === undefined) {
    const caveat = "No finding was named, so nothing says what the change was to mend."
    return evidenceOf(NAME, subject, passes("no finding was named", 0, [caveat]))
  }
  if (reproduce === undefined) {
    const caveat = "Nothing shows that the finding itself is mended: no check reproduces it."
    return evidenceOf(NAME, subject, passes("no check reproduces the finding", 0, [caveat]))
  }
  const check = reproducingCheck(finding, checks)
  if (check === undefined) {
    return skipped(
      NAME,
      subject,
      `the finding is reproduced by \`${reproduce.check}\`, and the loop knows no such check`,
    )
  }
  const ran = known.findLast((each) => each.check === check.name && each.head === subject.head)
  if (ran !== undefined && reproduce.command === undefined) {
    return { ...ran, check: NAME, summary: `\`${ran.check}\`: ${ran.summary}`, ms: 0 }
  }
  told(`${check.name}, by which the finding was found`)
  const measured = await measureBoth(check, input)
  signal.throwIfAborted()
  const evidence = await judgeAgain(measured, finding, input)
  signal.throwIfAborted()
  told(`${NAME}: ${evidence.outcome}: ${evidence.summary}`)
  return { ...evidence, check: NAME, summary: `\`${check.name}\`: ${evidence.summary}` }
}
