import { posix } from "node:path"
import type { Found, SourceContext } from "../core/ports.ts"
import { findBase } from "./base-files.ts"
import { count } from "./text.ts"

/** What was found, without what lies outside of the folder that the loop works in. What names no file stays. */
export function withinPath(found: Found, source: string, path: string | undefined): Found {
  if (path === undefined) return found
  const findings = found.findings.filter(({ file }) => file === undefined || file === "" || file.startsWith(`${path}/`))
  const left = found.findings.length - findings.length
  if (left === 0) return found
  return {
    ...found,
    findings,
    notes: [...found.notes, `${source}: ${count(left, "finding")} outside of ${path} left out.`],
  }
}

/** A path of the folder that the loop works in, named from the repository's root. */
export function inLoopPath({ loop }: Pick<SourceContext, "loop">, path: string): string {
  return loop.path === undefined ? path : posix.join(loop.path, path)
}

/**
 * A file as somebody names it who was started in the loop's folder: from the repository's root, or from that folder where
 * the base has such a file there. Otherwise as it was named.
 */
export async function fileNamedIn(context: SourceContext, file: string): Promise<string> {
  const { path } = context.loop
  if (path === undefined || file.startsWith(`${path}/`) || posix.isAbsolute(file)) return file
  const inside = posix.join(path, file)
  return inside.startsWith(`${path}/`) && (await findBase(context, inside)) !== undefined ? inside : file
}
