import type { Loop } from "../core/loop.ts"
import { nearest } from "./nearest.ts"
import { complain, type SourceFile } from "./source-file.ts"
import { loopFiles, type ReadTree } from "./tree.ts"
import { isRecord, readYaml } from "./yaml-file.ts"

/** A loop file, and the name that its loop has: what runs, halts, money and memory go by. */
export type NamedLoop = { file: string; name: string }

/** The loops of a repository by name; a file that says none, or can't be read, is called as the file. */
export async function loopNames(tree: ReadTree): Promise<NamedLoop[]> {
  const files = await loopFiles(tree)
  return Promise.all(
    files.map(async (file) => {
      const text = await tree.read(file).catch(() => undefined)
      return { file, name: (text === undefined ? undefined : nameIn(file, text)) ?? stem(file) }
    }),
  )
}

/** The one that a person means by its path, its name, or its file's name. */
export function namedLoop(loops: readonly NamedLoop[], wanted: string): NamedLoop | undefined {
  const path = wanted.replace(/^\.\//, "")
  return (
    loops.find(({ file }) => file === path) ??
    loops.find(({ name }) => name === wanted) ??
    loops.find(({ file }) => stem(file) === wanted)
  )
}

/** The names, to choose from. */
export function listNames(loops: readonly NamedLoop[]): string[] {
  return [...new Set(loops.map(({ name }) => name))]
}

/** What can only be seen beside the other loops: a name that two have, and one that `after` waits for and none has. */
export function lintSiblings(
  source: SourceFile,
  { name, trigger }: Pick<Loop, "name" | "trigger">,
  triggers: unknown,
  others: readonly NamedLoop[],
): void {
  const twin = others.find((other) => other.name === name)
  if (twin !== undefined)
    complain(source, ["name"], {
      code: "NAME_TAKEN",
      message: `${twin.file} is called \`${name}\` too.`,
      hint: "A loop's money, memory and halts go by its name: give one of the two another.",
    })
  const names = [name, ...listNames(others)]
  for (const [index, each] of trigger.entries()) {
    // The loop of a goal has no file.
    if (each.on !== "after" || names.includes(each.loop) || each.loop.startsWith("goal-")) continue
    const close = nearest(each.loop, names)
    complain(source, Array.isArray(triggers) ? ["trigger", index] : ["trigger"], {
      code: "UNKNOWN_LOOP",
      severity: "warning",
      message: `There is no loop \`${each.loop}\` here, so this never fires.`,
      hint: close === undefined ? `Here are: ${names.join(", ")}.` : `Did you mean \`${close}\`?`,
    })
  }
}

function nameIn(file: string, text: string): string | undefined {
  const { data } = readYaml(file, text, "A loop file", [])
  const named = isRecord(data?.metadata) ? data.metadata.name : data?.name
  return typeof named === "string" && named !== "" ? named : undefined
}

function stem(file: string): string {
  return file.replace(/^.*\/|\.ya?ml$/g, "")
}
