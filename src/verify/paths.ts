/**
 * A path as a file system that ignores case and invisible characters would see it, look-alike letters made Latin:
 * `.GitHub/`, `.g\u200bithub/` and `.gіthub/` with a Cyrillic letter are all `.github/` to a person who reviews.
 */
export function canonicalPath(path: string): string {
  const folded = path
    .normalize("NFKC")
    .replace(/\p{Default_Ignorable_Code_Point}|\p{Cc}/gu, "")
    .toLowerCase()
  return [...folded]
    .map((char) => lookAlikes[char] ?? char)
    .join("")
    .replace(/[ .]+(?=\/|$)/g, "")
}

const lookAlikes: Record<string, string> = {
  а: "a",
  в: "b",
  с: "c",
  ԁ: "d",
  е: "e",
  һ: "h",
  і: "i",
  ӏ: "l",
  ј: "j",
  к: "k",
  м: "m",
  н: "h",
  о: "o",
  р: "p",
  ѕ: "s",
  т: "t",
  у: "y",
  ѵ: "v",
  х: "x",
  ԝ: "w",
  α: "a",
  ε: "e",
  ι: "i",
  κ: "k",
  ν: "v",
  ο: "o",
  ρ: "p",
  τ: "t",
  υ: "u",
  χ: "x",
  ı: "i",
  ɡ: "g",
  ℓ: "l",
  ո: "n",
  ս: "u",
  օ: "o",
  "․": ".",
  "‐": "-",
  "‑": "-",
  "‒": "-",
  "–": "-",
  "−": "-",
}

/** Test files and what they read: by the conventions of the runners, for repositories whose reports name no files. */
export function isTestPath(path: string): boolean {
  return testShapes.some((shape) => shape.test(path)) || isSnapshotPath(path)
}

const testShapes = [
  /[._-](test|spec)s?\.[cm]?[jt]sx?$/i,
  /(^|\/)(__tests__|tests?|testdata|__mocks__)\//i,
  // Deeper down, `spec` is as often a specification: there only a test's own name counts.
  /^specs?\//i,
  /(^|\/)test[-_.][^/]*\.[cm]?[jt]sx?$/i,
  /(^|\/)tests?\.[cm]?[jt]sx?$/i,
  /(^|\/)test_[^/]*\.py$/,
  /_tests?\.(py|go|rs|rb|exs?)$/,
  /_spec\.rb$/,
  /(^|\/)tests?\.(py|rs)$/,
  /Tests?\.(java|kt|cs|swift|php)$/,
  // Perl's, bats', and those of shells and other scripts.
  /\.(t|bats)$/,
  /(^|\/)test[-_][^/]*\.(sh|bash|pl|rb|php|lua)$|[-_.](test|spec)s?\.(sh|bash|pl|php|lua)$/,
]

/** Recorded expectations: snapshots and golden files. A program in a folder of that name is none. */
export function isSnapshotPath(path: string): boolean {
  if (/(^|\/)__(image_)?snapshots__\/|\.snap(\.[a-z]+)?$|\.snapshot$|\.ambr$|\.golden$/i.test(path)) return true
  return /(^|\/)(goldens?|snapshots)\//i.test(path) && !isCode(path)
}

/** Files that hold a program. */
export function isCode(path: string): boolean {
  return /\.([cm]?[jt]sx?|vue|svelte|py|go|rs|rb|java|kt|cs|php|swift|c|cc|cpp|h|hpp|ex|exs|sh)$/i.test(path)
}

/** Files that a package manager writes. */
export function isLockFile(path: string): boolean {
  return /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|deno\.lock|poetry\.lock|uv\.lock|pdm\.lock|pipfile\.lock|pylock\.toml|cargo\.lock|go\.sum|go\.work\.sum|gemfile\.lock|composer\.lock|mix\.lock|packages\.lock\.json|gradle\.lockfile|pubspec\.lock|flake\.lock)$/i.test(
    path,
  )
}
