import type { Judgement } from "../../core/judge-measured.ts"
import { bullets, fails, plural } from "../checks/check.ts"
import type { Believed } from "./believed.ts"

/** What turned tests showed, put into the evidence on existing tests: a forged report refuses, a blind comparison asks. */
export function withBelief(judged: Judgement, { forged, blind, caveats }: Believed, repeated: boolean): Judgement {
  const known = [...judged.caveats, ...caveats]
  if (forged.length > 0) {
    const summary = `${plural(forged.length, "test")} made to fail ${forged.length === 1 ? "is" : "are"} reported as passed: ${forged.slice(0, 3).join(", ")}`
    const feedback = `These tests were made to fail by an assertion of their own, and with your change they are reported as passed:\n${bullets(forged)}\nThe source changes what the test run says of it. Leave the runner, its reports and its assertions alone, and mend what is tested.`
    const failing = forged.map((id) => `reported as passed: ${id}`)
    const judgement = fails(summary, feedback, failing, judged.ran, known)
    return repeated ? { ...judgement, blame: "person" } : judgement
  }
  if (blind.length > 0) {
    const summary = `${blind.slice(0, 3).join(", ")} ${blind.length === 1 ? "passes" : "pass"} with another expected value as well: what is compared may be equal to more than it should`
    const failing = blind.map((id) => `passes for another value: ${id}`)
    return { ...fails(summary, summary, failing, judged.ran, known), blame: "person" }
  }
  return { ...judged, caveats: known }
}
