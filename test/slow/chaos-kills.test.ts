import { expect, test } from "vitest"
import { campaign, report } from "../chaos/campaign.ts"

// `npm run chaos` does it a thousand times; this is what every change of the project goes through.
test("some sixty random kills: no finding lost, no proposal doubled, all money counted, nothing left behind", async () => {
  const seed = Date.now() % 1_000_000
  const told: string[] = []
  const outcome = await campaign({ seed, kills: 60, minutes: 1.3, say: (text) => told.push(text) })
  console.log(report(outcome, seed))
  expect(outcome.wrong, told.join("\n")).toEqual([])
  expect(outcome.kills).toBeGreaterThan(5)
})
