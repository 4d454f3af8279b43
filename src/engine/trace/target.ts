/** What a person wants traced. */
export type Target =
  | { is: "lines"; file: string; from: number; to: number }
  | { is: "pull"; number: number }
  /** A commit, or else a change. */
  | { is: "name"; name: string }

/** Reads `FILE:LINE`, `FILE:FROM-TO`, `#12`, a pull request's address, or a name. */
export function readTarget(text: string): Target {
  const pull = /^(?:#|!|PR ?#?|https?:\/\/\S+\/(?:pull|pulls|merge_requests)\/)(\d{1,9})(?:[/#?]\S*)?$/i.exec(text)
  if (pull !== null) return { is: "pull", number: Number(pull[1]) }
  const lines = /^(.+?):(\d{1,9})(?:-(\d{1,9}))?$/s.exec(text)
  if (lines === null) return { is: "name", name: text }
  const from = Number(lines[2])
  return { is: "lines", file: lines[1] ?? "", from, to: lines[3] === undefined ? from : Number(lines[3]) }
}
