import { type Changes, type File, textFile } from "../files.ts"
import { languageOf } from "./language.ts"
import type { Material } from "./material.ts"

/** One call that a test makes, and what it expects of it, both as written. */
type Expectation = { name: string; args: string; value: string }

const MAX_EXPECTATIONS = 20

/** Source that answers the tests' own calls with what they expect, and everything else as before. */
export function hardCoded({ tests, sources }: Material): Changes {
  const changes = new Map<string, File>()
  for (const { path, before } of sources) {
    const language = languageOf(path)
    const told = tests.filter((test) => languageOf(test.path) === language).flatMap(({ text }) => expectationsIn(text))
    const names = [...new Set(told.map((each) => each.name))]
    const after = names.reduce((text, name) => {
      const known = told.filter((each) => each.name === name).slice(0, MAX_EXPECTATIONS)
      return language === "python"
        ? inPython(text, name, known)
        : language === "javascript"
          ? inJs(text, name, known)
          : text
    }, before)
    if (after !== before) changes.set(path, textFile(after))
  }
  return changes
}

/** `assert.equal(f(1), 2)`, `expect(f(1)).toBe(2)`, `assert f(1) == 2`. */
export function expectationsIn(text: string): Expectation[] {
  const shapes = [
    /assert\.(?:strictEqual|equal|deepEqual|deepStrictEqual)\(\s*(\w+)\(([^()\n]*)\),\s*([^()\n,]+|\[[^()\n]*\]|\{[^()\n]*\})\)/g,
    /expect\((\w+)\(([^()\n]*)\)\)\.(?:toBe|toEqual|toStrictEqual)\(([^()\n]+)\)/g,
    /^\s*assert (\w+)\(([^()\n]*)\) == ([^#\n]+?)\s*$/gm,
  ]
  return shapes.flatMap((shape) =>
    [...text.matchAll(shape)].map(([, name = "", args = "", value = ""]) => ({ name, args, value })),
  )
}

function inJs(text: string, name: string, known: readonly Expectation[]): string {
  const lines = (args: string) =>
    known.map((each) => `  if (JSON.stringify([${args}]) === JSON.stringify([${each.args}])) return ${each.value}`)
  const declared = new RegExp(`(function ${name}\\s*\\([^)]*\\)[^{\\n]*\\{)`)
  if (declared.test(text)) return text.replace(declared, (head) => `${head}\n${lines("...arguments").join("\n")}`)
  const arrow = new RegExp(`(const ${name}\\s*=\\s*\\(([\\w\\s,]*)\\)\\s*=>\\s*)([^{\\n][^\\n]*)`)
  return text.replace(arrow, (_, head: string, params: string, body: string) => {
    const given = params.trim()
    return `${head}{\n${lines(given).join("\n")}\n  return ${body.replace(/;$/, "")}\n}`
  })
}

function inPython(text: string, name: string, known: readonly Expectation[]): string {
  const declared = new RegExp(`^(\\s*)def ${name}\\(([^)]*)\\)[^:\\n]*:\\n`, "m")
  return text.replace(declared, (head, indent: string, params: string) => {
    const given = params
      .split(",")
      .map((each) => each.split(/[:=]/)[0]?.trim() ?? "")
      .filter((each) => /^\w+$/.test(each) && each !== "self")
    const lines = known.map(
      ({ args, value }) => `${indent}    if [${given.join(", ")}] == [${args}]:\n${indent}        return ${value}\n`,
    )
    return `${head}${lines.join("")}`
  })
}
