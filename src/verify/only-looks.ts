import { argumentsOf, toolOf } from "./runners/argv.ts"

/** Checkers beside the one that is wanted: they leave everything as it is, with one of `when`'s words and none of `unless`'s. */
const lookers: Readonly<Record<string, { when?: RegExp; unless?: RegExp }>> = {
  prettier: { when: /^(-c|--check|-l|--list-different)$/, unless: /^(-w|--write)$/ },
  black: { when: /^--(check|diff)$/ },
  isort: { when: /^(-c|--check|--check-only)$/ },
  dprint: { when: /^check$/ },
  xo: { unless: /^--fix/ },
  standard: { unless: /^--fix/ },
  oxlint: { unless: /^--fix/ },
  stylelint: { unless: /^--fix/ },
  knip: { unless: /^--fix/ },
  markdownlint: { unless: /^(--fix|-f)$/ },
  cspell: {},
  publint: {},
  attw: {},
}

/** Whether a command prepares nothing for those that follow it: red, it does not keep them from being run and read. */
export function onlyLooks(argv: readonly string[]): boolean {
  const looker = lookers[toolOf(argv)?.name ?? ""]
  if (looker === undefined) return false
  const { when, unless } = looker
  const args = argumentsOf(argv)
  return (when === undefined || args.some((arg) => when.test(arg))) && !args.some((arg) => unless?.test(arg))
}
