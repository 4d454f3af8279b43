import { isObject, type Json } from "../json.ts"

/*
 * An upper estimate of the tokens of a request, from its text alone. It is what is set aside; what is charged is what the
 * provider reports. Tokenizers put 3 to 5 characters of English or code in a token, 2.5 to 3 of dense JSON, one to three
 * digits, and about one character where the script is not Latin. None makes more tokens than there are bytes, and what
 * tokenizers seldom saw (noise of signs, rare scripts, pictographs) comes near to that.
 */

const CHARACTERS_PER_TOKEN = 2.5
const PER_LETTER = 1 / CHARACTERS_PER_TOKEN
/** Framing of a message, a tool or a part, per object of the body. */
const TOKENS_PER_OBJECT = 4
/** The framing that providers add to every request. */
const TOKENS_PER_REQUEST = 512
/** The dearest of the providers' ways to count one picture. */
const TOKENS_PER_IMAGE = 5_000
/** Bytes of base64 in which a page of a PDF hardly fits. */
const BASE64_PER_PAGE = 4_000
const TOKENS_PER_PAGE = 3_000
const TOKENS_PER_FILE = 10_000

/** An upper estimate of the input tokens of a request's body. */
export function estimateInput(body: Json): number {
  const sum = { text: 0, objects: 0, files: 0 }
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
          sum.text += key.length * PER_LETTER
          if (value !== undefined && value !== null) pending.push(value)
        }
    } else sum.text += 6
  }
  return Math.ceil(TOKENS_PER_REQUEST + sum.text + sum.objects * TOKENS_PER_OBJECT + sum.files)
}

/** Tokens that so many characters of output are at most. */
export function estimateOutput(characters: number): number {
  return Math.ceil(characters / CHARACTERS_PER_TOKEN)
}

function addText(value: string, sum: { text: number; files: number }): void {
  const data = /^data:([a-z]+)\/[^,]{0,100};base64,/i.exec(value)
  if (data === null) sum.text += textTokens(value)
  else sum.files += binaryTokens(data[1] === "image", value.length)
}

function textTokens(value: string): number {
  let tokens = 0
  for (let at = 0; at < value.length; at++) tokens += perUnit(value.charCodeAt(at))
  return tokens
}

/** Tokens of one UTF-16 unit at most, by what it belongs to. */
function perUnit(unit: number): number {
  const letter = unit | 32
  if ((letter >= 0x61 && letter <= 0x7a) || unit === 0x20 || unit === 0x0a || unit === 0x09 || unit === 0x0d)
    return PER_LETTER
  // Digits and signs: some tokenizers take each by itself.
  if (unit < 0x80) return 1
  if (unit < 0x800) return 1.2
  // Half of a letter beyond the first plane: four bytes in two units.
  if (unit >= 0xd800 && unit <= 0xdfff) return 2
  const isUsual = (unit >= 0x2000 && unit <= 0xd7af) || (unit >= 0xff00 && unit <= 0xffef)
  return isUsual ? 1.9 : 3
}

/** What a part that carries a file is at most; undefined for any other object. */
function fileTokens(part: Json): number | undefined {
  const media = [part.media_type, part.mime_type, part.mimeType].find((each) => typeof each === "string")
  const data = typeof part.data === "string" ? part.data : undefined
  if (typeof media === "string" && data !== undefined && !media.startsWith("text/"))
    return binaryTokens(media.startsWith("image/"), data.length)
  if (typeof part.file_data === "string" && !part.file_data.startsWith("data:"))
    return binaryTokens(false, part.file_data.length)
  return undefined
}

function binaryTokens(isImage: boolean, base64: number): number {
  return isImage ? TOKENS_PER_IMAGE : TOKENS_PER_FILE + Math.ceil(base64 / BASE64_PER_PAGE) * TOKENS_PER_PAGE
}

function notEmpty(values: readonly unknown[]): unknown[] {
  return values.filter((value) => value !== undefined && value !== null)
}
