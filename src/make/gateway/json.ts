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

/** The value as a count of something: whole and not negative. */
export function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? Math.ceil(value) : undefined
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
