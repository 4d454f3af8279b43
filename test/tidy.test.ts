import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import ts from "typescript"
import { expect, test } from "vitest"
import { errorsPage } from "../scripts/errors-page.ts"
import { jsonPage } from "../scripts/json-page.ts"
import { loadLoop } from "../src/spec/load.ts"

/*
 * The project's own rules, read from its files. A rule that a tool already holds (Biome, tsc, knip) is not repeated here.
 */

const root = resolve(import.meta.dirname, "..")
const skipped = new Set(["node_modules", "dist", "coverage", ".git", "state"])
const files = walk(root)
const sources = files.filter((file) => /^(src|test|bench|scripts)\/.*\.ts$/.test(file) && !file.includes("/fixtures/"))
const shipped = sources.filter((file) => file.startsWith("src/") && !isTest(file))
const docs = files.filter(
  (file) => file.endsWith(".md") && !file.startsWith("examples/") && !file.includes("/fixtures/"),
)

/** What may read the environment, by name; everything else is handed what it needs. */
const readsEnvironment = [
  // The process and what it puts together: FLYBALL_HOME, DATABASE_URL, what agents are handed by name.
  /^src\/(main\.ts|cli\/|engine\/)/,
  // Builds the environments of everything that is started.
  /^src\/lib\/(environment|git)\.ts$/,
  // PATH, where tools are looked for, and where they keep their programs.
  /^src\/isolate\/(sandbox|supervisor|provide|watched-trees)\.ts$/,
  /^src\/verify\/(measure|place)\.ts$/,
]

/** Who may import whom among our own folders; `core` and `lib` stand below all but themselves. */
const stages = ["spec", "trigger", "discover", "isolate", "make", "verify", "ship", "record"]
const mayImport: Record<string, string[]> = {
  core: ["core"],
  lib: ["lib"],
  ...Object.fromEntries(stages.map((stage) => [stage, [stage, "core", "lib"]])),
  connectors: ["connectors", "core", "lib"],
  fleet: ["fleet", "core", "lib"],
  engine: ["engine", ...stages, "fleet", "core", "lib"],
  api: ["api", "engine", ...stages, "fleet", "core", "lib"],
  cli: ["cli", "engine", ...stages, "fleet", "core", "lib"],
}

test("imports follow the law: cli and api, engine, stages, core", () => {
  const broken = shipped.flatMap((file) => {
    const from = layerOf(file)
    if (from === "") return []
    const allowed = mayImport[from]
    if (allowed === undefined) return [`${file}: the folder src/${from} has no place in the import law`]
    return ownImports(file)
      .filter((target) => !allowed.includes(layerOf(target)) && !(target === "src/version.ts" && from !== "core"))
      .map((target) => `${file} → ${target}`)
  })
  expect(broken).toEqual([])
})

test("core imports zod alone and knows no clock, no randomness, no disk", () => {
  const impure = new Set(["Date.now", "Math.random", "performance.now", "new Date", "process", "setTimeout", "fetch"])
  const broken = shipped
    .filter((file) => layerOf(file) === "core")
    .flatMap((file) =>
      [
        ...imports(file).filter((name) => !name.startsWith(".") && name !== "zod"),
        ...impureCalls(file).filter((name) => impure.has(name)),
      ].map((what) => `${file}: ${what}`),
    )
  expect(broken).toEqual([])
})

test("every import of our own names a file that exists, with its .ts", () => {
  const broken = sources.flatMap((file) =>
    imports(file)
      .filter((name) => name.startsWith("."))
      .filter((name) => !/\.(ts|json)$/.test(name) || !existsSync(join(root, dirname(file), name)))
      .map((name) => `${file}: ${name}`),
  )
  expect(broken).toEqual([])
})

test("file names are kebab-case", () => {
  const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)+$/
  const odd = sources.filter((file) =>
    file
      .split("/")
      .some((part, index, all) =>
        index === all.length - 1 ? !kebab.test(part) : !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(part),
      ),
  )
  expect(odd).toEqual([])
})

test("exports have names", () => {
  const broken = sources.filter((file) =>
    parse(file).statements.some(
      (each) => ts.isExportAssignment(each) || hasModifier(each, ts.SyntaxKind.DefaultKeyword),
    ),
  )
  expect(broken).toEqual([])
})

/** Shells that wait for the next short command: nobody can tell whether there are any. */
const keepsState = ["src/lib/shell-pool.ts"]

test("no module keeps state", () => {
  const broken = shipped
    .filter((file) => !keepsState.includes(file))
    .flatMap((file) =>
      parse(file)
        .statements.filter(ts.isVariableStatement)
        .filter(
          (each) =>
            (each.declarationList.flags & ts.NodeFlags.Const) === 0 ||
            each.declarationList.declarations.some(startsEmpty),
        )
        .map((each) => `${file}: ${each.getText().split("\n")[0]}`),
    )
  expect(broken).toEqual([])
})

test("the environment is read in a few places and handed on from there", () => {
  const broken = shipped
    .filter((file) => !readsEnvironment.some((allowed) => allowed.test(file)))
    .filter((file) => impureCalls(file).includes("process.env"))
  expect(broken).toEqual([])
})

test("no process gets the environment whole", () => {
  const broken = shipped.filter((file) => {
    let whole = false
    visit(file, (node) => {
      if (node.getText() !== "process.env") return
      const { parent } = node
      whole ||= ts.isSpreadAssignment(parent) || (ts.isPropertyAssignment(parent) && parent.name.getText() === "env")
    })
    return whole
  })
  expect(broken).toEqual([])
})

test("nothing talks the type checker out of its opinion", () => {
  const talk = /\bas any\b|\bas unknown as\b|@ts-(ignore|nocheck|expect-error)/
  expect(sources.filter((file) => file !== here() && talk.test(read(file)))).toEqual([])
})

test("a file has one subject: at most 400 lines, 600 where they are cases of a test", () => {
  const most = (file: string) => (isTest(file) ? 600 : 400)
  expect(sources.filter((file) => read(file).split("\n").length - 1 > most(file))).toEqual([])
})

test("every exported function and type of core says what it is", () => {
  const broken = shipped
    .filter((file) => layerOf(file) === "core")
    .flatMap((file) =>
      parse(file)
        .statements.filter((each) => ts.isFunctionDeclaration(each) && hasModifier(each, ts.SyntaxKind.ExportKeyword))
        .filter((each) => ts.getJSDocCommentsAndTags(each).length === 0)
        .map((each) => `${file}: ${each.getText().split("\n")[0]}`),
    )
  expect(broken).toEqual([])
})

test("documents name files that exist", () => {
  const broken = docs.flatMap((doc) =>
    [...read(doc).matchAll(/`([^`\s]+)`/g)]
      .map(([, text = ""]) => text)
      .filter((text) => /^(src|test|docs|examples|bench|scripts|\.ci)\//.test(text) || /^[A-Z]+\.md$/.test(text))
      .filter((text) => !/[*<{…]/.test(text))
      .filter((text) => !existsSync(join(root, text.replace(/[:#].*$/, ""))))
      .map((text) => `${doc}: ${text}`),
  )
  expect(broken).toEqual([])
})

test("links in documents lead somewhere", () => {
  const broken = docs.flatMap((doc) =>
    [...read(doc).matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)/g)]
      .map(([, target = ""]) => target)
      .filter((target) => !existsSync(join(root, dirname(doc), target)))
      .map((target) => `${doc}: ${target}`),
  )
  expect(broken).toEqual([])
})

test("documents and the package run scripts that exist", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts?: Record<string, string> }
  const known = new Set([...Object.keys(scripts ?? {}), "test"])
  const callers = [...docs, ".ci/run"].filter((file) => existsSync(join(root, file)))
  const broken = callers.flatMap((file) =>
    [...read(file).matchAll(/\bnpm (?:run |(?=test\b))([a-z]+(?:[:-][a-z0-9]+)*)/g)]
      .map(([, script = ""]) => script)
      .filter((script) => !known.has(script))
      .map((script) => `${file}: npm run ${script}`),
  )
  expect(broken).toEqual([])
})

test("no file knows the machine it was written on", () => {
  // Spelled so that this file does not match itself.
  const places =
    /(^|[\s"'`(=:])\/(?:root|Users)\/[\w.]|registry\.(?:npmjs|yarnpkg)\.|index\.crates\.|proxy\.golang\.|pypi\.org\/simple/m
  const broken = files
    .filter((file) => file !== here() && isText(file))
    .filter((file) => places.test(read(file)) || read(file).includes(`${root}/`))
  expect(broken).toEqual([])
})

test("lock files name no host to download from", () => {
  const locks = files.filter((file) => file.endsWith("package-lock.json"))
  expect(locks).not.toEqual([])
  expect(locks.filter((file) => read(file).includes('"resolved": "http'))).toEqual([])
})

test("every error code is on the errors page, and nothing else is", () => {
  const codes = (page: string) => [...page.matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map(([, code = ""]) => code).sort()
  // Red? Run `npm run docs`, and read what it wrote.
  expect(codes(read("docs/errors.md"))).toEqual(codes(errorsPage()))
})

test("the page of JSON shapes is what the schemas say", () => {
  // Red? Run `npm run docs`, and read what it wrote.
  expect(read("docs/json.md")).toBe(jsonPage())
})

test("codes of errors are constants, so that they can be found", () => {
  // These hand on what another process threw, code and all.
  const handOn = ["src/engine/durable-failure.ts", "src/engine/postgres/launch.ts"]
  const broken = shipped.filter((file) => !handOn.includes(file) && failuresWithoutCode(file) > 0)
  expect(broken).toEqual([])
})

test("every loop in the examples and in the documents loads", async () => {
  const loops = [
    ...files
      .filter((file) => /^examples\/.*\/?loops\/.*\.yaml$/.test(file))
      .map((file) => ({ file, text: read(file) })),
    ...docs.flatMap((doc) =>
      [...read(doc).matchAll(/^(name: [\s\S]*?)^(?:```|END)$/gm)].map(([, text = ""]) => ({ file: doc, text })),
    ),
  ].filter(({ text }) => /^steps:$/m.test(text))
  expect(loops.length).toBeGreaterThanOrEqual(6)
  for (const { file, text } of loops) {
    const { loop, diagnostics } = await loadLoop({ file, text }, { repo: root })
    expect(
      diagnostics.filter(({ severity }) => severity === "error"),
      file,
    ).toEqual([])
    expect(loop, file).toBeDefined()
  }
})

test("the demo's loop is the first one of the documents, word for word", () => {
  const daily = read("examples/shop/.flyball/loops/daily-triage.yaml")
  expect(read("docs/loop-file.md")).toContain(`\`\`\`yaml\n${daily}\`\`\``)
})

test("documents name commands that the command line has", () => {
  const program = read("src/cli/program.ts")
  const known = new Set([...program.matchAll(/command\("([a-z]+)/g)].map(([, name = ""]) => name))
  const used = docs.flatMap((doc) =>
    [...read(doc).matchAll(/(?:`|^)flyball ([a-z]+)(?: ([a-z]+))?/gm)].flatMap(([, name = "", sub]) =>
      name === "inbox" && sub !== undefined ? [`${doc}: ${name}`, `${doc}: ${sub}`] : [`${doc}: ${name}`],
    ),
  )
  expect(used.length).toBeGreaterThan(10)
  expect([...new Set(used)].filter((each) => !known.has(each.replace(/^.*: /, "")))).toEqual([])
})

function here(): string {
  return relative(root, import.meta.filename)
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : walk(path)
    return entry.isFile() ? [relative(root, path)] : []
  })
}

function read(file: string): string {
  return readFileSync(join(root, file), "utf8")
}

function isText(file: string): boolean {
  return statSync(join(root, file)).size < 2_000_000 && !/\.(png|gif|ico|woff2?)$/.test(file)
}

function isTest(file: string): boolean {
  return /\.test\.ts$/.test(file) || file.includes("/fixtures/") || /\/(test-support|testing)[./]/.test(file)
}

/** The folder under src, or "" for what stands directly in it and may import anything. */
function layerOf(file: string): string {
  const parts = file.split("/")
  return parts[0] === "src" && parts.length > 2 ? (parts[1] ?? "") : ""
}

/** Static, dynamic, type-only and re-exporting imports alike. */
function imports(file: string): string[] {
  return ts.preProcessFile(read(file), true, true).importedFiles.map((each) => each.fileName)
}

function ownImports(file: string): string[] {
  return imports(file)
    .filter((name) => name.startsWith("."))
    .map((name) => join(dirname(file), name))
}

function parse(file: string): ts.SourceFile {
  return ts.createSourceFile(file, read(file), ts.ScriptTarget.Latest, true)
}

function hasModifier(node: ts.Node, kind: ts.SyntaxKind): boolean {
  return ts.canHaveModifiers(node) && (ts.getModifiers(node)?.some((each) => each.kind === kind) ?? false)
}

/** `const seen = new Map()`: constant in name alone. */
function startsEmpty({ initializer }: ts.VariableDeclaration): boolean {
  if (initializer === undefined) return false
  if (ts.isNewExpression(initializer)) {
    return (
      /^(Map|Set|WeakMap|WeakSet)$/.test(initializer.expression.getText()) && (initializer.arguments ?? []).length === 0
    )
  }
  return ts.isArrayLiteralExpression(initializer) && initializer.elements.length === 0
}

function visit(file: string, see: (node: ts.Node) => void): void {
  const each = (node: ts.Node): void => {
    see(node)
    ts.forEachChild(node, each)
  }
  each(parse(file))
}

function impureCalls(file: string): string[] {
  const found: string[] = []
  visit(file, (node) => {
    if (ts.isPropertyAccessExpression(node)) found.push(node.getText())
    if (ts.isNewExpression(node) && (node.arguments ?? []).length === 0) found.push(`new ${node.expression.getText()}`)
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression)) found.push(node.expression.text)
  })
  return found
}

function failuresWithoutCode(file: string): number {
  let count = 0
  visit(file, (node) => {
    if (!ts.isNewExpression(node) || node.expression.getText() !== "Failure") return
    const code = node.arguments?.[0]
    if (code === undefined || !ts.isStringLiteralLike(code)) count++
  })
  return count
}
