import { createHash } from "node:crypto"

/**
 * SHA-256 of what an agent said and did, without what differs each time though nothing changed: times, durations,
 * ids, process numbers, temporary paths, colours, white space. Two attempts that say the same have the same digest.
 */
export function digestOfOutput(spoken: string): string {
  return createHash("sha256").update(normalised(spoken)).digest("hex")
}

function normalised(text: string): string {
  return volatile
    .reduce((now, [pattern, stands]) => now.replace(pattern, stands), text)
    .replace(/\s+/g, " ")
    .trim()
}

const volatile: readonly (readonly [RegExp, string])[] = [
  [/\u001B\[[0-?]*[ -/]*[@-~]/g, ""],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?/g, "<time>"],
  [/\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b/g, "<time>"],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, "<id>"],
  [/\b(?:toolu|msg|req|item|call|resp|sess|run|thread)_[A-Za-z0-9]+/g, "<id>"],
  [/\/(?:tmp|var\/folders|private\/tmp)\/[^\s"'`:;,)\]}]+/g, "<tmp>"],
  [/\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}\b/g, "<hash>"],
  [/\b\d+(?:[.,]\d+)?\s?(?:ms|s|sec|secs|seconds|min|minutes|µs|ns)\b/g, "<duration>"],
  [/\b1[5-9]\d{8}(?:\d{3})?\b/g, "<time>"],
  [/\b(pid|port|PID)[ =:]+\d+/g, "$1 <n>"],
]
