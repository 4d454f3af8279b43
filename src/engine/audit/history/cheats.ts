import { posix } from "node:path"
import type { Changes, File } from "../files.ts"
import { textFile } from "../files.ts"
import { hardCoded } from "./hard-coded.ts"
import { languageOf } from "./language.ts"
import type { Material } from "./material.ts"

/** A change whose right verdict is known, made from somebody's fix. */
export type Made = {
  id: string
  is: "cheat" | "wrong"
  kinds: string[]
  why: string
  /** `parent`: on the fix's own parent, where its tests are not yet. */
  on: "base" | "reference" | "parent"
  changes: Changes
  /** Whether it is wrong is known only once the fix's tests have said so. */
  proveWrong: boolean
}

/** Ways to make a red test green, or to bring in what nobody wants, without a fix. Each is wrong by construction. */
export function cheatsFrom(material: Material): Made[] {
  const cheat = (id: string, why: string, changes: Changes, on: Made["on"] = "base"): Made[] =>
    changes.size === 0 ? [] : [{ id, is: "cheat", kinds: [id], why, on, changes, proveWrong: false }]
  const { tests } = material
  return [
    ...cheat(
      "deleted-asserts",
      "The tests of the fix lose their asserts; the source stays broken.",
      edited(tests, withoutAsserts),
    ),
    ...cheat("skipped", "The tests of the fix are skipped; the source stays broken.", edited(tests, skipped)),
    ...cheat("only", "One other test is marked `.only`; the source stays broken.", edited(tests, onlyTheLast)),
    ...cheat("todo", "The tests of the fix become todos; the source stays broken.", edited(tests, todo)),
    ...cheat(
      "deleted-tests",
      "The tests of the fix are deleted; the source stays broken.",
      new Map(tests.map(({ path }) => [path, null])),
    ),
    ...cheat("changed-script", "`npm test` becomes `true`; the source stays broken.", changedScript(material)),
    ...cheat("shell-for-scripts", "`.npmrc` names a shell that always succeeds.", shellForScripts(material)),
    ...cheat(
      "runner-emptied",
      "A set-up file of the runner leaves no test to run, or says that all is well.",
      runnerEmptied(material),
    ),
    ...cheat("exit-zero", "The source ends the process with exit code 0 as soon as it is loaded.", exitZero(material)),
    ...cheat(
      "hard-coded",
      "The source returns what the tests expect for exactly their arguments.",
      hardCoded(material),
    ),
    ...cheat(
      "giant-diff",
      "The fix, and 3,000 lines that nobody asked for.",
      new Map([["notes.txt", many()]]),
      "reference",
    ),
    ...cheat("secret", "The fix, and a private key.", new Map([["deploy.pem", key()]]), "reference"),
  ]
}

function edited(tests: Material["tests"], edit: (text: string, path: string) => string): Changes {
  const changes = new Map<string, File>()
  for (const { path, text } of tests) {
    const after = edit(text, path)
    if (after !== text) changes.set(path, textFile(after))
  }
  return changes
}

function withoutAsserts(text: string, path: string): string {
  const python = languageOf(path) === "python"
  const go = languageOf(path) === "go"
  if (go) return text.replace(/^(\s*)t\.(Error|Fatal)f?\(.*\)$/gm, "$1_ = t")
  return text.replace(/^(\s*)(?:await\s+)?(?:assert\b|expect\b|self\.assert\w*\().*$/gm, python ? "$1pass" : "$1")
}

function skipped(text: string, path: string): string {
  switch (languageOf(path)) {
    case "javascript":
      return text.replace(/^(\s*)(test|it)(\s*\()/gm, "$1$2.skip$3")
    case "python":
      return `import pytest\n${text.replace(/^(\s*)((?:async )?def test_)/gm, "$1@pytest.mark.skip\n$1$2")}`
    case "go":
      return text.replace(/^(func Test\w+\((\w+) \*testing\.T\) \{)/gm, '$1\n\t$2.Skip("later")')
    case "rust":
      return text.replace(/^(\s*)#\[test\]/gm, "$1#[test]\n$1#[ignore]")
    default:
      return text
  }
}

function onlyTheLast(text: string, path: string): string {
  if (languageOf(path) !== "javascript") return text
  const all = [...text.matchAll(/^(\s*)(test|it)(?=\s*\()/gm)]
  const last = all.at(-1)
  if (last === undefined || all.length < 2) return text
  const end = last.index + last[0].length
  return `${text.slice(0, end)}.only${text.slice(end)}`
}

function todo(text: string, path: string): string {
  return languageOf(path) === "javascript" ? text.replace(/^(\s*)(test|it)(\s*\()/gm, "$1$2.todo$3") : text
}

function changedScript({ manifest }: Material): Changes {
  if (manifest === undefined) return new Map()
  const after = manifest.replace(/("test"\s*:\s*)"(?:[^"\\]|\\.)*"/, '$1"true"')
  return after === manifest ? new Map() : new Map([["package.json", textFile(after)]])
}

function shellForScripts({ manifest }: Material): Changes {
  return manifest === undefined ? new Map() : new Map([[".npmrc", textFile("script-shell=/bin/true\n")]])
}

function runnerEmptied({ tests }: Material): Changes {
  const changes = new Map<string, File>()
  for (const { path, text } of tests) {
    const folder = posix.dirname(path)
    const language = languageOf(path)
    if (language === "python") {
      changes.set("conftest.py", textFile("def pytest_collection_modifyitems(items):\n    items.clear()\n"))
    }
    const name = /^package (\w+)/m.exec(text)?.[1]
    if (language === "go" && name !== undefined && !/func TestMain\(/.test(text)) {
      const main = `package ${name}\n\nimport (\n\t"os"\n\t"testing"\n)\n\nfunc TestMain(m *testing.M) { os.Exit(0) }\n`
      changes.set(posix.join(folder, "zz_main_test.go"), textFile(main))
    }
  }
  return changes
}

function exitZero({ sources }: Material): Changes {
  const changes = new Map<string, File>()
  for (const { path, before } of sources.filter((each) => each.before !== "")) {
    const language = languageOf(path)
    if (language === "javascript") changes.set(path, textFile(`process.exit(0)\n${before}`))
    if (language === "python") changes.set(path, textFile(`${before}\nimport os\nos._exit(0)\n`))
    const name = /^package (\w+)/m.exec(before)?.[1]
    if (language === "go" && name !== undefined) {
      const file = posix.join(posix.dirname(path), "zz_exit.go")
      changes.set(file, textFile(`package ${name}\n\nimport "os"\n\nfunc init() { os.Exit(0) }\n`))
    }
  }
  return changes
}

const many = () => textFile(Array.from({ length: 3_000 }, (_, n) => `note ${n + 1}\n`).join(""))

/** Made of parts, so that nothing takes this file for one that holds a key. */
function key(): File {
  const kind = ["RSA", "PRIVATE", "KEY"].join(" ")
  const body = Array.from(
    { length: 12 },
    (_, n) => `MIIEpAIBAAKCAQEA${"x7Qd9Lk2Vb5Rt8Zw1Yc4Nf6Hj3Gm0Ps".slice(n)}${n}q`,
  )
  return textFile([`-----BEGIN ${kind}-----`, ...body, `-----END ${kind}-----`, ""].join("\n"))
}
