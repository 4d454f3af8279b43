import { createWriteStream } from "node:fs"
import type { MeteredRequest } from "./metered.ts"

/** An attempt's wire log: one JSON line per request and connection, for its owner's eyes. Written out when it is closed. */
export type WireLog = AsyncDisposable & { write(line: MeteredRequest): void }

const MOST_BYTES = 32 * 1024 * 1024

/** Opens a wire log, to be given to a pass as `onRequest: log.write`. What can't be written is no reason to stop. */
export function openWireLog(file: string): WireLog {
  const out = createWriteStream(file, { flags: "a", mode: 0o600 })
  let bytes = 0
  out.on("error", () => {})
  return {
    write(line) {
      if (bytes > MOST_BYTES || out.errored !== null) return
      const text = `${JSON.stringify(line)}\n`
      bytes += text.length
      out.write(bytes > MOST_BYTES ? `${JSON.stringify({ is: "full", bytes: MOST_BYTES })}\n` : text)
    },
    [Symbol.asyncDispose]: () =>
      new Promise<void>((resolve) => {
        if (out.errored !== null) return resolve()
        out.once("error", () => resolve())
        out.end(() => resolve())
      }),
  }
}
