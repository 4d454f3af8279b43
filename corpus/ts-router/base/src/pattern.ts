export type Params = Record<string, string>

/** `/users/:id/files/*rest` as a function: the parameters of a path that fits, undefined for one that does not. */
export function compile(pattern: string): (path: string) => Params | undefined {
  const wanted = split(pattern)
  return (path) => {
    const given = split(path)
    const params: Params = {}
    for (const [index, part] of wanted.entries()) {
      if (part.startsWith("*")) {
        params[part.slice(1)] = given.slice(index).map(decode).join("/")
        return params
      }
      const value = given[index]
      if (value === undefined) return undefined
      if (part.startsWith(":")) params[part.slice(1)] = value
      else if (part !== value) return undefined
    }
    return given.length === wanted.length ? params : undefined
  }
}

export class BadPath extends Error {}

export function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw new BadPath(`${part} is no valid part of a path`)
  }
}

function split(path: string): string[] {
  return path.split("/").filter((part) => part !== "")
}
