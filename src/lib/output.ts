import { StringDecoder } from "node:string_decoder"

/** Keeps the first `limitBytes` of a stream and counts the rest. */
export function keepBytes(limitBytes: number): Kept {
  const chunks: Buffer[] = []
  let kept = 0
  let dropped = 0
  return {
    add(chunk) {
      const part = chunk.length <= limitBytes - kept ? chunk : chunk.subarray(0, limitBytes - kept)
      if (part.length > 0) chunks.push(part)
      kept += part.length
      dropped += chunk.length - part.length
    },
    // A decoder of its own leaves out the half of a character that the limit cut in two.
    text: () =>
      dropped === 0 ? Buffer.concat(chunks).toString("utf8") : new StringDecoder("utf8").write(Buffer.concat(chunks)),
    droppedBytes: () => dropped,
  }
}

export type Kept = { add(chunk: Buffer): void; text(): string; droppedBytes(): number }

/** More than this of one line is dropped: no program may fill our memory by never ending a line. */
const LINE_LIMIT = 1024 * 1024

/** Calls `onLine` for each line, whole characters only, without its line end; a line without end comes with `end`. */
export function splitLines(
  onLine: (line: string) => void,
  limit = LINE_LIMIT,
): { add(chunk: Buffer): void; end(): void } {
  const decoder = new StringDecoder("utf8")
  let partial = ""
  const add = (text: string) => {
    const lines = text.split("\n")
    const last = lines.pop() ?? ""
    for (const line of lines) {
      const whole = join(partial, line, limit)
      partial = ""
      onLine(whole.endsWith("\r") ? whole.slice(0, -1) : whole)
    }
    partial = join(partial, last, limit)
  }
  return {
    add: (chunk) => add(decoder.write(chunk)),
    end() {
      add(decoder.end())
      if (partial !== "") onLine(partial)
      partial = ""
    },
  }
}

function join(start: string, more: string, limit: number): string {
  return start.length >= limit ? start : start + more.slice(0, limit - start.length)
}
