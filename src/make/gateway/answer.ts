import type { IncomingMessage, ServerResponse } from "node:http"
import { brotliDecompressSync, gunzipSync, inflateSync } from "node:zlib"
import type { Wire } from "./wires/wire.ts"

/** Answers with an error in the wire's own shape; nothing where the answer has begun, or nobody listens. */
export function refuse(response: ServerResponse, wire: Wire, status: number, message: string): void {
  if (response.headersSent || response.destroyed) return
  const body = JSON.stringify(wire.refusal(status, message))
  // Read to its end, to be thrown away: who is still sending does not see an answer before a closed door.
  response.req.resume()
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    // Stainless clients (both vendors' own) obey this above their own idea of what to try again.
    ...(status === 400 || status === 403 ? { "x-should-retry": "false" } : {}),
  })
  response.end(body)
}

/** A body as it came, or why it can't be had. */
export type Body = { is: "whole"; bytes: Buffer } | { is: "too large" } | { is: "unreadable" } | { is: "gone" }

/** Reads a request's body, decoded, up to a limit; `room` says whether there is room for so many more bytes. */
export async function readBody(
  request: IncomingMessage,
  mostBytes: number,
  room: (bytes: number) => boolean,
): Promise<Body> {
  if (Number(request.headers["content-length"] ?? 0) > mostBytes) return { is: "too large" }
  const chunks = await collect(request, mostBytes, room)
  if (!Array.isArray(chunks)) return chunks
  const [only, second] = chunks
  const whole = only !== undefined && second === undefined ? only : Buffer.concat(chunks)
  return decoded(whole, request.headers["content-encoding"] ?? "identity", mostBytes)
}

function collect(
  request: IncomingMessage,
  mostBytes: number,
  room: (bytes: number) => boolean,
): Promise<Buffer[] | Exclude<Body, { is: "whole" }>> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    const add = (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= mostBytes && room(chunk.length)) return chunks.push(chunk)
      // The stream stays open, and its end is thrown away, so that the answer can still be read.
      request.off("data", add)
      request.resume()
      resolve({ is: "too large" })
    }
    request.on("data", add)
    request.once("end", () => resolve(chunks))
    request.once("error", () => resolve({ is: "gone" }))
    request.once("close", () => resolve({ is: "gone" }))
  })
}

function decoded(bytes: Buffer, encoding: string, maxOutputLength: number): Body {
  try {
    switch (encoding) {
      case "identity":
        return { is: "whole", bytes }
      case "gzip":
        return { is: "whole", bytes: gunzipSync(bytes, { maxOutputLength }) }
      case "br":
        return { is: "whole", bytes: brotliDecompressSync(bytes, { maxOutputLength }) }
      case "deflate":
        return { is: "whole", bytes: inflateSync(bytes, { maxOutputLength }) }
      default:
        return { is: "unreadable" }
    }
  } catch (error) {
    return error instanceof RangeError ? { is: "too large" } : { is: "unreadable" }
  }
}
