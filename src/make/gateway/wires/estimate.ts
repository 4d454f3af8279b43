import { isObject, type Json } from "../json.ts"

/*
 * An upper estimate of the tokens of a request, from its text alone. It is what is set aside; what is charged is what the
 * provider reports. Tokenizers put 3 to 5 characters of English or code in a token, 2.5 to 3 of dense JSON or digits, and
 * about one where the script is not Latin.
 */

const CHARACTERS_PER_TOKEN = 2.5
/** Added for each byte that UTF-8 needs beyond one a letter: two for most scripts that are not Latin. */
const TOKENS_PER_BYTE_BEYOND = 0.75
/** Framing of a message, a tool or a part, per object of the body. */
const TOKENS_PER_OBJECT = 4
/** The framing that providers add to every request. */
const TOKENS_PER_REQUEST = 512
/** The dearest of the providers' ways to count one picture. */
const TOKENS_PER_IMAGE = 5_000
/** A document that is only named may be as long as a page limit lets it. */
const TOKENS_PER_NAMED_FILE = 150_000
/** Bytes of base64 in which a page of a PDF hardly fits. */
const BASE64_PER_PAGE = 4_000
const TOKENS_PER_PAGE = 3_000
const TOKENS_PER_FILE = 10_000

/** An upper estimate of the input tokens of a request's body. */
export function estimateInput(body: Json): number {
  const sum = { narrow: 0, beyond: 0, objects: 0, files: 0 }
  const pending: unknown[] = [body]
  for (let next = pending.pop(); next !== undefined || pending.length > 0; next = pending.pop()) {
    if (typeof next === "string") addText(next, sum)
    else if (Array.isArray(next)) pending.push(...notEmpty(next))
    else if (isObject(next)) {
      sum.objects++
      const file = fileTokens(next)
      if (file !== undefined) sum.files += file
      else
        for (const [key, value] of Object.entries(next)) {
          sum.narrow += key.length
          if (value !== undefined && value !== null) pending.push(value)
        }
    } else sum.narrow += 6
  }
  const text = sum.narrow / CHARACTERS_PER_TOKEN + sum.beyond * TOKENS_PER_BYTE_BEYOND
  return Math.ceil(TOKENS_PER_REQUEST + text + sum.objects * TOKENS_PER_OBJECT + sum.files)
}

/** Tokens that so many characters of output are at most. */
export function estimateOutput(characters: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN)
}

function addText(value: string, sum: { narrow: number; beyond: number; files: number }): void {
  const data = /^data:([a-z]+)\/[^,]{0,100};base64,/i.exec(value)
  if (data !== null) {
    sum.files += binaryTokens(data[1] === "image", value.length)
    return
  }
  // Counted by the runtime, for a request may hold megabytes: of a letter outside ASCII, UTF-8 takes one or two bytes more.
  sum.beyond += Buffer.byteLength(value) - value.length
  sum.narrow += value.length
}

/** What a part that carries a file is at most; undefined for any other object. */
function fileTokens(part: Json): number | undefined {
  const media = [part.media_type, part.mime_type, part.mimeType].find((each) => typeof each === "string")
  const data = typeof part.data === "string" ? part.data : undefined
  if (typeof media === "string" && data !== undefined && !media.startsWith("text/"))
    return binaryTokens(media.startsWith("image/"), data.length)
  if (typeof part.file_data === "string" && !part.file_data.startsWith("data:"))
    return binaryTokens(false, part.file_data.length)
  const kind = typeof part.type === "string" ? part.type : ""
  if (/image/.test(kind) && (typeof part.image_url === "string" || isObject(part.image_url) || "file_id" in part))
    return isInline(part.image_url) ? undefined : TOKENS_PER_IMAGE
  if (kind === "image" && isObject(part.source) && part.source.type === "url") return TOKENS_PER_IMAGE
  // Named by an id or an address: its size is known to the provider alone.
  const named = ["file_id", "file_uri", "fileUri", "file_url"].some((key) => typeof part[key] === "string")
  if (named) return /image/.test(kind) ? TOKENS_PER_IMAGE : TOKENS_PER_NAMED_FILE
  return kind === "url" && typeof part.url === "string" ? TOKENS_PER_NAMED_FILE : undefined
}

function isInline(image: unknown): boolean {
  const url = isObject(image) ? image.url : image
  return typeof url === "string" && url.startsWith("data:")
}

function binaryTokens(isImage: boolean, base64: number): number {
  return isImage ? TOKENS_PER_IMAGE : TOKENS_PER_FILE + Math.ceil(base64 / BASE64_PER_PAGE) * TOKENS_PER_PAGE
}

function notEmpty(values: readonly unknown[]): unknown[] {
  return values.filter((value) => value !== undefined && value !== null)
}
