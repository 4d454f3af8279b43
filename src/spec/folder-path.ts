import { posix } from "node:path"
import { Misread, reading } from "./misread.ts"
import type { Path, SourceFile } from "./source-file.ts"
import type { ReadTree } from "./tree.ts"

/** The root of the repository, as a `path` names it. */
export const ROOT = "."

/** A folder of the repository as it is written under `path`, from the root and with `/`; `.` is the root itself. */
export function readFolder(source: SourceFile, at: Path, written: string): string | undefined {
  return reading(source, at, "BAD_PATH", written, folderOf)
}

function folderOf(text: string): string {
  const written = text.trim()
  if (written === "") throw new Misread("A folder of the repository was expected here.", { hint: EXAMPLE })
  if (/[\u0000-\u001f]/.test(written)) throw new Misread("A folder's name has no line breaks in it.", { hint: EXAMPLE })
  if (written.includes("\\")) {
    const mended = written.replaceAll("\\", "/")
    throw new Misread("Paths are written with `/`.", { suggestion: mended, hint: `Write \`${mended}\`.` })
  }
  if (posix.isAbsolute(written) || /^([A-Za-z]:|~)/.test(written))
    throw new Misread("The folder must lie in the repository: it is named from the repository's root.", {
      hint: EXAMPLE,
    })
  const glob = /[*?{}]|^!/.exec(written)
  if (glob !== null)
    throw new Misread("One folder is named here, and no pattern.", {
      offset: text.indexOf(written) + glob.index,
      length: 1,
      hint: "A loop works in one folder; write one loop for each.",
    })
  const up = /(^|\/)\.\.(?=\/|$)/.exec(written)
  if (up !== null)
    throw new Misread("`..` leads out of the folder: name it from the repository's root.", {
      offset: text.indexOf(written) + up.index + (up[1] ?? "").length,
      length: 2,
      hint: EXAMPLE,
    })
  const path = posix.normalize(written).replace(/\/+$/, "")
  if (/(^|\/)\.git(\/|$)/i.test(path)) throw new Misread("Nothing works in `.git`.", { hint: EXAMPLE })
  return path
}

const EXAMPLE = "path: services/payments"

/** What can be said of a folder that is well written and not there; undefined where it is, or nobody can tell. */
export async function missingFolder(tree: ReadTree, path: string): Promise<string | undefined> {
  if (tree.isFolder === undefined || (await tree.isFolder(path))) return undefined
  return `There is no folder ${path} here.`
}
