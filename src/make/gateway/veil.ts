/**
 * Keeps keys out of what an agent is answered: hands on each chunk at once, holds back only an end that might be a key's
 * beginning, and puts as many `*` in a key's place, so that lengths stay what the headers say. The provider has the key, and servers
 * that show a request back exist.
 */
export type Veil = { pass(chunk: Buffer): Buffer; rest(): Buffer }

/** Opens a veil over some keys, for one answer. */
export function openVeil(secrets: readonly string[]): Veil {
  const keys = secrets.filter((secret) => secret.length >= SHORTEST).map((secret) => Buffer.from(secret))
  let kept: Buffer = Buffer.alloc(0)
  return {
    pass(chunk) {
      const whole = kept.length === 0 ? chunk : Buffer.concat([kept, chunk])
      const clean = masked(whole, keys)
      const back = Math.max(0, ...keys.map((key) => beginningAtEnd(clean, key)))
      kept = clean.subarray(clean.length - back)
      return clean.subarray(0, clean.length - back)
    },
    rest() {
      const last = kept
      kept = Buffer.alloc(0)
      return last
    },
  }
}

/** A text without keys in it. */
export function veiled(text: string, secrets: readonly string[]): string {
  return masked(
    Buffer.from(text),
    secrets.filter((each) => each.length >= SHORTEST).map((each) => Buffer.from(each)),
  ).toString()
}

/** What is shorter protects nothing, and stands in texts by chance. */
const SHORTEST = 8

function masked(bytes: Buffer, keys: readonly Buffer[]): Buffer {
  let clean = bytes
  for (const key of keys) {
    for (let at = clean.indexOf(key); at !== -1; at = clean.indexOf(key, at + key.length)) {
      if (clean === bytes) clean = Buffer.from(bytes)
      clean.fill("*", at, at + key.length)
    }
  }
  return clean
}

/** How many bytes at the end of a chunk are the beginning of a key. */
function beginningAtEnd(bytes: Buffer, key: Buffer): number {
  const from = Math.max(0, bytes.length - key.length + 1)
  for (let at = bytes.indexOf(key[0] ?? 0, from); at !== -1; at = bytes.indexOf(key[0] ?? 0, at + 1)) {
    const length = bytes.length - at
    if (bytes.compare(key, 0, length, at) === 0) return length
  }
  return 0
}
