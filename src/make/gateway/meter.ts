import { createParser } from "eventsource-parser"
import { isObject, type Json, list, parseObject } from "./json.ts"
import { estimateOutput } from "./wires/estimate.ts"
import { NO_USAGE, type Reading, type Usage, type Wire } from "./wires/wire.ts"

/** What an answer has told so far. */
export type Tally = {
  usage: Usage
  /** Whether the provider said what went in, and what came out. */
  told: { in: boolean; out: boolean }
  /** What the provider says that it charges; 0 where it says nothing. */
  usd: number
  shown: number
  ended: boolean
  failed?: string
}

/** Reads along while an answer is forwarded; keeps nothing of a stream but the tally. */
export type Meter = { feed(chunk: Buffer): void; end(): void; tally(): Tally }

const MOST_EVENT_CHARACTERS = 8 * 1024 * 1024

/** Opens the meter of one answer, by what its header says it is. */
export function openMeter(wire: Wire, contentType: string, mostBytes: number): Meter {
  return /^text\/event-stream/i.test(contentType) ? streamMeter(wire) : wholeMeter(wire, mostBytes)
}

function streamMeter(wire: Wire): Meter {
  let tally = NOTHING_TOLD
  const decoder = new TextDecoder()
  const parser = createParser({
    maxBufferSize: MOST_EVENT_CHARACTERS,
    onEvent({ data }) {
      if (data === "[DONE]") {
        tally = { ...tally, ended: true }
        return
      }
      const event = parseObject(data)
      if (event !== undefined) tally = after(tally, wire.read(event))
    },
  })
  const feed = (text: string) => {
    try {
      parser.feed(text)
    } catch {
      // Too long for an event: what it would have told stays unknown, and is charged by estimate.
      parser.reset()
    }
  }
  return {
    feed: (chunk) => feed(decoder.decode(chunk, { stream: true })),
    // Some servers leave out the empty line after the last event.
    end: () => feed(`${decoder.decode()}\n\n`),
    tally: () => tally,
  }
}

function wholeMeter(wire: Wire, mostBytes: number): Meter {
  let tally = NOTHING_TOLD
  let chunks: Buffer[] = []
  let bytes = 0
  return {
    feed(chunk) {
      bytes += chunk.length
      if (bytes <= mostBytes) chunks.push(chunk)
      else chunks = []
    },
    end() {
      if (bytes > mostBytes) return
      for (const answer of answers(Buffer.concat(chunks).toString("utf8"))) tally = after(tally, wire.read(answer))
      chunks = []
    },
    tally: () => (tally.shown === 0 && !tally.ended ? { ...tally, shown: bytes } : tally),
  }
}

/** Gemini streams a JSON list where nobody asks for events. */
function answers(written: string): Json[] {
  if (!written.trimStart().startsWith("[")) return [parseObject(written)].filter((one) => one !== undefined)
  return list(parseObject(`{"list":${written}}`)?.list).filter(isObject)
}

/** Of an answer that has not begun. */
export const NOTHING_TOLD: Tally = { usage: NO_USAGE, told: { in: false, out: false }, usd: 0, shown: 0, ended: false }

/** Accounts in a stream are running totals, so the largest of each figure counts. */
function after(tally: Tally, { usage = {}, usd = 0, shown = 0, ended = false, failed }: Reading): Tally {
  return {
    usage: larger(tally.usage, usage),
    told: { in: tally.told.in || usage.in !== undefined, out: tally.told.out || usage.out !== undefined },
    usd: Math.max(tally.usd, usd),
    shown: tally.shown + shown,
    ended: tally.ended || ended,
    ...(failed === undefined ? (tally.failed === undefined ? {} : { failed: tally.failed }) : { failed }),
  }
}

function larger(before: Usage, now: Partial<Usage>): Usage {
  return {
    in: Math.max(before.in, now.in ?? 0),
    out: Math.max(before.out, now.out ?? 0),
    cacheRead: Math.max(before.cacheRead, now.cacheRead ?? 0),
    cacheWrite: Math.max(before.cacheWrite, now.cacheWrite ?? 0),
    cacheWriteLong: Math.max(before.cacheWriteLong, now.cacheWriteLong ?? 0),
    reasoning: Math.max(before.reasoning, now.reasoning ?? 0),
  }
}

/** Output per millisecond of the fastest models: what may have been made without being shown. */
const TOKENS_PER_MS = 0.2

/**
 * What an answer is charged. A whole one: what the provider reported. A cut one: the input as reported, else as estimated,
 * and the most of what was reported, what was shown, and what a fast model makes in the time it had, for thinking is not
 * always shown; never more than was asked for. One that was not streamed may be made to its end whether anybody waits for it
 * or not: all that was asked for.
 */
export function charged(
  { usage, told: said, shown, ended }: Tally,
  {
    input,
    output,
    ranMs,
    cut: how,
  }: { input: number; output: number; ranMs: number; cut: "no" | "streamed" | "whole" },
): { usage: Usage; basis: "metered" | "estimated" } {
  // Some servers report zeros because they don't count.
  const read = usage.in + usage.cacheRead + usage.cacheWrite
  const told = { in: said.in && read > 0, out: said.out && (usage.out > 0 || (read > 0 && shown === 0)) }
  const cut = how !== "no"
  if ((ended || !cut) && told.in && told.out) return { usage, basis: "metered" }
  const hidden = how === "whole" ? output : cut || !ended ? Math.ceil(ranMs * TOKENS_PER_MS) : 0
  const guessed = told.out && ended ? 0 : Math.min(output, Math.max(estimateOutput(shown), hidden))
  const known = told.in || usage.cacheRead + usage.cacheWrite > 0
  return {
    usage: { ...usage, in: known ? usage.in : Math.max(usage.in, input), out: Math.max(usage.out, guessed) },
    basis: "estimated",
  }
}
