/** The languages whose tests and functions are known well enough to be cheated with. */
export type Language = "javascript" | "python" | "go" | "rust" | "other"

/** By a file's name. */
export function languageOf(path: string): Language {
  if (/\.[cm]?[jt]sx?$/i.test(path)) return "javascript"
  if (/\.py$/i.test(path)) return "python"
  if (/\.go$/i.test(path)) return "go"
  return /\.rs$/i.test(path) ? "rust" : "other"
}
