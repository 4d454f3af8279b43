import { checkShape } from "./check-shape.ts"
import type { Diagnostic } from "./diagnostic.ts"
import { readBudget } from "./guardrails.ts"
import type { Budget } from "./quantity.ts"
import { RawUserConfig } from "./shape.ts"
import { complain } from "./source-file.ts"
import { readYaml } from "./yaml-file.ts"

/** What a user lets all loops of all repositories spend: by the day, since they have no other time in common. */
export function readUserConfig(
  file: string,
  text: string,
  diagnostics: Diagnostic[],
): Pick<Budget, "usdPerDay" | "tokensPerDay"> {
  if (text.split("\n").every((line) => /^\s*(#.*)?$/.test(line))) return {}
  const { source, data } = readYaml(file, text, "The configuration", diagnostics)
  if (data === undefined) return {}
  const vocabulary = { sections: { "": Object.keys(RawUserConfig.shape) }, synonyms: {} }
  const raw = checkShape(source, RawUserConfig, data, vocabulary)
  if (raw === undefined) return {}
  const { usdPerDay, tokensPerDay, ...others } = readBudget(source, ["budget"], raw.budget)
  if (Object.keys(others).length > 0)
    complain(source, ["budget"], {
      code: "BAD_BUDGET",
      message: "What all loops may spend together is counted by the day.",
      hint: "budget: [ $100/day, 200M tokens/day ]; the other ceilings stand in a loop's guardrails.",
    })
  return { usdPerDay, tokensPerDay }
}
