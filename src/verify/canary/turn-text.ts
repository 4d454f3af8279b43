import type { Chooses } from "./places.ts"

/*
 * Where no runner tells tests apart and no parser reads them, all that a test file seems to want is turned at once: with that
 * many answers wrong the whole check has to go red.
 */

/** A line that compares something, or hands over what shall be compared. */
const comparing =
  /\b(assert\w*|expect\w*|is|isnt|is_deeply|like|ok|eq|ne|equals?|same|check\w*|should\w*|want\w*|verify\w*|diff|cmp)\b|==|!=|\[\[? |\btest /i
/** Lines that load, go somewhere, or only say something. */
const other =
  /^\s*(#|\/\/|--|use|require|import|from|source|\.|include|cd|set|trap|export|local|exec|echo|print\w*|puts)(\s|$|\()/
const quoted = /"(?:\\.|[^"\\\n])*"|'[^'\n]*'/g
const isPlain = (text: string) => /[A-Za-z0-9]/.test(text) && !/[/$`\\%]|^-|\.\w+$|::/.test(text.slice(1, -1))

/** A program that tests, with every literal of the lines that compare changed by a letter; undefined where it has none. */
export function turnedProgram(path: string, text: string, chooses: Pick<Chooses, "random">): string | undefined {
  const isShell = /\.(ba|da|z|k)?sh$|\.bats$|\/[^./]+$|^[^./]+$/.test(path)
  const turned = text
    .split("\n")
    .map((line) => (comparing.test(line) && !other.test(line) ? turnedLine(line, isShell, chooses) : line))
    .join("\n")
  return turned === text ? undefined : turned
}

function turnedLine(line: string, isShell: boolean, chooses: Pick<Chooses, "random">): string {
  const words = line.replace(quoted, (literal) => (isPlain(literal) ? withOther(literal, chooses) : literal))
  // A number of a shell's is as often a state, an option or a descriptor.
  return isShell || words !== line
    ? words
    : words.replace(/(?<![\w.$@"'])\d+(?![\w."'])/g, (n) => withOther(n, chooses))
}

/** A file of expected output with another letter in each of its lines. */
export function turnedOutput(text: string, chooses: Pick<Chooses, "random">): string | undefined {
  const turned = text
    .split("\n")
    .map((line) => (/[A-Za-z0-9]/.test(line) ? withOther(line, chooses) : line))
    .join("\n")
  return turned === text ? undefined : turned
}

/** The same text with one of its letters or digits another one. */
function withOther(text: string, { random }: Pick<Chooses, "random">): string {
  const places = [...text.matchAll(/[A-Za-z0-9]/g)].map((match) => match.index)
  const at = places[Math.floor(random() * places.length)] ?? 0
  const old = text[at] ?? ""
  const letters = /\d/.test(old) ? "123456789" : "bcdfghjkmpqvwz"
  const rest = [...letters].filter((letter) => letter !== old.toLowerCase())
  const chosen = rest[Math.floor(random() * rest.length)] ?? "q"
  return text.slice(0, at) + (/[A-Z]/.test(old) ? chosen.toUpperCase() : chosen) + text.slice(at + 1)
}
