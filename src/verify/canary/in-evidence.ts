import type { Judgement } from "../../core/judge-measured.ts"
import { bullets, fails, plural } from "../checks/check.ts"
import type { Measured } from "../judge-check.ts"
import type { LayerInput } from "../layers.ts"
import { type Believed, believed } from "./believed.ts"
import { type Narrow, narrowFor } from "./beside.ts"

/** What comes of a change whose every check has passed when its tests are turned, and given other values. */
export async function putToIt(
  judged: Judgement,
  measured: readonly Measured[],
  input: LayerInput,
  { repeated }: { repeated: boolean },
): Promise<Judgement> {
  const told = withBelief(judged, await believed(measured, input), repeated)
  return told.outcome === "pass" ? withNarrow(told, await narrowFor(measured, input)) : told
}

/** A repair that makes no difference beside its tests' own values may know them: a person has to look. */
function withNarrow(judged: Judgement, narrow: readonly Narrow[]): Judgement {
  if (narrow.length === 0) return judged
  const listed = narrow.map(({ id, given }) => `${id} (with ${given.slice(0, 3).join(", ")})`)
  const summary = `with other values in the tests' place the change does what the base did: ${listed.slice(0, 3).join("; ")}. It may know the values of its tests`
  const failing = narrow.map(({ id }) => `no difference beside its own values: ${id}`)
  return { ...fails(summary, summary, failing, judged.ran, judged.caveats), blame: "person" }
}

/** What turned tests showed, put into the evidence on existing tests: a forged report refuses, a blind comparison asks. */
function withBelief(judged: Judgement, { forged, blind, caveats }: Believed, repeated: boolean): Judgement {
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
