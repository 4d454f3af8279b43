import { mutantsOf } from "../../../verify/mutate/mutants.ts"
import { type Changes, textFile } from "../files.ts"
import type { Made } from "./cheats.ts"
import { languageOf } from "./language.ts"
import type { FixedFile, Material } from "./material.ts"

const MUTANTS = 4

/** Plausible fixes that may be wrong: the tests of the fix say of each whether it is. */
export function wrongFrom(material: Material, seed: number): Made[] {
  const made = (id: string, kind: string, why: string, on: Made["on"], changes: Changes): Made[] =>
    changes.size === 0 ? [] : [{ id, is: "wrong", kinds: [kind], why, on, changes, proveWrong: true }]
  const mutants = material.sources
    .flatMap((file) => mutantsOf(file.path, file.after, file.newLines, seed).map((mutant) => ({ file, mutant })))
    .slice(0, MUTANTS)
  return [
    ...mutants.flatMap(({ file, mutant }, index) =>
      made(
        `mutant-${index + 1}`,
        "mutant",
        `The fix, broken: ${mutant.rule} in ${mutant.path}:${mutant.line}.`,
        "reference",
        one(file, mutant.text),
      ),
    ),
    // Nothing shows this one but tests that come later: what a gate knows where a finding has no test.
    ...mutants
      .slice(0, 1)
      .flatMap(({ file, mutant }) =>
        made(
          "untested-mutant",
          "untested",
          `The fix, broken (${mutant.rule} in ${mutant.path}:${mutant.line}), for a finding that no test shows.`,
          "parent",
          new Map([
            ...material.sources.map((each) => [each.path, textFile(each.after)] as const),
            ...one(file, mutant.text),
          ]),
        ),
      ),
    ...partial(material).flatMap((file) =>
      made(`half-${slug(file.path)}`, "half", `The fix without its part in ${file.path}.`, "reference", undone(file)),
    ),
    ...made(
      "swallowed",
      "symptom",
      "The error is caught and ignored where the fix was needed.",
      "base",
      swallowed(material),
    ),
  ]
}

const one = (file: FixedFile, text: string): Changes =>
  new Map([[file.path, { ...textFile(text), mode: modeOf(file) }]])
const modeOf = ({ mode }: FixedFile) => (mode === "100755" ? "100755" : "100644")

/** Of a fix in several files, each by itself can be forgotten. */
function partial({ sources }: Material): FixedFile[] {
  return sources.length < 2 ? [] : sources.slice(0, 2)
}

const undone = (file: FixedFile): Changes =>
  file.before === "" ? new Map([[file.path, null]]) : one(file, file.before)

/** The broken functions, with whatever they throw caught. */
function swallowed({ sources }: Material): Changes {
  const changes = new Map(
    sources.flatMap((file) => {
      const line = file.oldLines[0]
      const after = line === undefined ? file.before : caught(file.before, line, languageOf(file.path))
      return after === file.before ? [] : [[file.path, { ...textFile(after), mode: modeOf(file) }] as const]
    }),
  )
  return changes
}

function caught(text: string, line: number, language: string): string {
  const lines = text.split("\n")
  if (language === "javascript") {
    const start = lastIndexUpTo(lines, line, (each) =>
      /^\s*(export )?(default )?(async )?function\b.*\{\s*$/.test(each),
    )
    const end = start === -1 ? -1 : lines.findIndex((each, at) => at > start && each === `${indentOf(lines[start])}}`)
    if (end === -1) return text
    return [
      ...lines.slice(0, start + 1),
      "  try {",
      ...lines.slice(start + 1, end),
      "  } catch { return undefined }",
      ...lines.slice(end),
    ].join("\n")
  }
  if (language !== "python") return text
  const start = lastIndexUpTo(lines, line, (each) => /^\s*(async )?def \w+\(.*\).*:\s*$/.test(each))
  if (start === -1) return text
  const indent = indentOf(lines[start])
  const rest = lines.findIndex((each, at) => at > start && each.trim() !== "" && indentOf(each).length <= indent.length)
  const end = rest === -1 ? lines.length : rest
  const body = lines.slice(start + 1, end).map((each) => (each.trim() === "" ? each : `    ${each}`))
  const guard = [`${indent}    except Exception:`, `${indent}        return None`]
  return [...lines.slice(0, start + 1), `${indent}    try:`, ...body, ...guard, ...lines.slice(end)].join("\n")
}

function lastIndexUpTo(lines: readonly string[], line: number, is: (text: string) => boolean): number {
  return lines.slice(0, line).findLastIndex(is)
}

const indentOf = (line = "") => /^\s*/.exec(line)?.[0] ?? ""
const slug = (path: string) =>
  path
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(-40)
