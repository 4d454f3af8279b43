import { parseArgs } from "node:util"
import { campaign, report } from "../test/chaos/campaign.ts"

/** `npm run chaos -- [--kills 1000] [--minutes 30] [--seed N]`: kills at random, and says what survived. */
export async function main(args: readonly string[]): Promise<void> {
  const text = { type: "string" } as const
  const { values } = parseArgs({ args: [...args], options: { kills: text, minutes: text, seed: text } })
  const seed = Number(values.seed ?? Date.now() % 1_000_000)
  const outcome = await campaign({
    seed,
    kills: Number(values.kills ?? 1000),
    minutes: Number(values.minutes ?? 30),
    say: (line) => console.log(line),
  })
  console.log(report(outcome, seed))
  if (outcome.wrong.length > 0) process.exitCode = 1
}
