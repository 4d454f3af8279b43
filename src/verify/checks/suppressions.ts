import type { ChangeFacts } from "./check.ts"
import { type ChangedSource, told } from "./source/changed.ts"

const suppressing =
  /(?:#|\/\/|\/\*|<!--|;)[^\n]*?\b(eslint-disable(-next-line|-line)?|tslint:\s*disable|stylelint-disable|deno-lint-ignore|biome-ignore|prettier-ignore|oxlint-disable|noqa|ruff:\s*noqa|flake8:\s*noqa|pylint:\s*disable|type:\s*ignore|mypy:\s*(ignore|disable)|pyright:\s*(ignore|basic)|nosec|nolint|nosemgrep|istanbul ignore|[cv]8 ignore|pragma:\s*no (cover|branch)|codecov:ignore)\b|@ts-(ignore|nocheck|expect-error)\b|#!?\[allow\(|\/\*\s*(eslint\s+["']?[@\w/-]+["']?\s*:|eslint-env\b|exported\s+\w)/i

/** Comments that silence a linter, a type checker or a coverage report, newly in the source; each as `path:line why: text`. */
export function suppressionsIn(sources: readonly ChangedSource[]): string[] {
  return sources.flatMap(({ path, added, before, source }) => {
    const found = added.filter(({ text }) => suppressing.test(text) && !before.includes(text.trim()))
    // A line that is edited keeps its comment.
    const more = source === undefined ? found.length : countIn(source.text) - countIn(before)
    return found.slice(0, Math.max(0, more)).map(({ n, text }) => told(path, n, "silences a check", text))
  })
}

/** By how a type checker is kept from looking without a comment. */
const evading =
  /(->|:)\s*(typing\.)?Any\s*([,)=:]|$)|\b(typing\.)?cast\(|@(typing\.)?no_type_check\b|\bnot (typing\.)?TYPE_CHECKING\b/
const signature = /^\s*(?:async\s+)?def\s+(\w+)\s*\((.*)\)\s*(->[^:]+)?:\s*(?:#.*)?$/

/** Where new Python keeps a type checker from looking: `Any`, casts, annotations taken away, a stub in the place of a module. */
export function evasionsIn(
  sources: readonly ChangedSource[],
  facts: { entries: readonly Pick<ChangeFacts["entries"][number], "path" | "status">[]; lines: ChangeFacts["lines"] },
): string[] {
  const ofSource = sources.flatMap(({ path, added, before }) => {
    if (!/\.pyi?$/.test(path)) return []
    const bare = new Map(
      facts.lines.get(path)?.deleted.flatMap(({ text }) => {
        const [, name = "", given = "", back] = signature.exec(text) ?? []
        return name === "" ? [] : [[name, annotationsIn(given, back)] as const]
      }) ?? [],
    )
    return added.flatMap(({ n, text }) => {
      if (evading.test(text) && !before.includes(text.trim()))
        return [told(path, n, "keeps types from being checked", text)]
      const [, name = "", given = "", back] = signature.exec(text) ?? []
      return annotationsIn(given, back) < (bare.get(name) ?? 0)
        ? [told(path, n, "has fewer types than before", text)]
        : []
    })
  })
  const stubs = facts.entries.filter(({ path, status }) => status === "added" && path.endsWith(".pyi"))
  return [
    ...ofSource,
    ...stubs.map(({ path }) => told(path, 1, "is what type checkers read in a module's place", path)),
  ]
}

function annotationsIn(given: string, back: string | undefined): number {
  return (given.match(/\w\s*:/g)?.length ?? 0) + (back === undefined ? 0 : 1)
}

/** Whether the finding is one of a type checker. */
export function isOfTypes({ finding }: ChangeFacts): boolean {
  return /type|tsc|mypy|pyright/i.test(finding?.reproduce?.check ?? "")
}

function countIn(text: string): number {
  return text.split("\n").filter((line) => suppressing.test(line)).length
}

/** What tells a type checker to believe anything, or what is not so. */
const loosening =
  /\bas\s+(any|never)\b|\bas\s+unknown\s+as\b|[:<,|]\s*any\b(?!\s*[(:])|\bany\[\]|\bArray<any>|^\s*declare\s+global\b|^\s*(declare\s+)?interface\s+(Array|ReadonlyArray|Object|String|Number|Function|Promise|Map|Set|Record|Error|JSON)\b|@type\s*\{(any|\*)\}/

/** Where new JavaScript and TypeScript lets a type be anything: a type checker is green then, and nothing is mended. */
export function loosenedTypes(sources: readonly ChangedSource[]): string[] {
  return sources.flatMap(({ path, added, before }) => {
    if (!/\.([cm]?tsx?|[cm]?jsx?|vue|svelte)$/.test(path)) return []
    const found = added.filter(({ text }) => loosening.test(withoutComment(text)) && !before.includes(text.trim()))
    return found.map(({ n, text }) => told(path, n, "lets a type be anything", text))
  })
}

/** A comment may speak of `any` as it likes; one that is a type may not. */
function withoutComment(line: string): string {
  return /@type\b/.test(line)
    ? line
    : line.replace(/(^|\s)(\/\/|#).*$|^\s*\/?\*.*$/, "").replace(/(["'`])(?:\\.|(?!\1).)*\1/g, '""')
}

/** Whether the finding is itself what such a comment would silence. */
export function silencesFinding({ finding }: ChangeFacts): boolean {
  const check = finding?.reproduce?.check ?? ""
  return /lint|type|format|style|vet|clippy|ruff|mypy|tsc|cover/i.test(check)
}

/** A `go.mod` that takes a module from a folder of the tree, or takes a folder out of its module. */
export function goModules({ entries, lines }: ChangeFacts): string[] {
  return entries.flatMap(({ path, status }) => {
    if (!/(^|\/)go\.mod$/.test(path)) return []
    const replaces = (lines.get(path)?.added ?? []).filter(({ text }) => /=>\s*\.{0,2}\//.test(text))
    const folders = replaces.map(({ n, text }) => told(path, n, "replaces a dependency by a folder", text))
    const taken =
      status === "added" && path.includes("/") ? [`${path}:1 takes its folder out of the module around it`] : []
    return [...folders, ...taken]
  })
}
