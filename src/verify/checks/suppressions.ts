import type { ChangeFacts } from "./check.ts"
import { type ChangedSource, told } from "./source/changed.ts"

const suppressing =
  /(?:#|\/\/|\/\*|<!--|;)[^\n]*?\b(eslint-disable(-next-line|-line)?|biome-ignore|prettier-ignore|oxlint-disable|noqa|ruff:\s*noqa|flake8:\s*noqa|pylint:\s*disable|type:\s*ignore|mypy:\s*(ignore|disable)|pyright:\s*(ignore|basic)|nosec|nolint|nosemgrep|istanbul ignore|[cv]8 ignore|pragma:\s*no (cover|branch)|codecov:ignore)\b|@ts-(ignore|nocheck|expect-error)\b|#!?\[allow\(/i

/** Comments that silence a linter, a type checker or a coverage report, newly in the source; each as `path:line why: text`. */
export function suppressionsIn(sources: readonly ChangedSource[]): string[] {
  return sources.flatMap(({ path, added, before, source }) => {
    const found = added.filter(({ text }) => suppressing.test(text) && !before.includes(text.trim()))
    // A line that is edited keeps its comment.
    const more = source === undefined ? found.length : countIn(source.text) - countIn(before)
    return found.slice(0, Math.max(0, more)).map(({ n, text }) => told(path, n, "silences a check", text))
  })
}

function countIn(text: string): number {
  return text.split("\n").filter((line) => suppressing.test(line)).length
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
