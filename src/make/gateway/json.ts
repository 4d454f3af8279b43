/** A JSON object of somebody else's: every field may be anything. */
export type Json = Readonly<Record<string, unknown>>

/** The object in a text, or undefined where there is none. */
export function parseObject(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The value as an object; an empty one where it is something else. */
export function object(value: unknown): Json {
  return isObject(value) ? value : {}
}

/** The value as a list; an empty one where it is something else. */
export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The value as a count of something: whole, not negative, and of a size in which one more is still one more. */
export function count(value: unknown): number | undefined {
  return typeof value === "number" && value >= 0 && value <= Number.MAX_SAFE_INTEGER ? Math.ceil(value) : undefined
}

/** The value as an amount of money; 0 where it is none. */
export function dollars(value: unknown): number {
  return typeof value === "number" && value >= 0 && value < 1_000_000 ? value : 0
}

/** The value as a limit: servers take 0 and -1 for none. */
export function limit(value: unknown): number | undefined {
  const found = count(value)
  return found === 0 ? undefined : found
}

/** The value as text. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined
}

/** Whether it is an object, and not a list. */
export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value)
}
