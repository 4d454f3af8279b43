import satisfies from "spdx-satisfies"

/** Licences under which a dependency may come without a person's word: permissive ones, and weak copyleft by the file. */
export const ALLOWED_LICENCES: readonly string[] = [
  "0BSD",
  "AFL-2.1",
  "Apache-2.0",
  "Artistic-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BSL-1.0",
  "CC-BY-3.0",
  "CC-BY-4.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  "MPL-2.0",
  "PSF-2.0",
  "Python-2.0",
  "Unicode-3.0",
  "Unlicense",
  "WTFPL",
  "Zlib",
]

/** The list that a project gives; the word `default` in it stands for those above. */
export function licencesFrom(given: readonly string[] | undefined): readonly string[] {
  return given === undefined
    ? ALLOWED_LICENCES
    : given.flatMap((licence) => (licence === "default" ? ALLOWED_LICENCES : [licence]))
}

/** Whether an SPDX expression is satisfied by what is allowed; what is no expression ("SEE LICENSE IN …") is not. */
export function isAllowed(licence: string, allowed: readonly string[]): boolean {
  try {
    return satisfies(licence.replace(/^\((.*)\)$/, "$1"), allowed)
  } catch {
    return false
  }
}
