import { inertLine } from "../core/untrusted.ts"

/** Tells an agent of a loop with a `path` where it is, and what is expected of it there. */
export function placeSection(path: string, rule: string): string {
  const up = path
    .split("/")
    .map(() => "..")
    .join("/")
  return `# Where you work\n\nThe current folder is \`${inertLine(path, 400)}\` of a larger repository, whose root is \`${up}\`: all of it is there to be read. ${rule} Files are named from the repository's root in this prompt, and wherever you name one for others.`
}
