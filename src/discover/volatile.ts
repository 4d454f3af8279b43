/*
 * What changes from one run to the next although the same thing is wrong: stack lines, code frames, line numbers,
 * addresses, times, durations, ports, process ids, temporary and absolute paths, random ids, colours.
 */

const ESCAPE = "\u001b"
const ANSI = new RegExp(`${ESCAPE}(?:\\[[0-9;?]*[ -/]*[@-~]|\\][^\\u0007${ESCAPE}]*(?:\\u0007|${ESCAPE}\\\\))`, "g")

/** Whole lines that only say where, never what. */
const placeLines: RegExp[] = [
  /^\s*at\s+\S.*$/, // node, JVM
  /^\s*(?:❯|›|→|-->|┌─)\s*\S+?:\d+.*$/u, // vitest, rustc
  /^\s*File ".*", line \d+.*$/, // python
  /^\s*>?\s*\d+\s*[|│].*$/u, // code frames
  /^\s*[|│]?\s*[\^~]+\s*$/u, // their carets
  /^\s*(?:goroutine \d+ \[.*|created by .*|exit status \d+)$/, // go
  /^\s*\S+\(0x[\da-f]+.*$/, // go frames
  /^\s*stack backtrace:.*$/,
  /^\s*\d+: 0x[\da-f]+.*$/,
  /^\s*note: run with `RUST_BACKTRACE.*$/,
]

const replacements: [RegExp, string][] = [
  [/\b[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}\b/gi, "<id>"],
  [/\b\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?/g, "<time>"],
  [/\b\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?\b/g, "<time>"],
  [/\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? .{0,12}\d{4}\b(?: <time>)?(?: GMT(?:[+-]\d{4})?(?: \([^)]*\))?)?/g, "<time>"],
  [/\b1[5-9]\d{8}(?:\d{3})?(?:\.\d+)?\b/g, "<time>"],
  [/\b0x[\da-f]{4,}\b/gi, "<address>"],
  // Temporary folders: nothing of the random part stays, the file's own name does.
  [
    /(?:file:\/\/)?(?:\/private)?\/(?:tmp|var\/tmp|var\/folders\/[^\s/]+\/[^\s/]+\/T|dev\/shm)\/[^\s"'`)\]:,]*/g,
    "<path>",
  ],
  [/\b[A-Za-z]:\\(?:[^\s"'`\\]+\\)+/g, "<path>/"],
  [/\b((?:https?:\/\/)?(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\]|::1?)):\d{2,5}\b/g, "$1:<port>"],
  [/\b(port\s*[:=]?\s*)\d{2,5}\b/gi, "$1<port>"],
  [/\b(pid\s*[:=]?\s*|process\s+)\d+\b/gi, "$1<pid>"],
  [/\b\d+(?:\.\d+)?\s?(?:ns|µs|us|ms|s|secs?|seconds?|mins?|minutes?)\b/g, "<duration>"],
  // `file.ts:12:3`, `file.go:12`, `(12,3)`, `line 12`
  [/(\.[A-Za-z]\w{0,9}|\bnode:[\w/]+):\d+(?::\d+)?/g, "$1"],
  [/(\.[A-Za-z]\w{0,9})\(\d+,\d+\)/g, "$1"],
  [/\b(lines?|columns?|col)\s+\d+/gi, "$1 <n>"],
]

/** Hashes and random ids: long, and letters and digits mixed. */
const RANDOM_HEX = /\b(?=[\da-f]*\d)(?=[\da-f]*[a-f])[\da-f]{10,}\b/gi
const RANDOM_ID = /\b(?=[\w-]*\d)(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{16,}\b/g

/** An absolute path becomes its file name: where the checkout lies says nothing about what is wrong. */
const ABSOLUTE = /(?<![\w.<>:/-])(?:file:\/\/)?\/(?:[^\s"'`()[\]:,/]+\/)+([^\s"'`()[\]:,/]+)/g

const MAX_CHARS = 4_000

/** The message without what changes from run to run; two messages that normalise alike say the same is wrong. */
export function withoutVolatile(message: string): string {
  let text = message
    .slice(0, MAX_CHARS * 4)
    .replace(ANSI, "")
    .split(/\r?\n/)
    .filter((line) => !placeLines.some((place) => place.test(line)))
    .join("\n")
  for (const [pattern, word] of replacements) text = text.replace(pattern, (...match) => substitute(word, match))
  return text
    .replace(ABSOLUTE, "<path>/$1")
    .replace(RANDOM_HEX, "<id>")
    .replace(RANDOM_ID, "<id>")
    .replace(/\s+/g, " ")
    .trim()
    .slice(0, MAX_CHARS)
}

function substitute(word: string, match: unknown[]): string {
  const [whole, first] = match
  if (word === "<path>") return withTempName(String(whole))
  return word.replace("$1", typeof first === "string" ? first : "")
}

function withTempName(path: string): string {
  const parts = path
    .replace(/^.*?\/(?:tmp|T|shm)\//, "")
    .split("/")
    .filter((part) => part !== "")
  return parts.length > 1 ? `<path>/${parts.at(-1)}` : "<path>"
}
