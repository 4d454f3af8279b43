import { expect, test } from "vitest"
import type { Event } from "../core/event.ts"
import type { Appended } from "./database.ts"
import { eventsBy } from "./ledger.ts"

const event = (seq: number): Event => ({
  ...{ seq, change: "c", key: `k/${seq}`, at: "2026-01-01T00:00:00.000Z" },
  body: { type: "resumed", run: "r", loopHash: "h" },
})
const at = (seq: number, before: number | undefined): Appended => ({ event: event(seq), before })

// The change is folded from three events.
test.each<[what: string, known: Event[], appended: Appended[], seqs: number[] | undefined]>([
  ["what was appended, each after the one before", [], [at(9, 3), at(12, 4)], [9, 12]],
  ["what a dead process had begun, too", [event(7)], [at(9, 4)], [7, 9]],
  ["not what somebody else wrote in before it", [], [at(9, 4)], undefined],
  ["not what somebody else wrote in between", [], [at(9, 3), at(12, 5)], undefined],
  ["not what was there already", [], [at(9, undefined)], undefined],
  ["nothing of one that appended nothing", [event(7)], [], undefined],
])("the events of a step: %s", (_, known, appended, seqs) => {
  expect(eventsBy({ length: 3 }, known, appended)?.map(({ seq }) => seq)).toEqual(seqs)
})
